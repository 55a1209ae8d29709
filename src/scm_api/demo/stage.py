"""The demo from curtain up to curtain down."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from scm_api.access.provisioning import create_admin_with_key
from scm_api.core.errors import Unauthenticated
from scm_api.db.base import new_id
from scm_api.db.embedded import EmbeddedError, EmbeddedPostgres
from scm_api.db.migrate import upgrade
from scm_api.db.session import Database
from scm_api.demo.client import Client
from scm_api.demo.files import Files, write_private
from scm_api.demo.processes import (
    HOST,
    Children,
    DemoError,
    environment,
    require_free,
    wait_until_ready,
)
from scm_api.demo.sandbox import Sandbox
from scm_api.demo.show import Show
from scm_api.demo.story import ADMIN, Story
from scm_api.web.auth import Authenticator

_INTERRUPTED = 130  # what a shell reports of a command ended by Ctrl-C


def run(directory: Path, port: int, sandbox_port: int, *, once: bool) -> int:
    """Start everything, do the main job, stay up until Ctrl-C unless `once`.

    Returns the exit status: 0 only if everything held. All state is below `directory`.
    """
    show = Show()
    files = Files(directory.absolute())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end it in order
    try:
        with _everything(files, port, sandbox_port, show) as (children, key):
            with _client(port, key, show) as api:
                Story(api, show, Sandbox(f"http://{HOST}:{sandbox_port}"), files).tell()
            _farewell(show, files, port, key)
            return 0 if once else _stay(show, children)
    except (DemoError, EmbeddedError) as error:
        show.failure(str(error))
    except httpx.HTTPError as error:
        show.failure(f"The AWS simulator does not answer: {error}")
    except OSError as error:
        show.failure(f"{error.filename or 'The machine'}: {error.strerror}")
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 1


@contextmanager
def _everything(
    files: Files, port: int, sandbox_port: int, show: Show
) -> Iterator[tuple[Children, str]]:
    """The processes, ready, and an API key; all end with the block."""
    require_free(port, "PORT")
    require_free(sandbox_port, "SANDBOX_PORT")
    show.heading("Starting PostgreSQL, the AWS simulator, the API and a worker")
    began = time.monotonic()
    files.directory.mkdir(parents=True, exist_ok=True)
    children = Children(files.logs, environment(files.data, port))
    database = EmbeddedPostgres(files.data / "postgres")
    try:
        state = ("--port", str(sandbox_port), "--state", str(files.sandbox))
        sandbox = children.start("AWS simulator", "sandbox", "aws", *state)
        api = children.start("API", "serve")
        children.start("worker", "worker")
        url = database.start()
        upgrade(url)
        key = _api_key(url, files.api_key)
        wait_until_ready(sandbox, f"http://{HOST}:{sandbox_port}/_sandbox")
        wait_until_ready(api, f"http://{HOST}:{port}/health/ready")
        show.fact(f"ready after {time.monotonic() - began:.1f} s; logs are in {files.logs}")
        yield children, key
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # once is enough: this ends soon
            signal.signal(number, signal.SIG_IGN)
        children.stop()
        database.stop()


def _api_key(url: str, path: Path) -> str:
    """The key in `path` if the service still knows it, else that of a new admin."""
    kept = path.read_text().strip() if path.exists() else None
    key = asyncio.run(_known_key(url, kept))
    if key != kept:
        write_private(path, f"{key}\n".encode())
    return key


async def _known_key(url: str, kept: str | None) -> str:
    database = Database(url, pool_size=1)
    try:
        if kept is not None:
            with suppress(Unauthenticated):
                await Authenticator(database).principal(kept)
                return kept
        # The e-mail address is an admin's identity; a new one never meets an earlier one.
        email = f"demo-{new_id().hex[-6:]}@example.com"
        return await create_admin_with_key(database, ADMIN, email)
    finally:
        await database.aclose()


@contextmanager
def _client(port: int, key: str, show: Show) -> Iterator[Client]:
    client = Client(f"http://{HOST}:{port}", key, show)
    try:
        yield client
    finally:
        client.close()


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
