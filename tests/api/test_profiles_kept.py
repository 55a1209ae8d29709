"""Certificate profiles as they are kept: defaults, one spelling, every version, and their use."""

from uuid import UUID

from sqlalchemy import select

from api_client import code_of, moment
from estate import Estate, Json
from scm_api.core.vocabulary import BackendType
from scm_api.db.models import CertificateProfileVersion
from scm_api.db.session import Database
from scm_api.drivers.registry import REGISTRY
from scm_api.issuance.rules import ProfileRules
from settlement import Enrolling
from simulator import EC_ISSUING


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


async def test_every_save_keeps_a_version(estate: Estate, database: Database) -> None:
    profile = await estate.profile()
    path = f"/certificate-profiles/{profile['id']}"
    await estate.api.patch(path, {"term": {"allowed_days": [7], "default_days": 7}})
    organization = await estate.organization()
    delegated = await estate.api.patch(path, {"organization_ids": [organization["id"]] * 2})
    assert delegated["organization_ids"] == [organization["id"]]
    assert delegated["version"] == 3
    assert moment(delegated["updated_at"]) > moment(profile["updated_at"])
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
