"""Orders at Entrust whose answer says too little, or was lost: never two of them by themselves."""

import pytest
from approvals import at_work

from entrust_estate import Entrust, connection, entrust_chain, gateway_connection
from estate import Estate
from scm_api.sandbox import entrust
from scm_api.settings import Settings
from settlement import PATIENCE, Enrolling

WWW = "www.example.com"
GATEWAY = {
    "backend_type": "entrust",
    "ca_gateway": {"ca_id": "umbra~ca1", "profile_id": "privatessl-tls-server"},
}
SHORT = {"answer_seconds": 1.0, "look_up_seconds": 1.0}


@pytest.fixture
def ca(entrust_ca: Entrust) -> Entrust:
    return entrust_ca


@pytest.fixture
def hasty(settings: Settings) -> Settings:
    """When nobody can send any more is three seconds after the first send."""
    changes = {"lease_seconds": 2.0, "write_deadline_seconds": 1.0, "longest_pause_seconds": 1.0}
    return settings.model_copy(update=changes)


async def test_what_ecs_does_not_show_is_left_to_a_person_and_adopted(
    estate: Estate, ca: Entrust, hasty: Settings
) -> None:
    reaching = connection(ca, **SHORT)
    enrolling = Enrolling(estate.api, await entrust_chain(estate, ca, reaching=reaching))
    ca.fault("enroll", "reset", when="after")
    ca.fault("list_certificates", "hide", count=None)
    async with at_work(hasty):
        made = await enrolling.enroll(WWW)
        ended = await enrolling.settled(made["id"])
    assert (ended["state"], ended["reason_code"]) == ("parked", "outcome-unknown")
    [order] = ca.ledger("order")
    assert order["tracking_info"].startswith(ended["id"].replace("-", ""))
    assert "tracking information, which begins with the enrollment's id" in ended["reason"]
    path = f"/enrollments/{ended['id']}"
    body = {"ca_ref": str(order["tracking_id"]), "comment": "found in the portal"}
    async with at_work(hasty):
        adopted = await enrolling.api.post(f"{path}/adopt", body, 200, headers=PATIENCE)
    assert adopted["state"] == "issued"
    assert len(ca.ledger("order")) == 1


async def test_what_was_declined_is_not_ordered_again(
    estate: Estate, ca: Entrust, hasty: Settings
) -> None:
    ca.fault("list_certificates", "error", status=503)  # declined before it is looked for
    ca.fault("list_certificates", "delay", seconds=0.5)
    reaching = connection(ca, entrust.QUEUED_USER, **SHORT)
    enrolling = Enrolling(estate.api, await entrust_chain(estate, ca, reaching=reaching))
    ca.fault("enroll", "reset", when="after")
    async with at_work(hasty):
        made = await enrolling.enroll(WWW)
        await enrolling.until(f"/enrollments/{made['id']}", "reason_code", "ca-unavailable")
        [order] = ca.ledger("order")
        ca.decline(str(order["tracking_id"]))
        ended = await enrolling.settled(made["id"])
    assert (ended["state"], ended["reason_code"]) == ("parked", "outcome-unknown")
    assert len(ca.ledger("order")) == 1


async def test_a_slow_answer_is_waited_for(estate: Estate, ca: Entrust, hasty: Settings) -> None:
    enrolling = Enrolling(estate.api, await entrust_chain(estate, ca))
    ca.fault("enroll", "delay", seconds=4.0, when="after")
    async with at_work(hasty), at_work(hasty):
        made = await enrolling.enroll(WWW)
        ended = await enrolling.settled(made["id"])
    assert (ended["state"], ended["reason"]) == ("issued", None)
    assert (len(ca.ledger("order")), ca.calls("list_certificates")) == (1, [])


async def test_a_backend_says_whether_it_orders_again(estate: Estate, ca: Entrust) -> None:
    gateway = await entrust_chain(
        estate, ca, assigned=None, reaching=gateway_connection(ca), options=GATEWAY
    )
    for chain, again in ((gateway, True), (await entrust_chain(estate, ca), False)):
        shown = await estate.api.get(f"/ca-backends/{chain.ca_backend['id']}")
        [ability] = shown["abilities"]
        assert (ability["name"], ability["available"]) == ("order_again", again)


@pytest.mark.parametrize("shown", [True, False])
async def test_what_ca_gateway_only_acknowledges_is_ordered_once(
    estate: Estate, ca: Entrust, hasty: Settings, *, shown: bool
) -> None:
    ca.behave(gateway_acknowledges=True, lookup_delay_seconds=0 if shown else 86_400)
    reaching = gateway_connection(ca)
    chain = await entrust_chain(estate, ca, assigned=None, reaching=reaching, options=GATEWAY)
    enrolling = Enrolling(estate.api, chain)
    async with at_work(hasty):
        made = await enrolling.enroll(WWW)
        path = f"/enrollments/{made['id']}"
        if shown:
            assert (await enrolling.settled(made["id"]))["state"] == "issued"
        else:
            await enrolling.until(path, "reason_code", "order-unknown")
    assert len(ca.calls("enroll")) == 1
