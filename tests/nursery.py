"""The process of a test run that has imported everything, from which its others are forked.

Importing takes seconds of CPU, for each process that pytest-xdist starts and each of the service's.
It stays clean for that: one thread, no event loop, no connection, nothing but waiting and forking.
"""

import atexit
import ctypes
import os
import pickle
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import NoReturn

ADDRESS = "SCM_TESTS_NURSERY"
_LONGEST = 1 << 20  # bytes
_NUMBER = 20
_STREAMS = 3
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Forked:
    """A process forked for us to do `work`, which is pickled.

    `work` gets up to three open files as its last argument, if any are given, by their numbers.
    """

    def __init__(self, work: Callable[..., None], files: Sequence[int] = ()) -> None:
        if ADDRESS not in os.environ:
            open_nursery()
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.connect(os.environ[ADDRESS])
        message = pickle.dumps((sys.path, pickle.dumps(work)))
        socket.send_fds(self._line, [message], files)
        self.pid = int(self._line.recv(_NUMBER))
        self._exit_code: int | None = None

    def exit_code(self, patience: float | None = 0) -> int | None:
        """None while it lives; minus the signal's number when one ended it."""
        if self._exit_code is None and select.select([self._line], [], [], patience)[0]:
            self._exit_code = int(self._line.recv(_NUMBER))
            self._line.close()
        return self._exit_code


def open_nursery() -> None:
    """Start it for this process and those it starts; it ends with this one, and they with it."""
    directory = tempfile.mkdtemp(prefix="scm-nursery-")
    address = str(Path(directory, "socket"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen(100)
        number = listener.fileno()
        command = [sys.executable, __file__, str(number)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[number])
    os.environ[ADDRESS] = address
    atexit.register(shutil.rmtree, directory)
    atexit.register(process.communicate)


def interpret(
    source: str, environment: Mapping[str, str], directory: str, files: Sequence[int]
) -> None:
    """Be an interpreter that was started with `-c`."""
    for stream, file in enumerate(files):
        os.dup2(file, stream)
        os.close(file)
    sys.stdin = os.fdopen(0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    sys.argv = ["-c"]
    exec(source, {"__name__": "__main__"})


def _serve(listener: socket.socket) -> NoReturn:
    """Fork whoever asks until standard input ends."""
    context = get_context("fork")
    with selectors.DefaultSelector() as waiting:
        waiting.register(listener, selectors.EVENT_READ)
        waiting.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is sys.stdin:
                    os._exit(0)  # which kills whoever is left
                elif key.fileobj is listener:
                    line, _ = listener.accept()
                    # Read here: a line closed with something unread would be reset, and with it
                    # the word about a child that was killed at once.
                    message, files, _, _ = socket.recv_fds(line, _LONGEST, _STREAMS)
                    process = context.Process(target=_live, args=(listener, message, files))
                    process.start()
                    for file in files:
                        os.close(file)
                    _tell(line, process.pid)
                    waiting.register(process.sentinel, selectors.EVENT_READ, (process, line))
                else:
                    waiting.unregister(key.fileobj)
                    process, line = key.data
                    process.join()
                    _tell(line, process.exitcode)
                    line.close()
                    process.close()


def _tell(line: socket.socket, number: int | None) -> None:
    with suppress(OSError):  # whoever asked may have ended
        line.sendall(b"%d" % number)


def _live(listener: socket.socket, message: bytes, files: Sequence[int]) -> None:
    # No process outlives the test run, a frozen one neither.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    listener.close()
    sys.path[:], work = pickle.loads(message)
    pickle.loads(work)(*([files] if files else []))


if __name__ == "__main__":
    import rehearsal  # noqa: F401 -- everything is imported by it

    _serve(socket.socket(fileno=int(sys.argv[1])))
