"""A simulator of Microsoft AD CS on sockets (`scm-api sandbox microsoft`)."""

from scm_api.sandbox.microsoft.process import run
from scm_api.sandbox.microsoft.server import RunningServer, serve
from scm_api.sandbox.microsoft.settings import Behaviour, Settings
from scm_api.sandbox.state import StateError

__all__ = ["Behaviour", "RunningServer", "Settings", "StateError", "run", "serve"]
