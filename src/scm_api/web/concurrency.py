"""Optimistic concurrency: an update names the version it changes (RFC 9110 section 13.1.1)."""

import re
from collections.abc import Collection
from typing import Annotated, Final

from fastapi import Depends, Header, Request

from scm_api.core.errors import Malformed, PreconditionRequired, Stale
from scm_api.web.replies import etag

# RFC 9110 sections 8.8.3 and 5.6.1.2: a tag may have a comma in it, and a list empty elements.
_TAG: Final = r'(?:W/)?"[!#-~\x80-\xff]*"'
_TAGS: Final = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")


def _parse(value: str) -> Collection[str] | None:
    """The entity tags in an If-Match header; None for `*`, which any version satisfies."""
    if value.strip() == "*":
        return None
    if not _TAGS.fullmatch(value):
        raise Malformed(
            'If-Match takes the ETag of a previous answer, for example "3", or *.',
            code="if-match-invalid",
            pointer="header/If-Match",
            accepted='ETags such as "3", with a comma between several, or *',
        )
    return re.findall(_TAG, value)


class Expected:
    """The version the caller believes in, or one of several; None for any."""

    def __init__(self, tags: Collection[str] | None) -> None:
        self._tags = tags

    def check(self, actual: int) -> None:
        """Raises Stale when the resource has moved on, or only a weak tag names its version."""
        if self._tags is None or etag(actual) in self._tags:
            return
        if f"W/{etag(actual)}" in self._tags:
            raise Stale(
                f"A weak ETag allows no change (RFC 9110 section 13.1.1); the strong one of what "
                f"you read is {etag(actual)}."
            )
        raise Stale(
            f"It is at version {actual} now, which is not the one you read; read it again and "
            "repeat the change."
        )


_HEADER = Header(
    alias="If-Match",
    description='ETag of the version you read, such as `"1"`, or `*` for any version. Of several, '
    "with commas between them, one has to be that of the version there is; a weak one never is.",
    examples=["*"],
)


def _lines(request: Request) -> str:
    """The header as it would be in one line: in several, it is one list (RFC 9110 section 5.3)."""
    return ", ".join(request.headers.getlist("If-Match"))


async def _required(request: Request, if_match: Annotated[str | None, _HEADER] = None) -> Expected:
    if if_match is None:
        raise PreconditionRequired("Send If-Match with the ETag you read, so no change is lost.")
    return Expected(_parse(_lines(request)))


async def _optional(request: Request, if_match: Annotated[str | None, _HEADER] = None) -> Expected:
    return Expected(None if if_match is None else _parse(_lines(request)))


IfMatch = Annotated[Expected, Depends(_required)]
IfMatchOptional = Annotated[Expected, Depends(_optional)]
