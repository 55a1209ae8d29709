"""Runs `scm-api ARGUMENTS...` for as long as the demo that started it lives.

The demo holds the other end of this process's standard input and never writes to it. However the
demo ends, the kernel closes that end, and this process ends as if by SIGTERM.
"""

import os
import signal
import threading
import time

_GRACE_SECONDS = 10  # for requests and calls to the CA that are under way


def _leave_with_demo() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_leave_with_demo, daemon=True).start()

    from scm_api.cli import app

    app()
