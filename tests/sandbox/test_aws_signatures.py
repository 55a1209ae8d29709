"""Signature Version 4 is verified for real, and assumed roles get what their policy says."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_client import BODY, EC_ISSUING, TARGET, Sandbox, refused, send, signed_headers

from scm_api.sandbox import aws
from scm_api.sandbox.aws.errors import ApiError
from scm_api.sandbox.aws.sigv4 import Authorization, SignedRequest, verify


def test_what_botocore_signs_is_accepted(sandbox: Sandbox) -> None:
    status, answer = send(sandbox, signed_headers(sandbox, **{"X-Amz-Extra": "two   words"}))
    assert status == 200
    assert answer["CertificateAuthority"]["Arn"] == EC_ISSUING


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ("", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
)
def test_the_published_test_vectors_verify(query: str, signature: str) -> None:
    """`get-vanilla` and `get-vanilla-query-order-key-case` of the vendor's test suite."""
    headers = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}
    request = SignedRequest("GET", "/", query, headers, b"")
    names = ("host", "x-amz-date")
    scope = ("AKIDEXAMPLE", "20150830", "us-east-1", "service", names)
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    verify(Authorization(*scope, signature), request, secret)
    with pytest.raises(ApiError, match="InvalidSignatureException"):
        verify(Authorization(*scope, signature[::-1]), request, secret)


def test_a_signature_covers_body_headers_and_target(sandbox: Sandbox) -> None:
    good = signed_headers(sandbox)
    other_target = good | {"X-Amz-Target": "ACMPrivateCA.GetCertificateAuthorityCertificate"}
    other_type = good | {"Content-Type": "application/json"}
    forged = good | {"Authorization": good["Authorization"][:-1] + "x"}
    for headers, body in (
        (good, BODY + b" "),
        (other_target, BODY),
        (other_type, BODY),
        (forged, BODY),
    ):
        status, answer = send(sandbox, headers, body)
        assert status == 400
        assert answer["__type"] == "InvalidSignatureException"
        assert "does not match the signature you provided" in answer["message"]


def test_headers_that_matter_must_be_signed(sandbox: Sandbox) -> None:
    _, answer = send(sandbox, signed_headers(sandbox) | {"X-Amz-Sneaked-In": "1"})
    assert answer["__type"] == "InvalidSignatureException"
    assert "'x-amz-sneaked-in' must be a 'SignedHeader'" in answer["message"]


def test_requests_without_a_usable_authorization(sandbox: Sandbox) -> None:
    headers = signed_headers(sandbox)
    unsigned = {name: value for name, value in headers.items() if name != "Authorization"}
    undated = {name: value for name, value in headers.items() if name != "X-Amz-Date"}
    cases = [
        (unsigned, "MissingAuthenticationTokenException"),
        (undated, "IncompleteSignatureException"),
        (headers | {"Authorization": "Bearer token"}, "IncompleteSignatureException"),
        (headers | {"Authorization": "AWS4-HMAC-SHA256 x"}, "IncompleteSignatureException"),
        (
            headers
            | {"Authorization": "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=h, Signature=s"},
            "IncompleteSignatureException",
        ),
        (signed_headers(sandbox, service="s3"), "InvalidSignatureException"),
        (signed_headers(sandbox, region="nowhere"), "InvalidSignatureException"),
    ]
    for sent, code in cases:
        assert send(sandbox, sent)[1]["__type"] == code
    assert all(call["status"] == 400 for call in sandbox.control("GET", "/calls")["entries"])


def test_bytes_that_are_no_text_are_refused_like_any_other(sandbox: Sandbox) -> None:
    headers = {"X-Amz-Target": TARGET, "Authorization": b"\xff\xfe x"}
    response = sandbox.http.post(sandbox.url, content=BODY, headers=headers)
    assert response.json()["__type"] == "IncompleteSignatureException"
    with refused("AccessDenied"):
        sandbox.client("sts").assume_role(RoleArn="arn:\0" + "x" * 20, RoleSessionName="ab")


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(-6, "Signature expired: "), (6, "Signature not yet current: "), (-4, ""), (4, "")],
)
def test_dates_may_be_five_minutes_off(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, minutes: int, words: str
) -> None:
    then = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then.replace(tzinfo=None))
    status, answer = send(sandbox, signed_headers(sandbox))
    assert status == (400 if words else 200)
    if words:
        assert answer["__type"] == "InvalidSignatureException"
        assert answer["message"].startswith(words)


def test_a_scope_of_another_day_is_refused(sandbox: Sandbox) -> None:
    headers = signed_headers(sandbox)
    today = headers["X-Amz-Date"][:8]
    authorization = headers["Authorization"].replace(today, "20200101")
    _, answer = send(sandbox, headers | {"Authorization": authorization})
    assert answer["__type"] == "InvalidSignatureException"
    assert answer["message"].startswith("Date in Credential scope does not match YYYYMMDD")


def test_wrong_secret_and_unknown_key(sandbox: Sandbox) -> None:
    wrong = sandbox.client(secret="not the secret")
    with refused("InvalidSignatureException"):
        wrong.list_certificate_authorities()
    unknown = sandbox.client(key_id="AKIAUNKNOWN000000000")
    with refused("UnrecognizedClientException", "security token included in the request is inv"):
        unknown.list_certificate_authorities()
    with refused("SignatureDoesNotMatch", status=403):
        sandbox.client("sts", secret="not the secret").get_caller_identity()
    with refused("InvalidClientTokenId", status=403):
        sandbox.client("sts", key_id="AKIAUNKNOWN000000000").get_caller_identity()
    assert sandbox.ledger() == []


def test_a_missing_permission_is_named_with_its_resource(sandbox: Sandbox) -> None:
    reader = sandbox.client(key_id=aws.READER_ACCESS_KEY_ID, secret=aws.READER_SECRET_ACCESS_KEY)
    reader.describe_certificate_authority(CertificateAuthorityArn=EC_ISSUING)
    with refused(
        "AccessDeniedException",
        "^User: arn:aws:iam::111122223333:user/sandbox-reader is not authorized to perform: "
        f"acm-pca:IssueCertificate on resource: {EC_ISSUING} because no identity-based policy "
        "allows the acm-pca:IssueCertificate action$",
    ):
        sandbox.issue(client=reader)


def test_templates_can_be_limited_by_policy(sandbox: Sandbox) -> None:
    user = sandbox.client(key_id=aws.USER_ACCESS_KEY_ID, secret=aws.USER_SECRET_ACCESS_KEY)
    sandbox.issue(client=user)
    sandbox.issue(client=user, template="EndEntityCertificate")
    with refused("AccessDeniedException", "acm-pca:IssueCertificate"):
        sandbox.issue(client=user, template="EndEntityServerAuthCertificate")


def assume(sandbox: Sandbox, client: Any = None, **parameters: Any) -> dict[str, Any]:
    request = {
        "RoleArn": aws.ROLE_ARN,
        "RoleSessionName": "a-session",
        "ExternalId": aws.ROLE_EXTERNAL_ID,
    }
    answer: dict[str, Any] = (client or sandbox.client("sts")).assume_role(**request | parameters)
    return answer


def session(sandbox: Sandbox, credentials: Mapping[str, str], service: str = "acm-pca") -> Any:
    return sandbox.client(
        service,
        key_id=credentials["AccessKeyId"],
        secret=credentials["SecretAccessKey"],
        token=credentials["SessionToken"],
    )


def test_an_assumed_role_issues_with_its_own_permissions(sandbox: Sandbox) -> None:
    assumer = sandbox.client(
        "sts", key_id=aws.ASSUMER_ACCESS_KEY_ID, secret=aws.ASSUMER_SECRET_ACCESS_KEY
    )
    answer = assume(sandbox, assumer, DurationSeconds=900)
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    left = credentials["Expiration"] - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    arn = f"arn:aws:sts::{aws.ACCOUNT_ID}:assumed-role/scm-sandbox-issuer/a-session"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    assert session(sandbox, credentials, "sts").get_caller_identity()["Arn"] == arn

    client = session(sandbox, credentials)
    sandbox.issue(client=client)
    order = sandbox.ledger("order")[0]
    assert order["principal"] == arn
    assert order["access_key_id"] == credentials["AccessKeyId"]
    with refused("AccessDeniedException", f"{arn} .*acm-pca:CreateCertificateAuthorityAudit"):
        client.create_certificate_authority_audit_report(
            CertificateAuthorityArn=EC_ISSUING,
            S3BucketName="reports",
            AuditReportResponseFormat="JSON",
        )


@pytest.mark.parametrize(
    "parameters",
    [
        {"ExternalId": "wrong"},
        {"RoleArn": f"arn:aws:iam::{aws.ACCOUNT_ID}:role/no-such-role"},
    ],
)
def test_assume_role_is_denied(sandbox: Sandbox, parameters: dict[str, str]) -> None:
    with refused("AccessDenied", "sts:AssumeRole on resource: arn:aws:iam", status=403):
        assume(sandbox, **parameters)


def test_assume_role_needs_the_external_id_permission_and_trust(sandbox: Sandbox) -> None:
    with refused("AccessDenied"):
        sandbox.client("sts").assume_role(RoleArn=aws.ROLE_ARN, RoleSessionName="a-session")
    reader = {"key_id": aws.READER_ACCESS_KEY_ID, "secret": aws.READER_SECRET_ACCESS_KEY}
    with refused("AccessDenied"):
        assume(sandbox, sandbox.client("sts", **reader))
    known = sandbox.control("GET", "/credentials")
    known["roles"][0]["trusted"] = ["arn:aws:iam::*:user/somebody-else"]
    sandbox.control("PUT", "/credentials", known)
    with refused("AccessDenied"):
        assume(sandbox)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"DurationSeconds": 899}, "greater than or equal to 900"),
        ({"DurationSeconds": 3601}, "exceeds the MaxSessionDuration"),
        ({"RoleSessionName": "with a space"}, "roleSessionName"),
    ],
)
def test_assume_role_with_wrong_parameters(
    sandbox: Sandbox, parameters: dict[str, Any], message: str
) -> None:
    with refused("ValidationError", message):
        assume(sandbox, sandbox.client("sts", checked=False), **parameters)


def test_session_tokens_expire_and_cannot_be_mixed(sandbox: Sandbox) -> None:
    one = assume(sandbox)["Credentials"]
    two = assume(sandbox)["Credentials"]
    session(sandbox, one).list_certificate_authorities()
    with refused("InvalidSignatureException"):
        session(
            sandbox, one | {"SecretAccessKey": two["SecretAccessKey"]}
        ).list_certificate_authorities()
    for mixed in (
        one | {"SessionToken": two["SessionToken"]},
        one | {"SessionToken": "AAAA"},
        one | {"SessionToken": "not base64 €"[:-2]},
        one | {"SessionToken": None},
    ):
        with refused("UnrecognizedClientException"):
            session(sandbox, mixed).list_certificate_authorities()
    sandbox.settings(clock_offset_seconds=3601)
    with refused("ExpiredTokenException"):
        session(sandbox, one).list_certificate_authorities()
    with refused("ExpiredToken"):
        session(sandbox, one, "sts").get_caller_identity()


def test_rotated_credentials_work_at_once_and_old_ones_end(sandbox: Sandbox) -> None:
    known = sandbox.control("GET", "/credentials")
    known["access_keys"][0]["secret_access_key"] = "a rotated secret"
    sandbox.control("PUT", "/credentials", known)
    with refused("InvalidSignatureException"):
        sandbox.pca.list_certificate_authorities()
    sandbox.client(secret="a rotated secret").list_certificate_authorities()
