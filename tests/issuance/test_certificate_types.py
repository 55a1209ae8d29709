"""Every type of certificate, from the request to its revocation, on a CA that issues them all."""

from collections import deque

import pytest
from approvals import at_work
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from api_client import faults_of
from csrs import client_csr, csr_for
from estate import Estate
from memory_estate import memory_chain, memory_connection
from scm_api.core.vocabulary import BackendType
from scm_api.settings import Settings
from settlement import Enrolling

USAGE = {
    "ssl": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "device": ExtendedKeyUsageOID.CLIENT_AUTH,
}


@pytest.mark.parametrize("certificate_type", list(USAGE))
async def test_each_type_is_issued_and_revoked(
    certificate_type: str, estate: Estate, settings: Settings
) -> None:
    chain, authority = await memory_chain(estate, certificate_type)
    enrolling = Enrolling(estate.api, chain)
    is_client = certificate_type == "client"
    csr = client_csr("ada@example.com") if is_client else csr_for("www.example.com")
    async with at_work(settings):
        certificate = await enrolling.issued(csr=csr)
        path = f"/certificates/{certificate['id']}"
        pem = await estate.api.send("GET", f"{path}/content?format=pem", 200)
        leaf = x509.load_pem_x509_certificate(pem.content)
        await estate.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
        await enrolling.until(path, "status", "revoked")
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert USAGE[certificate_type] in usages
    assert certificate["certificate_type"] == certificate_type
    assert authority.revoked == {leaf.serial_number: "superseded"}


async def test_f04_an_order_without_an_answer_is_looked_up_and_never_repeated(
    estate: Estate, settings: Settings
) -> None:
    chain, authority = await memory_chain(estate, "device")
    authority.faults["submit"] = deque(["lose"])
    async with at_work(settings):
        await Enrolling(estate.api, chain).issued("www.example.com")
    assert len(authority.ledger) == 1


async def test_an_order_the_ca_holds_is_waited_for(estate: Estate, settings: Settings) -> None:
    chain, authority = await memory_chain(estate, "code_signing")
    enrolling = Enrolling(estate.api, chain)
    authority.holding = True
    async with at_work(settings):
        made = await enrolling.enroll("www.example.com")
        waiting = await enrolling.until(f"/enrollments/{made['id']}", "state", "pending_ca")
        assert "operator" in waiting["waits_for"]
        authority.release()
        issued = await enrolling.settled(made["id"])
        assert (issued["state"], issued["waits_for"]) == ("issued", None)


async def test_the_type_of_the_tests_is_named_to_nobody(estate: Estate) -> None:
    connector = await estate.connector()
    body = {"name": "one"} | memory_connection("any")
    body["options"] |= {"backend_type": "acme"}
    path = f"/connectors/{connector['id']}/local-ca-backends"
    refused = await estate.api.post(path, body, 422)
    assert ("/options/backend_type", "not-a-choice") in faults_of(refused)
    assert "memory" not in str(refused)
    asked = await estate.api.get("/ca-backends?backend_type=acme", 400)
    assert "memory" not in str(asked)
    types = await estate.api.get("/ca-backends/types")
    assert [each["type"] for each in types["items"]] == list(BackendType)
