"""Certificate profiles: what cannot work is refused when it is saved."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from api_client import faults_of
from estate import NOWHERE, Estate, Json
from memory_estate import memory_chain
from scm_api.certificate_profiles.judging import KnownBackend, judge_draft
from scm_api.certificate_profiles.schemas import CertificateProfileCreate
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers.aws.options import AwsConnection
from scm_api.drivers.registry import REGISTRY
from scm_api.sandbox import aws
from simulator import DISABLED, EC_ISSUING, OTHER_REGION, RSA_ROOT, SHORT_LIVED, Simulator

LIST = "ListCertificateAuthorities"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def options(**changes: object) -> Json:
    return {"backend_type": "aws", "private_ca": EC_ISSUING} | changes


async def refused(estate: Estate, backend: Json, **changes: object) -> set[tuple[str, str]]:
    """Faults of a profile that differs so from a good one."""
    body = estate.profile_body(backend["id"], **changes)
    return faults_of(await estate.api.post("/certificate-profiles", body, 422))


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


async def test_t72_terms_that_a_short_lived_ca_never_gives(estate: Estate) -> None:
    backend = await estate.ca_backend()
    short_lived = options(private_ca=SHORT_LIVED)
    term = {"allowed_days": [8, 30], "default_days": 8}
    faults = await refused(estate, backend, options=short_lived, term=term)
    assert faults == {("/term/allowed_days", "term-too-long")}
    fitting = {"allowed_days": [7, 30], "default_days": 30}
    profile = await estate.profile(backend["id"], options=short_lived, term=fitting)
    problem = await estate.api.patch(f"/certificate-profiles/{profile['id']}", {"term": term}, 422)
    assert faults_of(problem) == {("/term/allowed_days", "term-too-long")}


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


async def test_a_profile_moves_to_a_backend_of_another_type(estate: Estate) -> None:
    aws_backend = await estate.ca_backend()
    chain, _ = await memory_chain(estate, "ssl")
    profile = await estate.profile(aws_backend["id"])
    path = f"/certificate-profiles/{profile['id']}"
    there, back = {"ca_backend_id": chain.ca_backend["id"]}, {"ca_backend_id": aws_backend["id"]}
    in_memory = {"options": chain.profile["options"], "key_types": ["ec-p256"]}
    for body in (there, in_memory):
        refused = await estate.api.patch(path, body, 422)
        assert ("/options/backend_type", "backend-type-differs") in faults_of(refused)
    moved = await estate.api.patch(path, there | in_memory)
    assert (moved["backend_type"], moved["version"]) == ("memory", profile["version"] + 1)
    returned = await estate.api.patch(path, back | {"options": profile["options"]})
    assert (returned["backend_type"], returned["options"]) == ("aws", profile["options"])


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


async def test_a_rule_that_does_not_compile_is_refused(estate: Estate) -> None:
    backend = await estate.ca_backend()
    rule = {"expression": "names.all(n, ", "explanation": "No."}
    assert await refused(estate, backend, rule=rule) == {("/rule/expression", "rule-invalid")}
