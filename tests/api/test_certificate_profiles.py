"""Certificate profiles: what cannot work is refused when it is saved."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select

from api_client import code_of, faults_of
from estate import NOWHERE, Estate, Json
from scm_api.certificate_profiles.judging import KnownBackend, judge_draft
from scm_api.certificate_profiles.schemas import CertificateProfileCreate
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.db.models import CertificateProfileVersion
from scm_api.db.session import Database
from scm_api.drivers.aws.options import AwsConnection
from scm_api.drivers.registry import REGISTRY
from scm_api.issuance.rules import ProfileRules
from scm_api.sandbox import aws
from settlement import Enrolling
from simulator import DISABLED, EC_ISSUING, OTHER_REGION, RSA_ROOT, Simulator

LIST = "ListCertificateAuthorities"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def options(**changes: object) -> Json:
    return {"backend_type": "aws", "private_ca": EC_ISSUING} | changes


async def refused(estate: Estate, backend: Json, **changes: object) -> set[tuple[str, str]]:
    """Faults of a profile that differs so from a good one."""
    body = estate.profile_body(backend["id"], **changes)
    return faults_of(await estate.api.post("/certificate-profiles", body, 422))


async def versions(database: Database, profile: Json) -> list[ProfileRules]:
    """Every version kept of a profile, oldest first."""
    query = (
        select(CertificateProfileVersion.version, CertificateProfileVersion.rules)
        .where(CertificateProfileVersion.certificate_profile_id == UUID(profile["id"]))
        .order_by(CertificateProfileVersion.version)
    )
    async with database.transaction() as session:
        rows = (await session.execute(query)).all()
    assert [row.version for row in rows] == list(range(1, len(rows) + 1))
    return [ProfileRules.model_validate(row.rules) for row in rows]


async def test_defaults_are_what_the_ca_can_do(estate: Estate) -> None:
    profile = await estate.profile()
    capabilities = REGISTRY[BackendType.AWS].capabilities
    assert set(profile["key_types"]) == capabilities.key_types
    assert profile["domain_policy"] == {
        "fqdn": True,
        "host_name": False,
        "ip_address": False,
        "wildcard": False,
        "email": False,
        "upn": False,
        "public_domains": True,
        "internal_domains": True,
        "underscores": False,
        "homographs": False,
        "wildcard_depth": None,
        "address_classes": ["public_ipv4", "private_ipv4", "public_ipv6", "private_ipv6"],
        "allowed_domains": [],
        "denied_domains": [],
        "allowed_networks": [],
        "denied_networks": [],
        "allowed_uris": [],
    }
    assert profile["backend_type"] == "aws"
    assert profile["organization_ids"] == []
    assert (profile["enabled"], profile["allow_renew"]) == (True, True)


async def test_an_arn_that_is_wrong_for_the_region(estate: Estate) -> None:
    backend = await estate.ca_backend()
    for wrong, code in (
        (OTHER_REGION, "reference-not-allowed"),
        (EC_ISSUING[:-1] + "9", "reference-not-allowed"),
        (DISABLED, "ca-not-usable"),
        ("arn:aws:s3:::bucket", "malformed-arn"),
    ):
        faults = await refused(estate, backend, options=options(private_ca=wrong))
        assert faults == {("/options/private_ca", code)}


async def test_every_fault_of_the_options_is_listed(estate: Estate) -> None:
    backend = await estate.ca_backend()
    faults = await refused(
        estate,
        backend,
        certificate_type="device",
        key_types=["ec-p256", "ed25519"],
        term={"allowed_days": [30, 90], "default_days": 60},
        domain_policy={
            "allowed_domains": ["example.com", "a..b", "*.com"],
            "allowed_networks": ["10.0.0.0/8", "10.0.0.1/8", "nowhere"],
            "denied_domains": ["*.com", "*"],
            "denied_networks": ["10.0.0.1/8"],
            "allowed_uris": ["spiffe://prod", "tag:microsoft.com"],
            "email": True,
            "upn": True,
        },
        options=options(
            signature_algorithm="SHA256WITHRSA",
            aws_template="arn:aws:acm-pca:::template/RootCACertificate/V1",
        ),
    )
    assert faults == {
        ("/certificate_type", "certificate-type-not-supported"),
        ("/key_types/1", "key-type-not-supported"),
        ("/term/default_days", "default-not-allowed"),
        ("/domain_policy/allowed_domains/1", "name-invalid"),
        ("/domain_policy/allowed_domains/2", "wildcard-not-allowed"),
        ("/domain_policy/allowed_networks/1", "address-not-allowed"),
        ("/domain_policy/allowed_networks/2", "address-not-allowed"),
        ("/domain_policy/denied_domains/1", "wildcard-not-allowed"),
        ("/domain_policy/denied_networks/0", "address-not-allowed"),
        ("/domain_policy/allowed_uris/1", "name-invalid"),
        ("/domain_policy/email", "san-type-not-allowed"),
        ("/domain_policy/upn", "san-type-not-allowed"),
        ("/options/signature_algorithm", "signature-algorithm-not-possible"),
        ("/options/aws_template", "template-not-allowed"),
    }


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"key_types": []}, "/key_types"),
        ({"key_types": ["rsa-1024"]}, "/key_types/0"),
        ({"term": {"allowed_days": [], "default_days": 1}}, "/term/allowed_days"),
        ({"term": {"allowed_days": [0], "default_days": 0}}, "/term/allowed_days/0"),
        ({"term": {"allowed_days": [True], "default_days": 1}}, "/term/allowed_days/0"),
        ({"certificate_type": "tls"}, "/certificate_type"),
        ({"domain_policy": {"wildcard_depth": -1}}, "/domain_policy/wildcard_depth"),
        ({"domain_policy": {"address_classes": []}}, "/domain_policy/address_classes"),
        ({"domain_policy": {"address_classes": ["ipv4"]}}, "/domain_policy/address_classes/0"),
        ({"domain_policy": {"uri": True}}, "/domain_policy/uri"),
        ({"organization_ids": ["one"]}, "/organization_ids/0"),
        ({"options": {"backend_type": "ejbca"}}, "/options/backend_type"),
        ({"enabled": "yes"}, "/enabled"),
    ],
)
async def test_values_out_of_range(estate: Estate, changes: Json, pointer: str) -> None:
    backend = await estate.ca_backend(url=NOWHERE)
    assert pointer in {where for where, _ in await refused(estate, backend, **changes)}


def test_options_of_another_type_than_the_backend() -> None:
    """A second backend type is enough to make this mistake, so it is made with one here."""
    kind = REGISTRY[BackendType.AWS]
    draft = CertificateProfileCreate.model_validate_json(
        b'{"name": "a", "ca_backend_id": "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e12",'
        b'"term": {"allowed_days": [30], "default_days": 30},'
        b'"options": {"backend_type": "aws", "private_ca": "arn"}}'
    )
    elsewhere = replace(kind, type="gcp")  # type: ignore[arg-type]  # a type of the future
    connection = AwsConnection(backend_type="aws", region=aws.REGION)
    backend = KnownBackend(elsewhere, connection, None)
    found = [(fault.pointer, fault.code) for fault in judge_draft(draft, backend, NOW)]
    assert found == [("/options/backend_type", "backend-type-differs")]


def test_approval_is_refused_for_types_it_is_not_made_for() -> None:
    draft = CertificateProfileCreate.model_validate_json(
        b'{"name": "a", "ca_backend_id": "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e12",'
        b'"term": {"allowed_days": [30], "default_days": 30}, "requires_approval": true,'
        b'"certificate_type": "client", "revocation_requires_approval": true,'
        b'"options": {"backend_type": "aws", "private_ca": "arn"}}'
    )
    backend = KnownBackend(REGISTRY[BackendType.AWS])
    [fault] = judge_draft(draft, backend, NOW)
    assert (fault.pointer, fault.code) == ("/requires_approval", "approval-not-supported")
    assert fault.accepted == "false, or one of the types ssl, device"
    device = draft.model_copy(update={"certificate_type": CertificateType.DEVICE})
    assert judge_draft(device, backend, NOW) == []


async def test_versions_kept_before_there_was_approval_are_read(
    estate: Estate, database: Database
) -> None:
    profile = await estate.profile(requires_approval=True, revocation_requires_approval=True)
    [rules] = await versions(database, profile)
    assert (rules.requires_approval, rules.revocation_requires_approval) == (True, True)
    kept = rules.model_dump(exclude={"requires_approval", "revocation_requires_approval"})
    old = ProfileRules.model_validate(kept)
    assert (old.requires_approval, old.revocation_requires_approval) == (False, False)


async def test_names_and_networks_are_kept_in_one_spelling(
    estate: Estate, database: Database
) -> None:
    profile = await estate.profile(
        domain_policy={
            "ip_address": True,
            "allowed_domains": ["EXAMPLE.com.", "bücher.example", "*.xn--bcher-kva.example"],
            "allowed_networks": ["2001:DB8:0::/32", "10.0.0.0/8"],
            "denied_domains": ["*.COM"],
            "denied_networks": ["10.9.0.0/255.255.0.0"],
            "allowed_uris": ["SPIFFE://Prod.Example.com"],
            "address_classes": ["private_ipv6", "private_ipv4", "private_ipv6"],
        },
        key_types=["rsa-3072", "ec-p256", "ec-p256"],
        term={"allowed_days": [90, 30, 90], "default_days": 90},
    )
    policy = profile["domain_policy"]
    assert policy["allowed_domains"] == [
        "example.com",
        "xn--bcher-kva.example",
        "*.xn--bcher-kva.example",
    ]
    assert policy["allowed_networks"] == ["2001:db8::/32", "10.0.0.0/8"]
    assert policy["denied_domains"] == ["*.com"]
    assert policy["denied_networks"] == ["10.9.0.0/16"]
    assert policy["allowed_uris"] == ["spiffe://prod.example.com"]
    assert policy["address_classes"] == ["private_ipv4", "private_ipv6"]
    assert profile["key_types"] == ["rsa-3072", "ec-p256"]
    assert profile["term"] == {"allowed_days": [30, 90], "default_days": 90}
    [rules] = await versions(database, profile)
    assert rules.domain_policy.allowed_domains == tuple(policy["allowed_domains"])
    assert rules.domain_policy.denied_networks == tuple(policy["denied_networks"])
    assert rules.key_types == {"ec-p256", "rsa-3072"}
    assert rules.typed_options.private_ca == EC_ISSUING


async def test_rules_kept_before_a_policy_could_say_more_are_read_as_ever(
    estate: Estate, database: Database
) -> None:
    profile = await estate.profile(domain_policy={"wildcard": True})
    [rules] = await versions(database, profile)
    stored = rules.model_dump(mode="json")
    old = ("fqdn", "host_name", "ip_address", "wildcard", "allowed_domains", "allowed_networks")
    stored["domain_policy"] = {name: stored["domain_policy"][name] for name in old}
    assert ProfileRules.model_validate(stored) == rules


async def test_while_the_ca_is_away_what_can_be_told_without_it_is_checked(
    estate: Estate,
) -> None:
    backend = await estate.ca_backend(url=NOWHERE)
    assert await refused(estate, backend, options=options(private_ca=OTHER_REGION)) == {
        ("/options/private_ca", "reference-not-allowed")
    }
    await estate.profile(backend["id"])


async def test_a_list_that_is_out_of_date_is_read_again_before_it_is_believed(
    estate: Estate, simulator: Simulator
) -> None:
    """A CA enabled at AWS a moment ago can be used at once."""
    backend = await estate.ca_backend()
    assert await refused(estate, backend, options=options(private_ca=DISABLED)) == {
        ("/options/private_ca", "ca-not-usable")
    }
    simulator.control("PATCH", f"/certificate-authorities/{aws.DISABLED_ID}", {"status": "ACTIVE"})
    await estate.profile(backend["id"], options=options(private_ca=DISABLED))
    calls = len(simulator.calls(LIST))
    await estate.profile(backend["id"])
    assert len(simulator.calls(LIST)) == calls, "a list that speaks for it is not read again"


async def test_every_save_keeps_a_version(estate: Estate, database: Database) -> None:
    profile = await estate.profile()
    path = f"/certificate-profiles/{profile['id']}"
    await estate.api.patch(path, {"term": {"allowed_days": [7], "default_days": 7}})
    organization = await estate.organization()
    delegated = await estate.api.patch(path, {"organization_ids": [organization["id"]] * 2})
    assert delegated["organization_ids"] == [organization["id"]]
    assert delegated["version"] == 3
    assert delegated["updated_at"] > profile["updated_at"]
    same = await estate.api.patch(path, {"organization_ids": [organization["id"]]})
    assert same == delegated
    kept = await versions(database, profile)
    assert [rules.term.default_days for rules in kept] == [30, 7, 7]
    events = await estate.api.everything(f"/audit-events?subject_id={profile['id']}")
    assert [event["details"].get("changed") for event in events] == [
        ["organization_ids"],
        ["term"],
        None,
    ]


async def test_a_profile_moves_to_another_backend_and_is_judged_there(estate: Estate) -> None:
    profile, other = await estate.profile(), await estate.ca_backend()
    path = f"/certificate-profiles/{profile['id']}"
    change = {"ca_backend_id": other["id"], "options": options(private_ca=RSA_ROOT)}
    moved = await estate.api.patch(path, change)
    assert (moved["ca_backend_id"], moved["version"]) == (other["id"], 2)
    problem = await estate.api.patch(path, {"options": options(private_ca=OTHER_REGION)}, 422)
    assert faults_of(problem) == {("/options/private_ca", "reference-not-allowed")}
    assert await estate.api.get(path) == moved
    await estate.api.delete(f"/ca-backends/{profile['ca_backend_id']}")


async def test_a_profile_can_be_disabled_whatever_became_of_its_ca(
    estate: Estate, simulator: Simulator
) -> None:
    profile = await estate.profile()
    path = f"/certificate-profiles/{profile['id']}"
    simulator.control(
        "PATCH", f"/certificate-authorities/{aws.EC_ISSUING_ID}", {"status": "DISABLED"}
    )
    await estate.api.get(f"/ca-backends/{profile['ca_backend_id']}/issuing-cas?refresh=true")
    problem = await estate.api.patch(path, {"options": profile["options"]}, 422)
    assert faults_of(problem) == {("/options/private_ca", "ca-not-usable")}
    assert (await estate.api.patch(path, {"enabled": False}))["enabled"] is False


async def test_a_used_profile_is_kept(estate: Estate) -> None:
    chain = await estate.chain()
    path = f"/certificate-profiles/{chain.profile['id']}"
    enrolling = Enrolling(estate.api, chain)
    made = [await enrolling.enroll(f"www{number}.example.com") for number in range(7)]
    problem = await estate.api.delete(path, 409)
    assert code_of(problem) == "in-use"
    assert "(7)" in problem["detail"]
    assert "enabled" in problem["detail"]
    assert (
        problem["used_by"]
        == [
            {"kind": "enrollment", "id": each["id"], "name": f"www{number}.example.com"}
            for number, each in reversed(list(enumerate(made)))
        ][:5]
    )
    backend = await estate.api.delete(f"/ca-backends/{chain.ca_backend['id']}", 409)
    assert {use["kind"] for use in backend["used_by"]} == {"certificate_profile", "enrollment"}


async def test_profiles_are_found_by_what_they_are(estate: Estate) -> None:
    chain = await estate.chain()
    other = await estate.profile(chain.ca_backend["id"], enabled=False)

    async def found(query: str) -> set[str]:
        items = await estate.api.everything(f"/certificate-profiles?{query}")
        return {item["id"] for item in items}

    both = {chain.profile["id"], other["id"]}
    assert await found(f"ca_backend_id={chain.ca_backend['id']}") == both
    assert await found("certificate_type=ssl") == both
    assert await found("certificate_type=client") == set()
    assert await found("enabled=false") == {other["id"]}
    assert await found(f"organization_id={chain.organization['id']}") == {chain.profile["id"]}
    assert await found(f"name={other['name']}") == {other["id"]}


async def test_a_rule_that_does_not_compile_is_refused(estate: Estate) -> None:
    backend = await estate.ca_backend()
    rule = {"expression": "names.all(n, ", "explanation": "No."}
    assert await refused(estate, backend, rule=rule) == {("/rule/expression", "rule-invalid")}


async def test_a_rule_comes_and_goes_and_each_version_keeps_its_own(
    estate: Estate, database: Database
) -> None:
    rule = {"expression": "term_days <= 30", "explanation": "Short-lived only."}
    profile = await estate.profile(rule=rule)
    assert profile["rule"] == rule
    path = f"/certificate-profiles/{profile['id']}"
    kept = await estate.api.patch(path, {"description": "as before"})
    assert kept["rule"] == rule
    gone = await estate.api.patch(path, {"rule": None})
    assert gone["rule"] is None
    told = [
        found.rule.explanation if found.rule else None
        for found in await versions(database, profile)
    ]
    assert told == ["Short-lived only.", "Short-lived only.", None]
