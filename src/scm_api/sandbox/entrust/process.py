"""The simulator as a process of its own, ended by SIGTERM or SIGINT."""

import asyncio
import signal
import sys
from pathlib import Path

from scm_api.sandbox.entrust.catalogue import API_USER
from scm_api.sandbox.entrust.errors import StateError
from scm_api.sandbox.entrust.server import serve
from scm_api.sandbox.entrust.settings import Behaviour, Settings


def run(host: str, port: int, state: Path, *, limits: bool, immediate: bool) -> None:
    """Serve until a signal arrives, after one line on standard output saying where and as whom.

    Port 0 takes a free port. Raises SystemExit(1), after one sentence on standard error, when the
    address or the state directory cannot be used.
    """
    behaviour = Behaviour(immediate=immediate)
    if not limits:
        behaviour.rate_limits = []
    settings = Settings(state=state, host=host, port=port, behaviour=behaviour)
    try:
        asyncio.run(_serve_until_signal(settings))
    except StateError as error:
        _end(str(error))
    except (OSError, OverflowError) as error:
        _end(f"The simulator cannot listen on {host} port {port}: {error}.")


async def _serve_until_signal(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with await serve(settings) as server:
        trust = server.simulator.transport.trust
        sys.stdout.write(
            f"entrust sandbox listening on {server.url} "
            f"(user {API_USER.name}, API key {API_USER.api_key}, trust {trust})\n"
        )
        sys.stdout.flush()
        await stop.wait()


def _end(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(1)
