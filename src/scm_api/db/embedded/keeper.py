"""Runs one embedded PostgreSQL for exactly as long as a process of ours uses it.

Started as a script by `db.embedded`, in a session of its own, as
`keeper.py USERS_LOCK UID GID POSTGRES ARGUMENTS...` (uid -1: do not change). Every user
holds a shared lock on USERS_LOCK, which the kernel drops however that user ends; when the keeper
gets the exclusive lock nobody is left, and it shuts the server down. Needs only the standard
library, because it runs isolated from installed packages.
"""

import ctypes
import fcntl
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _end_with_keeper() -> None:
    """A fast shutdown (SIGINT) is what the server gets should even the keeper be killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def keep(users_lock: str, uid: int, gid: int, command: list[str]) -> int:
    """Run `command` until nobody holds `users_lock`; returns the server's exit status."""
    linux = sys.platform == "linux"
    server = subprocess.Popen(
        command,
        user=None if uid < 0 else uid,
        group=None if uid < 0 else gid,
        extra_groups=None if uid < 0 else [],
        preexec_fn=_end_with_keeper if linux else None,
    )

    threading.Thread(target=_end_unused, args=(server, users_lock), daemon=True).start()
    return server.wait()


def _end_unused(server: subprocess.Popen[bytes], users_lock: str) -> None:
    # In a thread, because a signal of the server's end may come just before flock() blocks.
    with open(users_lock, "rb") as lock:  # noqa: PTH123 - pathlib costs start-up time here
        fcntl.flock(lock, fcntl.LOCK_EX)
        server.send_signal(signal.SIGINT)
        server.wait()  # the lock is held until then: who comes next starts a server of its own


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
