"""AWS Signature Version 4, checked as a service does ("Signing AWS API requests", IAM guide)."""

import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from scm_api.sandbox.aws.errors import ApiError

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=5)
_DATE = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers. Header names are lower case; `path` and `query` as sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parts of an Authorization header."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def header_map(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as they are signed: lower-case names, single spaces, repeated ones joined."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("latin-1").lower()
        value = " ".join(raw_value.decode("utf-8", "surrogateescape").split())
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def read_authorization(headers: Mapping[str, str], service: str) -> Authorization:
    """Parse the header and check everything that needs no secret: date, scope, signed headers.

    Raises ApiError MissingAuthenticationTokenException, IncompleteSignatureException or
    InvalidSignatureException.
    """
    header = headers.get("authorization")
    if not header:
        raise ApiError(
            "MissingAuthenticationTokenException", "Request is missing Authentication Token"
        )
    authorization = _parse(header)
    _check_date(authorization, headers)
    _check_scope(authorization, service)
    _check_signed_headers(authorization, headers)
    return authorization


def verify(authorization: Authorization, request: SignedRequest, secret: str) -> None:
    """Raises ApiError InvalidSignatureException unless `secret` made this signature."""
    to_sign = "\n".join(
        (
            ALGORITHM,
            request.headers["x-amz-date"],
            authorization.scope,
            hashlib.sha256(_canonical(authorization, request)).hexdigest(),
        )
    )
    key = _signing_key(secret, authorization.date, authorization.region, authorization.service)
    expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    given = authorization.signature.encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(expected.encode(), given):
        raise _invalid(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. "
            "Consult the service documentation for details."
        )


def _parse(header: str) -> Authorization:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    fields = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    missing = [
        name for name in ("Credential", "Signature", "SignedHeaders") if not fields.get(name)
    ]
    if missing:
        raise _incomplete(
            " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        )
    credential = fields["Credential"].rsplit("/", 4)
    if len(credential) != 5 or credential[4] != "aws4_request" or not all(credential):
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term."
        )
    key_id, date, region, service, _ = credential
    signed = tuple(fields["SignedHeaders"].lower().split(";"))
    return Authorization(key_id, date, region, service, signed, fields["Signature"])


def _check_date(authorization: Authorization, headers: Mapping[str, str]) -> None:
    text = headers.get("x-amz-date", "")
    try:
        sent = datetime.strptime(text, _DATE).replace(tzinfo=UTC)
    except ValueError as error:
        raise _incomplete(
            "Authorization header requires existence of an 'X-Amz-Date' header in ISO-8601 format."
        ) from error
    if text[:8] != authorization.date:
        raise _invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{authorization.date}' != '{text[:8]}', from '{text}'."
        )
    now = datetime.fromtimestamp(time.time(), UTC)
    if now - sent > MAX_SKEW:
        limit = f"{now - MAX_SKEW:{_DATE}} ({now:{_DATE}} - 5 min.)"
        raise _invalid(f"Signature expired: {text} is now earlier than {limit}")
    if sent - now > MAX_SKEW:
        limit = f"{now + MAX_SKEW:{_DATE}} ({now:{_DATE}} + 5 min.)"
        raise _invalid(f"Signature not yet current: {text} is still later than {limit}")


def _check_scope(authorization: Authorization, service: str) -> None:
    if authorization.service != service:
        raise _invalid(f"Credential should be scoped to correct service: '{service}'.")
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", authorization.region):
        raise _invalid("Credential should be scoped to a valid region.")


def _check_signed_headers(authorization: Authorization, headers: Mapping[str, str]) -> None:
    """Host and every X-Amz header that was sent have to be under the signature."""
    for name in headers:
        bound = name == "host" or name.startswith("x-amz-")
        if bound and name not in authorization.signed_headers:
            raise _invalid(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def _canonical(authorization: Authorization, request: SignedRequest) -> bytes:
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(request.query, keep_blank_values=True)
    )
    lines = (
        request.method,
        request.path,
        "&".join(f"{name}={value}" for name, value in query),
        *(f"{name}:{request.headers.get(name, '')}" for name in authorization.signed_headers),
        "",
        ";".join(authorization.signed_headers),
        hashlib.sha256(request.body).hexdigest(),
    )
    return "\n".join(lines).encode("utf-8", "surrogateescape")


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _incomplete(message: str) -> ApiError:
    return ApiError("IncompleteSignatureException", message)


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidSignatureException", message)
