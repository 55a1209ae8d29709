import base64
import time
import tracemalloc

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, mlkem, x448, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from csr_builder import (
    CN,
    NULL,
    UPN,
    address,
    attribute,
    dh_spki,
    ec_key,
    extension,
    integer,
    oid,
    other_name,
    pem,
    rdn,
    request,
    request_for,
    sequence,
    spki_of,
    tlv,
    unsigned_rsa_request,
    wanted,
)
from hypothesis import given
from hypothesis import strategies as st
from key_numbers import dsa_key, prime, rsa_key

from scm_api.core.csr import MAX_CSR_TEXT, read_csr
from scm_api.core.csr_policy import judge_csr
from scm_api.core.csr_text import holds_private_key
from scm_api.core.domain_policy import DomainPolicy
from scm_api.core.key_making import KeyFormat, encrypted
from scm_api.core.key_policy import judge_key
from scm_api.core.key_types import KEY_TYPES
from scm_api.core.requested_names import judge_names
from scm_api.core.vocabulary import CertificateType
from scm_api.core.weak_keys import KeyChecks

GOOD = request_for("a.example.test", cn="a.example.test")


def private_dsa_key(modulus: int, order: int) -> bytes:
    """PKCS#8 without the public half, which would have to be computed: modulus, order, number."""
    numbers = sequence(integer(modulus), integer(order), integer(2))
    algorithm = sequence(oid("1.2.840.10040.4.1"), numbers)
    return sequence(integer(0), algorithm, tlv(0x04, integer(order - 1)))


def _private_keys() -> list[str | bytes]:
    key = ec_key()
    canary = PrivateFormat.PKCS8
    plain = key.private_bytes(Encoding.DER, canary, NoEncryption())
    sealed = key.private_bytes(Encoding.DER, canary, BestAvailableEncryption(b"x"))
    traditional = rsa_key().private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    ssh = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    made = encrypted(key, KeyFormat.PKCS12, "password")
    old = sequence(
        sequence(oid("1.2.840.113549.1.12.1.3"), sequence(tlv(4, b"salt1234"), integer(2048))),
        tlv(4, b"canary" * 8),
    )
    return [
        pem(plain, "PRIVATE KEY"),
        pem(sealed, "ENCRYPTED PRIVATE KEY"),
        pem(traditional, "RSA PRIVATE KEY"),
        pem(GOOD) + pem(plain, "EC PRIVATE KEY"),
        pem(plain, "private key"),
        pem(plain, "PGP PRIVATE KEY BLOCK"),
        pem(plain, "PRIVATE KEY").encode("utf-16-le").decode("latin-1"),
        ssh.decode(),
        ssh,
        "PuTTY-User-Key-File-3: ssh-ed25519",
        base64.b64encode(plain).decode(),
        base64.b64encode(traditional).decode(),
        base64.b64encode(sealed).decode(),
        base64.b64encode(pem(plain, "PRIVATE KEY").encode()).decode(),
        pem(plain),
        made,
        plain,
        key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        traditional[:-100],
        sealed[:-20],
        old,
        private_dsa_key(prime(1024, 0), prime(1024, 1)),
    ]


@pytest.mark.parametrize("text", _private_keys())
def test_t23_private_keys_are_recognised_and_not_repeated(text: str | bytes) -> None:
    facts, faults = read_csr(text)
    assert facts is None
    assert [fault.code for fault in faults] == ["private-key-received"]
    shown = text.decode("latin-1") if isinstance(text, bytes) else text
    assert not any(part in str(faults) for part in shown.split() if len(part) > 20)


def test_t23_private_keys_beside_the_csr_can_be_looked_for() -> None:
    assert holds_private_key("-----BEGIN RSA PRIVATE KEY-----")
    assert not holds_private_key(pem(GOOD))


@pytest.mark.parametrize(
    "text",
    [
        "A" * 2_000_000,
        b"\x30" * (MAX_CSR_TEXT + 1),
        "A" * MAX_CSR_TEXT,
        request_for(*["a"] * 7_000),
        request_for(*[f"n{index}.test" for index in range(251)]),
        request(subject=[rdn(CN, "a")] * 1_500),
        request_for("a", extensions=[extension(f"1.2.{n}", NULL) for n in range(32)]),
        request(attributes=[attribute(f"1.2.{n}", NULL) for n in range(17)]),
    ],
)
def test_t24_large_requests_are_refused(text: str | bytes) -> None:
    facts, faults = read_csr(text)
    assert facts is None
    assert [fault.code for fault in faults] == ["csr-too-large"]
    assert len(str(faults)) < 1_000


def test_t24_enormous_keys_are_refused_unverified() -> None:
    for modulus in (2**16383 + 1, 2**8192 + 1):
        facts, faults = read_csr(unsigned_rsa_request(modulus))
        assert facts is None
        assert [fault.code for fault in faults] == ["key-not-allowed"]


@pytest.mark.parametrize(
    "spki",
    [
        dh_spki(prime(1024, 0)),
        dh_spki(2**10_000 - 1, 2**9_999 - 1),
        spki_of(dsa_key()),
        spki_of(ed448.Ed448PrivateKey.generate().public_key()),
        spki_of(x25519.X25519PrivateKey.generate().public_key()),
        spki_of(x448.X448PrivateKey.generate().public_key()),
        spki_of(mlkem.MLKEM768PrivateKey.generate().public_key()),
        sequence(sequence(oid("1.2.3.4")), tlv(3, b"\0")),
    ],
    ids=["dh", "x942-dh", "dsa", "ed448", "x25519", "x448", "ml-kem", "unknown"],
)
def test_t24_keys_no_profile_takes_are_refused_unread(spki: bytes) -> None:
    facts, faults = read_csr(request(spki=spki))
    assert facts is None
    assert [fault.code for fault in faults] == ["key-not-allowed"]
    assert "no profile takes it" in faults[0].detail
    assert faults[0].accepted == ", ".join(KEY_TYPES)


def test_t24_bombs_cost_little() -> None:
    bombs: list[str | bytes] = [
        "A" * 2_000_000,
        base64.b64encode(request_for(*["a"] * 7_000)).decode(),
        request_for(tlv(0xA4, sequence(*[rdn(CN, "a")] * 1_500))),
        request(subject=[rdn(CN, "a")] * 1_500),
        unsigned_rsa_request(2**16383 + 1),
        unsigned_rsa_request(2**3071 + 1, 2**3070 + 1),
        "-----BEGIN CERTIFICATE REQUEST-----\n" + " \t" * 16_000,
        "-----BEGIN " * 2_900,
        private_dsa_key(2**20_000 + 1, 2**20_000 - 1),
        request(spki=dh_spki(2**4095 + 9)),
        request(spki=dh_spki(2**10_000 - 1, 2**9_999 - 1)),
    ]
    tracemalloc.start()
    started = time.process_time()
    for bomb in bombs:
        read_csr(bomb)
    spent = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 0.2 * len(bombs)
    assert peak < 20 * 2**20


RICH = request_for(
    "a.test",
    address(bytes([10, 0, 0, 1])),
    tlv(0xA4, sequence(rdn(CN, "x"))),
    other_name(UPN, tlv(0x0C, b"jo@corp")),
    cn="a.test",
    subject=[rdn("2.5.4.6", "DE", 0x13), rdn("2.5.4.45", b"\0a", 3)],
    extensions=[
        wanted(x509.BasicConstraints(ca=False, path_length=None)),
        wanted(x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.1")])),
        wanted(x509.TLSFeature([x509.TLSFeatureType.status_request])),
        wanted(x509.NameConstraints([x509.DNSName("a.test")], None)),
    ],
    attributes=[attribute("1.2.840.113549.1.9.7", tlv(0x0C, b"secret"))],
)
TAGS = (*range(7), 0x0C, 0x13, 0x16, 0x1E, 0x30, 0x31, 0x80, 0x82, 0x87, 0xA0, 0xA4, 0xFF)


@pytest.mark.filterwarnings("ignore:Attribute's length")
@given(st.integers(0, len(RICH) - 1), st.sampled_from(TAGS) | st.integers(0, 255))
def test_t24_damaged_requests_are_judged_without_an_exception(place: int, octet: int) -> None:
    damaged = bytearray(RICH)
    damaged[place] = octet
    facts, faults = read_csr(bytes(damaged))
    if facts is None:
        assert faults
    else:
        judge_csr(facts, CertificateType.SSL)
        judge_names(DomainPolicy(), ("*.test",), facts, None)
        judge_key(facts, frozenset(), frozenset(), KeyChecks(), blocked=False)
