"""F10, I2: whatever a CA writes into a certificate, it is recorded, quarantined and revocable."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from approvals import at_work
from asn1crypto import algos
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from csrs import csr_for
from estate import Estate, Json
from memory_ca.authority import Authority, der
from memory_estate import memory_chain
from scm_api.settings import Settings
from settlement import Enrolling

pytestmark = pytest.mark.filterwarnings("ignore:Attribute's length")
_ANYBODY = ec.generate_private_key(ec.SECP256R1())
_WWW = "www.example.com"
_LONG_OID = "1.2." + ".".join(["127"] * 50)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name, _validate=False)])


def _signed(
    key: Any,
    *,
    subject: str = _WWW,
    issuer: str = "Anybody",
    names: tuple[str, ...] = (_WWW,),
    begins: datetime | None = None,
) -> x509.Certificate:
    begins = begins or datetime.now(UTC) - timedelta(minutes=1)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(max(begins, datetime.now(UTC) + timedelta(days=30)))
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
        .sign(_ANYBODY, hashes.SHA256())
    )


def _rewritten(certificate: x509.Certificate, **parts: Any) -> x509.Certificate:
    """With other parts of what is signed, and so a signature that is none."""
    draft = asn1_x509.Certificate.load(der(certificate))
    for name, value in parts.items():
        draft["tbs_certificate"][name] = value
    if "signature" in parts:
        draft["signature_algorithm"] = parts["signature"]
    return x509.load_der_x509_certificate(draft.dump(force=True))


def _unknown_algorithm(key: Any) -> x509.Certificate:
    algorithm = algos.SignedDigestAlgorithm({"algorithm": _LONG_OID})
    return _rewritten(_signed(key), signature=algorithm)


def _incompressible(length: int) -> str:
    return "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


_HOSTILE: Mapping[str, Callable[[Any], x509.Certificate]] = {
    "long common name": lambda key: _signed(key, subject="c" * 300),
    "NUL in the common name": lambda key: _signed(key, subject=f"{_WWW}\0.example.net"),
    "NUL in a name": lambda key: _signed(key, names=(_WWW, f"{_WWW}\0.example.net")),
    "names alike for long": lambda key: _signed(key, names=("n" * 600, "n" * 601)),
    "long issuer": lambda key: _signed(key, issuer=_incompressible(8_000)),
    "unknown algorithm": _unknown_algorithm,
    "begins with the last second": lambda key: _signed(
        key, begins=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    ),
    "begins long ago": lambda key: _signed(key, begins=datetime(1950, 1, 1, tzinfo=UTC)),
}


Delivered = Callable[[Callable[[Any], x509.Certificate]], Awaitable[Json]]


@pytest.fixture
async def authority_and_enrolling(estate: Estate) -> tuple[Authority, Enrolling]:
    """A CA whose operator decides what is issued."""
    chain, authority = await memory_chain(estate, "device")
    authority.holding = True
    return authority, Enrolling(estate.api, chain)


@pytest.fixture
async def delivered(
    authority_and_enrolling: tuple[Authority, Enrolling], settings: Settings
) -> AsyncIterator[Delivered]:
    """Enrolls and gives the enrollment once the CA issued that, with a worker that goes on."""
    authority, enrolling = authority_and_enrolling

    async def deliver(hostile: Callable[[Any], x509.Certificate]) -> Json:
        path = f"/enrollments/{(await enrolling.enroll(_WWW))['id']}"
        await enrolling.until(path, "state", "pending_ca")
        authority.holding = False
        (entry,) = authority.ledger.values()
        entry.leaf = hostile(entry.wanted.csr.public_key())
        return await enrolling.until(path, "state", "parked")

    async with at_work(settings):
        yield deliver


@pytest.mark.parametrize("hostile", _HOSTILE.values(), ids=_HOSTILE)
async def test_f10_what_is_hostile_is_quarantined_and_can_be_revoked(
    authority_and_enrolling: tuple[Authority, Enrolling],
    delivered: Delivered,
    hostile: Callable[[Any], x509.Certificate],
) -> None:
    authority, enrolling = authority_and_enrolling
    shown = await delivered(hostile)
    assert shown["reason_code"] == "certificate-quarantined", shown["reason"]
    path = f"/certificates/{shown['certificate_id']}"
    assert (await enrolling.api.get(path))["quarantined"]
    await enrolling.api.post(f"{path}/revoke", {"reason": "unspecified"}, 202)
    await enrolling.until(path, "revocation.state", "done")
    (entry,) = authority.ledger.values()
    assert entry.leaf is not None
    assert list(authority.revoked) == [entry.leaf.serial_number]


@pytest.mark.parametrize("serial_number", [-5, 2**239 - 1])
async def test_f10_a_serial_number_nobody_can_revoke_is_left_to_a_person(
    delivered: Delivered, serial_number: int
) -> None:
    shown = await delivered(lambda key: _rewritten(_signed(key), serial_number=serial_number))
    assert shown["reason_code"] == "certificate-unreadable", shown["reason"]


async def test_t20_a_key_that_is_compromised_while_the_ca_has_the_order_is_not_handed_out(
    authority_and_enrolling: tuple[Authority, Enrolling], settings: Settings
) -> None:
    authority, enrolling = authority_and_enrolling
    csr = csr_for(_WWW)
    async with at_work(settings):
        authority.holding = False
        made = await enrolling.settled((await enrolling.enroll(csr=csr))["id"])
        authority.holding = True
        path = f"/enrollments/{(await enrolling.enroll(csr=csr))['id']}"
        await enrolling.until(path, "state", "pending_ca")
        body = {"reason": "key_compromise"}
        await enrolling.api.post(f"/certificates/{made['certificate_id']}/revoke", body, 202)
        authority.release()
        parked = await enrolling.until(path, "state", "parked")
    assert parked["reason_code"] == "certificate-quarantined"
    assert "blocked as compromised" in parked["reason"]
    content = f"/certificates/{parked['certificate_id']}/content"
    await enrolling.api.send("GET", content, 409)
