"""The simulator as a process of its own, ended by SIGTERM or SIGINT."""

from pathlib import Path

from scm_api.sandbox.entrust.catalogue import API_USER
from scm_api.sandbox.entrust.server import RunningServer, serve
from scm_api.sandbox.entrust.settings import Behaviour, Settings
from scm_api.sandbox.until_signal import serve_until_signal


def run(host: str, port: int, state: Path, *, limits: bool, immediate: bool) -> None:
    """Serve until a signal arrives, after one line on standard output saying where and as whom.

    Port 0 takes a free port. Raises SystemExit(1), after one sentence on standard error, when the
    address or the state directory cannot be used.
    """
    behaviour = Behaviour(immediate=immediate)
    if not limits:
        behaviour.rate_limits = []
    settings = Settings(state=state, host=host, port=port, behaviour=behaviour)
    serve_until_signal(lambda: serve(settings), _announcement, f"{host} port {port}")


def _announcement(server: RunningServer) -> str:
    return (
        f"entrust sandbox listening on {server.url} "
        f"(user {API_USER.name}, API key {API_USER.api_key}, "
        f"trust {server.simulator.transport.trust})"
    )
