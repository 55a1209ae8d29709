"""The three wire formats of this port: JSON 1.1 (acm-pca), query and XML (STS), REST (S3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import orjson
from aiohttp import web

from scm_api.sandbox.aws.errors import ApiError

TARGET_PREFIX = "ACMPrivateCA."
_STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_QUERY_CODES: Mapping[str, tuple[str, int]] = {
    "AccessDeniedException": ("AccessDenied", 403),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "ThrottlingException": ("Throttling", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "ValidationException": ("ValidationError", 400),
}
_REST_CODES = dict(_QUERY_CODES) | {
    "UnrecognizedClientException": ("InvalidAccessKeyId", 403),
    "MissingAuthenticationTokenException": ("AccessDenied", 403),
}


class WireFormat(Protocol):
    """How one request is read and answered. `service` is the name in the credential scope."""

    service: ClassVar[str]

    def read(self, body: bytes) -> tuple[str, dict[str, Any]]:
        """Operation and parameters. Raises ApiError."""

    def answer(self, output: Mapping[str, Any] | None, request_id: str) -> web.Response: ...

    def refuse(self, error: ApiError, request_id: str) -> web.Response: ...


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """JSON 1.1: the operation is in X-Amz-Target."""

    service: ClassVar[str] = "acm-pca"
    target: str

    def read(self, body: bytes) -> tuple[str, dict[str, Any]]:
        operation = self.target.removeprefix(TARGET_PREFIX)
        if operation == self.target or not operation.isascii():
            raise ApiError("UnknownOperationException", f"Unknown target {self.target!r}")
        try:
            parameters = orjson.loads(body) if body else {}
        except ValueError as error:
            raise ApiError("SerializationException", f"The body is not JSON: {error}") from error
        if not isinstance(parameters, dict):
            raise ApiError("SerializationException", "The body is not a JSON object")
        return operation, parameters

    def answer(self, output: Mapping[str, Any] | None, request_id: str) -> web.Response:
        return self._respond(200, b"" if output is None else orjson.dumps(output), request_id)

    def refuse(self, error: ApiError, request_id: str) -> web.Response:
        body = orjson.dumps({"__type": error.code, "message": error.message})
        return self._respond(error.status, body, request_id)

    def _respond(self, status: int, body: bytes, request_id: str) -> web.Response:
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": request_id}
        return web.Response(status=status, body=body, headers=headers)


@dataclass(slots=True)
class QueryFormat:
    """Query protocol of STS: a form in, XML out. The answer repeats the operation's name."""

    service: ClassVar[str] = "sts"
    operation: str = ""

    def read(self, body: bytes) -> tuple[str, dict[str, Any]]:
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        self.operation = form.pop("Action", "")
        return self.operation, form

    def answer(self, output: Mapping[str, Any] | None, request_id: str) -> web.Response:
        root = ET.Element(f"{self.operation}Response", xmlns=_STS_NAMESPACE)
        _fill(ET.SubElement(root, f"{self.operation}Result"), output or {})
        _fill(root, {"ResponseMetadata": {"RequestId": request_id}})
        return _xml(200, root, request_id)

    def refuse(self, error: ApiError, request_id: str) -> web.Response:
        code, status = _QUERY_CODES.get(error.code, (error.code, error.status))
        kind = "Sender" if status < 500 else "Receiver"
        root = ET.Element("ErrorResponse", xmlns=_STS_NAMESPACE)
        _fill(root, {"Error": {"Type": kind, "Code": code, "Message": error.message}})
        _fill(root, {"RequestId": request_id})
        return _xml(status, root, request_id)


@dataclass(frozen=True, slots=True)
class RestFormat:
    """S3 in path style, GET only."""

    service: ClassVar[str] = "s3"
    method: str
    path: str

    def read(self, body: bytes) -> tuple[str, dict[str, Any]]:
        if self.method != "GET" or body:
            raise ApiError("MethodNotAllowed", "Only GetObject is answered here.", 405)
        bucket, _, key = self.path.lstrip("/").partition("/")
        return "GetObject", {"Bucket": bucket, "Key": key}

    def answer(self, output: Mapping[str, Any] | None, request_id: str) -> web.Response:
        text = str((output or {}).get("Body", ""))
        headers = {"Content-Type": "binary/octet-stream", "x-amz-request-id": request_id}
        return web.Response(body=text.encode(), headers=headers)

    def refuse(self, error: ApiError, request_id: str) -> web.Response:
        code, status = _REST_CODES.get(error.code, (error.code, error.status))
        root = ET.Element("Error")
        _fill(root, {"Code": code, "Message": error.message, "RequestId": request_id})
        return _xml(status, root, request_id)


def wire_format(request: web.BaseRequest) -> WireFormat:
    """Which format a request speaks, by its path and headers."""
    if request.path != "/":
        return RestFormat(request.method, request.path)
    if request.content_type == "application/x-www-form-urlencoded":
        return QueryFormat()
    return JsonFormat(request.headers.get("X-Amz-Target", ""))


def _fill(element: ET.Element, members: Mapping[str, Any]) -> None:
    for name, value in members.items():
        child = ET.SubElement(element, name)
        if isinstance(value, Mapping):
            _fill(child, value)
        else:
            child.text = str(value)


def _xml(status: int, root: ET.Element, request_id: str) -> web.Response:
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}
    return web.Response(status=status, body=ET.tostring(root, "utf-8"), headers=headers)
