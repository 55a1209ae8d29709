"""A client of the public REST API that shows every call it makes."""

import time
from typing import Any, Final
from uuid import uuid4

import httpx

from scm_api.demo.processes import DemoError
from scm_api.demo.show import Show

_LONGEST_WAIT: Final = 30  # seconds, for `Prefer: wait` and for a revocation


class Client:
    """Calls the API as its own documentation says; raises DemoError for any other outcome."""

    def __init__(self, url: str, api_key: str, show: Show) -> None:
        self._show = show
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=_LONGEST_WAIT + 10,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, *, wait: bool = False, **parameters: Any) -> dict[str, Any]:
        """Read something. With `wait` the answer is held until an enrollment has ended."""
        headers = {"Prefer": f"wait={_LONGEST_WAIT}"} if wait else {}
        answer = self._call("GET", path, "", 200, headers=headers, params=parameters)
        content: dict[str, Any] = answer.json()
        return content

    def post(
        self, path: str, asked: str, body: Any = None, *, status: int = 201, wait: bool = False
    ) -> dict[str, Any]:
        """Make something, or have something done; `asked` says what in a few words."""
        headers = {"Idempotency-Key": str(uuid4())}
        if wait:
            headers["Prefer"] = f"wait={_LONGEST_WAIT}"
        answer = self._call("POST", path, asked, status, headers=headers, json=body)
        content: dict[str, Any] = answer.json()
        return content

    def patch(self, path: str, asked: str, body: Any, version: int) -> dict[str, Any]:
        """Change the version that was read."""
        headers = {"If-Match": f'"{version}"'}
        answer = self._call("PATCH", path, asked, 200, headers=headers, json=body)
        content: dict[str, Any] = answer.json()
        return content

    def download(self, path: str, **parameters: str) -> bytes:
        """Read something that is no JSON."""
        return self._call("GET", path, "", 200, params=parameters).content

    def find(self, path: str, wanted: str, **filters: str) -> dict[str, Any] | None:
        """The thing of this name in a list, if there is one; shown only when it was found."""
        started = time.perf_counter()
        answer = self._send("GET", path, params=filters | {"limit": "200"})
        found: list[dict[str, Any]] = [
            item for item in self._content(answer, 200)["items"] if item["name"] == wanted
        ]
        if not found:
            return None
        self._show.call("GET", path, f"found {wanted}", 200, _since(started))
        return found[0]

    def look(self, path: str) -> dict[str, Any]:
        """Read something without showing it, for who looks again and again."""
        return self._content(self._send("GET", path), 200)

    def shown(self, path: str, what: str) -> None:
        """Show what looking again and again came to."""
        self._show.fact(f"GET {path[: path.rindex('/')]}/…{path[-6:]}: {what}")

    def until_revoked(self, path: str) -> dict[str, Any]:
        """Read a certificate again and again until its CA has revoked it."""
        deadline = time.monotonic() + _LONGEST_WAIT
        while True:
            started = time.perf_counter()
            content = self._content(self._send("GET", path), 200)
            state = content["revocation"]["state"]
            if state != "requested":
                self._show.call("GET", path, "", 200, _since(started))
                return content
            if time.monotonic() > deadline:
                raise DemoError(f"{path} is not revoked after {_LONGEST_WAIT} seconds.")
            time.sleep(0.2)

    def _call(
        self, method: str, path: str, asked: str, expected: int, **arguments: Any
    ) -> httpx.Response:
        started = time.perf_counter()
        answer = self._send(method, path, **arguments)
        shown = path
        if arguments.get("params"):
            shown += f"?{httpx.QueryParams(arguments['params'])}"
        self._show.call(method, shown, asked, answer.status_code, _since(started))
        if answer.status_code != expected:
            raise DemoError(_unexpected(answer, expected))
        return answer

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise DemoError(f"{method} {path} had no answer: {error}") from error

    def _content(self, answer: httpx.Response, expected: int) -> dict[str, Any]:
        if answer.status_code != expected:
            raise DemoError(_unexpected(answer, expected))
        content: dict[str, Any] = answer.json()
        return content


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _unexpected(answer: httpx.Response, expected: int) -> str:
    request = answer.request
    said = f"{request.method} {request.url.path} answered {answer.status_code}, not {expected}."
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        problem = answer.json()
        said += f" {problem['detail']} (request id {problem['request_id']})"
        for fault in problem.get("errors", []):
            said += f"\n  {fault['pointer']}: {fault['detail']}"
    elif answer.status_code == httpx.codes.ACCEPTED:
        said += f" What it waits for: {answer.json()['reason'] or 'a worker'}."
    return said
