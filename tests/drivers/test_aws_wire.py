"""Payloads in both directions."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aws_harness import EC_ISSUING, RSA_ROOT, profile, template_arn
from contract import new_order
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.aws import wire
from scm_api.drivers.aws.arns import ca_of_certificate, parse_ca_arn, partition_of

REF = f"{EC_ISSUING}/certificate/0a1b"


def test_an_order_in_days() -> None:
    order = new_order(term_days=90)
    request = wire.issue_request(order, profile(), "SHA256WITHECDSA")
    csr = x509.load_pem_x509_csr(request.pop("Csr"))
    assert csr == x509.load_der_x509_csr(order.csr_der)
    assert request == {
        "CertificateAuthorityArn": EC_ISSUING,
        "SigningAlgorithm": "SHA256WITHECDSA",
        "TemplateArn": template_arn("EndEntityServerAuthCertificate"),
        "Validity": {"Type": "DAYS", "Value": 90},
        "IdempotencyToken": order.token,
    }
    assert len(order.token) <= 36


def test_an_order_until_an_instant() -> None:
    end = datetime(2030, 1, 31, 12, 0, 5, tzinfo=UTC)
    order = replace(new_order(), not_after=end)
    validity = wire.issue_request(order, profile(), "X")["Validity"]
    assert validity == {"Type": "ABSOLUTE", "Value": 1896091205}


def test_the_same_order_makes_the_same_request() -> None:
    order = new_order()
    first, second = (wire.issue_request(order, profile(), "X") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-east-1", "aws"),
    ],
)
def test_the_default_template_is_in_the_partition_of_the_ca(region: str, partition: str) -> None:
    arn = EC_ISSUING.replace("arn:aws:", f"arn:{partition}:").replace("eu-central-1", region)
    expected = f"arn:{partition}:acm-pca:::template/EndEntityServerAuthCertificate/V1"
    assert partition_of(region) == partition
    assert wire.template_arn(profile(arn)) == expected


@pytest.mark.parametrize(
    ("serial", "text"),
    [
        (0x0A1B, "0a:1b"),
        (0x7, "07"),
        (0, "00"),
        (0xFF00, "ff:00"),
        (2**159, "80" + ":00" * 19),
    ],
)
def test_serial_numbers_as_aws_writes_them(serial: int, text: str) -> None:
    assert wire.colon_hex(serial) == text


@given(st.integers(min_value=0, max_value=2**160))
def test_serial_numbers_keep_their_value_and_leading_zeros(serial: int) -> None:
    text = wire.colon_hex(serial)
    assert int(text.replace(":", ""), 16) == serial
    assert all(len(octet) == 2 for octet in text.split(":"))
    assert text == text.lower()


def test_a_revocation() -> None:
    assert wire.revoke_request(REF, 0x0A1B, RevocationReason.AA_COMPROMISE) == {
        "CertificateAuthorityArn": EC_ISSUING,
        "CertificateSerial": "0a:1b",
        "RevocationReason": "A_A_COMPROMISE",
    }


def test_every_reason_but_hold_is_known() -> None:
    missing = set(RevocationReason) - set(wire.REVOCATION_REASONS)
    assert missing == {RevocationReason.CERTIFICATE_HOLD}
    assert len(set(wire.REVOCATION_REASONS.values())) == 8


def test_an_empty_reply_counts_only_with_a_request_id() -> None:
    wire.revoked({"ResponseMetadata": {"RequestId": "5cb0"}})
    for reply in ({}, {"ResponseMetadata": {}}, {"ResponseMetadata": {"RequestId": ""}}):
        with pytest.raises(wire.Unreadable):
            wire.revoked(reply)


@pytest.mark.parametrize(
    "reply",
    [{}, {"CertificateArn": None}, {"CertificateArn": "arn:x"}, {"CertificateArn": REF + "\0"}],
)
def test_a_reply_without_reference_is_unreadable(reply: dict[str, object]) -> None:
    with pytest.raises(wire.Unreadable):
        wire.certificate_arn(EC_ISSUING, reply)


def test_the_reference_must_be_short_enough_to_store() -> None:
    with pytest.raises(wire.Unreadable):
        wire.certificate_arn(EC_ISSUING, {"CertificateArn": REF + "0" * 512})


def test_f13_the_reference_is_that_of_a_certificate_of_the_ca_that_was_asked() -> None:
    assert wire.certificate_arn(EC_ISSUING, {"CertificateArn": REF}) == REF
    with pytest.raises(wire.Unreadable, match="another private CA"):
        wire.certificate_arn(RSA_ROOT, {"CertificateArn": REF})


def pem(der: bytes) -> str:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----"


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"Certificate": ""},
        {"Certificate": 7},
        {"Certificate": "<html>"},
        {"Certificate": pem(b"\x30\x00")},
        {"Certificate": pem(b"\x30\x00") * 21},
    ],
)
def test_a_reply_without_certificate_is_unreadable(reply: dict[str, object]) -> None:
    with pytest.raises(wire.Unreadable):
        wire.issued(REF, reply)


def test_a_ca_as_it_is_listed() -> None:
    end = datetime(2036, 1, 1, 1, tzinfo=UTC)
    ca = wire.issuing_ca(
        {
            "Arn": EC_ISSUING,
            "Status": "DISABLED",
            "Type": "SUBORDINATE",
            "Serial": "77",
            "NotAfter": end.astimezone(),
            "OwnerAccount": "999900001111",
            "UsageMode": "SHORT_LIVED_CERTIFICATE",
            "CertificateAuthorityConfiguration": {
                "KeyAlgorithm": "RSA_2048",
                "SigningAlgorithm": "SHA256WITHRSA",
                "Subject": {"Organization": "Example"},
            },
            "RevocationConfiguration": {"OcspConfiguration": {"Enabled": True}},
        }
    )
    assert ca.name == f"Example ({EC_ISSUING.rpartition('/')[2]})"
    assert (ca.status, ca.usable, ca.key_algorithm) == ("DISABLED", False, "RSA_2048")
    assert ca.not_after == end
    assert ca.not_after.utcoffset() == timedelta(0)
    assert ca.facts["owner_account"] == "999900001111"
    assert ca.facts["usage_mode"] == "SHORT_LIVED_CERTIFICATE"
    assert ca.facts["publishes_revocations"] is True
    assert "SHA512WITHRSA_PSS" in ca.facts["signing_algorithms"]


def test_a_ca_that_is_still_being_made() -> None:
    ca = wire.issuing_ca({"Arn": EC_ISSUING, "Status": "CREATING"})
    assert not ca.usable
    assert ca.not_after is None
    assert ca.name.startswith("unnamed")
    assert ca.facts["usage_mode"] == "GENERAL_PURPOSE"
    with pytest.raises(wire.Unreadable):
        wire.issuing_ca({"Arn": "arn:aws:s3:::bucket", "Status": "ACTIVE"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        EC_ISSUING + "\n",
        EC_ISSUING.upper(),
        EC_ISSUING + "/certificate/1",
        EC_ISSUING.replace("111122223333", "1"),
        EC_ISSUING.replace("certificate-authority", "template"),
        EC_ISSUING.replace("acm-pca", "acm"),
    ],
)
def test_what_is_no_arn_of_a_ca(text: str) -> None:
    assert parse_ca_arn(text) is None


def test_a_certificate_arn_names_its_ca() -> None:
    assert ca_of_certificate(REF) == EC_ISSUING
    with pytest.raises(ValueError, match="not the ARN"):
        ca_of_certificate(EC_ISSUING)
