"""The `scm-api` command as a person calls it."""

import base64
import os
import subprocess

from processes import command, finished

KEYS = f"k1:{base64.b64encode(bytes(32)).decode()}"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SCM_")}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command when it has ended, with nothing of this process's own settings."""
    return finished(command(*arguments), CLEAN | environment)
