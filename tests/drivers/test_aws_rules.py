"""What is refused before AWS is asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_harness import (
    ADMIN,
    DISABLED,
    EC_ISSUING,
    OTHER_REGION,
    RSA_ROOT,
    SHORT_LIVED,
    connection_to,
    profile,
    template_arn,
)

from scm_api.core.vocabulary import CertificateType
from scm_api.drivers.aws.kind import AWS
from scm_api.drivers.aws.options import AwsProfileOptions, AwsSecrets
from scm_api.drivers.aws.rules import (
    judge_connection,
    judge_profile,
    judge_request,
    max_term_days,
)
from scm_api.drivers.base import IssuingCa
from scm_api.drivers.kinds import ProfileFacts, RequestFacts

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONNECTION = connection_to("https://pca.example.com")
NO_KEYS = AwsSecrets.model_validate({"backend_type": "aws"})
ROLE = {
    "mode": "assumed_role",
    "role_arn": "arn:aws:iam::111122223333:role/x",
    "external_id": "ab",
}


def ca(arn: str, key_algorithm: str = "EC_prime256v1", **changes: Any) -> IssuingCa:
    facts = {"usage_mode": changes.pop("usage_mode", "GENERAL_PURPOSE")}
    known = IssuingCa(
        arn, "Issuing", "ACTIVE", True, key_algorithm, NOW + timedelta(days=3650), facts
    )
    return replace(known, **changes)


CAS = (
    ca(EC_ISSUING),
    ca(RSA_ROOT, "RSA_2048"),
    ca(SHORT_LIVED, usage_mode="SHORT_LIVED_CERTIFICATE"),
    ca(DISABLED, status="DISABLED", usable=False),
)
FACTS = RequestFacts(
    certificate_type=CertificateType.SSL,
    key_type="rsa-2048",
    subject_is_empty=False,
    san_is_critical=False,
)


def among(cas: Sequence[IssuingCa] | None) -> ProfileFacts:
    return ProfileFacts(CertificateType.SSL, frozenset(), cas)


def codes(options: AwsProfileOptions, cas: Sequence[IssuingCa] | None = CAS) -> list[str]:
    faults = judge_profile(options, CONNECTION, among(cas))
    return [f"{fault.pointer} {fault.code}" for fault in faults]


@pytest.mark.parametrize(
    "options",
    [
        profile(),
        profile(signature_algorithm="SHA512WITHECDSA"),
        profile(RSA_ROOT, signature_algorithm="SHA256WITHRSA_PSS"),
        profile(SHORT_LIVED, aws_template=template_arn("BlankEndEntityCertificate_CSRPassthrough")),
    ],
)
def test_profiles_that_work(options: AwsProfileOptions) -> None:
    assert codes(options) == []
    assert codes(options, None) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (profile("arn:aws:acm-pca:eu-central-1:1:nothing"), "/private_ca malformed-arn"),
        (profile(OTHER_REGION), "/private_ca reference-not-allowed"),
        (
            profile(EC_ISSUING.replace("111122223333", "444455556666")),
            "/private_ca reference-not-allowed",
        ),
        (
            profile(EC_ISSUING.replace("arn:aws:", "arn:aws-cn:")),
            "/private_ca reference-not-allowed",
        ),
        (profile(DISABLED), "/private_ca ca-not-usable"),
        (
            profile(aws_template=template_arn("SubordinateCACertificate_PathLen0")),
            "/aws_template template-not-allowed",
        ),
        (
            profile(aws_template=template_arn("RootCACertificate")),
            "/aws_template template-not-allowed",
        ),
        (profile(aws_template=template_arn("Nonsense")), "/aws_template unknown-template"),
        (
            profile(aws_template=template_arn("BlankEndEntityCertificate")),
            "/aws_template unknown-template",
        ),
        (
            profile(aws_template="EndEntityCertificate/V1"),
            "/aws_template unknown-template",
        ),
        (
            profile(aws_template="arn:aws-cn:acm-pca:::template/EndEntityCertificate/V1"),
            "/aws_template reference-not-allowed",
        ),
        (
            profile(signature_algorithm="SHA256WITHRSA"),
            "/signature_algorithm signature-algorithm-not-possible",
        ),
        (
            profile(signature_algorithm="MD5WITHRSA"),
            "/signature_algorithm signature-algorithm-not-possible",
        ),
    ],
)
def test_t58_profiles_that_are_refused(options: AwsProfileOptions, expected: str) -> None:
    assert codes(options) == [expected]
    (fault,) = judge_profile(options, CONNECTION, among(CAS))
    assert fault.accepted
    assert fault.detail.endswith(".")


def test_all_faults_are_listed_at_once() -> None:
    wrong = profile(OTHER_REGION, aws_template="x", signature_algorithm="y")
    assert len(codes(wrong)) == 3


def test_what_depends_on_the_list_waits_for_the_list() -> None:
    assert codes(profile(DISABLED), None) == []
    assert codes(profile(signature_algorithm="SHA256WITHRSA"), None) == []
    assert codes(profile(OTHER_REGION), None) == ["/private_ca reference-not-allowed"]
    assert codes(profile(signature_algorithm="none"), None) != []


def test_what_is_accepted_is_named() -> None:
    (algorithm,) = judge_profile(
        profile(signature_algorithm="SHA256WITHRSA"), CONNECTION, among(CAS)
    )
    assert algorithm.accepted == "SHA256WITHECDSA, SHA384WITHECDSA, SHA512WITHECDSA"
    assert "EC_prime256v1" in algorithm.detail
    (template,) = judge_profile(profile(aws_template="x"), CONNECTION, among(CAS))
    assert template.accepted is not None
    assert "CodeSigningCertificate_CSRPassthrough" in template.accepted
    (unknown,) = judge_profile(profile(EC_ISSUING[:-1] + "9"), CONNECTION, among(CAS))
    assert unknown.accepted == f"{EC_ISSUING}; {RSA_ROOT}; {SHORT_LIVED}"


def test_t65_control_characters_in_a_reference_are_shown_escaped() -> None:
    (fault,) = judge_profile(profile("a\x1b[31m\r\nb" + "x" * 180), CONNECTION, among(CAS))
    assert fault.detail.isprintable()
    assert len(fault.detail) < 200


def request_codes(options: AwsProfileOptions, facts: RequestFacts) -> list[str]:
    faults = judge_request(options, CONNECTION, CAS, facts)
    return [f"{fault.pointer} {fault.code}" for fault in faults]


def test_a_request_that_works() -> None:
    assert request_codes(profile(), FACTS) == []


def test_a_profile_gone_bad_is_pointed_at_as_a_whole() -> None:
    assert request_codes(profile(DISABLED), FACTS) == ["/certificate_profile_id ca-not-usable"]


@pytest.mark.parametrize(
    ("empty", "critical", "expected"),
    [
        (True, False, ["/csr san-not-critical"]),
        (True, True, []),
        (False, False, []),
    ],
)
def test_an_empty_subject_needs_a_critical_san(
    empty: bool, critical: bool, expected: list[str]
) -> None:
    facts = replace(FACTS, subject_is_empty=empty, san_is_critical=critical)
    assert request_codes(profile(), facts) == expected


def test_t72_short_lived_cas_issue_for_seven_days_at_most() -> None:
    assert [max_term_days(each) for each in CAS] == [None, None, 7, None]


def test_no_private_ca_is_publicly_trusted() -> None:
    assert not any(AWS.publicly_trusted(profile(arn)) for arn in (EC_ISSUING, SHORT_LIVED))


@pytest.mark.parametrize(
    ("credentials", "secrets", "expected"),
    [
        ({"mode": "static_keys"}, ADMIN, None),
        ({"mode": "static_keys"}, NO_KEYS, "missing-credentials"),
        ({"mode": "default_chain"}, NO_KEYS, None),
        ({"mode": "default_chain"}, ADMIN, "unused-credentials"),
        (ROLE, ADMIN, None),
        (ROLE, NO_KEYS, "missing-credentials"),
        (ROLE | {"source": "default_chain"}, NO_KEYS, None),
        (ROLE | {"source": "default_chain"}, ADMIN, "unused-credentials"),
    ],
)
def test_secrets_fit_the_way_of_signing_in(
    credentials: dict[str, str], secrets: AwsSecrets, expected: str | None
) -> None:
    connection = connection_to("https://pca.example.com", credentials=credentials)
    faults = judge_connection(connection, secrets)
    assert [fault.code for fault in faults] == ([expected] if expected else [])
    assert all(fault.pointer == "/secrets/access_key_id" for fault in faults)
