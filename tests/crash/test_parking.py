"""What only a person can decide is parked with what to do, and ordered again on their word."""

from dataclasses import replace
from uuid import UUID

from client import Client
from stage import Stage

from api_client import Api
from estate import Chain, Estate


async def parked_with_unknown_outcome(stage: Stage, number: int) -> None:
    """Enrollments whose orders the CA accepted unheard, until its token was too old to ask."""
    stage.simulator.fault("IssueCertificate", "close", when="after", count=None)
    enrollments = await stage.client.enroll_many(number)
    stage.worker()
    for enrollment_id in enrollments:
        await stage.ordered(enrollment_id)
    await stage.execute(
        "UPDATE enrollment_attempts SET first_sent_at = first_sent_at - interval '1 minute'"
    )
    await stage.at_rest()
    stage.simulator.heal()


async def test_f02_an_order_too_old_to_ask_about_is_parked_and_never_sent_again(
    stage: Stage,
) -> None:
    await parked_with_unknown_outcome(stage, 2)
    calls = len(stage.simulator.calls("IssueCertificate"))
    retried, canceled = stage.client.log.keys
    for enrollment_id in (retried, canceled):
        shown = await stage.client.look(enrollment_id)
        assert (shown["state"], shown["reason_code"]) == ("parked", "outcome-unknown")
        assert "Look at the CA" in shown["reason"]
        assert "revoke it there" in shown["reason"]
        assert shown["next_step_at"] is None
        assert stage.orders(enrollment_id) == 1
    await stage.story_holds()

    await stage.client.cancel(canceled)
    await stage.client.retry(retried)
    await stage.at_rest()
    assert len(stage.simulator.calls("IssueCertificate")) == calls + 1
    assert (await stage.row(canceled)).state == "canceled"
    assert (await stage.row(retried)).state == "issued"
    assert (stage.orders(canceled), stage.orders(retried)) == (1, 2)
    lost, again = await stage.attempts(retried)
    assert lost.token != again.token
    assert lost.ended_at is not None
    await stage.story_holds()


def reference(stage: Stage, enrollment_id: UUID) -> str:
    """What an admin finds at the CA by the key: the ARN of the certificate."""
    key = stage.client.log.keys[enrollment_id]
    (found,) = [each for each in stage.simulator.ledger("order") if each["spki_sha256"] == key]
    return str(found["certificate_arn"])


async def test_f02_an_order_found_at_the_ca_is_adopted_and_not_sent_again(stage: Stage) -> None:
    await parked_with_unknown_outcome(stage, 1)
    (parked,) = stage.client.log.keys
    await stage.client.adopt(parked, reference(stage, parked))
    await stage.at_rest()
    assert (await stage.row(parked)).state == "issued"
    assert stage.orders(parked) == 1
    await stage.story_holds()


async def test_f13_an_order_of_somebody_else_is_given_back_untouched(stage: Stage) -> None:
    await parked_with_unknown_outcome(stage, 2)
    wrong, owner = stage.client.log.keys
    theirs = reference(stage, owner)
    await stage.client.adopt(wrong, theirs)
    await stage.at_rest()
    shown = await stage.client.look(wrong)
    assert (shown["state"], shown["reason_code"]) == ("parked", "adopted-another")
    assert theirs in shown["reason"]
    await stage.client.adopt(owner, theirs)
    await stage.at_rest()
    assert (await stage.row(owner)).state == "issued"
    await stage.client.adopt(wrong, reference(stage, wrong))
    await stage.at_rest()
    assert (await stage.row(wrong)).state == "issued"
    await stage.story_holds()


async def test_f06_a_refused_repeat_says_nothing_about_the_order_before(stage: Stage) -> None:
    stage.simulator.fault("IssueCertificate", "reset", when="after")
    refused = {"status": 400, "code": "InvalidArgsException", "message": "no such template"}
    stage.simulator.fault("IssueCertificate", "error", **refused)
    stage.worker()
    enrollment_id = await stage.client.enroll()
    await stage.at_rest()
    shown = await stage.client.look(enrollment_id)
    assert (shown["state"], shown["reason_code"]) == ("parked", "outcome-unknown")
    assert "no such template" in shown["reason"]
    assert "revoke it there" in shown["reason"]
    await stage.story_holds()


async def test_f19_cancel_before_the_order_and_while_it_is_under_way(
    stage: Stage, api: Api
) -> None:
    early = await stage.client.enroll()
    await stage.client.cancel(early)
    stage.simulator.fault("IssueCertificate", "delay", seconds=0.8, when="after")
    late = await stage.client.enroll()
    stage.worker()
    await stage.ordered(late)
    await api.post(f"/enrollments/{late}/cancel", {}, status=409)
    await stage.at_rest()
    assert (await stage.row(early)).state == "canceled"
    assert stage.orders(early) == 0
    assert (await stage.row(late)).state == "issued"
    await stage.story_holds()


async def test_f08_a_poison_row_is_parked_while_its_neighbours_proceed(
    stage: Stage, estate: Estate, chain: Chain, api: Api
) -> None:
    usable_by = {"organization_ids": [chain.organization["id"]]}
    other = replace(chain, profile=await estate.profile(chain.ca_backend["id"], **usable_by))
    neighbour = Client(api.http, other, stage.client.log)
    poisoned = await stage.client.enroll()
    neighbours = await neighbour.enroll_many(3)
    await stage.execute(
        "UPDATE certificate_profile_versions SET rules = '{}' WHERE certificate_profile_id = :id",
        id=chain.profile["id"],
    )
    stage.worker(job_attempts=2)
    await stage.at_rest()

    row = await stage.row(poisoned)
    assert (row.state, row.reason_code) == ("parked", "processing-failed")
    assert stage.orders(poisoned) == 0
    for enrollment_id in neighbours:
        assert (await stage.row(enrollment_id)).state == "issued"
    await stage.story_holds()
