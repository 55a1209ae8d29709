"""A CA that takes longer than the service waits by itself, as the options of its backend say."""

from datetime import timedelta
from typing import Any

import pytest
from approvals import at_work
from pydantic import ValidationError

from estate import Estate
from loop_thread import LoopThread
from made_states import made_state
from microsoft_estate import AdCs, microsoft_chain
from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import BackendType
from scm_api.drivers.pool import GRACE
from scm_api.drivers.registry import REGISTRY
from scm_api.sandbox import microsoft
from scm_api.settings import Settings
from settlement import Enrolling

SLOW = 4.0
"""Seconds, longer than the lease."""


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with LoopThread() as loop:
        state = made_state("microsoft", tmp_path_factory.mktemp("adcs"))
        server = loop.run(microsoft.serve(microsoft.Settings(state)))
        yield server
        loop.run(server.aclose())


@pytest.fixture
def ca(running: Any) -> AdCs:
    found = AdCs(running)
    found.control("POST", "/reset")
    return found


@pytest.fixture
def hasty(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_seconds": 2.0, "write_deadline_seconds": 1.0})


async def test_an_order_is_waited_for_and_nobody_takes_it_over(
    estate: Estate, ca: AdCs, hasty: Settings
) -> None:
    enrolling = Enrolling(estate.api, await microsoft_chain(estate, ca, answer_seconds=20))
    ca.fault("certfnsh.asp", "delay", seconds=SLOW)
    async with at_work(hasty), at_work(hasty):
        made = await enrolling.enroll("www.example.com")
        ended = await enrolling.settled(made["id"])
    assert (ended["state"], ended["reason"]) == ("issued", None)
    assert len(ca.ledger("request")) == 1


async def test_a_certificate_is_waited_for(estate: Estate, ca: AdCs, hasty: Settings) -> None:
    enrolling = Enrolling(estate.api, await microsoft_chain(estate, ca, answer_seconds=20))
    ca.fault("certnew.p7b", "error", status=503)  # so it is fetched by a claim of its own
    ca.fault("certnew.p7b", "delay", seconds=SLOW, count=None)
    async with at_work(hasty), at_work(hasty):
        made = await enrolling.enroll("www.example.com")
        ended = await enrolling.settled(made["id"])
    assert (ended["state"], ended["reason"]) == ("issued", None)


async def test_without_more_patience_it_is_parked(
    estate: Estate, ca: AdCs, hasty: Settings
) -> None:
    chain = await microsoft_chain(estate, ca, answer_seconds=0.5)
    enrolling = Enrolling(estate.api, chain)
    ca.fault("certfnsh.asp", "delay", seconds=SLOW)
    async with at_work(hasty):
        made = await enrolling.enroll("www.example.com")
        ended = await enrolling.settled(made["id"])
    assert (ended["state"], ended["reason_code"]) == ("parked", "outcome-unknown")


async def test_a_revocation_is_waited_for(estate: Estate, ca: AdCs, hasty: Settings) -> None:
    enrolling = Enrolling(estate.api, await microsoft_chain(estate, ca))
    async with at_work(hasty):
        certificate = await enrolling.issued("www.example.com")
        ca.fault("winrm.create", "delay", seconds=SLOW, count=None)
        path = f"/certificates/{certificate['id']}"
        await estate.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
        await enrolling.until(path, "revocation.state", "done")


def test_only_a_ca_whose_orders_are_never_repeated_has_more_time_by_an_option() -> None:
    """When a repeat is safe is reckoned from the lease, which an option must not make shorter."""
    patient = [each for each in REGISTRY.values() if each.patience(_example(each)).order]
    assert {each.type for each in patient} == {BackendType.ENTRUST, BackendType.MICROSOFT}
    for kind in patient:
        no_guard = kind.capabilities.duplicate_guard is Guard.NONE
        assert no_guard or kind.look_ups(_example(kind)) is not None


def test_a_ca_gateway_has_more_time_by_no_option() -> None:
    kind = REGISTRY[BackendType.ENTRUST]
    hasty = _example(kind).model_copy(update={"api": "ca_gateway", "answer_seconds": 1.0})
    assert kind.look_ups(hasty) is None
    assert kind.patience(hasty) == kind.patience(hasty.model_copy(update={"answer_seconds": 99.0}))
    assert kind.patience(hasty).order == timedelta(seconds=60)


def test_a_driver_outlives_the_longest_call() -> None:
    kind = REGISTRY[BackendType.MICROSOFT]
    slowest = _example(kind).model_dump()
    slowest["enroller"] |= {"wait_seconds": 30.0, "answer_seconds": 120.0}
    slowest["revoker"] |= {"answer_seconds": 120.0}
    found = kind.patience(kind.connection_options.model_validate(slowest))
    assert None not in (found.order, found.revocation)
    assert max(found.order, found.revocation) < GRACE
    for member in ("wait_seconds", "answer_seconds"):
        longer = slowest | {"enroller": slowest["enroller"] | {member: 121.0}}
        with pytest.raises(ValidationError):
            kind.connection_options.model_validate(longer)


def _example(kind: Any) -> Any:
    options = kind.connection_options
    [example] = options.model_config["json_schema_extra"]["examples"]
    return options.model_validate(example)
