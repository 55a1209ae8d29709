"""A simulator as a process of its own: serve until SIGTERM or SIGINT, or end with a sentence."""

import asyncio
import errno
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn, TypeVar

from scm_api.sandbox.state import StateError

Server = TypeVar("Server", bound=AbstractAsyncContextManager[Any])


def serve_until_signal(
    serve: Callable[[], Coroutine[Any, Any, Server]],
    announcement: Callable[[Server], str],
    addresses: str,
) -> None:
    """Serve, and write one line on standard output as soon as the server listens.

    Raises SystemExit(1), after one sentence on standard error, when the `addresses` or the state
    directory cannot be used.
    """
    try:
        asyncio.run(_serve(serve, announcement))
    except StateError as error:
        end(str(error))
    except (OSError, OverflowError) as error:
        end(_why(error, addresses))


async def _serve(
    serve: Callable[[], Coroutine[Any, Any, Server]], announcement: Callable[[Server], str]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await serve()
    async with server:
        sys.stdout.write(announcement(server) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _why(error: OSError | OverflowError, addresses: str) -> str:
    reason = str(error).rstrip(".")
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        reason = "taken; stop what listens there, or choose another port (0 takes a free one)"
    return f"The simulator cannot listen on {addresses}: {reason}."


def end(sentence: str) -> NoReturn:
    """End the process with status 1, after this sentence on standard error."""
    sys.stderr.write(sentence + "\n")
    raise SystemExit(1)
