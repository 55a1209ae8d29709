"""A publicly trusted profile follows browsers' rules; no CA of this service is public so far, so
a kind of CA that is stands in here."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from csrs import csr_for, new_key
from scm_api.certificate_profiles.judging import KnownBackend, judge_draft
from scm_api.certificate_profiles.schemas import CertificateProfileCreate
from scm_api.core.csr import read_csr
from scm_api.core.domain_policy import DomainPolicy
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.core.weak_keys import KeyChecks
from scm_api.drivers.aws.options import AwsConnection
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.registry import REGISTRY
from scm_api.issuance.facts import Facts
from scm_api.issuance.judgement import Asked, Judgement, judge, term_rules
from scm_api.issuance.rules import ProfileRules, TermRule
from scm_api.sandbox import aws
from simulator import EC_ISSUING

PRIVATE = REGISTRY[BackendType.AWS]
PUBLIC = replace(PRIVATE, publicly_trusted=lambda _: True)
ID = UUID("01980c5e-7a10-7c3e-9a51-2f0d3c6b8e12")
CONNECTION = {"backend_type": "aws", "region": aws.REGION}
OPTIONS = {"backend_type": "aws", "private_ca": EC_ISSUING}
WWW = "www.example.com"
# Around the step from 200 to 100 days, which is also the end of client authentication.
BEFORE, AFTER = datetime(2027, 3, 14, tzinfo=UTC), datetime(2027, 3, 15, tzinfo=UTC)


class PublicRules(ProfileRules):
    """Rules of a profile whose certificates browsers trust."""

    @property
    def kind(self) -> BackendKind:
        return PUBLIC


def facts(now: datetime, rules: type[ProfileRules] = PublicRules, **changes: Any) -> Facts:
    fields = {
        "name": "web",
        "certificate_type": CertificateType.SSL,
        "ca_backend_id": ID,
        "backend_type": BackendType.AWS,
        "term": TermRule(allowed_days=(90, 200, 365), default_days=365),
        "key_types": frozenset(),
        "domain_policy": DomainPolicy(),
        "allow_renew": True,
        "options": OPTIONS,
    }
    return Facts(
        organization_id=ID,
        certificate_profile_id=ID,
        profile_version=1,
        profile_enabled=True,
        delegated=True,
        owned_domains=("*.example.com",),
        key_blocked=False,
        key_in_use=False,
        refuses_keys_in_use=False,
        rules=rules(**(fields | changes)),
        connection_options=json.dumps(CONNECTION),
        issuing_cas=None,
        now=now,
    )


def judged(known: Facts, pem: str | None = None, **asked: Any) -> Judgement:
    csr, _ = read_csr(pem or csr_for(WWW))
    assert csr is not None
    return judge(known, csr, Asked(**asked), KeyChecks())


def codes(found: Judgement) -> list[str]:
    return [fault.code for fault in found.faults]


def test_the_date_of_issue_decides() -> None:
    assert codes(judged(facts(BEFORE), term_days=200)) == []
    assert codes(judged(facts(AFTER), term_days=200)) == ["term-too-long"]
    assert codes(judged(facts(AFTER), term_days=90)) == []
    defaults = [judged(facts(now)).term for now in (BEFORE, AFTER)]
    assert [term and term.days for term in defaults] == [200, 100]


def test_private_cas_are_exempt() -> None:
    assert codes(judged(facts(AFTER, ProfileRules), term_days=365)) == []
    assert term_rules(facts(AFTER, ProfileRules)).browser_days is None


def test_the_schedule_is_about_tls_certificates() -> None:
    device = facts(AFTER, certificate_type=CertificateType.DEVICE)
    assert term_rules(device).browser_days is None


def test_client_authentication_ends_with_public_trust_alone() -> None:
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, WWW)])
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(WWW)]), False)
    request = builder.add_extension(usages, False).sign(new_key(), hashes.SHA256())
    pem = request.public_bytes(Encoding.PEM).decode()
    assert codes(judged(facts(AFTER), pem, term_days=90)) == ["extension-not-allowed"]
    assert codes(judged(facts(BEFORE), pem, term_days=90)) == []
    assert codes(judged(facts(AFTER, ProfileRules), pem, term_days=90)) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (x509.DNSName("dc.corp.internal"), ["name-not-allowed"]),
        (x509.DNSName("mail"), ["name-not-allowed"]),
        (x509.DNSName("a_b.example.com"), ["name-invalid"]),
        (x509.IPAddress(ip_address("10.0.0.1")), ["address-not-allowed"]),
        (x509.UniformResourceIdentifier("https://www.example.com"), ["san-type-not-allowed"]),
        (x509.DNSName("*.example.com"), []),
        (x509.DNSName("xn--mnchen-3ya.example.com"), []),
        (x509.IPAddress(ip_address("8.8.8.8")), []),
    ],
)
def test_a_public_ca_is_asked_for_no_name_that_it_must_not_certify(
    name: x509.GeneralName, expected: list[str]
) -> None:
    policy = DomainPolicy(
        host_name=True,
        underscores=True,
        ip_address=True,
        wildcard=True,
        allowed_uris=("https://*.example.com",),
    )
    owned = ("*.example.com", "*.corp.internal")
    known, private = (
        replace(facts(BEFORE, rules, domain_policy=policy), owned_domains=owned)
        for rules in (PublicRules, ProfileRules)
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = request.add_extension(x509.SubjectAlternativeName([name]), critical=True)
    pem = request.sign(new_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    assert codes(judged(known, pem, term_days=90)) == expected
    assert codes(judged(private, pem, term_days=90)) == []


@pytest.mark.parametrize(
    ("kind", "now", "days", "expected"),
    [
        (PUBLIC, BEFORE, [200, 365], []),
        (PUBLIC, BEFORE + timedelta(days=1), [200, 365], ["/term/allowed_days term-too-long"]),
        (PUBLIC, AFTER, [100, 200], []),
        (PRIVATE, AFTER, [365], []),
    ],
)
def test_a_profile_without_a_term_that_browsers_accept_is_refused(
    kind: BackendKind, now: datetime, days: list[int], expected: list[str]
) -> None:
    body = {
        "name": "web",
        "ca_backend_id": str(ID),
        "term": {"allowed_days": days, "default_days": days[-1]},
        "options": OPTIONS,
    }
    draft = CertificateProfileCreate.model_validate_json(json.dumps(body))
    backend = KnownBackend(kind, AwsConnection.model_validate(CONNECTION), None)
    found = judge_draft(draft, backend, now)
    assert [f"{fault.pointer} {fault.code}" for fault in found] == expected
