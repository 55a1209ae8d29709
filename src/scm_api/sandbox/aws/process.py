"""The simulator as a process of its own, ended by SIGTERM or SIGINT."""

from pathlib import Path

from pydantic import ValidationError

from scm_api.sandbox.aws.identities import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from scm_api.sandbox.aws.server import RunningServer, serve
from scm_api.sandbox.aws.settings import (
    DOCUMENTED_QUOTAS,
    REGION,
    Behaviour,
    Latency,
    Settings,
)
from scm_api.sandbox.until_signal import end, serve_until_signal


def run(
    host: str = "127.0.0.1",
    port: int = 4010,
    state: Path = Path(".scm-api/sandbox-aws"),
    *,
    region: str = REGION,
    quotas: bool = True,
    pending_gets: int = 1,
    pending_seconds: float = 0,
    latency_ms: float = 0,
    idempotency_seconds: float = 300,
) -> None:
    """Serve until a signal arrives, after one line on standard output saying where and as whom.

    Port 0 takes a free port. Without `quotas` nothing is throttled. Raises SystemExit(1), after
    one sentence on standard error, when the address or the state directory cannot be used.
    """
    try:
        behaviour = Behaviour(
            pending_gets=pending_gets,
            pending_seconds=pending_seconds,
            idempotency_seconds=idempotency_seconds,
            quotas=dict(DOCUMENTED_QUOTAS) if quotas else {},
            latency=Latency(ms=latency_ms),
        )
        settings = Settings(state=state, host=host, port=port, region=region, behaviour=behaviour)
    except ValidationError as error:
        fault = error.errors()[0]
        end(f"{'.'.join(map(str, fault['loc']))} = {fault['input']}: {fault['msg']}.")
    serve_until_signal(lambda: serve(settings), _announcement, f"{host} port {port}")


def _announcement(server: RunningServer) -> str:
    region = server.simulator.settings.region
    return (
        f"aws sandbox listening on {server.url} (region {region}, "
        f"access key {ACCESS_KEY_ID}, secret key {SECRET_ACCESS_KEY})"
    )
