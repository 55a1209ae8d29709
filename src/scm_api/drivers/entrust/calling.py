"""Calls to Entrust's APIs: paced, with one word about what came of each."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.http import NoAnswerError, NotSentError, Reply, StrictClient
from scm_api.drivers.pacing import Limiter

# Entrust publishes no quota and answers 429; its own Go client waits five seconds where
# Retry-After cannot be read.
_PER_SECOND: Final = 5.0
_PATIENCE: Final = timedelta(seconds=5)
_LONGEST_PATIENCE: Final = timedelta(hours=1)
T = TypeVar("T")


class Unreadable(Exception):
    """The answer is not what Entrust documents."""


class Caller:
    """One API with one set of credentials. `words` reads the sentence out of a refusal."""

    def __init__(
        self,
        http: StrictClient,
        prefix: str,
        limiter: Limiter,
        pace: str,
        words: Callable[[Any], str | None],
    ) -> None:
        self._http = http
        self._prefix = prefix
        self._limiter = limiter
        self._pace = pace
        self._words = words

    async def read(self, path: str, reading: Callable[[Any], T]) -> T:
        """What a call tells that changes nothing; whatever goes wrong may be asked again."""
        try:
            return reading((await self._call("GET", path, None, (HTTPStatus.OK,)))[1])
        except (NoAnswerError, Unreadable) as error:
            raise BackendUnavailable(f"Entrust did not answer: {error}.") from error

    async def write(self, method: str, path: str, body: Any, *statuses: int) -> tuple[int, Any]:
        """Status and JSON of a call that changes something. No other status than these is an
        answer: not the redirect of a maintenance page either. Raises OutcomeUnknown."""
        try:
            return await self._call(method, path, body, statuses)
        except (NoAnswerError, Unreadable) as error:
            raise OutcomeUnknown(f"Entrust did not answer: {error}.") from error

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _call(
        self, method: str, path: str, body: Any, statuses: Collection[int]
    ) -> tuple[int, Any]:
        await self._limiter.acquire(self._pace, _PER_SECOND)
        content = b"" if body is None else json.dumps(body).encode()
        try:
            reply = await self._http.call(method, self._prefix + path, content)
        except NotSentError as error:
            raise BackendUnavailable(f"Entrust cannot be reached: {error}.") from error
        if reply.status == 429:
            wait = _patience(reply.headers)
            await self._limiter.slow_down(self._pace, wait)
            raise BackendUnavailable("Entrust asks for patience.", retry_after=wait)
        if reply.status >= 400:
            self._refuse(reply)
        if reply.status not in statuses:
            raise Unreadable(f"status {reply.status}, which is none of this call")
        try:
            return reply.status, json.loads(reply.body or b"{}")
        except ValueError as error:
            kind = reply.headers.get("content-type", "nothing known")
            raise Unreadable(f"status {reply.status} with {kind} that is no JSON") from error

    def _refuse(self, reply: Reply) -> None:
        """Which of the four kinds of failure an error is; errors of the edge may be no JSON."""
        try:
            words = self._words(json.loads(reply.body))
        except ValueError:
            words = None
        if reply.status in (401, 403):
            detail = f"Entrust refuses the credentials: {words or reply.status}."
            # 403 may be about this call alone; where it is about all, the check finds that out.
            raise BackendRefused(detail, whole_backend=reply.status == 401)
        if words is None or reply.status >= 500:
            raise NoAnswerError(f"status {reply.status}")
        raise OrderRefused(words, code=str(reply.status))


def _patience(headers: Mapping[str, str]) -> timedelta:
    text = headers.get("retry-after", "")
    wait = timedelta(seconds=int(text)) if text.isdecimal() and len(text) < 6 else _PATIENCE
    return min(wait, _LONGEST_PATIENCE)
