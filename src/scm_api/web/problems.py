"""Errors as RFC 9457 problem documents; the only place that knows status codes."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from scm_api.core import errors
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError
from scm_api.web.bodies import UnsupportedMediaType
from scm_api.web.faults import faults_of

PROBLEM_JSON = "application/problem+json"
URN = "urn:scm-api:problem:"

_STATUS: dict[type[errors.ScmError], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    UnsupportedMediaType: 415,
    errors.Invalid: 422,
    errors.PreconditionRequired: 428,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
}
_HTTP_CODES = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}
_ACRONYMS = {
    word.lower(): word for word in ("API", "ARN", "CA", "CN", "CSR", "JSON", "MRAO", "SAN")
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """One problem document. `members` are extension members (RFC 9457 section 3.2)."""
    body = {
        "type": URN + code,
        "title": title_of(code),
        "status": status,
        "detail": detail,
        "request_id": request_id,
        **{name: value for name, value in members.items() if value},
    }
    return Response(
        orjson.dumps(body), status, media_type=PROBLEM_JSON, headers=dict(headers or {})
    )


def title_of(code: str) -> str:
    """The `title` of a problem, made from the last part of its `type`."""
    words = [_ACRONYMS.get(word, word) for word in code.split("-")]
    title = " ".join(words)
    return title[:1].upper() + title[1:]


def fault_members(faults: Sequence[errors.Fault]) -> list[dict[str, str]]:
    """Faults as the `errors` member of a problem document lists them."""
    return [
        {"type": URN + fault.code, "pointer": fault.pointer, "detail": fault.detail}
        | ({"accepted": fault.accepted} if fault.accepted else {})
        for fault in faults
    ]


def problem_of(error: errors.ScmError, request_id: str) -> Response:
    """The document for an error of ours."""
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    members: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, (errors.Invalid, errors.Malformed)):
        members["errors"] = fault_members(error.faults)
    if isinstance(error, errors.Conflict):
        members["used_by"] = [
            {"kind": use.kind, "id": str(use.id), "name": use.name} for use in error.used_by
        ]
    if isinstance(error, (errors.RateLimited, errors.Unavailable)):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, UnsupportedMediaType):
        headers |= dict([error.hint])
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="scm-api"'
    return problem(
        status, error.code, error.detail, request_id=request_id, headers=headers, **members
    )


def _driver_problem(error: DriverError, request_id: str) -> Response:
    """A CA asked on the caller's behalf did not serve us: 503 if it will, 502 if it will not."""
    if isinstance(error, BackendUnavailable):
        wait = int(error.retry_after.total_seconds()) if error.retry_after else 5
        headers = {"Retry-After": str(max(1, wait))}
        return problem(503, "ca-unavailable", error.detail, request_id=request_id, headers=headers)
    code = "ca-refused" if isinstance(error, BackendRefused) else "ca-error"
    return problem(502, code, error.detail, request_id=request_id)


def install(app: FastAPI) -> None:
    """Have every error leave the application as a problem document."""

    @app.exception_handler(errors.ScmError)
    async def ours(request: Request, error: errors.ScmError) -> Response:
        return problem_of(error, request.state.request_id)

    @app.exception_handler(DriverError)
    async def driver(request: Request, error: DriverError) -> Response:
        return _driver_problem(error, request.state.request_id)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        body = getattr(request.scope.get("route"), "body_field", None)
        failure = faults_of(error, body.field_info.annotation if body else None)
        return problem_of(failure, request.state.request_id)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = _HTTP_CODES.get(error.status_code, "malformed-request")
        detail, headers = error.detail, error.headers
        if error.status_code == 404:
            detail = "There is nothing at this address; /docs shows those there are."
        if error.status_code == 405:
            allowed = ", ".join(_methods_at(request)) or (headers or {}).get("Allow", "")
            detail = f"This address does not take {request.method}; it takes {allowed}."
            headers = {"Allow": allowed}
        return problem(
            error.status_code,
            code,
            detail,
            request_id=request.state.request_id,
            headers=headers,
        )


def _methods_at(request: Request) -> list[str]:
    """What may be done at the address: each method is a route of its own. A fixed address, such as
    `/ca-backends/types`, is not also that of a thing with an id."""
    matching = [
        route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE
    ]
    fixed = [route for route in matching if getattr(route, "path", None) == request.url.path]
    methods = {
        method for route in fixed or matching for method in getattr(route, "methods", None) or ()
    }
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
