"""Runs `scm-api ARGUMENTS...` in a process of its own for as long as the demo that started it
lives. However the demo ends, this process then ends as if by SIGTERM.
"""

import os
import signal
import threading
import time
from collections.abc import Mapping
from multiprocessing import parent_process
from pathlib import Path

_GRACE_SECONDS = 10  # for requests and calls to the CA that are under way


def run(arguments: tuple[str, ...], environment: Mapping[str, str], log: Path) -> None:
    """The command, as a shell would run it in the background with its output in the file `log`."""
    os.setsid()  # Ctrl-C is for the demo, which ends its children in order
    with log.open("wb") as output:
        for descriptor in (1, 2):
            os.dup2(output.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    threading.Thread(target=_leave_with_demo, daemon=True).start()

    from scm_api.cli import app

    app(list(arguments))


def _leave_with_demo() -> None:
    demo = parent_process()
    assert demo is not None
    demo.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)
