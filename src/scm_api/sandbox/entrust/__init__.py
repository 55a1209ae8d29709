"""A simulator of Entrust Certificate Services and CA Gateway (`scm-api sandbox entrust`)."""

from scm_api.sandbox.entrust.catalogue import (
    API_USER,
    CERTIFICATE_USER,
    EXPIRED_ORGANIZATION,
    OTHER_USER,
    PENDING_ORGANIZATION,
    QUEUED_USER,
    SECOND_ORGANIZATION,
    VALIDATED_ORGANIZATION,
)
from scm_api.sandbox.entrust.gateway import CA_ID
from scm_api.sandbox.entrust.process import run
from scm_api.sandbox.entrust.server import RunningServer, serve
from scm_api.sandbox.entrust.settings import Behaviour, Settings
from scm_api.sandbox.entrust.transport import GATEWAY_USER
from scm_api.sandbox.state import StateError

__all__ = [
    "API_USER",
    "CA_ID",
    "CERTIFICATE_USER",
    "EXPIRED_ORGANIZATION",
    "GATEWAY_USER",
    "OTHER_USER",
    "PENDING_ORGANIZATION",
    "QUEUED_USER",
    "SECOND_ORGANIZATION",
    "VALIDATED_ORGANIZATION",
    "Behaviour",
    "RunningServer",
    "Settings",
    "StateError",
    "run",
    "serve",
]
