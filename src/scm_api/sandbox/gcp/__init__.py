"""A simulator of Google Cloud CA Service on a socket (`scm-api sandbox gcp`)."""

from scm_api.sandbox.gcp.catalogue import FAST_POOL, LOCATION, STRICT_POOL, WEB_POOL
from scm_api.sandbox.gcp.process import run
from scm_api.sandbox.gcp.server import RunningServer, serve
from scm_api.sandbox.gcp.settings import Behaviour, Settings
from scm_api.sandbox.state import StateError

__all__ = [
    "FAST_POOL",
    "LOCATION",
    "STRICT_POOL",
    "WEB_POOL",
    "Behaviour",
    "RunningServer",
    "Settings",
    "StateError",
    "run",
    "serve",
]
