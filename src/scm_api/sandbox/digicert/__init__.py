"""A simulator of DigiCert CertCentral on a socket (`scm-api sandbox digicert`)."""

from scm_api.sandbox.digicert.catalogue import (
    ADMIN_KEY,
    EXPIRED_ORGANIZATION,
    INACTIVE_ORGANIZATION,
    ORDERS_KEY,
    OTHER_KEY,
    OTHER_ORGANIZATION,
    PENDING_ORGANIZATION,
    STANDARD_KEY,
    VALIDATED_ORGANIZATION,
    VIEW_KEY,
)
from scm_api.sandbox.digicert.process import run
from scm_api.sandbox.digicert.server import RunningServer, serve
from scm_api.sandbox.digicert.settings import Behaviour, Settings
from scm_api.sandbox.state import StateError

__all__ = [
    "ADMIN_KEY",
    "EXPIRED_ORGANIZATION",
    "INACTIVE_ORGANIZATION",
    "ORDERS_KEY",
    "OTHER_KEY",
    "OTHER_ORGANIZATION",
    "PENDING_ORGANIZATION",
    "STANDARD_KEY",
    "VALIDATED_ORGANIZATION",
    "VIEW_KEY",
    "Behaviour",
    "RunningServer",
    "Settings",
    "StateError",
    "run",
    "serve",
]
