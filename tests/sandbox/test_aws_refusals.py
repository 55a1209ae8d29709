"""What IssueCertificate and its siblings refuse, with the service's codes and words."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_client import (
    CSR,
    DISABLED,
    EC_ISSUING,
    EC_ROOT,
    RSA_ROOT,
    SHORT_LIVED,
    Sandbox,
    make_csr,
    refused,
)
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519


def validity(kind: str, value: Any) -> dict[str, Any]:
    return {"Validity": {"Type": kind, "Value": value}}


def near(moment: datetime, expected: datetime) -> bool:
    return abs(moment - expected) < timedelta(minutes=2)


def test_validity_is_honoured_in_every_unit_and_begins_an_hour_ago(sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    in_a_year = now.replace(year=now.year + 1, day=1, microsecond=0)
    cases = [
        ("DAYS", 1, now + timedelta(days=1)),
        ("ABSOLUTE", int(in_a_year.timestamp()), in_a_year),
        ("END_DATE", int(f"{in_a_year:%Y%m%d%H%M%S}"), in_a_year),
        ("END_DATE", int(f"{in_a_year:%y%m%d%H%M%S}"), in_a_year),
    ]
    for kind, value, end in cases:
        leaf = sandbox.certificate(**validity(kind, value))
        assert near(leaf.not_valid_after_utc, end)
        assert near(leaf.not_valid_before_utc, datetime.now(UTC) - timedelta(minutes=60))
    months = sandbox.certificate(**validity("MONTHS", 12))
    years = sandbox.certificate(**validity("YEARS", 1))
    assert near(months.not_valid_after_utc, years.not_valid_after_utc)
    assert years.not_valid_after_utc.year == now.year + 1
    assert (years.not_valid_after_utc.day == now.day) or (now.month, now.day) == (2, 29)


def test_validity_may_be_one_second_long_and_begin_when_asked(sandbox: Sandbox) -> None:
    end = int(time.time()) + 10
    start = {"ValidityNotBefore": {"Type": "ABSOLUTE", "Value": end - 1}}
    leaf = sandbox.certificate(**validity("ABSOLUTE", end), **start)
    assert leaf.not_valid_after_utc.timestamp() == end
    assert leaf.not_valid_before_utc.timestamp() == end - 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (validity("DAYS", 40 * 365), "exceeds the certificate authority validity"),
        (validity("YEARS", 2**62), "not a date"),
        (validity("ABSOLUTE", 2**62), "not a date"),
        (validity("ABSOLUTE", 1), "in the past"),
        (validity("END_DATE", 500101000000), "in the past"),
        (validity("END_DATE", 20301332000000), "not a date"),
        (validity("HOURS", 5), "enum value set: \\[END_DATE, ABSOLUTE, DAYS, MONTHS, YEARS\\]"),
        ({"ValidityNotBefore": {"Type": "DAYS", "Value": 1}}, "only the type ABSOLUTE"),
        (
            validity("DAYS", 1)
            | {"ValidityNotBefore": {"Type": "ABSOLUTE", "Value": int(time.time()) + 10**6}},
            "must end after it begins",
        ),
        ({"IdempotencyToken": "x" * 37}, "'idempotencyToken' .*less than or equal to 36$"),
        ({"SigningAlgorithm": "MD5WITHRSA"}, "'signingAlgorithm' .*enum value set"),
        ({"Csr": b"x" * 32_769}, "'csr' .*length less than or equal to 32768$"),
        ({"Csr": b""}, "'csr' .*length greater than or equal to 1"),
        ({"CertificateAuthorityArn": "garbage"}, "regular expression pattern"),
        (
            {"CertificateAuthorityArn": "garbage", "IdempotencyToken": "x" * 37},
            "^2 validation errors detected: ",
        ),
    ],
)
def test_orders_outside_the_constraints_are_invalid(
    sandbox: Sandbox, parameters: dict[str, Any], message: str
) -> None:
    with refused("ValidationException", message, status=400):
        sandbox.issue(**parameters)
    assert sandbox.ledger() == []


def test_a_validity_of_zero_is_refused_by_the_service_too(sandbox: Sandbox) -> None:
    client = sandbox.client(checked=False)
    with refused("ValidationException", "'validity.value' .*greater than or equal to 1"):
        sandbox.issue(client=client, **validity("DAYS", 0))
    with refused("ValidationException", "Value null at 'validity' .*must not be null"):
        client.issue_certificate(
            CertificateAuthorityArn=EC_ISSUING, Csr=CSR, SigningAlgorithm="SHA256WITHECDSA"
        )
    with refused("SerializationException"):
        sandbox.issue(client=client, **validity("DAYS", "30"))


def test_short_lived_cas_issue_for_seven_days_at_most(sandbox: Sandbox) -> None:
    sandbox.issue(SHORT_LIVED, **validity("DAYS", 7))
    with refused("ValidationException", "7 days.*SHORT_LIVED_CERTIFICATE"):
        sandbox.issue(SHORT_LIVED, **validity("DAYS", 8))


def test_the_signing_algorithm_must_fit_the_key_of_the_ca(sandbox: Sandbox) -> None:
    with refused(
        "InvalidArgsException",
        "^Signing algorithm SHA384WITHECDSA cannot be used with key type RSA_2048. Valid signing "
        "algorithms are: SHA256WITHRSA, SHA384WITHRSA, SHA512WITHRSA.$",
    ):
        sandbox.issue(RSA_ROOT, SigningAlgorithm="SHA384WITHECDSA")
    with refused("InvalidArgsException", "SHA256WITHRSA_PSS .* key type EC_prime256v1"):
        sandbox.issue(SigningAlgorithm="SHA256WITHRSA_PSS")


def broken_signature() -> bytes:
    der = bytearray(x509.load_pem_x509_csr(CSR).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)


def ed25519_csr() -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    )
    csr = builder.sign(ed25519.Ed25519PrivateKey.generate(), None)
    return csr.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("csr", "message"),
    [
        (x509.load_pem_x509_csr(CSR).public_bytes(serialization.Encoding.DER), "PEM"),
        (b"garbage", "PEM"),
        (CSR + CSR, "one PEM"),
        (b"a preamble\n" + CSR, "PEM"),
        (CSR.replace(b"\nM", b"\nN", 1), "cannot be read"),
        (broken_signature(), "signature of the CSR"),
        (ed25519_csr(), "neither RSA nor EC"),
        (
            make_csr(common_name=None),
            "CSR must mark the SAN extension critical when it has an empty subject",
        ),
    ],
)
def test_malformed_csrs_are_refused(sandbox: Sandbox, csr: bytes, message: str) -> None:
    with refused("MalformedCSRException", message):
        sandbox.issue(csr=csr)
    assert sandbox.ledger() == []


def test_an_empty_subject_with_critical_names_is_fine(sandbox: Sandbox) -> None:
    leaf = sandbox.certificate(csr=make_csr(common_name=None, critical_names=True))
    assert not leaf.subject.rdns
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_only_active_cas_issue(sandbox: Sandbox) -> None:
    words = "not in a valid state for issuing certificates"
    with refused("InvalidStateException", words):
        sandbox.issue(DISABLED)
    arn = sandbox.issue()
    ca_id = EC_ISSUING.rpartition("/")[2]
    for status in ("PENDING_CERTIFICATE", "EXPIRED", "FAILED", "DELETED"):
        sandbox.control("PATCH", f"/certificate-authorities/{ca_id}", {"status": status})
        with refused("InvalidStateException", words):
            sandbox.issue()
    with refused("InvalidStateException"):
        sandbox.get(arn)
    sandbox.control("PATCH", f"/certificate-authorities/{ca_id}", {"status": "CREATING"})
    with refused("InvalidStateException"):
        sandbox.pca.get_certificate_authority_certificate(CertificateAuthorityArn=EC_ISSUING)
    described = sandbox.pca.describe_certificate_authority(CertificateAuthorityArn=EC_ISSUING)
    assert "NotAfter" not in described["CertificateAuthority"]
    sandbox.control("PATCH", f"/certificate-authorities/{ca_id}", {"status": "DISABLED"})
    sandbox.get(arn)
    sandbox.revoke(arn.rpartition("/")[2])


def test_a_ca_past_its_end_has_expired(sandbox: Sandbox) -> None:
    sandbox.settings(clock_offset_seconds=3 * 365 * 86_400)
    with refused("InvalidStateException"):
        sandbox.issue(SHORT_LIVED)
    with refused("InvalidStateException"):
        sandbox.revoke("00", ca=SHORT_LIVED)
    with refused("InvalidStateException"):
        sandbox.pca.create_certificate_authority_audit_report(
            CertificateAuthorityArn=SHORT_LIVED,
            S3BucketName="reports",
            AuditReportResponseFormat="JSON",
        )
    described = sandbox.pca.describe_certificate_authority(CertificateAuthorityArn=SHORT_LIVED)
    assert described["CertificateAuthority"]["Status"] == "EXPIRED"


def test_bad_and_unknown_arns(sandbox: Sandbox) -> None:
    unknown = EC_ISSUING.replace("5cb0", "0000")
    with refused("ResourceNotFoundException", unknown):
        sandbox.issue(unknown)
    for arn in ("arn:aws:acm-pca:eu-central-1:1:x/y", EC_ISSUING + "/certificate/00"):
        with refused("InvalidArnException"):
            sandbox.issue(arn)
    order = {"CertificateAuthorityArn": EC_ISSUING}
    with refused("InvalidArnException"):
        sandbox.pca.get_certificate(**order, CertificateArn=EC_ISSUING)
    with refused("ResourceNotFoundException"):
        sandbox.pca.get_certificate(**order, CertificateArn=f"{EC_ISSUING}/certificate/{1:032x}")
    arn = sandbox.issue(EC_ROOT)
    with refused("ResourceNotFoundException"):
        sandbox.pca.get_certificate(**order, CertificateArn=arn)


def test_revocations_that_cannot_be(sandbox: Sandbox) -> None:
    serial = sandbox.issue().rpartition("/")[2]
    with refused("ResourceNotFoundException"):
        sandbox.revoke(serial, ca=EC_ROOT)
    with refused("InvalidRequestException", "not a serial number"):
        sandbox.revoke("nothing")
    with refused("ValidationException", "'revocationReason' .*PRIVILEGE_WITHDRAWN"):
        sandbox.revoke(serial, "CERTIFICATE_HOLD")
    root = sandbox.pca.get_certificate_authority_certificate(CertificateAuthorityArn=EC_ROOT)
    number = x509.load_pem_x509_certificate(root["Certificate"].encode()).serial_number
    with refused("InvalidRequestException", "root certificate cannot be revoked"):
        sandbox.revoke(f"{number:x}", ca=EC_ROOT)
    assert sandbox.ledger("revocation") == []


def test_a_token_gives_the_same_certificate_until_it_expires(sandbox: Sandbox) -> None:
    sandbox.settings(idempotency_seconds=60)
    first = sandbox.issue(IdempotencyToken="t" * 36)
    assert sandbox.issue(IdempotencyToken="t" * 36, csr=make_csr("other.example.com")) == first
    assert sandbox.issue(IdempotencyToken="another") != first
    assert sandbox.issue(EC_ROOT, IdempotencyToken="t" * 36) != first
    sandbox.settings(idempotency_seconds=60, clock_offset_seconds=59)
    assert sandbox.issue(IdempotencyToken="t" * 36) == first
    sandbox.settings(idempotency_seconds=60, clock_offset_seconds=62)
    assert sandbox.issue(IdempotencyToken="t" * 36) != first
    assert len(sandbox.ledger("order")) == 4


def test_hard_quota(sandbox: Sandbox) -> None:
    sandbox.settings(certificates_per_ca=1)
    sandbox.issue(IdempotencyToken="first")
    with refused("LimitExceededException"):
        sandbox.issue(IdempotencyToken="second")
    sandbox.issue(IdempotencyToken="first")
    sandbox.issue(EC_ROOT)


def test_request_quotas_are_per_operation_and_region(sandbox: Sandbox) -> None:
    sandbox.settings(quotas={"IssueCertificate": 3, "ListCertificateAuthorities": 1})
    for _ in range(3):
        sandbox.issue()
    with refused("ThrottlingException", "Rate exceeded", status=400):
        sandbox.issue(EC_ROOT)
    sandbox.client(region="us-east-1").list_certificate_authorities()
    sandbox.pca.list_certificate_authorities()
    with refused("ThrottlingException"):
        sandbox.pca.list_certificate_authorities()
    time.sleep(1.05)
    sandbox.issue()
    assert len(sandbox.ledger("order")) == 4


def test_operations_that_are_not_simulated(sandbox: Sandbox) -> None:
    with refused("UnknownOperationException"):
        sandbox.pca.list_tags(CertificateAuthorityArn=EC_ISSUING)
    with refused("InvalidAction"):
        sandbox.client("sts").get_session_token()
