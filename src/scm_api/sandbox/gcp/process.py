"""The simulator as a process of its own, ended by SIGTERM or SIGINT."""

import asyncio
import signal
import sys
from pathlib import Path

from scm_api.sandbox.gcp.errors import StateError
from scm_api.sandbox.gcp.server import serve
from scm_api.sandbox.gcp.settings import Behaviour, Settings


def run(host: str, port: int, control_port: int, state: Path, *, limits: bool) -> None:
    """Serve until a signal arrives, after one line on standard output saying where.

    Port 0 takes a free port. Raises SystemExit(1), after one sentence on standard error, when an
    address or the state directory cannot be used.
    """
    behaviour = Behaviour() if limits else Behaviour(per_second=None)
    settings = Settings(state, host, port, control_port, behaviour)
    try:
        asyncio.run(_serve_until_signal(settings))
    except StateError as error:
        _end(str(error))
    except (OSError, OverflowError) as error:
        _end(f"The simulator cannot listen on {host} port {port} or {control_port}: {error}.")


async def _serve_until_signal(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with await serve(settings) as server:
        identity = server.simulator.identity
        sys.stdout.write(
            f"gcp sandbox listening on {server.endpoint} (trust {identity.trust}, service account "
            f"{identity.service_account}), control at {server.control_url}\n"
        )
        sys.stdout.flush()
        await stop.wait()


def _end(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(1)
