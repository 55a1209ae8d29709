"""What surrounds every request: its id, its size limit, its log line, its safety headers."""

import re
import time
from uuid import uuid4

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scm_api.correlation import request_id as current_request_id
from scm_api.logger import get_logger
from scm_api.web.problems import problem

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = get_logger("scm_api.http")
_SECONDS = Histogram(
    "scm_http_request_seconds", "Time to answer, by operation.", ["operation", "status"]
)
_FAILURES = Counter("scm_http_unhandled_errors_total", "Errors nobody expected.")

# Swagger UI sets inline styles and shows its logo from a data: URL; nothing else is let in.
_SAFETY = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'"
    ),
}


class Frame:
    """Outermost ASGI layer: unexpected errors end here as a fixed text and a request id.

    HEAD is answered as GET without the body (RFC 9110, section 9.3.2).
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._max = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        if method == "HEAD":
            scope = {**scope, "method": "GET"}
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        current_request_id.set(request_id)
        status, started = 0, time.perf_counter()

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                framed = _SAFETY | {b"x-request-id": request_id.encode()}
                given = {name for name, _ in message["headers"]}
                message["headers"] += [each for each in framed.items() if each[0] not in given]
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._limited(scope, headers, receive, send_framed, request_id)
        except Exception:  # noqa: BLE001 -- the last resort: nothing inside may leak
            _FAILURES.inc()
            _log.exception("unhandled error", request_id=request_id, path=scope["path"])
            if status == 0:
                failure = problem(
                    500,
                    "internal-error",
                    "Something went wrong here. Quote the request id when you report it.",
                    request_id=request_id,
                )
                await failure(scope, receive, send_framed)
        finally:
            self._account(scope, method, status, time.perf_counter() - started, request_id)

    async def _limited(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send, request_id: str
    ) -> None:
        """Refuse a body over the limit, by its announced length or as soon as it exceeds it."""
        limit_text = f"The body is longer than the {self._max} bytes that are accepted."
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > self._max:
            refusal = problem(413, "body-too-large", limit_text, request_id=request_id)
            await refusal(scope, receive, send)
            return
        seen = 0

        async def receive_counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max:
                raise HTTPException(413, limit_text)
            return message

        await self._app(scope, receive_counted, send)

    @staticmethod
    def _account(scope: Scope, method: str, status: int, seconds: float, request_id: str) -> None:
        route = scope.get("route")
        operation = getattr(route, "operation_id", None) or "other"
        _SECONDS.labels(operation, str(status)).observe(seconds)
        _log.info(
            "request",
            method=method,
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=request_id,
        )
