import hashlib
import random
import time
from math import prod

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificatePublicKeyTypes,
)
from cryptography.hazmat.primitives.serialization import Encoding
from csr_builder import (
    ec_key,
    facts_of,
    request,
    request_for,
    rsa_request,
    spki_of,
    unsigned_rsa_request,
)
from hypothesis import given
from hypothesis import strategies as st
from key_numbers import dsa_key, prime, rsa_key

from scm_api.core.csr import read_csr
from scm_api.core.errors import Fault
from scm_api.core.key_policy import judge_key, judge_key_in_use
from scm_api.core.key_types import KEY_TYPES, key_type_of
from scm_api.core.weak_keys import Blocklist, KeyChecks

EVERY_TYPE = frozenset(KEY_TYPES)
ROCA_MODULUS = 0x924CBA6AE99DFA084537FACC54948DF0C23DA044D8CABE0EDD75BC6


DSA_KEY = dsa_key()


def judge(
    der: bytes,
    *,
    allowed: frozenset[str] = frozenset(),
    ca_takes: frozenset[str] = EVERY_TYPE,
    checks: KeyChecks | None = None,
    blocked: bool = False,
) -> list[Fault]:
    faults = judge_key(facts_of(der), allowed, ca_takes, checks or KeyChecks(), blocked=blocked)
    assert all(fault.pointer == "/csr" for fault in faults)
    return faults


HONEST = prime(1024, 0) * prime(1024, 1)


def test_good_keys_pass() -> None:
    assert judge(request_for("a.test")) == []
    assert judge(rsa_request(rsa_key(), "a.test"), allowed=frozenset({"rsa-2048"})) == []
    assert judge(unsigned_rsa_request(HONEST)) == []


def test_t19_types_off_the_list_are_refused() -> None:
    allowed = frozenset({"rsa-4096", "rsa-3072", "ed25519"})
    ca_takes = frozenset({"rsa-2048", "rsa-3072", "rsa-4096"})
    (fault,) = judge(rsa_request(rsa_key(), "a"), allowed=allowed, ca_takes=ca_takes)
    assert fault.code == "key-not-allowed"
    assert fault.detail == "The key of the CSR is of type rsa-2048; the profile does not allow it."
    assert fault.accepted == "rsa-3072, rsa-4096"
    (fault,) = judge(request_for("a"), allowed=allowed | {"ec-p256"}, ca_takes=ca_takes)
    assert "the CA does not take it" in fault.detail
    (fault,) = judge(request_for("a"), allowed=frozenset({"ed25519"}), ca_takes=ca_takes)
    assert fault.accepted == "none: the profile and the CA have no key type in common"


@pytest.mark.parametrize(
    ("bits", "modulus"),
    [(1024, prime(512, 0) * prime(512, 1)), (2047, prime(1023, 0) * prime(1024, 0))],
    ids=["1024", "2047"],
)
def test_t19_short_rsa_keys_are_refused(bits: int, modulus: int) -> None:
    faults = judge(unsigned_rsa_request(modulus))
    assert [fault.code for fault in faults] == ["key-not-allowed"]
    assert f"rsa-{bits}; no profile takes it" in faults[0].detail


def test_t19_other_curves_are_refused() -> None:
    for curve in (ec.SECP192R1(), ec.SECP256K1(), ec.BrainpoolP256R1()):
        key = ec.generate_private_key(curve)
        (fault,) = judge(request(spki=spki_of(key.public_key())))
        assert fault.code == "key-not-allowed"
        assert fault.accepted == ", ".join(KEY_TYPES)


@pytest.mark.parametrize("exponent", [3, 17, 65535, 2**256 + 1])
def test_t19_small_even_and_huge_exponents_are_refused(exponent: int) -> None:
    faults = judge(unsigned_rsa_request(HONEST, exponent))
    assert [fault.code for fault in faults] == ["key-not-allowed"]
    assert "exponent" in faults[0].detail
    assert len(faults[0].detail) < 150


@pytest.mark.parametrize("exponent", [1, 2, 65536, 65538])
def test_t19_exponents_that_are_none_are_refused_when_the_key_is_read(exponent: int) -> None:
    facts, faults = read_csr(unsigned_rsa_request(HONEST, exponent))
    assert facts is None
    assert [fault.code for fault in faults] == ["key-not-allowed"]
    assert "e must be" in faults[0].detail


MODULI = [
    (bits, prod(prime(1024, seed) for seed in range(bits // 1024)))
    for bits in (2048, 3072, 4096, 8192)
]


@pytest.mark.parametrize(("bits", "modulus"), MODULI, ids=KEY_TYPES[:4])
def test_every_rsa_size_a_profile_may_allow_is_read_and_judged(bits: int, modulus: int) -> None:
    taken = frozenset({f"rsa-{bits}"})
    assert judge(unsigned_rsa_request(modulus), allowed=taken, ca_takes=taken) == []
    (fault,) = judge(unsigned_rsa_request(modulus), ca_takes=EVERY_TYPE - taken)
    assert "the CA does not take it" in fault.detail


SIGNED_KEYS = (
    ec.generate_private_key(ec.SECP256R1()),
    ec.generate_private_key(ec.SECP384R1()),
    ec.generate_private_key(ec.SECP521R1()),
    ed25519.Ed25519PrivateKey.generate(),
    mldsa.MLDSA44PrivateKey.generate(),
    mldsa.MLDSA65PrivateKey.generate(),
    mldsa.MLDSA87PrivateKey.generate(),
)


@pytest.mark.parametrize(
    ("key", "key_type"), list(zip(SIGNED_KEYS, KEY_TYPES[4:], strict=True)), ids=KEY_TYPES[4:]
)
def test_every_other_type_is_read_verified_and_judged(
    key: CertificateIssuerPrivateKeyTypes, key_type: str
) -> None:
    algorithm = hashes.SHA384() if isinstance(key, ec.EllipticCurvePrivateKey) else None
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    der = builder.sign(key, algorithm).public_bytes(Encoding.DER)
    facts, faults = read_csr(der)
    assert faults == []
    assert facts is not None
    assert facts.key_type == key_type
    assert judge(der, allowed=frozenset({key_type}), ca_takes=frozenset({key_type})) == []
    (fault,) = judge(der, ca_takes=frozenset({"rsa-2048"}))
    assert fault.detail == f"The key of the CSR is of type {key_type}; the CA does not take it."


@pytest.mark.parametrize(
    ("modulus", "reason"),
    [
        (HONEST + 1, "small factor"),
        (3 * ((3 << 2044) + 2333), "small factor"),
        (((3 << 1022) + 1037) * ((3 << 1022) + 2**20 + 1015), "too close"),
        (((1 << 1024) - (2 << 900) + 879) * ((1 << 1024) - (1 << 900) + 121), "broken generator"),
        (pow(65537, 1234567, ROCA_MODULUS) + ROCA_MODULUS * (1 << 1828), "ROCA"),
    ],
    ids=["a small factor", "3", "close primes", "broken generator", "ROCA"],
)
def test_t19_weak_rsa_keys_are_refused_with_the_reason(modulus: int, reason: str) -> None:
    faults = judge(unsigned_rsa_request(modulus))
    assert {fault.code for fault in faults} == {"key-not-allowed"}
    assert any(reason in fault.detail for fault in faults)
    assert str(modulus)[:20] not in str(faults)


@pytest.mark.parametrize(
    "modulus",
    [2**2047, 3 * 2**2046, (2**1023 + 9) << 1024, 2**2047 + 2],
    ids=["2^2047", "3*2^2046", "odd*2^1024", "2^2047+2"],
)
def test_t19_even_moduli_are_refused(modulus: int) -> None:
    (fault,) = judge(unsigned_rsa_request(modulus))
    assert fault.detail == "The key is refused: its modulus has a small factor."


def test_t24_the_costliest_moduli_cost_little() -> None:
    random.seed(24)
    judge(unsigned_rsa_request(HONEST))  # what the first key of a process waits for
    for bits in (2048, 3072, 4096, 8192):
        odd = random.getrandbits(bits) | 1 | 1 << (bits - 1)
        costly = (
            2 ** (bits - 1) + 1,  # 3 times something that is hardly composite
            2**bits - 1,
            (2 ** (bits // 2 - 1) + 1) ** 2,
            odd - odd % 65537 + 65537,
            prod(prime(1024, seed) for seed in range(bits // 1024)),
        )
        for modulus in costly:
            der = unsigned_rsa_request(modulus, 2**256 - 1)
            started = time.process_time()
            judge(der)
            assert time.process_time() - started < 0.1


def test_keys_of_a_type_nobody_takes_are_not_checked_further() -> None:
    (fault,) = judge(unsigned_rsa_request(2**2047 + 1), ca_takes=frozenset({"ec-p256"}))
    assert "the CA does not take it" in fault.detail


SHAPES = st.one_of(
    st.integers(2**2047, 2**2048 - 1),
    st.builds(lambda high, low: 2**2047 | high << low, st.integers(1, 2**40), st.integers(0, 2000)),
    st.builds(lambda low: 2**2048 - low, st.integers(1, 2**40)),
    st.builds(lambda part, copies: part * copies, st.integers(2**1023, 2**1024), st.just(2**1024)),
    st.builds(lambda octets: int.from_bytes(octets * 64), st.binary(min_size=4, max_size=4)),
)


@given(SHAPES, st.sampled_from([3, 65537, 2**64 + 1, 2**2046 + 1]))
def test_t19_no_modulus_is_too_strange_to_be_judged(modulus: int, exponent: int) -> None:
    facts, faults = read_csr(unsigned_rsa_request(modulus, exponent))
    if facts is None:
        assert faults
    else:
        judge_key(facts, frozenset(), EVERY_TYPE, KeyChecks(), blocked=False)


def test_t19_a_key_that_cannot_be_checked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr("badkeys.checks.checkrsa", fail)
    (fault,) = judge(unsigned_rsa_request(HONEST))
    assert fault.code == "key-not-allowed"
    assert "could not be checked" in fault.detail
    assert "canary" not in fault.detail


ABOUT = {"bkformat": 0, "blocklists": [{"id": 7, "name": "debianssl"}]}


def blocklist(*materials: bytes) -> Blocklist:
    records = sorted(hashlib.sha256(material).digest()[:15] for material in materials)
    return Blocklist(b"".join(record + b"\x07" for record in records), ABOUT)


def octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def test_t19_keys_on_the_blocklist_are_refused() -> None:
    listed = [octets(HONEST), *(f"other {number}".encode() for number in range(20))]
    checks = KeyChecks(blocklist(*listed))
    (fault,) = judge(unsigned_rsa_request(HONEST), checks=checks)
    assert fault.code == "key-not-allowed"
    assert "debianssl" in fault.detail
    assert judge(rsa_request(rsa_key(), "a.test"), checks=checks) == []
    assert judge(request_for("a.test"), checks=checks) == []


def test_every_kind_of_key_is_looked_up() -> None:
    ed = ed25519.Ed25519PrivateKey.generate().public_key()
    ml = mldsa.MLDSA44PrivateKey.generate().public_key()
    old = DSA_KEY
    curve = ec_key().public_key()
    listed = blocklist(
        ed.public_bytes_raw().lstrip(b"\0"),
        ml.public_bytes_raw(),
        octets(old.public_numbers().y),
        octets(curve.public_numbers().x),
    )
    checks = KeyChecks(listed)
    assert all(checks.reasons_against(key) for key in (ed, ml, old, curve))
    fresh = ed25519.Ed25519PrivateKey.generate().public_key()
    assert checks.reasons_against(fresh) == []
    assert KeyChecks().reasons_against(ed) == []


def test_an_unnamed_list_is_still_a_list() -> None:
    record = hashlib.sha256(octets(HONEST)).digest()[:15] + b"\x09"
    (fault,) = judge(unsigned_rsa_request(HONEST), checks=KeyChecks(Blocklist(record, ABOUT)))
    assert "list 9" in fault.detail


@pytest.mark.parametrize(("data", "bkformat"), [(b"x" * 16, 1), (b"x" * 17, 0)])
def test_a_strange_blocklist_is_refused(data: bytes, bkformat: int) -> None:
    with pytest.raises(ValueError, match="badkeys blocklist"):
        Blocklist(data, {"bkformat": bkformat, "blocklists": []})


def test_t20_blocked_keys_are_refused() -> None:
    faults = judge(request_for("a.test"), blocked=True)
    assert [fault.code for fault in faults] == ["key-blocked"]


@pytest.mark.parametrize("in_use", [True, False])
@pytest.mark.parametrize("refused", [True, False])
def test_t21_a_key_in_use_is_refused_where_that_is_the_rule(*, in_use: bool, refused: bool) -> None:
    codes = [fault.code for fault in judge_key_in_use(in_use=in_use, refused=refused)]
    assert codes == (["key-in-use"] if in_use and refused else [])


def test_every_reason_is_told_at_once() -> None:
    faults = judge(unsigned_rsa_request(HONEST + 1, 3), blocked=True)
    assert [fault.code for fault in faults] == ["key-not-allowed", "key-not-allowed", "key-blocked"]
    faults = judge(unsigned_rsa_request(2 * (2**1022 + 1), 3), blocked=True)
    assert [fault.code for fault in faults] == ["key-not-allowed", "key-not-allowed", "key-blocked"]
    assert "rsa-1024" in faults[0].detail


@pytest.mark.parametrize(
    ("key", "spelled"),
    [
        (ec.generate_private_key(ec.SECP521R1()).public_key(), "ec-p521"),
        (ed25519.Ed25519PrivateKey.generate().public_key(), "ed25519"),
        (ed448.Ed448PrivateKey.generate().public_key(), "ed448"),
        (mldsa.MLDSA65PrivateKey.generate().public_key(), "ml-dsa-65"),
        (DSA_KEY, "dsa-1024"),
        (x25519.X25519PrivateKey.generate().public_key(), "unknown"),
    ],
)
def test_key_types_are_spelled_the_same_everywhere(
    key: CertificatePublicKeyTypes, spelled: str
) -> None:
    assert key_type_of(key) == spelled
