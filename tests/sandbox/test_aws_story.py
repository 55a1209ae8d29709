"""The life of a certificate, told by plain boto3 and judged by openssl."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_client import (
    CSR,
    DISABLED,
    EC_ISSUING,
    EC_ROOT,
    KEY,
    OTHER_REGION,
    RSA_ROOT,
    SHARED,
    SHORT_LIVED,
    Sandbox,
    openssl_verify,
    refused,
)
from cryptography import x509
from cryptography.x509.oid import SignatureAlgorithmOID as Signature

from scm_api.sandbox import aws


def test_list_choose_issue_collect_verify_and_revoke(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.settings(pending_gets=2)
    found = sandbox.pca.list_certificate_authorities()["CertificateAuthorities"]
    chosen = next(
        ca
        for ca in found
        if ca["CertificateAuthorityConfiguration"]["Subject"]["CommonName"]
        == "SCM Sandbox EC Issuing"
    )
    arn = sandbox.issue(chosen["Arn"])
    for _ in range(2):
        with refused("RequestInProgressException", status=400):
            sandbox.get(arn)
    leaf, chain = sandbox.get(arn)

    assert leaf.public_key() == KEY.public_key()
    assert arn == f"{EC_ISSUING}/certificate/{leaf.serial_number:032x}"
    assert [c.subject.rfc4514_string() for c in chain] == [
        "CN=SCM Sandbox EC Issuing,O=SCM Sandbox,C=DE",
        "CN=SCM Sandbox EC Root,O=SCM Sandbox,C=DE",
    ]
    assert openssl_verify(tmp_path, leaf, chain, "-purpose", "sslserver").endswith("leaf: OK")

    serial = leaf.serial_number.to_bytes(16, "big").hex(":")
    sandbox.revoke(serial, "KEY_COMPROMISE")
    with refused("RequestAlreadyProcessedException", "already been completed"):
        sandbox.revoke(serial.upper().replace(":", ""))
    assert sandbox.get(arn)[0] == leaf
    (revocation,) = sandbox.ledger("revocation")
    assert revocation["reason"] == "KEY_COMPROMISE"
    assert revocation["certificate_arn"] == arn


def test_the_sdk_waiter_waits_until_the_certificate_is_there(sandbox: Sandbox) -> None:
    sandbox.settings(pending_gets=1)
    arn = sandbox.issue()
    waiter = sandbox.pca.get_waiter("certificate_issued")
    waiter.wait(
        CertificateAuthorityArn=EC_ISSUING,
        CertificateArn=arn,
        WaiterConfig={"Delay": 0, "MaxAttempts": 3},
    )
    assert [call["error"] for call in sandbox.calls("GetCertificate")] == [
        "RequestInProgressException",
        None,
    ]


def test_pending_may_last_for_a_time_instead(sandbox: Sandbox) -> None:
    sandbox.settings(pending_seconds=3600)
    arn = sandbox.issue()
    with refused("RequestInProgressException"):
        sandbox.get(arn)
    sandbox.settings(pending_seconds=3600, clock_offset_seconds=3601)
    sandbox.get(arn)
    sandbox.settings(pending_seconds=999_999)
    sandbox.get(arn)  # what was delivered once is never in progress again


@pytest.mark.parametrize("ca", [RSA_ROOT, EC_ROOT, EC_ISSUING, SHORT_LIVED])
def test_every_active_ca_issues_what_openssl_accepts(
    sandbox: Sandbox, tmp_path: Path, ca: str
) -> None:
    leaf, chain = sandbox.get(sandbox.issue(ca))
    answer = sandbox.pca.get_certificate_authority_certificate(CertificateAuthorityArn=ca)
    assert chain[0] == x509.load_pem_x509_certificate(answer["Certificate"].encode())
    assert ("CertificateChain" in answer) == (ca == EC_ISSUING)
    assert len(chain) == (2 if ca == EC_ISSUING else 1)
    assert openssl_verify(tmp_path, leaf, chain).endswith("leaf: OK")


def test_describe_tells_what_a_profile_needs(sandbox: Sandbox) -> None:
    def described(ca: str) -> dict[str, Any]:
        answer: dict[str, Any] = sandbox.pca.describe_certificate_authority(
            CertificateAuthorityArn=ca
        )["CertificateAuthority"]
        return answer

    rsa = described(RSA_ROOT)
    assert rsa["Type"] == "ROOT"
    assert rsa["Status"] == "ACTIVE"
    assert rsa["OwnerAccount"] == aws.ACCOUNT_ID
    assert rsa["UsageMode"] == "GENERAL_PURPOSE"
    assert rsa["CertificateAuthorityConfiguration"]["KeyAlgorithm"] == "RSA_2048"
    assert rsa["CertificateAuthorityConfiguration"]["SigningAlgorithm"] == "SHA256WITHRSA"
    assert rsa["NotAfter"] > datetime.now(UTC) + timedelta(days=9 * 365)
    assert described(EC_ISSUING)["Type"] == "SUBORDINATE"
    assert described(SHORT_LIVED)["UsageMode"] == "SHORT_LIVED_CERTIFICATE"
    assert described(DISABLED)["Status"] == "DISABLED"


def test_lists_are_regional_paged_and_by_owner(sandbox: Sandbox) -> None:
    def arns(client: Any, **options: Any) -> list[str]:
        pages = client.get_paginator("list_certificate_authorities").paginate(**options)
        return [ca["Arn"] for page in pages for ca in page["CertificateAuthorities"]]

    own = [RSA_ROOT, EC_ROOT, EC_ISSUING, SHORT_LIVED, DISABLED]
    assert arns(sandbox.pca) == own
    assert arns(sandbox.pca, PaginationConfig={"PageSize": 2}) == own
    sandbox.settings(list_page_limit=1)
    assert arns(sandbox.pca) == own
    assert arns(sandbox.pca, ResourceOwner="OTHER_ACCOUNTS") == [SHARED]
    assert arns(sandbox.client(region="us-east-1")) == [OTHER_REGION]
    assert arns(sandbox.client(region="eu-west-1")) == []
    with refused("InvalidNextTokenException"):
        sandbox.pca.list_certificate_authorities(NextToken="bm9uc2Vuc2U=")
    with refused("ValidationException", "less than or equal to 1000"):
        sandbox.pca.list_certificate_authorities(MaxResults=1001)


def test_a_ca_of_another_region_is_only_seen_from_there(sandbox: Sandbox) -> None:
    with refused("ResourceNotFoundException"):
        sandbox.issue(OTHER_REGION, SigningAlgorithm="SHA384WITHECDSA")
    there = sandbox.client(region="us-east-1")
    arn = sandbox.issue(OTHER_REGION, SigningAlgorithm="SHA384WITHECDSA", client=there)
    leaf, _ = sandbox.get(arn, there)
    assert leaf.signature_algorithm_oid == Signature.ECDSA_WITH_SHA384


@pytest.mark.parametrize(
    ("ca", "algorithm", "signature"),
    [
        (RSA_ROOT, "SHA384WITHRSA", Signature.RSA_WITH_SHA384),
        (RSA_ROOT, "SHA512WITHRSA", Signature.RSA_WITH_SHA512),
        (RSA_ROOT, "SHA256WITHRSA_PSS", Signature.RSASSA_PSS),
        (EC_ROOT, "SHA384WITHECDSA", Signature.ECDSA_WITH_SHA384),
        (EC_ROOT, "SHA512WITHECDSA", Signature.ECDSA_WITH_SHA512),
    ],
)
def test_the_signing_algorithm_is_honoured(
    sandbox: Sandbox, tmp_path: Path, ca: str, algorithm: str, signature: x509.ObjectIdentifier
) -> None:
    leaf, chain = sandbox.get(sandbox.issue(ca, SigningAlgorithm=algorithm))
    assert leaf.signature_algorithm_oid == signature
    assert openssl_verify(tmp_path, leaf, chain).endswith("leaf: OK")


def test_a_shared_ca_gives_other_accounts_the_default_template_only(sandbox: Sandbox) -> None:
    assert sandbox.certificate(ca=SHARED).issuer.rfc4514_string().startswith("CN=SCM Sandbox Sh")
    with refused("AccessDeniedException", "no resource-based policy allows the acm-pca:Issue"):
        sandbox.issue(SHARED, template="EndEntityServerAuthCertificate")
    with refused("AccessDeniedException", "acm-pca:RevokeCertificate"):
        sandbox.revoke("01", ca=SHARED)


def test_the_same_csr_without_a_token_is_ordered_twice(sandbox: Sandbox) -> None:
    assert sandbox.issue(csr=CSR) != sandbox.issue(csr=CSR)
    assert len(sandbox.ledger("order")) == 2


def test_an_audit_report_lists_what_was_issued_and_is_read_from_its_bucket(
    sandbox: Sandbox,
) -> None:
    arn = sandbox.issue(template="CodeSigningCertificate")
    serial = arn.rpartition("/")[2]
    sandbox.revoke(serial, "SUPERSEDED")
    sandbox.issue(EC_ROOT)
    order = {
        "CertificateAuthorityArn": EC_ISSUING,
        "S3BucketName": "reports",
        "AuditReportResponseFormat": "JSON",
    }
    report = sandbox.pca.create_certificate_authority_audit_report(**order)
    status = sandbox.pca.describe_certificate_authority_audit_report(
        CertificateAuthorityArn=EC_ISSUING, AuditReportId=report["AuditReportId"]
    )
    assert status["AuditReportStatus"] == "SUCCESS"
    assert status["S3Key"] == report["S3Key"]
    s3 = sandbox.client("s3")
    (row,) = json.loads(s3.get_object(Bucket="reports", Key=report["S3Key"])["Body"].read())
    assert row["certificateArn"] == arn
    assert row["serial"].replace(":", "") == serial
    assert row["revocationReason"] == "SUPERSEDED"
    assert row["templateArn"].endswith("CodeSigningCertificate/V1")
    with refused("RequestInProgressException", "30 minutes"):
        sandbox.pca.create_certificate_authority_audit_report(**order)
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket="reports", Key="audit-report/../../authorities.json")
    sandbox.settings(clock_offset_seconds=1801)
    table = sandbox.pca.create_certificate_authority_audit_report(
        **order | {"AuditReportResponseFormat": "CSV"}
    )
    text = s3.get_object(Bucket="reports", Key=table["S3Key"])["Body"].read().decode()
    assert text.splitlines()[0].startswith("awsAccountId,requestedByServicePrincipal,")
    assert arn in text
