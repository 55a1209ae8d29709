"""Optimistic concurrency: an update names the version it changes (RFC 9110 section 13.1.1)."""

import re
from typing import Annotated

from fastapi import Depends, Header

from scm_api.core.errors import Malformed, PreconditionRequired, Stale

_ETAG = re.compile(r'"(\d{1,9})"')


def _parse(value: str) -> int | None:
    """The version in an If-Match header; None for `*`, which any version satisfies."""
    if value.strip() == "*":
        return None
    match = _ETAG.fullmatch(value.strip())
    if match is None:
        raise Malformed(
            'If-Match takes the ETag of a previous answer, for example "3", or *.',
            code="if-match-invalid",
            pointer="header/If-Match",
            accepted='one ETag such as "3", or *',
        )
    return int(match[1])


class Expected:
    """The version the caller believes in."""

    def __init__(self, version: int | None) -> None:
        self._version = version

    def check(self, actual: int) -> None:
        """Raises Stale when the resource has moved on."""
        if self._version is not None and self._version != actual:
            raise Stale(
                f"You changed version {self._version}, but it is at version {actual} now; "
                "read it again and repeat the change."
            )


_HEADER = Header(
    alias="If-Match",
    description='ETag of the version you read, such as `"1"`, or `*` for any version.',
    examples=["*"],
)


async def _required(if_match: Annotated[str | None, _HEADER] = None) -> Expected:
    if if_match is None:
        raise PreconditionRequired("Send If-Match with the ETag you read, so no change is lost.")
    return Expected(_parse(if_match))


async def _optional(if_match: Annotated[str | None, _HEADER] = None) -> Expected:
    return Expected(None if if_match is None else _parse(if_match))


IfMatch = Annotated[Expected, Depends(_required)]
IfMatchOptional = Annotated[Expected, Depends(_optional)]
