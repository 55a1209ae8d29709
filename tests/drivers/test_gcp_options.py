"""What may be said about CA Service, and what of it is refused before Google is asked."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from contract import RecordingLimiter
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from gcp_harness import GcpHarness, choosing
from pydantic import ValidationError

from gcp_service import FAST, NAMELESS, SERVER, STRICT, WEB
from scm_api.core.vocabulary import CertificateType
from scm_api.drivers.base import IssuingCa, Template
from scm_api.drivers.gcp.driver import open_driver
from scm_api.drivers.gcp.kind import GCP
from scm_api.drivers.gcp.names import parse, with_project
from scm_api.drivers.gcp.options import GcpConnection, GcpSecrets
from scm_api.drivers.kinds import ProfileFacts, RequestFacts
from scm_api.drivers.options import plain_secrets

HERE = {"backend_type": "gcp", "project": "umbra-pki", "location": "europe-west1"}
CONNECTION = GcpConnection.model_validate(HERE)
NOBODY = GcpSecrets(backend_type="gcp")
Known = tuple[list[IssuingCa], list[Template]]


@pytest.fixture
async def known(gcp_harness: GcpHarness, limiter: RecordingLimiter) -> Known:
    driver = await open_driver(gcp_harness.connection, gcp_harness.secrets, limiter)
    gcp_harness.state(FAST, "fast-1", "STAGED")
    found = list(await driver.issuing_cas()), list(await driver.templates())
    await driver.aclose()
    return found


def with_facts(known: Known, name: str, **facts: Any) -> Known:
    """The same with other facts of one CA, pool or template."""

    def changed(each: Any) -> Any:
        return replace(each, facts=each.facts | facts) if each.id == name else each

    return [changed(each) for each in known[0]], [changed(each) for each in known[1]]


def faults(
    known: Known | None,
    certificate_authority: str = WEB,
    key_types: frozenset[str] = GCP.capabilities.key_types,
    **options: Any,
) -> set[tuple[str, str]]:
    lists = known or (None, None)
    facts = ProfileFacts(CertificateType.SSL, key_types, *lists)
    found = GCP.judge_profile(choosing(certificate_authority, **options), CONNECTION, facts)
    assert all(each.detail.endswith(".") and each.accepted for each in found)
    return {(each.pointer, each.code) for each in found}


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"certificate_authority": "web"}, "malformed-name"),
        ({"certificate_authority": SERVER}, "malformed-name"),
        ({"certificate_authority": f"{WEB}/certificateAuthorities/"}, "malformed-name"),
        ({"certificate_authority": f"{WEB}\nx"}, "malformed-name"),
        (
            {"certificate_authority": WEB.replace("umbra-pki", "another-one")},
            "reference-not-allowed",
        ),
        ({"certificate_authority": WEB.replace("west1", "west4")}, "reference-not-allowed"),
        ({"certificate_authority": WEB.replace("web", "nothing")}, "reference-not-allowed"),
        (
            {"certificate_authority": f"{WEB}/certificateAuthorities/web-0"},
            "ca-not-usable",
        ),
        ({"certificate_authority": FAST}, "ca-not-usable"),
    ],
)
def test_t58_cas_that_do_not_issue_here(known: Known, options: dict[str, Any], fault: str) -> None:
    assert faults(known, **options) == {("/certificate_authority", fault)}


def test_a_pool_and_a_staged_ca_by_its_name_are_fine(known: Known) -> None:
    for name in (
        WEB,
        f"{WEB}/certificateAuthorities/web-2",
        f"{FAST}/certificateAuthorities/fast-1",
    ):
        assert faults(known, name) == set()
    assert faults(known, template=SERVER) == set()
    assert faults(None, template=SERVER) == set()


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("server", "malformed-name"),
        (WEB, "malformed-name"),
        (SERVER.replace("west1", "west4"), "reference-not-allowed"),
        (SERVER.replace("umbra-pki", "another-one"), "reference-not-allowed"),
        (SERVER.replace("/server", "/nothing"), "unknown-template"),
        (NAMELESS, "names-dropped"),
    ],
)
def test_templates_that_cannot_work(known: Known, template: str, fault: str) -> None:
    assert faults(known, template=template) == {("/template", fault)}


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"passes_names": False}, "names-dropped"),
        ({"makes_cas": True}, "template-not-allowed"),
        ({"extended_key_usages": ["client_auth"]}, "template-not-allowed"),
        ({"allows_csr": False}, "csr-not-allowed"),
        ({"key_types": ["rsa-4096"]}, "key-type-not-supported"),
        ({"key_types": []}, "key-type-not-supported"),
    ],
)
def test_issuance_policies_that_cannot_work(
    known: Known, facts: dict[str, Any], fault: str
) -> None:
    assert faults(with_facts(known, WEB, **facts)) == {("/certificate_authority", fault)}


def test_keys_are_those_of_the_issuance_policy(known: Known) -> None:
    assert faults(known, STRICT, frozenset({"rsa-3072", "rsa-4096"})) == set()
    pointer = "/certificate_authority"
    assert faults(known, STRICT, frozenset({"rsa-2048"})) == {(pointer, "key-type-not-supported")}
    request = RequestFacts(CertificateType.SSL, "ec-p256", False, False)
    [fault] = GCP.judge_request(choosing(STRICT), CONNECTION, known[0], request)
    assert (fault.pointer, fault.code) == ("/csr", "key-not-allowed")
    assert GCP.judge_request(choosing(WEB), CONNECTION, known[0], request) == []
    [gone] = GCP.judge_request(choosing(WEB), CONNECTION, [], request)
    assert gone.pointer == "/certificate_profile_id"


def test_a_template_against_the_baseline_of_the_pool(known: Known) -> None:
    differing = with_facts(known, WEB, key_usages=["key_encipherment"])
    assert faults(differing, template=SERVER) == {("/template", "template-conflict")}
    same = with_facts(known, WEB, key_usages=["digital_signature"])
    assert faults(same, template=SERVER) == set()


def test_terms_and_tiers_are_told_of_each_ca(known: Known) -> None:
    by_id = {ca.id: ca for ca in known[0]}
    assert GCP.max_term_days(by_id[STRICT]) == 90
    assert GCP.max_term_days(by_id[WEB]) is None
    [revoke, read] = GCP.abilities(CONNECTION, known[0])
    assert (revoke.name, revoke.available) == ("revoke", True)
    assert "Not possible in DevOps pools: fast." in revoke.detail
    assert (read.name, read.available) == ("read_certificates", True)
    fast_alone = [ca for ca in known[0] if ca.id.startswith(FAST)]
    assert [each.available for each in GCP.abilities(CONNECTION, fast_alone)] == [False, False]
    assert GCP.abilities(CONNECTION, None) == ()


def test_devops_pools_do_not_revoke_and_say_so_beforehand(known: Known) -> None:
    objection = GCP.revocation_objection(choosing(FAST), CONNECTION, known[0])
    assert objection is not None
    assert "Enterprise tier" in objection
    assert GCP.revocation_objection(choosing(WEB), CONNECTION, known[0]) is None
    assert GCP.revocation_objection(choosing(FAST), CONNECTION, None) is None


def test_where_to_look_for_a_lost_order() -> None:
    assert "--issuer-pool web:" in GCP.where_to_look(choosing(WEB), CONNECTION, b"")


@pytest.mark.parametrize(
    "changes",
    [
        {"project": "UPPER"},
        {"project": "a/b-project"},
        {"location": "europe"},
        {"location": "europe-west1/caPools/x"},
        {"credentials": "nobody"},
        {"endpoint_url": "http://127.0.0.1:4040"},
        {"endpoint_url": "https://169.254.169.254"},
        {"endpoint_url": "https://10.0.0.1"},
        {"trusted_certificates": "no certificate"},
        {"call_timeout_seconds": 21},
        {"region": "europe-west1"},
    ],
)
def test_t53_connections_that_cannot_be_meant(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GcpConnection.model_validate(HERE | changes)


@pytest.mark.parametrize("project", ["umbra-pki", "123456789012", "example.com:umbra-pki"])
def test_projects_by_id_and_number(project: str) -> None:
    name = f"projects/{project}/locations/europe-west1/caPools/web"
    assert GcpConnection.model_validate(HERE | {"project": project}).project == project
    found = parse(name)
    assert found is not None
    assert (found.project, found.pool_name) == (project, name)
    assert with_project(WEB, project) == name


def test_a_key_is_given_where_it_is_used(gcp_harness: GcpHarness) -> None:
    [missing] = GCP.judge_connection(CONNECTION, NOBODY)
    assert (missing.pointer, missing.code) == ("/secrets/service_account", "missing-credentials")
    machine = GcpConnection.model_validate(HERE | {"credentials": "application_default"})
    [unused] = GCP.judge_connection(machine, gcp_harness.secrets)
    assert unused.code == "unused-credentials"
    assert GCP.judge_connection(machine, NOBODY) == []
    assert GCP.machine_identity(machine) == "gcp:umbra-pki"
    assert GCP.machine_identity(CONNECTION) is None


@pytest.mark.parametrize(
    ("host", "is_google"),
    [
        ("privateca-scm.p.googleapis.com", True),
        ("127.0.0.1:4050", True),
        ("googleapis.com.evil.test", False),
        ("evilgoogleapis.com", False),
        ("evil.test", False),
    ],
)
def test_t58_the_token_of_the_machine_goes_to_google_alone(host: str, is_google: bool) -> None:
    options = HERE | {"credentials": "application_default", "endpoint_url": f"https://{host}"}
    faults = GCP.judge_connection(GcpConnection.model_validate(options), NOBODY)
    refused = [] if is_google else ["endpoint-not-allowed"]
    assert [each.code for each in faults] == refused
    with_key = options | {"credentials": "service_account"}
    [missing] = GCP.judge_connection(GcpConnection.model_validate(with_key), NOBODY)
    assert missing.code == "missing-credentials"


def _on_a_curve(_pem: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("member", "change", "words"),
    [
        ("type", lambda _: "authorized_user", "type is not service_account"),
        ("private_key", lambda pem: pem[:300], "private_key is no unencrypted RSA key"),
        ("private_key", _on_a_curve, "private_key is no unencrypted RSA key"),
        ("private_key_id", lambda _: "", "private_key_id is missing"),
        ("client_email", lambda _: "ada@example.com", "client_email is not"),
        ("token_uri", lambda _: "https://evil.example/token", "token_uri is not Google's"),
        ("universe_domain", lambda _: "evil.example", "universe_domain is not googleapis.com"),
    ],
)
def test_t61_wrong_key_files_are_described_and_not_repeated(
    gcp_harness: GcpHarness, member: str, change: Callable[[Any], Any], words: str
) -> None:
    content = json.loads(gcp_harness.key_file)
    wrong = json.dumps(content | {member: change(content.get(member))})
    said = _refusal(wrong)
    assert words in said
    assert content["private_key"].splitlines()[1] not in said
    assert "evil" not in said


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '"x"', "{}"])
def test_what_is_no_key_file_at_all(text: str) -> None:
    assert "no service account key" in _refusal(text)


def _refusal(text: str) -> str:
    with pytest.raises(ValidationError) as caught:
        GcpSecrets.model_validate({"backend_type": "gcp", "service_account": text})
    return f"{caught.value} {caught.value.json(include_input=False)}"


def test_t62_the_key_comes_back_from_its_sealed_form_and_is_not_shown(
    gcp_harness: GcpHarness,
) -> None:
    secrets = gcp_harness.secrets
    assert GcpSecrets.model_validate_json(plain_secrets(secrets)) == secrets
    assert "PRIVATE KEY" not in repr(secrets) + secrets.model_dump_json()
