"""What the demo knows of a CA behind its simulator, and how it finds that out."""

import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.demo.processes import Child, DemoError

_PATIENCE: Final = 60  # seconds


@dataclass(frozen=True, slots=True)
class Ca:
    """One CA, running. `local` are options and secrets that reach it, `ordering` what a profile
    chooses, `root` PEM read from the simulator's own files.

    `prove`, where the CA validates, tells it whether control over the domain was proven; then it
    also wants an organization assigned. `key_types`, where not every one will do, go into the
    profile, and the first is that of the keys made; `days` is the term.
    """

    name: str
    title: str
    local: Mapping[str, Any]
    ordering: Mapping[str, Any]
    root: bytes
    prove: Callable[[bool], None] | None = None
    key_types: tuple[str, ...] | None = None
    days: int = 90


@dataclass(frozen=True, slots=True)
class Simulated:
    """One simulator: `scm-api sandbox NAME` with `arguments`, and what it says once it listens.

    `meet` makes the CA of what `listens` captured there and of its state directory.
    """

    name: str
    title: str
    listens: re.Pattern[str]
    meet: Callable[[tuple[str, ...], Path], Ca]
    arguments: tuple[str, ...] = ("--port", "0")

    def running(self, child: Child, state: Path) -> Ca:
        """The CA, once its simulator listens. Raises DemoError."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            found = self.listens.search(child.log.read_text(errors="replace"))
            if found is not None:
                return self.meet(found.groups(), state)
            child.require_alive()
            time.sleep(0.05)
        raise DemoError(f"The {child.title} does not listen after {_PATIENCE} seconds.")


def root_in(file: Path) -> bytes:
    """The first certificate of a PEM file, which is the root."""
    [root, *_] = x509.load_pem_x509_certificates(file.read_bytes())
    return root.public_bytes(Encoding.PEM)


def tell(url: str, body: dict[str, Any], trusted: str | None = None) -> None:
    """Change something by a simulator's control interface."""
    context = ssl.create_default_context(cadata=trusted)
    httpx.patch(url, json=body, verify=context, timeout=10, trust_env=False).raise_for_status()
