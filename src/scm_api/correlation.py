"""The id of the request being served, for logs and audit events made deep inside."""

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
