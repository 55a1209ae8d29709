"""The demo from curtain up to curtain down."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from scm_api.db.embedded import EmbeddedError, EmbeddedPostgres
from scm_api.demo.cas import CAS
from scm_api.demo.cas.simulated import Ca, Simulated
from scm_api.demo.client import Client
from scm_api.demo.files import Files
from scm_api.demo.joining import Joining, Proven
from scm_api.demo.processes import (
    HOST,
    Child,
    Children,
    DemoError,
    environment,
    hold,
    require_free,
    wait_until_ready,
)
from scm_api.demo.sandbox import Sandbox
from scm_api.demo.show import Show
from scm_api.demo.story import Story
from scm_api.demo.validated_story import ValidatedStory

_INTERRUPTED = 130  # what a shell reports of a command ended by Ctrl-C
_ENDING = (signal.SIGINT, signal.SIGTERM)  # both end it in order


def run(directory: Path, port: int, sandbox_port: int, *, once: bool) -> int:
    """Start everything, do the main job, stay up until Ctrl-C unless `once`.

    Returns the exit status: 0 only if everything held. All state is below `directory`.
    """
    show = Show()
    files = Files(directory.absolute())
    for number in _ENDING:
        signal.signal(number, signal.default_int_handler)
    try:
        with _everything(files, port, sandbox_port, show) as (children, key, others):
            with _client(port, key, show) as api:
                proven = [Story(api, show, Sandbox(f"http://{HOST}:{sandbox_port}"), files).tell()]
                for ca in others:
                    joining = Joining(api, show, ca, Files(files.directory / ca.name))
                    if ca.prove is None:
                        proven.append(joining.issue_at_once())
                    else:
                        proven.append(ValidatedStory(joining, ca.prove).tell())
            _summary(show, proven)
            _farewell(show, files, port, key)
            return 0 if once else _stay(show, children)
    except (DemoError, EmbeddedError) as error:
        show.failure(str(error))
    except httpx.HTTPError as error:
        show.failure(f"A simulator does not answer: {error}")
    except OSError as error:
        show.failure(f"{error.filename or 'The machine'}: {error.strerror}")
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 1


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """An interrupt waits for the end of the block: raised in the middle of an import, a migration
    or a fork it may be swallowed there, or leave half of something behind."""
    waiting: list[int] = []
    for number in _ENDING:
        signal.signal(number, lambda number, _: waiting.append(number))
    try:
        yield
    finally:
        for number in _ENDING:
            signal.signal(number, signal.default_int_handler)
    if waiting:
        raise KeyboardInterrupt


@contextmanager
def _everything(
    files: Files, port: int, sandbox_port: int, show: Show
) -> Iterator[tuple[Children, str, list[Ca]]]:
    """The processes, ready, an API key and the other CAs; all end with the block."""
    if files.directory.is_dir():
        os.close(hold(files.directory))  # to say that first, and make no directory in vain
    require_free(port, "PORT")
    require_free(sandbox_port, "SANDBOX_PORT")
    show.heading("Starting PostgreSQL, simulators of the CAs, the API and a worker")
    began = time.monotonic()
    files.directory.mkdir(parents=True, exist_ok=True)
    held = hold(files.directory)
    database = EmbeddedPostgres(files.data / "postgres")
    with _interrupted_later():
        children = Children(files.logs, environment(files.data, port))
    try:
        with _interrupted_later():
            from scm_api.demo.account import open_account  # takes as long as the server to start

            key = open_account(database.start(), files.api_key)
            sandbox, others, api = _started(children, files, sandbox_port)
        wait_until_ready(sandbox, f"http://{HOST}:{sandbox_port}/_sandbox")
        wait_until_ready(api, f"http://{HOST}:{port}/health/ready")
        show.fact(f"ready after {time.monotonic() - began:.1f} s; logs are in {files.logs}")
        cas = [each.running(child, files.simulator(each.name)) for each, child in others]
        yield children, key, cas
    except DemoError:
        children.require_alive()  # that one has ended is the better reason
        raise
    finally:
        for number in _ENDING:  # once is enough: this ends soon
            signal.signal(number, signal.SIG_IGN)
        children.stop()
        database.stop()
        os.close(held)


def _started(
    children: Children, files: Files, sandbox_port: int
) -> tuple[Child, list[tuple[Simulated, Child]], Child]:
    """The AWS simulator, the other CAs with theirs, and the API; a worker is started beside."""
    state = ("--port", str(sandbox_port), "--state", str(files.sandbox))
    sandbox = children.start("AWS simulator", "sandbox", "aws", *state)
    others = []
    for ca in CAS:
        arguments = (*ca.arguments, "--state", str(files.simulator(ca.name)))
        others.append((ca, children.start(f"{ca.title} simulator", "sandbox", ca.name, *arguments)))
    api = children.start("API", "serve")
    children.start("worker", "worker")
    return sandbox, others, api


@contextmanager
def _client(port: int, key: str, show: Show) -> Iterator[Client]:
    client = Client(f"http://{HOST}:{port}", key, show)
    try:
        yield client
    finally:
        client.close()


def _summary(show: Show, proven: list[Proven]) -> None:
    show.heading("One certificate of each CA, verified by openssl verify as a TLS client would:")
    show.table(
        ("CA", "certificate", "serial", "valid until", "openssl"),
        [(each.ca, each.name, each.serial, each.until, each.verified) for each in proven],
    )


def _farewell(show: Show, files: Files, port: int, key: str) -> None:
    url = f"http://{HOST}:{port}"
    show.heading("All of it held. Yours to use:")
    show.pairs(
        [
            ("Certificate", str(files.certificate)),
            ("Chain", str(files.chain)),
            ("Root", str(files.root)),
            ("Private key", str(files.key)),
            ("API key", key),
            ("Swagger UI", f"{url}/docs (press Authorize and paste the API key)"),
        ]
    )
    show.heading("Try this in another terminal:")
    bearer = f"curl -H 'Authorization: Bearer {key}'"
    show.copyable(f"{bearer} '{url}/certificates?status=valid'")
    show.copyable(f"{bearer} '{url}/audit-events?limit=5'")


def _stay(show: Show, children: Children) -> int:
    """Wait for Ctrl-C; raises DemoError when a process ends by itself."""
    show.heading("Ctrl-C ends everything; the next start finds its data again.")
    try:
        while True:
            children.require_alive()
            time.sleep(0.5)
    except KeyboardInterrupt:
        show.heading("Ending ...")
        return 0
