"""The simulator as a process of its own, ended by SIGTERM or SIGINT."""

from pathlib import Path

from scm_api.sandbox.digicert.catalogue import ADMIN_KEY
from scm_api.sandbox.digicert.server import serve
from scm_api.sandbox.digicert.settings import DOCUMENTED_LIMITS, Behaviour, Settings
from scm_api.sandbox.until_signal import serve_until_signal


def run(host: str, port: int, state: Path, *, limits: bool, immediate: bool) -> None:
    """Serve until a signal arrives, after one line on standard output saying where and as whom.

    Port 0 takes a free port. Raises SystemExit(1), after one sentence on standard error, when the
    address or the state directory cannot be used.
    """
    rate_limits = list(DOCUMENTED_LIMITS) if limits else []
    behaviour = Behaviour(rate_limits=rate_limits, immediate=immediate)
    settings = Settings(state=state, host=host, port=port, behaviour=behaviour)
    serve_until_signal(
        lambda: serve(settings),
        lambda server: f"digicert sandbox listening on {server.url} (API key {ADMIN_KEY})",
        f"{host} port {port}",
    )
