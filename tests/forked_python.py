"""`forked_python.py -u -c SOURCE` is `python -u -c SOURCE`, forked from the nursery.

It is what pytest-xdist starts its processes with.
"""

import os
import sys
from functools import partial
from pathlib import Path

from nursery import Forked, interpret

_here = partial(interpret, sys.argv[-1], dict(os.environ), str(Path.cwd()))
_process = Forked(_here, (0, 1, 2))
os.close(0)  # the other end of a pipe is to notice when the process closes this one
os.close(1)
sys.exit(_process.exit_code(patience=None))
