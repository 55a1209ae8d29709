"""Orders that AWS Private CA does not tell about: denied, unknown, or its CA deleted."""

from datetime import timedelta

import pytest
from approvals import at_work
from waiting import Waiting

from api_client import faults_of
from estate import Estate
from scm_api.db.session import Database
from scm_api.settings import Settings
from settlement import Enrolling
from simulator import EC_ISSUING, RSA_ROOT, Simulator

WWW = "www.example.com"
GET = "GetCertificate"
UNKNOWN = {"status": 400, "code": "ResourceNotFoundException", "message": "no such certificate"}
NOBODYS = f"{EC_ISSUING}/certificate/{'0' * 32}"


@pytest.fixture
async def waiting(enrolling: Enrolling, database: Database) -> Waiting:
    """Enrolled, with no worker yet."""
    return Waiting(enrolling, database, await enrolling.enroll(WWW))


@pytest.fixture
async def pending(waiting: Waiting, simulator: Simulator, settings: Settings) -> Waiting:
    """AWS has the order and is at work on it; the worker is gone."""
    simulator.behave(pending_gets=10_000)
    async with at_work(settings):
        await waiting.until("state", "pending_ca")
    simulator.behave(pending_gets=0)
    return waiting


def allowed_on(simulator: Simulator, *resources: str) -> None:
    """The administrator's key may do everything on these resources; `[*]` are lists."""
    found = simulator.control("GET", "/credentials")
    found["access_keys"][0]["policy"]["resources"] = resources
    simulator.control("PUT", "/credentials", found)


async def test_f41_a_right_missing_on_one_ca_stops_its_orders_alone(
    estate: Estate,
    enrolling: Enrolling,
    simulator: Simulator,
    settings: Settings,
    database: Database,
) -> None:
    chain = enrolling.chain
    options = {"backend_type": "aws", "private_ca": RSA_ROOT}
    usable_by = {"organization_ids": [chain.organization["id"]]}
    other = await estate.profile(chain.ca_backend["id"], options=options, **usable_by)
    through = {"certificate_profile_id": other["id"]}
    denied = Waiting(enrolling, database, await enrolling.enroll(WWW, **through))
    simulator.behave(pending_gets=10_000)
    async with at_work(settings):
        await denied.until("state", "pending_ca")
    simulator.behave(pending_gets=0)
    backend = f"/ca-backends/{chain.ca_backend['id']}"
    await estate.api.post(f"{backend}/check", status=200)
    allowed_on(simulator, "[*]", EC_ISSUING)
    await denied.passes(timedelta(0))
    async with at_work(settings):
        shown = await denied.until("reason_code", "backend-refused")
        assert f"acm-pca:GetCertificate on {RSA_ROOT}" in shown["reason"]
        assert shown["state"] == "pending_ca"
        assert (await estate.api.get(backend))["status"] == "available"
        await enrolling.issued("another.example.com")
        allowed_on(simulator, "*")
        await denied.passes(timedelta(0))
        await denied.until("state", "issued")
    orders = [each["certificate_authority_arn"] for each in simulator.ledger("order")]
    assert orders.count(RSA_ROOT) == 1


async def test_f15_an_adopted_order_that_aws_does_not_know_is_given_back(
    waiting: Waiting, settings: Settings, simulator: Simulator
) -> None:
    await waiting.park()
    await waiting.enrolling.api.post(f"{waiting.path}/adopt", {"ca_ref": NOBODYS}, 200)
    async with at_work(settings):
        shown = await waiting.until("state", "parked")
    assert shown["reason_code"] == "adopted-another"
    assert NOBODYS in shown["reason"]
    assert "Could not find" in shown["reason"], "AWS's own words"
    await waiting.enrolling.api.post(f"{waiting.path}/cancel", {}, 200)
    assert simulator.ledger("order") == []


@pytest.mark.parametrize(
    "ca_ref",
    [f"{RSA_ROOT}/certificate/{'0' * 32}", EC_ISSUING, f"{EC_ISSUING}/certificate/", "4711"],
)
async def test_f15_what_is_not_of_the_profiles_ca_is_not_adopted(
    waiting: Waiting, ca_ref: str
) -> None:
    await waiting.park()
    refused = await waiting.enrolling.api.post(f"{waiting.path}/adopt", {"ca_ref": ca_ref}, 422)
    assert faults_of(refused) == {("/ca_ref", "foreign-reference")}
    assert refused["errors"][0]["accepted"].startswith(f"{EC_ISSUING}/certificate/")
    assert (await waiting.shown())["state"] == "parked"


async def test_f15_an_order_aws_knows_no_more_goes_to_a_person_after_a_day(
    pending: Waiting, settings: Settings, simulator: Simulator
) -> None:
    simulator.fault(GET, "error", count=None, **UNKNOWN)
    await pending.passes(timedelta(0))
    async with at_work(settings):
        shown = await pending.until("reason_code", "order-unknown")
        assert (shown["state"], "no such certificate" in shown["reason"]) == ("pending_ca", True)
        assert (await pending.look_after(timedelta(hours=23)))["state"] == "pending_ca"
        parked = await pending.look_after(timedelta(hours=2))
    assert (parked["state"], parked["reason_code"]) == ("parked", "order-unknown")
    ((ca_ref, outcome),) = await pending.attempts()
    assert ca_ref in parked["reason"]
    assert outcome == "order-unknown"
    await pending.enrolling.api.post(f"{pending.path}/adopt", {"ca_ref": ca_ref}, 200)
    async with at_work(settings):
        shown = await pending.until("reason_code", "order-unknown")
        assert shown["state"] == "pending_ca", "the day begins anew"
        simulator.heal()
        assert (await pending.look_after(timedelta(0)))["state"] == "issued"
    assert len(simulator.ledger("order")) == 1


async def test_f15_an_answer_in_between_begins_the_day_anew(
    pending: Waiting, settings: Settings, simulator: Simulator
) -> None:
    simulator.behave(pending_gets=10_000)
    simulator.fault(GET, "error", count=1, **UNKNOWN)
    await pending.passes(timedelta(0))
    async with at_work(settings):
        await pending.until("reason_code", "order-unknown")
        assert (await pending.look_after(timedelta(hours=30)))["reason_code"] is None
        simulator.fault(GET, "error", count=1, **UNKNOWN)
        shown = await pending.look_after(timedelta(hours=30))
    assert (shown["state"], shown["reason_code"]) == ("pending_ca", "order-unknown")


@pytest.mark.parametrize(
    ("code", "reason_code"),
    [("InvalidStateException", "ca-unavailable"), ("AccessDeniedException", "backend-refused")],
)
async def test_f15_a_ca_that_tells_nothing_for_a_month_leaves_its_orders_to_a_person(
    pending: Waiting, settings: Settings, simulator: Simulator, code: str, reason_code: str
) -> None:
    simulator.fault(GET, "error", count=None, status=400, code=code, message="as AWS says")
    await pending.passes(timedelta(0))
    async with at_work(settings):
        await pending.until("reason_code", reason_code)
        assert (await pending.look_after(timedelta(days=29)))["state"] == "pending_ca"
        parked = await pending.look_after(timedelta(days=2))
    assert parked["state"] == "parked"
    assert (parked["reason_code"], "as AWS says" in parked["reason"]) == (reason_code, True)
    await pending.enrolling.api.post(f"{pending.path}/cancel", {}, 200)
    assert len(simulator.ledger("order")) == 1
