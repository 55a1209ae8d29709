import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from csr_builder import (
    CN,
    ECDSA_SHA256,
    EXTENSION_REQUEST,
    NULL,
    OLD_EXTENSION_REQUEST,
    ORGANIZATION,
    RSA_SHA256,
    UPN,
    address,
    attribute,
    dns,
    ec_key,
    extension,
    extension_request,
    facts_of,
    integer,
    oid,
    other_name,
    pem,
    rdn,
    request,
    request_for,
    rsa_request,
    san,
    sequence,
    sign_ec,
    spki_of,
    tlv,
    unsigned_rsa_request,
)
from hypothesis import given
from hypothesis import strategies as st
from key_numbers import rsa_key

from scm_api.core.csr import MAX_CSR_DER, MAX_CSR_TEXT, read_csr
from scm_api.core.errors import Fault
from scm_api.core.names import Name
from scm_api.core.vocabulary import NameKind

TLS_FEATURE = "1.3.6.1.5.5.7.1.24"
GOOD = request_for("a.example.test", cn="a.example.test")
UNUSED_BITS = len(GOOD) - len(x509.load_der_x509_csr(GOOD).signature) - 1
"""Where the signature's BIT STRING counts its unused bits: outside of all that is signed."""


def codes(text: str | bytes) -> list[str]:
    facts, faults = read_csr(text)
    assert facts is not None or faults
    return [fault.code for fault in faults]


def test_facts_are_what_the_request_says() -> None:
    der = request(
        subject=[
            rdn(ORGANIZATION, "Example Ltd"),
            rdn(CN, "A.example.test"),
            rdn("2.5.4.45", b"\0\xab", 3),
        ],
        attributes=[
            extension_request(
                extension("2.5.29.17", sequence(dns("A.example.test")), critical=True),
                extension("2.5.29.14", tlv(4, b"id")),
            )
        ],
    )
    facts, faults = read_csr(der)
    assert faults == []
    assert facts is not None
    assert facts.der == der
    assert facts.public_key == ec_key().public_key()
    assert facts.spki_der == spki_of(ec_key().public_key())
    assert len(facts.spki_sha256) == 64
    assert facts.key_type == "ec-p256"
    assert facts.subject == (
        (ORGANIZATION, "Example Ltd"),
        (CN, "A.example.test"),
        ("2.5.4.45", "00ab"),
    )
    assert facts.common_names == ("A.example.test",)
    assert facts.names == (Name(NameKind.DNS, "A.example.test"),)
    assert facts.san_critical
    assert [each.oid.dotted_string for each in facts.extensions] == ["2.5.29.17", "2.5.29.14"]
    assert facts.attribute_oids == (EXTENSION_REQUEST,)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        pem(GOOD),
        pem(GOOD, "NEW CERTIFICATE REQUEST"),
        "\r\n\t " + pem(GOOD).replace("\n", "\r\n") + "\n\n",
        base64.b64encode(GOOD).decode(),
        base64.encodebytes(GOOD).decode(),
        rsa_request(rsa_key(), "a.example.test"),
    ],
)
def test_every_accepted_form_is_read(text: str | bytes) -> None:
    assert codes(text) == []


def test_every_kind_of_name_is_read() -> None:
    directory = tlv(0xA4, sequence(rdn(CN, "x")))
    facts = facts_of(
        request_for(
            "a.test",
            address(bytes([10, 0, 0, 1])),
            tlv(0x81, b"jo@a.test"),
            tlv(0x86, b"urn:x"),
            directory,
            tlv(0x88, oid("1.2.3")[2:]),
            other_name(UPN, tlv(0x0C, b"jo@corp")),
            other_name(UPN, b"\x05\x00"),
            other_name("1.2.3", b"\x05\x00"),
        )
    )
    assert [(name.kind, name.value) for name in facts.names] == [
        (NameKind.DNS, "a.test"),
        (NameKind.IP, "10.0.0.1"),
        (NameKind.EMAIL, "jo@a.test"),
        (NameKind.URI, "urn:x"),
        (NameKind.DIRECTORY, "CN=x"),
        (NameKind.REGISTERED_ID, "1.2.3"),
        (NameKind.UPN, "jo@corp"),
        (NameKind.OTHER, f"{UPN}=0500"),
        (NameKind.OTHER, "1.2.3=0500"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "é",
        "AAAA",
        "A",
        pem(GOOD) + pem(GOOD),
        "x" + pem(GOOD),
        pem(GOOD) + "x",
        pem(GOOD, "CERTIFICATE"),
        pem(GOOD).replace("END CERT", "END NEW CERT"),
        pem(GOOD).replace("\nMI", "\nProc-Type: 4,ENCRYPTED\n\nMI"),
        GOOD + b"\0",
        GOOD[:-1],
        GOOD.replace(b"\x02\x01\x00", b"\x02\x01\x05", 1),
        request(subject=[rdn(CN, b"\xff\xfe")]),
        request(subject=[rdn(CN, b"\0a", 3)]),
        request_for("a.test", extensions=[extension(TLS_FEATURE, sequence(integer(4)))]),
        request(attributes=[attribute("1.2.840.113549.1.9.7", tlv(12, b"a"), tlv(12, b"b"))]),
        request_for(dns(b"fa\xdf.test")),
        request_for(address(bytes([10, 0, 0, 1, 255, 0, 255, 0]))),
    ],
)
def test_what_cannot_be_read_is_malformed(text: str | bytes) -> None:
    assert codes(text) == ["csr-malformed"]


def test_t01_a_changed_request_is_seen() -> None:
    facts, faults = read_csr(GOOD.replace(b"a.example.test", b"b.example.test"))
    assert [fault.code for fault in faults] == ["csr-signature-invalid"]
    assert facts is not None  # so that its names are judged all the same


ED25519, ML_DSA_44 = "1.3.101.112", "2.16.840.1.101.3.4.3.17"


@pytest.mark.parametrize("algorithm", [RSA_SHA256, ECDSA_SHA256, ED25519, ML_DSA_44])
@pytest.mark.parametrize(
    "spki",
    [
        spki_of(ec_key().public_key()),
        spki_of(rsa_key().public_key()),
        sequence(sequence(oid(ED25519)), tlv(3, b"\0" * 33)),
        sequence(sequence(oid(ML_DSA_44)), tlv(3, b"\0" * 1313)),
    ],
    ids=["ec", "rsa", "ed25519", "ml-dsa"],
)
def test_t01_a_signature_of_another_kind_is_seen(algorithm: str, spki: bytes) -> None:
    parameters = NULL if algorithm == RSA_SHA256 else b""
    for sign in (sign_ec, lambda _: b"", lambda _: b"\x01" * 256):
        der = request(spki=spki, algorithm=sequence(oid(algorithm), parameters), sign=sign)
        if (spki, algorithm, sign) != (spki_of(ec_key().public_key()), ECDSA_SHA256, sign_ec):
            assert codes(der) == ["csr-signature-invalid"]


def test_t09_a_doubled_extension_is_malformed() -> None:
    doubled = request(attributes=[extension_request(san(dns("a.test")), san(dns("b.test")))])
    facts, faults = read_csr(doubled)
    assert facts is None
    assert [fault.code for fault in faults] == ["csr-malformed"]
    assert "subjectAltName (2.5.29.17)" in faults[0].detail


@pytest.mark.parametrize("second", [EXTENSION_REQUEST, OLD_EXTENSION_REQUEST])
def test_t02_names_in_a_second_extension_request_are_not_overlooked(second: str) -> None:
    both = [
        extension_request(san(dns("a.test"))),
        attribute(second, sequence(san(dns("evil.test")))),
    ]
    assert codes(request(attributes=both)) == ["csr-malformed"]


def test_t13_an_address_of_five_octets_is_none() -> None:
    assert codes(request_for(address(b"\x0a\0\0\1\1"))) == ["address-not-allowed"]


def test_t18_names_the_reader_does_not_know_are_refused() -> None:
    x400 = tlv(0xA3, sequence())
    assert codes(request_for(x400)) == ["san-type-not-allowed"]


P256 = (
    2**256 - 2**224 + 2**192 + 2**96 - 1,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
)
"""p, b, both coordinates of the generator, order (FIPS 186-5); a is p - 3."""


def test_t19_a_curve_that_is_spelled_out_is_refused() -> None:
    p, b, *generator, order = (number.to_bytes(32) for number in P256)
    a = (P256[0] - 3).to_bytes(32)
    curve = sequence(
        integer(1),
        sequence(oid("1.2.840.10045.1.1"), integer(int.from_bytes(p))),
        sequence(tlv(4, a), tlv(4, b)),
        tlv(4, b"\4" + b"".join(generator)),
        integer(int.from_bytes(order)),
        integer(1),
    )
    named = spki_of(ec_key().public_key())
    point = named[-65:]
    explicit = sequence(sequence(oid("1.2.840.10045.2.1"), curve), tlv(3, b"\0" + point))
    facts, (fault,) = read_csr(request(spki=explicit))
    assert fault.code == "key-not-allowed"
    assert "RFC 5480" in fault.detail
    assert fault.accepted is not None
    assert "named_curve" in fault.accepted
    assert facts is not None
    assert facts.spki_sha256 == facts_of(request()).spki_sha256  # so that a block of the key counts


@pytest.mark.parametrize(
    ("modulus", "exponent"), [(2**2047 + 1, 1), (2**2047 + 1, 65538), (0, 3), (-5, 3), (15, 17)]
)
def test_t19_impossible_rsa_keys_are_refused(modulus: int, exponent: int) -> None:
    facts, faults = read_csr(unsigned_rsa_request(modulus, exponent))
    assert facts is None
    assert [fault.code for fault in faults] == ["key-not-allowed"]


@pytest.mark.parametrize(
    ("algorithm", "named"),
    [
        ("1.2.840.113549.1.1.5", "SHA1"),
        ("1.2.840.113549.1.1.4", "MD5"),
        ("1.2.840.113549.1.1.14", "SHA224"),
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.840.113549.1.1.10", "rsassa-pss (1.2.840.113549.1.1.10)"),
    ],
)
def test_t22_weak_signatures_are_refused(algorithm: str, named: str) -> None:
    is_pss = algorithm.endswith(".10")  # its parameters are not NULL, and here there are none
    der = request(
        spki=spki_of(rsa_key().public_key()),
        algorithm=sequence(oid(algorithm), b"" if is_pss else NULL),
        sign=lambda _: b"\x01" * 256,
    )
    _, faults = read_csr(der)
    assert [fault.code for fault in faults] == ["csr-algorithm"]
    assert named in faults[0].detail


def test_the_largest_der_fits_the_largest_pem() -> None:
    assert len(pem(b"\0" * MAX_CSR_DER)) > MAX_CSR_TEXT - 1_000  # 76 columns are not PEM's 64
    lines = -(-len(base64.b64encode(b"\0" * MAX_CSR_DER)) // 64)
    frame = len("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n")
    assert len(base64.b64encode(b"\0" * MAX_CSR_DER)) + lines + frame <= MAX_CSR_TEXT


@pytest.mark.parametrize(
    ("key", "spelled"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "ec-p384"),
        (ec.generate_private_key(ec.SECP192R1()), "ec-secp192r1"),
        (rsa_key(), "rsa-2048"),
    ],
)
def test_key_types_are_spelled(key: ec.EllipticCurvePrivateKey, spelled: str) -> None:
    facts = facts_of(request(spki=spki_of(key.public_key()), sign=sign_ec))
    assert facts.key_type == spelled


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_anything_may_be_given(text: str | bytes) -> None:
    facts, faults = read_csr(text)
    assert facts is None
    assert all(isinstance(fault, Fault) for fault in faults)


@pytest.mark.filterwarnings("ignore:Attribute's length")
@given(st.integers(0, len(GOOD) - 1).filter(UNUSED_BITS.__ne__), st.integers(1, 255))
def test_t01_no_changed_octet_passes(place: int, change: int) -> None:
    changed = bytearray(GOOD)
    changed[place] ^= change
    assert codes(bytes(changed)) != []
