"""Certificates for accounts of a directory: who may, for whom, and what is compared before and
after the CA builds the subject."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from approvals import at_work
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, update

from api_client import faults_of
from csrs import client_csr, new_key
from estate import Estate
from memory_ca.authority import Authority
from memory_estate import USAGES, memory_chain
from scm_api.core.names import Name
from scm_api.core.subjects import Subject
from scm_api.core.vocabulary import NameKind
from scm_api.core.weak_keys import KeyChecks
from scm_api.db.models import Certificate
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.worker.renewal import Renewals
from settlement import Enrolling

JO = Subject(
    account="CORP\\jdoe",
    distinguished_name="CN=Jo Doe,OU=Staff,DC=example,DC=com",
    sid="S-1-5-21-1-2-3-1104",
    common_name="Jo Doe",
    names=(Name(NameKind.EMAIL, "jo@example.com"), Name(NameKind.UPN, "jdoe@example.com")),
)
FOR_JO = {"backend_type": "memory", "on_behalf_of": JO.account}


def bare_csr() -> str:
    """A CSR that holds a key and no name."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(new_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


async def make_due(database: Database, certificate: dict[str, Any]) -> None:
    """Let the window for renewing it be open."""
    one = update(Certificate).where(Certificate.id == UUID(certificate["id"]))
    async with database.transaction() as session:
        await session.execute(one.values(renewal_opens_at=func.now()))


def body(enrolling: Enrolling, **changes: Any) -> dict[str, Any]:
    return enrolling.body(csr=bare_csr(), **({"order_options": FOR_JO} | changes))


async def for_accounts(estate: Estate, **profile: Any) -> tuple[Enrolling, Authority]:
    options = {
        "backend_type": "memory",
        "issuing_ca": "issuing",
        "extended_key_usages": USAGES["client"],
        "for_accounts": True,
    }
    wanted = {"options": options, "domain_policy": {"email": True, "upn": True}}
    chain, authority = await memory_chain(estate, "client", **(wanted | profile))
    authority.directory[JO.account] = JO
    return Enrolling(estate.api, chain), authority


@pytest.fixture
async def prepared(estate: Estate) -> tuple[Enrolling, Authority]:
    return await for_accounts(estate)


async def test_the_certificate_has_what_the_directory_says(
    prepared: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, _ = prepared
    async with at_work(settings):
        certificate = await enrolling.issued(csr=bare_csr(), order_options=FOR_JO)
    assert certificate["common_name"] == "Jo Doe"
    names = {(each["kind"], each["value"]) for each in certificate["names"]}
    assert names == {("email", "jo@example.com"), ("upn", "jdoe@example.com")}
    assert certificate["status"] == "valid"
    assert certificate["notes"] == []
    shown = await enrolling.api.get(f"/enrollments/{certificate['enrollment_id']}")
    assert shown["subject"] == JO.as_json()


async def test_each_use_is_audited_with_the_account(
    prepared: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, _ = prepared
    async with at_work(settings):
        certificate = await enrolling.issued(csr=bare_csr(), order_options=FOR_JO)
    path = f"/audit-events?subject_id={certificate['enrollment_id']}"
    events = {each["action"]: each for each in (await enrolling.api.get(path))["items"]}
    whom = {"account": JO.account, "distinguished_name": JO.distinguished_name, "sid": JO.sid}
    assert events["enrollment.created"]["details"]["on_behalf_of"] == whom
    assert events["enrollment.submitting"]["details"]["on_behalf_of"] == whom


# The options of the tests' own backend type are in no union of the contract.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
async def test_the_service_makes_keys_for_accounts_as_well(
    estate: Estate, prepared: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, _ = prepared
    path = f"/certificate-profiles/{enrolling.chain.profile['id']}"
    headers = {"If-Match": f'"{enrolling.chain.profile["version"]}"'}
    await estate.api.send("PATCH", path, 200, json={"server_side_keys": True}, headers=headers)
    wanted = {"key_type": "ec-p256", "password": "correct horse battery"}
    asked = body(enrolling, generate_key=wanted)
    del asked["csr"]
    async with at_work(settings):
        answer = await estate.api.send(
            "POST", "/enrollments", 201, json=asked, headers={"Prefer": "wait=20"}
        )
    assert "ENCRYPTED PRIVATE KEY" in answer.json()["private_key"]["content"]


@pytest.mark.parametrize("verb", ["", "/validate"])
async def test_t28_enrolling_for_others_is_a_privilege_of_its_own(
    verb: str, estate: Estate, prepared: tuple[Enrolling, Authority]
) -> None:
    enrolling, authority = prepared
    limits = {
        "role": "rao",
        "organization_ids": [enrolling.chain.organization["id"]],
        "certificate_types": ["client"],
        "privileges": ["enroll"],
    }
    _, key = await estate.api_key(**limits)
    rao = estate.api.as_key(key["key"])
    authority.calls.clear()
    refused = await rao.send("POST", f"/enrollments{verb}", 403, json=body(enrolling))
    assert "enroll_on_behalf" in refused.json()["detail"]
    assert authority.calls == []


async def test_t28_nobody_enrolls_for_a_protected_account(
    prepared: tuple[Enrolling, Authority],
) -> None:
    enrolling, authority = prepared
    authority.protected.add(JO.account)
    refused = await enrolling.api.send("POST", "/enrollments", 403, json=body(enrolling))
    assert refused.json()["type"].endswith("subject-not-allowed")
    assert (await enrolling.api.get("/enrollments"))["items"] == []


async def test_t33_an_account_that_is_not_there(prepared: tuple[Enrolling, Authority]) -> None:
    enrolling, _ = prepared
    options = FOR_JO | {"on_behalf_of": "*)(objectClass=*"}
    asked = body(enrolling, order_options=options)
    refused = await enrolling.api.send("POST", "/enrollments", 422, json=asked)
    assert faults_of(refused.json()) == {("/order_options/on_behalf_of", "person-unknown")}


async def test_an_account_is_named_exactly_where_one_is_wanted(
    estate: Estate, prepared: tuple[Enrolling, Authority]
) -> None:
    enrolling, _ = prepared
    asked = enrolling.body(csr=client_csr("jo@example.com"))
    missing = await estate.api.post("/enrollments/validate", asked, 200)
    assert faults_of(missing) == {("/order_options/on_behalf_of", "subject-missing")}
    chain, _ = await memory_chain(estate, "client")
    elsewhere = Enrolling(estate.api, chain)
    asked = elsewhere.body(csr=client_csr("jo@example.com"), order_options=FOR_JO)
    strange = await estate.api.post("/enrollments/validate", asked, 200)
    assert faults_of(strange) == {("/order_options/on_behalf_of", "subject-not-expected")}


async def test_names_of_the_directory_are_judged_like_any_others(
    prepared: tuple[Enrolling, Authority],
) -> None:
    enrolling, authority = prepared
    foreign = (*JO.names, Name(NameKind.EMAIL, "jo@elsewhere.test"))
    authority.directory[JO.account] = replace(JO, names=foreign)
    found = await enrolling.api.post("/enrollments/validate", body(enrolling), 200)
    assert faults_of(found) == {("/order_options/on_behalf_of", "name-not-allowed")}


async def test_a_csr_with_names_the_ca_would_ignore_is_refused(
    prepared: tuple[Enrolling, Authority],
) -> None:
    enrolling, _ = prepared
    asked = body(enrolling) | {"csr": client_csr("boss@example.com")}
    found = await enrolling.api.post("/enrollments/validate", asked, 200)
    assert faults_of(found) == {("/csr", "names-differ")}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (replace(JO, distinguished_name="CN=Jo Doe,OU=Left,DC=example,DC=com"), "OU=Left"),
        (replace(JO, sid="S-1-5-21-1-2-3-9"), "another account"),
        (None, "no account"),
    ],
)
async def test_t29_an_account_that_changed_since_is_not_ordered_for(
    now: Subject | None,
    said: str,
    prepared: tuple[Enrolling, Authority],
    settings: Settings,
) -> None:
    enrolling, authority = prepared
    made = await enrolling.api.post("/enrollments", body(enrolling), 202)
    if now is None:
        del authority.directory[JO.account]
    else:
        authority.directory[JO.account] = now
    async with at_work(settings):
        ended = await enrolling.settled(made["id"])
    assert (ended["state"], ended["reason_code"]) == ("parked", "subject-changed")
    assert said in ended["reason"]
    assert authority.ledger == {}


async def test_t32_a_certificate_without_the_security_identifier_says_so(
    prepared: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, authority = prepared
    authority.writes_sids = False
    async with at_work(settings):
        certificate = await enrolling.issued(csr=bare_csr(), order_options=FOR_JO)
    (note,) = certificate["notes"]
    assert "strong mapping" in note


async def test_a_renewal_is_for_the_same_account(
    prepared: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, _ = prepared
    async with at_work(settings):
        first = await enrolling.issued(csr=bare_csr(), order_options=FOR_JO)
        path = f"/certificates/{first['id']}/renew"
        renewal = await enrolling.api.post(path, {"csr": bare_csr()}, 202)
        ended = await enrolling.settled(renewal["enrollment_id"])
    assert (ended["state"], ended["subject"]) == ("issued", JO.as_json())


async def test_t44_renewing_for_an_account_needs_the_privilege_too(
    estate: Estate, prepared: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, _ = prepared
    async with at_work(settings):
        first = await enrolling.issued(csr=bare_csr(), order_options=FOR_JO)
    _, key = await estate.api_key(
        role="rao",
        organization_ids=[enrolling.chain.organization["id"]],
        certificate_types=["client"],
        privileges=["enroll"],
    )
    rao = estate.api.as_key(key["key"])
    path = f"/certificates/{first['id']}/renew"
    refused = await rao.send("POST", path, 403, json={"csr": bare_csr()})
    assert "enroll_on_behalf" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("loss", "lacks"),
    [
        ({"privileges": ["enroll"]}, "enroll_on_behalf"),
        ({"privileges": ["enroll_on_behalf"]}, "enroll"),
        ({"certificate_types": ["ssl"]}, "client"),
        ({"organization_ids": "another"}, "an organization"),
        ({"active": False}, "an active account"),
    ],
    ids=["on behalf", "enroll", "type", "organization", "account"],
)
async def test_t44_the_service_renews_for_an_account_by_nobodys_right(
    estate: Estate, database: Database, settings: Settings, loss: dict[str, Any], lacks: str
) -> None:
    switches = {"renew_with_same_key": True, "auto_renew": True}
    mrao, _ = await for_accounts(estate, **switches)
    admin, key = await estate.api_key(
        role="rao",
        organization_ids=[mrao.chain.organization["id"]],
        certificate_types=["client"],
        privileges=["enroll", "enroll_on_behalf"],
    )
    async with at_work(settings):
        enrolling = Enrolling(estate.api.as_key(key["key"]), mrao.chain)
        first = await enrolling.issued(csr=bare_csr(), order_options=FOR_JO)
    await make_due(database, first)
    renewals = Renewals(database, KeyChecks(), timedelta(days=7))
    if "organization_ids" in loss:
        loss = {"organization_ids": [(await estate.organization("example.net"))["id"]]}
    await estate.api.patch(f"/admins/{admin['id']}", loss)
    assert await renewals.renew_due() == 1
    shown = await estate.api.get(f"/certificates/{first['id']}")
    assert lacks in shown["renewal_problem"].partition("lacks")[2]
    assert len(await estate.api.everything("/enrollments")) == 1


async def test_the_service_renews_for_an_account_by_the_requesters_right(
    estate: Estate, database: Database, settings: Settings
) -> None:
    enrolling, _ = await for_accounts(estate, renew_with_same_key=True, auto_renew=True)
    async with at_work(settings):
        first = await enrolling.issued(csr=bare_csr(), order_options=FOR_JO)
    await make_due(database, first)
    await Renewals(database, KeyChecks(), timedelta(days=7)).renew_due()
    made = await estate.api.everything("/enrollments")
    assert [each["subject"] for each in made] == [JO.as_json()] * 2
