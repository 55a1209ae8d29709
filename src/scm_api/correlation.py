"""Whose request is being served, for logs and audit events made deep inside."""

from contextvars import ContextVar

from scm_api.logger import structlog

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is served, or that a job is run because of."""


def follow(cause: str | None, **about: object) -> None:
    """From here on this task works because of the request `cause`, if there was one: its audit
    events say so, and all that it logs, with `about` beside it."""
    request_id.set(cause)
    structlog.contextvars.bind_contextvars(**about)
