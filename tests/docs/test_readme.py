"""The README's commands, copied and pasted into a shell beside the running demo."""

import re
import subprocess
from pathlib import Path

import pytest

from demo_process import Demo

pytestmark = pytest.mark.xdist_group("demo")

README = Path(__file__).parents[2] / "README.md"
TESTED = re.compile(r"^<!-- tested -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_first_certificate_with_curl(demo: Demo) -> None:
    blocks = TESTED.findall(README.read_text())
    assert len(blocks) == 5
    script = "\n".join(blocks).replace("http://127.0.0.1:8000", demo.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=demo.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demo/shop.pem: OK" in done.stdout
    assert "urn:scm-api:problem:name-not-allowed" in done.stdout
