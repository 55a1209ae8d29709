from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from csr_builder import (
    CN,
    EMAIL_ADDRESS,
    NULL,
    ORGANIZATION,
    attribute,
    extension,
    facts_of,
    integer,
    oid,
    rdn,
    request_for,
    sequence,
    tlv,
    wanted,
)

from scm_api.core.csr_policy import judge_csr, subject_attributes
from scm_api.core.errors import Fault
from scm_api.core.vocabulary import CertificateType

KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def judge(*names: str, **parts: Any) -> list[Fault]:
    return judge_csr(facts_of(request_for(*(names or ("a.test",)), **parts)), CertificateType.SSL)


def codes(faults: list[Fault]) -> list[str]:
    assert all(fault.pointer == "/csr" for fault in faults)
    return [fault.code for fault in faults]


def usage(*wished: str) -> bytes:
    return wanted(x509.KeyUsage(**{name: name in wished for name in KEY_USAGES}))


def test_attributes_of_the_subject_are_named_as_people_do() -> None:
    facts = facts_of(request_for("a.test", cn="a.test", subject=[rdn(ORGANIZATION, "Example")]))
    odd = facts_of(request_for("a.test", subject=[rdn(EMAIL_ADDRESS, "jo@a.test", 0x16)]))
    assert subject_attributes(facts) == [("CN", "a.test"), ("O", "Example")]
    assert subject_attributes(odd) == [(EMAIL_ADDRESS, "jo@a.test")]


def test_ordinary_requests_pass() -> None:
    assert judge(cn="a.test") == []
    assert (
        judge(
            cn="a.test",
            subject=[
                rdn("2.5.4.6", "DE", 0x13),
                rdn("2.5.4.8", "Hessen"),
                rdn("2.5.4.7", "Kassel"),
                rdn(ORGANIZATION, "Example GmbH"),
                rdn("2.5.4.11", "Web"),
                rdn("2.5.4.11", "More web"),
            ],
            extensions=[
                wanted(x509.BasicConstraints(ca=False, path_length=None)),
                usage("digital_signature", "content_commitment", "key_encipherment"),
                wanted(x509.ExtendedKeyUsage([Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH])),
                extension("2.5.29.14", tlv(4, b"12345678")),
            ],
        )
        == []
    )


def test_what_windows_adds_passes() -> None:
    added = ["1.3.6.1.4.1.311.13.2.2", "1.3.6.1.4.1.311.13.2.3", "1.3.6.1.4.1.311.21.20"]
    assert judge(attributes=[attribute(dotted, NULL) for dotted in added]) == []


def test_t03_identity_from_the_subject_is_refused() -> None:
    faults = judge(subject=[rdn(EMAIL_ADDRESS, "ceo@victim.test", 0x16)])
    assert codes(faults) == ["subject-not-allowed"]
    assert EMAIL_ADDRESS in faults[0].detail
    assert faults[0].accepted is not None
    assert "CN" in faults[0].accepted


@pytest.mark.parametrize("order", [("good.test", "evil.test"), ("evil.test", "good.test")])
def test_t04_a_second_common_name_is_refused(order: tuple[str, str]) -> None:
    faults = judge("good.test", subject=[rdn(CN, name) for name in order])
    assert codes(faults) == ["subject-not-allowed"]
    assert "evil.test" in faults[0].detail


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([rdn(ORGANIZATION, "a\0b")], ["name-invalid"]),
        ([rdn(ORGANIZATION, "a\u200db")], ["name-invalid"]),
        ([rdn(ORGANIZATION, "")], ["subject-not-allowed"]),
        ([rdn(ORGANIZATION, "x" * 65)], ["subject-not-allowed"]),
        ([rdn("2.5.4.6", "DEU", 0x13)], ["subject-not-allowed"]),
        ([rdn("0.9.2342.19200300.100.1.1", "root")], ["subject-not-allowed"]),
    ],
)
@pytest.mark.filterwarnings("ignore:Attribute's length")
def test_subject_values_have_limits(parts: list[bytes], expected: list[str]) -> None:
    assert codes(judge(subject=parts)) == expected


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (wanted(x509.BasicConstraints(ca=True, path_length=None)), "2.5.29.19"),
        (usage("digital_signature", "key_cert_sign"), "key_cert_sign"),
        (usage("crl_sign"), "crl_sign"),
        (wanted(x509.ExtendedKeyUsage([Purpose.ANY_EXTENDED_KEY_USAGE])), "2.5.29.37.0"),
        (wanted(x509.ExtendedKeyUsage([Purpose.OCSP_SIGNING])), "1.3.6.1.5.5.7.3.9"),
        (wanted(x509.NameConstraints([x509.DNSName("a.test")], None)), "2.5.29.30"),
        (extension("1.2.3.4", NULL), "1.2.3.4"),
    ],
)
def test_t06_ca_and_purpose_extensions_are_refused(asked: bytes, named: str) -> None:
    faults = judge(extensions=[asked])
    assert codes(faults) == ["extension-not-allowed"]
    assert named in faults[0].detail
    assert faults[0].accepted


def test_what_is_refused_is_named_where_it_has_a_name() -> None:
    purposes = [x509.ObjectIdentifier("1.2.3.4"), Purpose.CODE_SIGNING]
    faults = judge(
        subject=[rdn(EMAIL_ADDRESS, "a@b.test", 0x16)],
        extensions=[
            wanted(x509.ExtendedKeyUsage(purposes)),
            extension("1.3.6.1.4.1.311.21.10", NULL),
        ],
        attributes=[attribute("1.2.840.113549.1.9.7", tlv(0x0C, b"x")), attribute("1.2.4", NULL)],
    )
    assert [fault.detail for fault in faults] == [
        "The subject holds the attribute emailAddress (1.2.840.113549.1.9.1), "
        "which this type may not carry.",
        "The CSR asks in the extension extendedKeyUsage (2.5.29.37) for 1.2.3.4, "
        "codeSigning (1.3.6.1.5.5.7.3.3).",
        "The CSR asks for the extension applicationCertPolicies (1.3.6.1.4.1.311.21.10).",
        "The CSR holds the attribute 1.2.4.",
        "The CSR holds the attribute challengePassword (1.2.840.113549.1.9.7).",
    ]
    assert faults[1].accepted == "serverAuth (1.3.6.1.5.5.7.3.1), clientAuth (1.3.6.1.5.5.7.3.2)"


def test_t06_every_extension_is_listed() -> None:
    faults = judge(
        extensions=[
            wanted(x509.BasicConstraints(ca=True, path_length=0)),
            usage("key_cert_sign"),
            wanted(x509.ExtendedKeyUsage([Purpose.ANY_EXTENDED_KEY_USAGE])),
            wanted(x509.NameConstraints(None, [x509.DNSName("a.test")])),
        ]
    )
    assert codes(faults) == ["extension-not-allowed"] * 4
    text = " ".join(fault.detail for fault in faults)
    assert all(dotted in text for dotted in ("2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.30"))


@pytest.mark.parametrize(
    ("last", "value"),
    [
        ("21.10", NULL),
        ("20.2", NULL),
        ("21.7", sequence(oid("1.2.3"), integer(100))),
        ("25.2", NULL),
    ],
)
def test_t07_microsoft_extensions_are_refused(last: str, value: bytes) -> None:
    dotted = f"1.3.6.1.4.1.311.{last}"
    faults = judge(extensions=[extension(dotted, value)])
    assert codes(faults) == ["extension-not-allowed"]
    assert dotted in faults[0].detail


@pytest.mark.parametrize("dotted", ["1.3.6.1.4.1.311.13.2.1", "1.2.840.113549.1.9.7"])
def test_t08_attributes_are_refused_without_their_value(dotted: str) -> None:
    faults = judge(attributes=[attribute(dotted, tlv(0x0C, b"canary"))])
    assert codes(faults) == ["attribute-not-allowed"]
    assert dotted in faults[0].detail
    assert "canary" not in str(faults)


def test_everything_wrong_is_told_at_once() -> None:
    faults = judge(
        subject=[rdn(EMAIL_ADDRESS, "a@b.test", 0x16)],
        extensions=[extension("1.2.3", NULL)],
        attributes=[attribute("1.2.4", NULL)],
    )
    assert codes(faults) == [
        "subject-not-allowed",
        "extension-not-allowed",
        "attribute-not-allowed",
    ]


@pytest.mark.parametrize(
    ("certificate_type", "purpose"),
    [
        ("ssl", Purpose.SERVER_AUTH),
        ("client", Purpose.EMAIL_PROTECTION),
        ("code_signing", Purpose.CODE_SIGNING),
        ("device", Purpose.CLIENT_AUTH),
    ],
)
def test_each_type_has_purposes_of_its_own(
    certificate_type: str, purpose: x509.ObjectIdentifier
) -> None:
    def found(wish: x509.ObjectIdentifier) -> list[Fault]:
        request = request_for("a.test", extensions=[wanted(x509.ExtendedKeyUsage([wish]))])
        return judge_csr(facts_of(request), CertificateType(certificate_type))

    assert found(purpose) == []
    assert codes(found(Purpose.OCSP_SIGNING)) == ["extension-not-allowed"]
    strange = Purpose.CODE_SIGNING if certificate_type != "code_signing" else Purpose.SERVER_AUTH
    assert codes(found(strange)) == ["extension-not-allowed"]
