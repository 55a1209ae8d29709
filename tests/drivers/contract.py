"""What the contract suite needs of a backend type: a CA to talk to and ways to disturb it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from scm_api.core.names import Name
from scm_api.core.vocabulary import NameKind
from scm_api.drivers.base import Driver, Issued, Order, Pending, Rejected
from scm_api.drivers.kinds import BackendKind

KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass
class RecordingLimiter:
    """Lets everything pass, and remembers what it was asked for."""

    acquired: list[tuple[str, float]] = field(default_factory=list)
    slowed: list[tuple[str, timedelta]] = field(default_factory=list)

    async def acquire(self, key: str, per_second: float) -> None:
        self.acquired.append((key, per_second))

    async def slow_down(self, key: str, wait: timedelta) -> None:
        self.slowed.append((key, wait))


class Harness(Protocol):
    """A running CA of one backend type, back at its start for each test."""

    kind: BackendKind
    connection: Any
    secrets: Any
    options: Any
    """Profile options that work."""

    wrong_options: Any
    """Profile options that read well and that the CA refuses."""

    wrong_secrets: Any
    """Secrets that read well and that the CA does not accept."""

    other_secrets: Any
    """Other secrets that the CA accepts."""

    unreachable: Any
    """Connection options that lead to a port where nobody listens."""

    organization: str | None
    """An external organization that is validated, where the CA wants one."""

    product: str
    """The product of `options`, where the CA lists products."""

    confidential: str
    """The secret in `secrets` and `wrong_secrets` that must never be repeated."""

    def lose_answer(self, verb: str) -> None:
        """The next `submit`, `poll` or `revoke` is carried out, but not answered."""

    def fail(self, verb: str) -> None:
        """The next call answers with an error of the server."""

    def throttle(self, verb: str) -> None:
        """The next call is refused for being too fast."""

    def hold(self) -> None:
        """Let orders wait from here on; asked only where orders can be canceled."""

    def orders(self) -> int:
        """How many certificates the CA made."""

    def revocations(self) -> list[int]:
        """Serial numbers revoked at the CA."""

    def callers(self) -> list[str]:
        """Who the CA saw calling, in order, as names of `secrets` and `other_secrets`."""

    def name_of(self, secrets: Any) -> str:
        """The name `callers` has for these secrets."""


def needs(held: bool, capability: str) -> None:
    """Skip the test where a backend type cannot do what it is about."""
    if not held:
        pytest.skip(f"this backend type does not have: {capability}")


def new_order(*names: str, term_days: int = 5) -> Order:
    """An order for a P-256 key and DNS names."""
    wanted = names or ("www.example.com",)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted[0])])
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in wanted]), critical=False
        )
        .sign(KEY, hashes.SHA256())
    )
    return Order(
        uuid4(),
        str(uuid4()),
        csr.public_bytes(Encoding.DER),
        term_days,
        datetime.now(UTC),
        common_name=wanted[0],
        names=tuple(Name(NameKind.DNS, name) for name in wanted),
    )


def order_for(harness: Harness, *names: str) -> Order:
    """An order for the harness's organization."""
    return replace(new_order(*names), external_organization=harness.organization)


async def outcome_of(
    driver: Driver, first: Issued | Pending | Rejected, options: Any
) -> Issued | Rejected:
    """Poll without waiting until the CA has decided."""
    result = first
    for _ in range(20):
        if not isinstance(result, Pending):
            return result
        result = await driver.poll(result.ca_ref, options)
    raise AssertionError("the CA did not decide")


async def issue(driver: Driver, options: Any, order: Order | None = None) -> Issued:
    """One certificate, from order to issuance."""
    first = await driver.submit(order or new_order(), options)
    result = await outcome_of(driver, first, options)
    assert isinstance(result, Issued)
    return result
