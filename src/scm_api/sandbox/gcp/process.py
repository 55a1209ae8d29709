"""The simulator as a process of its own, ended by SIGTERM or SIGINT."""

from pathlib import Path

from scm_api.sandbox.gcp.server import RunningServer, serve
from scm_api.sandbox.gcp.settings import Behaviour, Settings
from scm_api.sandbox.until_signal import serve_until_signal


def run(host: str, port: int, control_port: int, state: Path, *, limits: bool) -> None:
    """Serve until a signal arrives, after one line on standard output saying where.

    Port 0 takes a free port. Raises SystemExit(1), after one sentence on standard error, when an
    address or the state directory cannot be used.
    """
    behaviour = Behaviour() if limits else Behaviour(per_second=None)
    settings = Settings(state, host, port, control_port, behaviour)
    addresses = f"{host} port {port} or {control_port}"
    serve_until_signal(lambda: serve(settings), _announcement, addresses)


def _announcement(server: RunningServer) -> str:
    identity = server.simulator.identity
    return (
        f"gcp sandbox listening on {server.endpoint} (trust {identity.trust}, service account "
        f"{identity.service_account}), control at {server.control_url}"
    )
