"""The simulator as a process of its own, ended by SIGTERM or SIGINT."""

import asyncio
import errno
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from scm_api.sandbox.aws.errors import StateError
from scm_api.sandbox.aws.identities import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from scm_api.sandbox.aws.server import serve
from scm_api.sandbox.aws.settings import (
    DOCUMENTED_QUOTAS,
    REGION,
    Behaviour,
    Latency,
    Settings,
)


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
        asyncio.run(_serve_until_signal(settings))
    except ValidationError as error:
        fault = error.errors()[0]
        _end(f"{'.'.join(map(str, fault['loc']))} = {fault['input']}: {fault['msg']}.")
    except StateError as error:
        _end(str(error))
    except (OSError, OverflowError) as error:
        _end(_address_sentence(error, host, port))


async def _serve_until_signal(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with await serve(settings) as server:
        sys.stdout.write(
            f"aws sandbox listening on {server.url} (region {settings.region}, "
            f"access key {ACCESS_KEY_ID}, secret key {SECRET_ACCESS_KEY})\n"
        )
        sys.stdout.flush()
        await stop.wait()


def _address_sentence(error: OSError | OverflowError, host: str, port: int) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken: stop what listens there, or choose another port "
            "(0 takes a free one)."
        )
    return f"The simulator cannot listen on {host} port {port}: {str(error).rstrip('.')}."


def _end(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(1)
