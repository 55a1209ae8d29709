"""Databases for tests: one server a run, migrated once, cloned for each test in milliseconds."""

import fcntl
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from sqlalchemy.engine import make_url

from loop_thread import LoopThread
from scm_api.db.embedded import EmbeddedPostgres
from scm_api.db.migrate import upgrade

# A test's database has to survive a crash of the server at most, never a power cut.
_NO_POWER_CUT = {"fsync": "off", "full_page_writes": "off"}
_NO_CRASH = _NO_POWER_CUT | {"synchronous_commit": "off"}
# A test's rows are few: nobody cleans up behind them, and any plan finds them, made once.
_FEW_ROWS = {"autovacuum": "off", "plan_cache_mode": "force_generic_plan"}
_TEMPLATE = "scm_template"
_ROOM = 2 * 1024**3


class Databases:
    """Clones of the migrated template on one server."""

    def __init__(self, server_url: str, directory: Path, loop: LoopThread) -> None:
        self._server_url = server_url
        self._loop = loop
        self._names = (f"test_{os.getpid()}_{number}" for number in itertools.count())
        self._free: list[str] = []
        self._directory = directory
        self._connection = loop.run(asyncpg.connect(_dsn(server_url)))
        with self._alone():
            self._make_template()

    def clone(self, of: str | None = None) -> str:
        """A fresh migrated database; returns its URL for SQLAlchemy.

        It is a copy of the one behind the URL `of`, to which nobody may be connected.
        """
        # Names are used again, and so is what SQLAlchemy compiled for a database of that name.
        name = self._free.pop() if self._free else next(self._names)
        source = make_url(of).database if of else _TEMPLATE
        self._execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY")
        return self._url(name)

    def drop(self, url: str) -> None:
        """Remove a clone, whoever is still connected to it."""
        name = make_url(url).database
        assert name is not None
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")
        self._free.append(name)

    @contextmanager
    def own_server(self) -> Iterator[tuple[EmbeddedPostgres, str]]:
        """A server nobody else uses, to be stopped and started, and the URL of a migrated database.

        Its cluster is copied from one that was made once: ten times quicker than making it.
        """
        with self._alone():
            self._make_seed()
        place = Path(tempfile.mkdtemp(prefix="scm-tests-own-", dir=_memory()))
        place.chmod(0o711)
        try:
            subprocess.run(["cp", "-a", self._seed, place / "postgres"], check=True)
            with EmbeddedPostgres(place / "postgres", options=_NO_POWER_CUT) as postgres:
                yield postgres, postgres.start()
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def close(self) -> None:
        """Leave the server."""
        self._loop.run(self._connection.close())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """As the only one of this run's processes."""
        with (self._directory / "template.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def _seed(self) -> Path:
        return self._directory / "seed"

    def _make_seed(self) -> None:
        if self._seed.exists():
            return
        draft = self._directory / "seed.draft"
        with EmbeddedPostgres(draft, options=_NO_CRASH) as postgres:
            upgrade(postgres.start())
        draft.rename(self._seed)

    def _make_template(self) -> None:
        found = "SELECT true FROM pg_database WHERE datname = $1"
        if self._loop.run(self._connection.fetchval(found, _TEMPLATE)):
            return
        draft = f"{_TEMPLATE}_{os.getpid()}"
        self._execute(f"CREATE DATABASE {draft}")
        upgrade(self._url(draft))
        self._execute(f"ALTER DATABASE {draft} RENAME TO {_TEMPLATE}")

    def _execute(self, statement: str) -> None:
        self._loop.run(self._connection.execute(statement))

    def _url(self, name: str) -> str:
        return make_url(self._server_url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def shared_databases(run_id: str) -> Iterator[Databases]:
    """Databases on the one server of a test run, shared by all its processes.

    The server's account must reach the directory, so it cannot be one of pytest's.
    """
    directory = _memory() / f"scm-tests-{run_id}"
    postgres = EmbeddedPostgres(directory, options=_NO_CRASH | _FEW_ROWS)
    url = postgres.start()
    try:
        with LoopThread() as loop:
            databases = Databases(url, directory, loop)
            yield databases
            databases.close()
    finally:
        postgres.stop()
        if not (directory / "data" / "postmaster.pid").exists():
            shutil.rmtree(directory, ignore_errors=True)


def _memory() -> Path:
    """Where files cost no disk access, if there is room; otherwise the usual place."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    roomy = usable and shutil.disk_usage(memory).free > _ROOM
    return memory if roomy else Path(tempfile.gettempdir())


def _dsn(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
