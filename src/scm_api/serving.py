"""API processes: one listener each on a shared port, started together and ended together.

With one listener per process (SO_REUSEPORT) the kernel spreads connections evenly; a single
listener inherited by all would leave most of them to whoever wakes up first.
"""

import asyncio
import errno
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from scm_api import set_aside_imports
from scm_api.logs import configure_logging
from scm_api.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

LONGEST_BESIDE_BODY = 256 * 1024  # bytes of a request that are not of its body
_OWN_PROXIES = ("127.0.0.1", "::1")
_GRACE_SECONDS = 15  # for requests under way when the service is told to end


class ServeError(Exception):
    """The API cannot listen or went away; the text says why and what to do."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises ServeError."""
    listeners = _listeners(settings)
    if len(listeners) == 1:
        _run(settings, listeners[0])
    else:
        _run_together(settings, listeners)


def end_on_signals() -> None:
    """SIGTERM and SIGINT unwind this process and end it with status 0.

    uvicorn, having finished its requests, raises the signal again for whoever started it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))


class _Server(uvicorn.Server):
    """uvicorn's, which at a signal also lets go of the requests that are held by `Prefer: wait`:
    it would cut them off after the grace, and their callers would learn nothing."""

    def __init__(self, config: uvicorn.Config, app: "FastAPI") -> None:
        super().__init__(config)
        self._state = app.state

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self.started:
            asyncio.get_running_loop().call_soon_threadsafe(self._state.changes.end)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's, which by itself keeps request lines, headers and trailers of any length."""

    _beside_body = 0

    def data_received(self, data: bytes) -> None:
        self._beside_body += len(data)
        super().data_received(data)
        if self._beside_body > LONGEST_BESIDE_BODY and not self.transport.is_closing():
            self.send_400_response("The headers of the request are too long.")

    def on_message_complete(self) -> None:
        self._beside_body = 0
        super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        self._beside_body -= len(body)
        super().on_body(body)


def _run(settings: Settings, listener: socket.socket) -> None:
    app = _app(settings)
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        forwarded_allow_ips=[*_OWN_PROXIES, *settings.trusted_proxies],
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, app)
    server.run(sockets=[listener])
    if not server.started:
        raise ServeError("The API could not start; the log above says why.")


def _app(settings: Settings) -> "FastAPI":
    from scm_api.app import create_app  # the parent of several processes needs no app

    app = create_app(settings)
    set_aside_imports()
    return app


def _run_together(settings: Settings, listeners: list[socket.socket]) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=_child, args=(settings, listener), name=f"api-{number}")
        for number, listener in enumerate(listeners, start=1)
    ]
    try:
        for process in processes:
            process.start()
        for listener in listeners:
            listener.close()
        wait([process.sentinel for process in processes])
        raise ServeError("An API process ended by itself, so the others were ended too.")
    finally:
        _end(processes)


def _child(settings: Settings, listener: socket.socket) -> None:
    configure_logging(settings)
    end_on_signals()
    threading.Thread(target=_follow_parent, daemon=True).start()
    _run(settings, listener)


def _follow_parent() -> None:
    """End when the parent is killed: nobody else could stop this process's listener."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _end(processes: Sequence[BaseProcess]) -> None:
    started = [process for process in processes if process.pid is not None]
    for process in started:
        process.terminate()
    for process in started:
        process.join(_GRACE_SECONDS + 5)
        if process.is_alive():
            process.kill()
            process.join()


def _listeners(settings: Settings) -> list[socket.socket]:
    """Bind before anything is started, so that a taken port costs one sentence."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        if settings.api_processes == 1:
            return [_bound(family, kind, protocol, address, shared=False)]
        # A shared bind alone would quietly join another service's listeners.
        _bound(family, kind, protocol, address, shared=False).close()
        return [
            _bound(family, kind, protocol, address, shared=True)
            for _ in range(settings.api_processes)
        ]
    except OSError as error:
        raise ServeError(_why(error, settings)) from error


def _bound(
    family: int, kind: int, protocol: int, address: object, *, shared: bool
) -> socket.socket:
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind(address)  # type: ignore[arg-type]  # as getaddrinfo returned it
    except OSError:
        listener.close()
        raise
    return listener


def _why(error: OSError, settings: Settings) -> str:
    where = f"{settings.host} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where} is taken by another program. Stop that program, or choose another port "
            "with SCM_PORT."
        )
    if error.errno == errno.EACCES:
        return f"{where} needs rights this account lacks. Choose a port above 1023 with SCM_PORT."
    return f"Cannot listen on {where} ({error.strerror}). Check SCM_HOST and SCM_PORT."
