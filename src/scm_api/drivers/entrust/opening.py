"""Putting a driver together: each of the two APIs has an address and credentials of its own."""

import base64
import hashlib
from typing import Final

from scm_api.drivers.base import Driver
from scm_api.drivers.entrust import ecs_wire, gateway
from scm_api.drivers.entrust.calling import Caller
from scm_api.drivers.entrust.ecs import EcsDriver
from scm_api.drivers.entrust.kind import GATEWAY_ANSWERS
from scm_api.drivers.entrust.options import EntrustConnection, EntrustSecrets
from scm_api.drivers.http import StrictClient
from scm_api.drivers.pacing import Limiter
from scm_api.drivers.tls import tls_context

_ECS: Final = "https://api.entrust.net"
_PKIAAS: Final = {
    "us": "https://cagw.pkiaas.entrust.com",
    "eu": "https://cagw.eu.pkiaas.entrust.com",
}


def open_driver(connection: EntrustConnection, secrets: EntrustSecrets, limiter: Limiter) -> Driver:
    """A driver that has connected to nothing yet."""
    key = secrets.client_key.get_secret_value() if secrets.client_key else None
    credential = f"{secrets.client_certificate}\n{key}" if key else None
    context = tls_context(connection.trusted_certificates, credential)
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "scm-api",
    }
    if connection.api == "ca_gateway":
        origin = connection.endpoint_url or _PKIAAS[connection.region]
        http = StrictClient(origin, headers, context, seconds=GATEWAY_ANSWERS.total_seconds())
        pace = _pace(str(secrets.client_certificate))
        return gateway.GatewayDriver(Caller(http, "/cagw", limiter, pace, gateway.read_words))
    assert secrets.api_key is not None
    pair = f"{secrets.username}:{secrets.api_key.get_secret_value()}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    origin, seconds = connection.endpoint_url or _ECS, connection.answer_seconds
    http = StrictClient(origin, headers, context, seconds=seconds)
    caller = Caller(http, "/enterprise/v2", limiter, _pace(pair), ecs_wire.read_words)
    return EcsDriver(connection, caller)


def _pace(secret: str) -> str:
    return f"entrust/{hashlib.sha256(secret.encode()).hexdigest()[:16]}"
