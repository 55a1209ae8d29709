"""The simulators of CAs that validate organizations and domains: where they are, what they trust,
and the owner of a domain doing their part."""

import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.demo.processes import Child, DemoError

_PATIENCE: Final = 60  # seconds
_DOMAIN: Final = "example.com"
_DIGICERT: Final = re.compile(r"listening on (http\S+)/services/v2 \(API key (\S+)\)")
_ENTRUST: Final = re.compile(r"listening on (https\S+) \(user (\S+), API key (\S+), trust (.+)\)")


@dataclass(frozen=True, slots=True)
class ValidatingCa:
    """One simulator. `local` are options and secrets that reach it, `ordering` what a profile
    chooses, `root` PEM read from the simulator's own files. `prove` tells it whether control over
    the domain was proven."""

    name: str
    title: str
    local: dict[str, Any]
    ordering: dict[str, Any]
    root: bytes
    prove: Callable[[bool], None]


def digicert(child: Child, state: Path) -> ValidatingCa:
    """CertCentral's simulator, once it listens. Raises DemoError."""
    url, key = _said(child, _DIGICERT)

    def prove(done: bool) -> None:
        _control(f"{url}/_sandbox/domains/{_DOMAIN}", {"complete": done})

    return ValidatingCa(
        "digicert",
        "DigiCert CertCentral",
        {
            "options": {"backend_type": "digicert", "endpoint_url": url},
            "secrets": {"backend_type": "digicert", "api_key": key},
        },
        {"backend_type": "digicert", "product": "ssl_basic"},
        _root(state),
        prove,
    )


def entrust(child: Child, state: Path) -> ValidatingCa:
    """Entrust's simulator, once it listens. Raises DemoError."""
    url, user, key, trust = _said(child, _ENTRUST)
    trusted = Path(trust).read_text()

    def prove(done: bool) -> None:
        status = "APPROVED" if done else "INITIAL_VERIFICATION"
        _control(f"{url}/_sandbox/domains/{_DOMAIN}", {"status": status}, trusted)

    requester = {"name": "Demo admin", "email": "demo@example.com", "phone": "+35315550100"}
    return ValidatingCa(
        "entrust",
        "Entrust Certificate Services",
        {
            "options": {
                "backend_type": "entrust",
                "endpoint_url": url,
                "trusted_certificates": trusted,
                "requester": requester,
            },
            "secrets": {"backend_type": "entrust", "username": user, "api_key": key},
        },
        {"backend_type": "entrust", "ecs": {"cert_type": "ADVANTAGE_SSL"}},
        _root(state),
        prove,
    )


def _said(child: Child, pattern: re.Pattern[str]) -> tuple[str, ...]:
    """What the simulator says of itself when it listens; its port is one that was free."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = pattern.search(child.log.read_text(errors="replace"))
        if found is not None:
            return found.groups()
        child.require_alive()
        time.sleep(0.05)
    raise DemoError(f"The {child.title} does not listen after {_PATIENCE} seconds.")


def _root(state: Path) -> bytes:
    [root, *_] = x509.load_pem_x509_certificates((state / "public.pem").read_bytes())
    return root.public_bytes(Encoding.PEM)


def _control(url: str, body: dict[str, Any], trusted: str | None = None) -> None:
    context = ssl.create_default_context(cadata=trusted)
    httpx.patch(url, json=body, verify=context, timeout=10, trust_env=False).raise_for_status()
