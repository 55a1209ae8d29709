"""Microsoft AD CS over the API: every certificate type, on behalf of accounts, pending, denied."""

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from approvals import at_work
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from looking import look_again

from api_client import Api, faults_of
from csrs import RSA_KEY, csr_for
from estate import Chain, Estate, Json
from loop_thread import LoopThread
from made_states import made_state
from microsoft_estate import AdCs, connection
from scm_api.db.session import Database
from scm_api.sandbox import microsoft
from scm_api.sandbox.microsoft.catalogue import (
    CA_NAME,
    COMPUTER,
    DISABLED_USER,
    PROTECTED_USER,
    USER,
    USER_WITHOUT_MAIL,
)
from scm_api.settings import Settings
from settlement import Enrolling

RSA_TYPES = ["rsa-2048", "rsa-3072", "rsa-4096"]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = microsoft.Settings(made_state("microsoft", tmp_path_factory.mktemp("adcs")))
    with LoopThread() as loop:
        server = loop.run(microsoft.serve(settings))
        yield server
        loop.run(server.aclose())


@pytest.fixture
def ca(running: Any) -> AdCs:
    found = AdCs(running, int(running.ldaps_url.rpartition(":")[2]))
    found.control("POST", "/reset")
    return found


def agent_secrets(running: Any) -> Json:
    """Certificate and key of the enrollment agent, as an admin pastes them."""
    text = running.simulator.agents.path("rsa").read_text()
    certificate, _, key = text.partition("-----BEGIN PRIVATE KEY")
    return {"agent_certificate": certificate, "agent_key": f"-----BEGIN PRIVATE KEY{key}"}


@pytest.fixture
async def backend(estate: Estate, ca: AdCs, running: Any) -> Chain:
    """A CA backend with every port and an enrollment agent, and an organization of the domain."""
    reaching = connection(ca)
    reaching["secrets"] |= agent_secrets(running)
    connector = await estate.connector()
    local = await estate.local_ca_backend(connector["id"], **reaching)
    made = await estate.ca_backend(local["id"])
    organization = await estate.organization("corp.example", "*.corp.example")
    return Chain(connector, local, made, organization, {})


async def profiled(estate: Estate, chain: Chain, template: str, **profile: Any) -> Enrolling:
    options = {"backend_type": "microsoft", "issuing_ca": CA_NAME, "ms_template": template}
    wanted = {
        "options": options | profile.pop("options", {}),
        "term": {"allowed_days": [365], "default_days": 365},
        "organization_ids": [chain.organization["id"]],
        "key_types": RSA_TYPES,
    }
    made = await estate.profile(chain.ca_backend["id"], **(wanted | profile))
    return Enrolling(estate.api, replace(chain, profile=made))


def bare_csr(common_name: str | None = None) -> str:
    """A CSR with a key and, at most, what a publisher is called."""
    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    return builder.sign(RSA_KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def behalf(account: str) -> Json:
    return {"backend_type": "microsoft", "on_behalf_of": account}


async def verified(api: Api, certificate: Json, directory: Path) -> x509.Certificate:
    """The certificate, as `openssl verify` accepts it."""
    path = f"/certificates/{certificate['id']}/content?format=chain"
    chain = (await api.send("GET", path, 200)).content
    leaf, *above = x509.load_pem_x509_certificates(chain)
    (directory / "root.pem").write_bytes(above[-1].public_bytes(Encoding.PEM))
    (directory / "chain.pem").write_bytes(chain)
    command = ["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "chain.pem", "chain.pem"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=directory, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return leaf


CASES = {
    "ssl": ("CorpWeb", {}, {"csr": csr_for("www.corp.example", key=RSA_KEY)}),
    "client": (
        "CorpLogon",
        {
            "options": {"build_subject_from_ad": True, "account_base": "DC=corp,DC=example"},
            "domain_policy": {"email": True, "upn": True},
        },
        {"csr": bare_csr(), "order_options": behalf("CORP\\alovelace")},
    ),
    "code_signing": ("CorpCode", {}, {"csr": bare_csr("Example Corp")}),
    "device": (
        "CorpDevice",
        {"options": {"build_subject_from_ad": True}},
        {"csr": bare_csr(), "order_options": behalf(f"CORP\\{COMPUTER.sam}")},
    ),
}


@pytest.mark.parametrize("certificate_type", list(CASES))
async def test_each_type_is_issued_verified_and_revoked(
    certificate_type: str,
    estate: Estate,
    backend: Chain,
    ca: AdCs,
    settings: Settings,
    tmp_path: Path,
) -> None:
    template, profile, asked = CASES[certificate_type]
    enrolling = await profiled(
        estate, backend, template, certificate_type=certificate_type, **profile
    )
    async with at_work(settings):
        certificate = await enrolling.issued(**asked)
        leaf = await verified(estate.api, certificate, tmp_path)
        path = f"/certificates/{certificate['id']}"
        await estate.api.post(f"{path}/revoke", {"reason": "key_compromise"}, 202)
        await enrolling.until(path, "status", "revoked")
    (revoked,) = ca.ledger("revocation")
    assert int(revoked["serial"], 16) == leaf.serial_number


async def test_a_certificate_for_an_account_is_the_accounts(
    estate: Estate, backend: Chain, ca: AdCs, settings: Settings
) -> None:
    template, profile, asked = CASES["client"]
    enrolling = await profiled(estate, backend, template, certificate_type="client", **profile)
    async with at_work(settings):
        certificate = await enrolling.issued(**asked)
    assert certificate["notes"] == []
    names = {(each["kind"], each["value"]) for each in certificate["names"]}
    assert names == {("upn", USER.upn), ("email", USER.mail)}
    shown = await estate.api.get(f"/enrollments/{certificate['enrollment_id']}")
    assert shown["subject"]["sid"] == USER.sid
    (request,) = ca.ledger("request")
    assert request["requester"].casefold() == f"corp\\{USER.sam}".casefold()


@pytest.mark.parametrize(
    ("account", "status", "code"),
    [
        (DISABLED_USER.upn, 422, "person-disabled"),
        (USER_WITHOUT_MAIL.upn, 422, "person-incomplete"),
        ("CORP\\nobody-there", 422, "person-unknown"),
        (PROTECTED_USER.upn, 403, "subject-not-allowed"),
        (f"CORP\\{COMPUTER.sam}", 403, "subject-not-allowed"),  # not below the profile's base
    ],
)
async def test_t28_accounts_nobody_enrolls_for(
    account: str, status: int, code: str, estate: Estate, backend: Chain, ca: AdCs
) -> None:
    template, profile, _ = CASES["client"]
    profile = profile | {
        "options": {"build_subject_from_ad": True, "account_base": "OU=Staff,DC=corp,DC=example"}
    }
    if code == "person-disabled":
        profile["options"]["account_base"] = "DC=corp,DC=example"
    enrolling = await profiled(estate, backend, template, certificate_type="client", **profile)
    asked = enrolling.body(csr=bare_csr(), order_options=behalf(account))
    refused = (await estate.api.send("POST", "/enrollments", status, json=asked)).json()
    if status == 403:
        assert refused["type"].endswith(code)
    else:
        assert faults_of(refused) == {("/order_options/on_behalf_of", code)}
    assert ca.ledger("request") == []


@pytest.mark.parametrize(
    "change",
    [
        {"disabled": True},
        {"distinguished_name": "CN=Ada Lovelace,OU=Leavers,DC=corp,DC=example"},
        {"sam": "aking"},
    ],
    ids=["disabled", "moved", "renamed"],
)
async def test_t29_an_account_that_changes_while_it_waits_is_not_ordered_for(
    change: Json, estate: Estate, backend: Chain, ca: AdCs, settings: Settings
) -> None:
    template, profile, asked = CASES["client"]
    enrolling = await profiled(estate, backend, template, certificate_type="client", **profile)
    made = await enrolling.enroll(**asked)
    ca.control("PATCH", f"/accounts/{USER.sam}", change)
    async with at_work(settings):
        ended = await enrolling.settled(made["id"])
    assert (ended["state"], ended["reason_code"]) == ("parked", "subject-changed")
    assert ca.ledger("request") == []


async def test_a_profile_for_accounts_wants_an_enrollment_agent(estate: Estate, ca: AdCs) -> None:
    connector = await estate.connector()
    local = await estate.local_ca_backend(connector["id"], **connection(ca))
    made = await estate.ca_backend(local["id"])
    organization = await estate.organization("corp.example", "*.corp.example")
    body = _usable(Chain(connector, local, made, organization, {}))
    body |= {"name": "logon", "ca_backend_id": made["id"]}
    refused = await estate.api.post("/certificate-profiles", body, 422)
    assert faults_of(refused) == {("/options/build_subject_from_ad", "missing-agent")}


async def test_what_a_certificate_manager_decides_is_waited_for(
    estate: Estate, backend: Chain, ca: AdCs, settings: Settings, database: Database
) -> None:
    enrolling = await profiled(estate, backend, "CorpWebApproved")
    async with at_work(settings):
        made = await enrolling.enroll(csr=csr_for("www.corp.example", key=RSA_KEY))
        path = f"/enrollments/{made['id']}"
        waiting = await enrolling.until(path, "state", "pending_ca")
    assert "certificate manager" in waiting["waits_for"]
    ca.control("POST", f"/requests/{waiting['ca_ref']}", {"action": "issue"})
    await estate.api.post(f"{path}/cancel", {}, 409)
    await look_again(database, made)
    async with at_work(settings):  # another worker
        assert (await enrolling.settled(made["id"]))["state"] == "issued"
    assert len(ca.ledger("request")) == 1


async def test_what_the_ca_denies_is_rejected_in_its_words(
    estate: Estate, backend: Chain, ca: AdCs, settings: Settings
) -> None:
    enrolling = await profiled(estate, backend, "CorpWeb")
    ca.control("PATCH", "/templates/CorpWeb", {"minimal_key_size": 4096})
    async with at_work(settings):
        made = await enrolling.enroll(csr=csr_for("www.corp.example", key=RSA_KEY))
        ended = await enrolling.settled(made["id"])
    assert ended["state"] == "rejected"
    assert "0x80094811" in ended["reason"]


async def test_the_term_is_the_templates_also_of_a_replacement(
    estate: Estate, backend: Chain, ca: AdCs, settings: Settings
) -> None:
    enrolling = await profiled(estate, backend, "CorpWeb")
    asked = enrolling.body(csr=csr_for("www.corp.example", key=RSA_KEY))
    ends = await estate.api.post("/enrollments", asked | {"not_after": "2099-01-01T00:00:00Z"}, 422)
    assert ("/not_after", "term-not-allowed") in faults_of(ends)
    async with at_work(settings):
        first = await enrolling.issued(csr=csr_for("www.corp.example", key=RSA_KEY))
        path = f"/certificates/{first['id']}/replace"
        other = csr_for("www.corp.example", key=rsa.generate_private_key(65537, 2048))
        body = {"csr": other, "reason": "superseded"}
        replacing = await estate.api.post(path, body, 202)
        ended = await enrolling.settled(replacing["enrollment_id"])
    assert ended["state"] == "issued", ended["reason"]


async def test_without_a_revoker_it_is_said_what_to_do(
    estate: Estate, ca: AdCs, settings: Settings
) -> None:
    reaching = connection(ca, revoker=None)
    del reaching["secrets"]["revoker"]
    connector = await estate.connector()
    local = await estate.local_ca_backend(connector["id"], **reaching)
    made = await estate.ca_backend(local["id"])
    abilities = {each["name"]: each for each in made["abilities"]}
    assert abilities["revoke"]["available"] is False
    organization = await estate.organization("corp.example", "*.corp.example")
    chain = Chain(connector, local, made, organization, {})
    enrolling = await profiled(estate, chain, "CorpWeb")
    async with at_work(settings):
        certificate = await enrolling.issued(csr=csr_for("www.corp.example", key=RSA_KEY))
    path = f"/certificates/{certificate['id']}/revoke"
    refused = await estate.api.send("POST", path, 409, json={"reason": "superseded"})
    assert refused.json()["type"].endswith("not-supported")
    assert "revoker" in refused.json()["detail"]
    shown = await estate.api.get(path.removesuffix("/revoke"))
    assert (shown["status"], shown["revocation"]) == ("valid", None)


async def test_t25_a_template_with_supplied_logon_names_is_an_mraos_risk(
    estate: Estate, backend: Chain
) -> None:
    body = {
        "name": "clients",
        "ca_backend_id": backend.ca_backend["id"],
        "certificate_type": "client",
        "key_types": RSA_TYPES,
        "organization_ids": [backend.organization["id"]],
        "term": {"allowed_days": [365], "default_days": 365},
        "domain_policy": {"email": True, "upn": True},
        "options": {
            "backend_type": "microsoft",
            "issuing_ca": CA_NAME,
            "ms_template": "CorpClient",
        },
    }
    refused = await estate.api.post("/certificate-profiles", body, 422)
    assert faults_of(refused) == {("/options/acknowledged_risks", "unsafe-template")}
    body["options"] |= {"acknowledged_risks": ["logon-with-supplied-names"]}
    _, key = await estate.api_key(
        role="rao",
        organization_ids=[backend.organization["id"]],
        certificate_types=["client"],
        privileges=["manage_profiles"],
    )
    await estate.profile(backend.ca_backend["id"], **_usable(backend))
    rao = estate.api.as_key(key["key"])
    await rao.post("/certificate-profiles", body, 403)
    made = await estate.api.post("/certificate-profiles", body)
    events = await estate.api.get(f"/audit-events?subject_id={made['id']}")
    assert events["items"][0]["details"]["acknowledged_risks"] == ["logon-with-supplied-names"]


def _usable(chain: Chain) -> Json:
    """A profile by which an RAO of the organization sees the CA backend at all."""
    return {
        "certificate_type": "client",
        "key_types": RSA_TYPES,
        "organization_ids": [chain.organization["id"]],
        "term": {"allowed_days": [365], "default_days": 365},
        "domain_policy": {"email": True, "upn": True},
        "options": {
            "backend_type": "microsoft",
            "issuing_ca": CA_NAME,
            "ms_template": "CorpLogon",
            "build_subject_from_ad": True,
        },
    }
