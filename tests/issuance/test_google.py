"""Google CA Service from profile to revocation, through the REST API and a running worker."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from api_client import Api, code_of, faults_of
from csrs import csr_for
from estate import Estate
from gcp_service import (
    FAST,
    NAMELESS,
    SERVER,
    STRICT,
    WEB,
    GoogleCas,
    connection,
    gcp_chain,
    running_cas,
)
from settlement import Enrolling

WWW = "www.example.com"
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleCas]:
    with running_cas(tmp_path_factory.mktemp("gcp") / "state") as cas:
        yield cas


@pytest.fixture
def cas(_running: GoogleCas) -> GoogleCas:
    _running.control("POST", "/reset")
    return _running


@pytest.fixture
async def enrolling(estate: Estate, cas: GoogleCas) -> Enrolling:
    return Enrolling(estate.api, await gcp_chain(estate, cas, template=SERVER))


async def test_the_whole_story(enrolling: Enrolling, cas: GoogleCas) -> None:
    first = await enrolling.issued(WWW)
    assert (first["quarantined"], first["chain_complete"], first["notes"]) == (None, True, [])
    path = f"/certificates/{first['id']}"
    accepted = await enrolling.api.post(f"{path}/renew", {"csr": csr_for(WWW)}, 202)
    renewed = await enrolling.settled(accepted["enrollment_id"])
    second = f"/certificates/{renewed['certificate_id']}"
    body = {"csr": csr_for(WWW), "reason": "superseded"}
    replacement = await enrolling.api.post(f"{second}/replace", body, 202)
    assert (await enrolling.settled(replacement["enrollment_id"]))["state"] == "issued"
    await enrolling.until(second, "revocation.state", "done")
    await enrolling.api.post(f"{path}/revoke", {"reason": "privilege_withdrawn"}, 202)
    await enrolling.until(path, "revocation.state", "done")
    names = [each["name"] for each in cas.ledger("certificate")]
    assert first["ca_ref"] == names[0]
    assert len(names) == 3
    reasons = [each["reason"] for each in cas.ledger("revocation")]
    assert reasons == ["SUPERSEDED", "PRIVILEGE_WITHDRAWN"]


async def test_a_template_that_could_not_be_looked_at_is_judged_later(
    estate: Estate, cas: GoogleCas
) -> None:
    away = await gcp_chain(estate, cas, template=NAMELESS, away=True)
    assert away.profile["checked_against_ca"] is False
    local = f"/connectors/{away.connector['id']}/local-ca-backends/{away.local_ca_backend['id']}"
    await estate.api.patch(local, connection(cas))
    await estate.api.post(f"/ca-backends/{away.ca_backend['id']}/check", status=200)
    body = Enrolling(estate.api, away).body(WWW)
    problem = await estate.api.post("/enrollments", body, 422)
    assert faults_of(problem) == {("/certificate_profile_id", "names-dropped")}


async def test_f02_a_dropped_answer_is_recovered(enrolling: Enrolling, cas: GoogleCas) -> None:
    cas.fault("CreateCertificate", "close", when="after")
    certificate = await enrolling.issued(WWW)
    assert certificate["quarantined"] is None
    assert len(cas.ledger("certificate")) == 1


async def test_f05_quotas_are_waited_out(enrolling: Enrolling, cas: GoogleCas) -> None:
    cas.fault("CreateCertificate", "error", code="RESOURCE_EXHAUSTED", seconds=0.5)
    await enrolling.issued(WWW)
    assert len(cas.ledger("certificate")) == 1


async def test_a_refusal_is_said_in_googles_words(
    enrolling: Enrolling, estate: Estate, cas: GoogleCas
) -> None:
    profile = await estate.profile(
        enrolling.chain.ca_backend["id"],
        options={"backend_type": "gcp", "certificate_authority": STRICT},
        key_types=["rsa-3072"],
        term={"allowed_days": [30], "default_days": 30},
        organization_ids=[enrolling.chain.organization["id"]],
    )
    wanted = enrolling.body(WWW) | {"certificate_profile_id": profile["id"]}
    problem = await enrolling.api.post("/enrollments", wanted, 422)
    assert ("/csr", "key-not-allowed") in faults_of(problem)
    cas.state(WEB, "web-1", "DISABLED")
    made = await enrolling.enroll(WWW)
    ended = await enrolling.settled(made["id"])
    assert ended["state"] == "rejected"
    assert "no enabled certificate authority" in ended["reason"]


async def test_f10_dropped_names_are_quarantined_and_revoked(
    estate: Estate, cas: GoogleCas
) -> None:
    """The template drops names since after the profile was saved."""
    enrolling = Enrolling(estate.api, await gcp_chain(estate, cas, template=SERVER))
    cas.template(SERVER, passes_names=False)
    made = await enrolling.enroll(WWW)
    parked = await enrolling.until(f"/enrollments/{made['id']}", "state", "parked")
    assert parked["reason_code"] == "certificate-quarantined"
    assert "lacks dns 'www.example.com'" in parked["reason"]
    assert "It is being revoked" in parked["reason"]
    [kept] = (await enrolling.api.get("/certificates"))["items"]
    assert (kept["enrollment_id"], kept["quarantined"] is None) == (made["id"], False)
    await enrolling.until(f"/certificates/{kept['id']}", "revocation.state", "done")
    assert len(cas.ledger("revocation")) == 1


async def test_f09_a_certificate_for_another_key_is_never_served(
    enrolling: Enrolling, cas: GoogleCas
) -> None:
    cas.fault("CreateCertificate", "other_key", when="after")
    made = await enrolling.enroll(WWW)
    parked = await enrolling.until(f"/enrollments/{made['id']}", "state", "parked")
    assert parked["reason_code"] == "certificate-quarantined"
    assert "Revoke it" in parked["reason"]
    assert cas.ledger("revocation") == []


async def test_a_ca_that_joined_the_pool_later_is_no_stranger(
    enrolling: Enrolling, cas: GoogleCas
) -> None:
    await enrolling.issued(WWW)
    cas.state(WEB, "web-2", "ENABLED")
    cas.state(WEB, "web-1", "DISABLED")
    certificate = await enrolling.issued(WWW)
    assert certificate["quarantined"] is None
    assert cas.ledger("certificate")[1]["authority"].endswith("web-2")


async def test_devops_pools_say_beforehand_that_nothing_is_revoked(
    estate: Estate, cas: GoogleCas
) -> None:
    enrolling = Enrolling(estate.api, await gcp_chain(estate, cas, FAST))
    certificate = await enrolling.issued(WWW)
    path = f"/certificates/{certificate['id']}/revoke"
    problem = await enrolling.api.post(path, {"reason": "superseded"}, 409)
    assert code_of(problem) == "not-supported"
    assert "DevOps tier" in problem["detail"]
    assert cas.calls("RevokeCertificate") == []
    backend = await estate.api.get(f"/ca-backends/{enrolling.chain.ca_backend['id']}")
    [revoke] = [each for each in backend["abilities"] if each["name"] == "revoke"]
    assert "Not possible in DevOps pools: fast" in revoke["detail"]


async def test_profiles_that_cannot_work_are_refused(estate: Estate, cas: GoogleCas) -> None:
    enrolling = Enrolling(estate.api, await gcp_chain(estate, cas))
    wanted: dict[str, Any] = {
        "name": "nameless",
        "ca_backend_id": enrolling.chain.ca_backend["id"],
        "certificate_type": "ssl",
        "term": {"allowed_days": [90], "default_days": 90},
        "options": {
            "backend_type": "gcp",
            "certificate_authority": WEB,
            "template": NAMELESS,
        },
        "organization_ids": [enrolling.chain.organization["id"]],
    }
    problem = await estate.api.post("/certificate-profiles", wanted, 422)
    assert faults_of(problem) == {("/options/template", "names-dropped")}


async def test_the_ca_judges_dry_runs(enrolling: Enrolling, cas: GoogleCas) -> None:
    body = enrolling.body(WWW)
    answer = await enrolling.api.post("/enrollments/validate?ask_ca=true", body, 200)
    assert answer["valid"]
    assert cas.ledger("certificate") == []
    assert len(cas.calls("CreateCertificate")) == 1


async def test_the_identity_of_the_machine_is_used_where_that_is_allowed_only(
    estate: Estate, cas: GoogleCas
) -> None:
    connector = await estate.connector()
    body = connection(cas, credentials="application_default")
    body |= {"name": "machine", "secrets": {"backend_type": "gcp"}}
    path = f"/connectors/{connector['id']}/local-ca-backends"
    problem = await estate.api.post(path, body, 422)
    assert faults_of(problem) == {("/options/credentials", "machine-identity-not-allowed")}
    assert "gcp:umbra-pki" in json.dumps(problem)


async def test_t61_key_files_are_never_shown(
    api: Api, enrolling: Enrolling, cas: GoogleCas
) -> None:
    secret = json.loads(cas.key_file)["private_key"].splitlines()[1]
    chain = enrolling.chain
    path = f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    shown = await api.get(path)
    assert secret not in json.dumps(shown)
    assert "service_account" not in json.dumps(shown.get("secrets") or {})
    wrong = {"backend_type": "gcp", "service_account": cas.key_file[:-40]}
    problem = await api.send(
        "PATCH", path, 422, json={"secrets": wrong}, headers={"If-Match": f'"{shown["version"]}"'}
    )
    assert secret not in problem.text
