"""The commands of README and docs/connect.md, pasted into a shell beside the running demo."""

import re
import subprocess
from pathlib import Path

import pytest

from demo_process import Demo

pytestmark = pytest.mark.xdist_group("demo")

ROOT = Path(__file__).parents[2]
README, CONNECT = ROOT / "README.md", ROOT / "docs/connect.md"
TESTED = re.compile(r"^<!-- tested -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pasted(demo: Demo, blocks: list[str]) -> str:
    """What the commands print; none of them fails."""
    script = "\n".join(blocks).replace("http://127.0.0.1:8000", demo.url)
    script = script.replace("http://127.0.0.1:4010", f"http://127.0.0.1:{demo.sandbox_port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=demo.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_certificate_with_curl(demo: Demo) -> None:
    blocks = TESTED.findall(README.read_text())
    assert len(blocks) == 5
    printed = pasted(demo, blocks)
    assert "demo/shop.pem: OK" in printed
    assert "urn:scm-api:problem:name-not-allowed" in printed


def test_a_ca_of_ones_own_with_curl(demo: Demo) -> None:
    blocks = TESTED.findall(CONNECT.read_text())
    assert len(blocks) == 6
    printed = pasted(demo, [TESTED.findall(README.read_text())[0], *blocks])
    assert "accepts the credentials" in printed
    assert "www.my.example.com\n" in printed
