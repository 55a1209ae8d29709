"""What a renewal takes over, and that one which fails by an error of ours holds up nobody's."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from test_automatic_renewal import (
    WWW,
    Enrolling,
    age,
    at_work,
    due,
    enrolling,
    issued,
    renewals,
    successors,
)

from estate import Json
from scm_api.core.errors import Unavailable
from scm_api.db.models import Enrollment
from scm_api.db.session import Database
from scm_api.issuance.recheck import objections
from scm_api.settings import Settings
from scm_api.worker.renewal import Renewals

_NO_ENROLLMENT = "CONSTRAINT no_enrollment CHECK (action <> 'enrollment.created') NOT VALID"
__all__ = ["enrolling", "renewals"]


async def test_f08_a_poison_certificate_is_told_and_its_neighbour_renewed(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    poison = await issued(settings, enrolling)
    sound = await issued(settings, enrolling)
    await age(database, poison, timedelta(days=19))
    await age(database, sound, timedelta(days=20))
    of_poison = update(Enrollment).where(Enrollment.id == UUID(poison["enrollment_id"]))
    async with database.transaction() as session:
        await session.execute(of_poison.values(subject={"nonsense": 1}))
    assert await renewals.renew_due() == 2
    async with database.transaction() as session:
        renewed = Enrollment.renews_certificate_id
        found = await session.scalars(select(renewed).where(renewed.is_not(None)))
        assert list(found) == [UUID(sound["id"])]
    shown = await enrolling.api.get(f"/certificates/{poison['id']}")
    assert "(KeyError)" in shown["renewal_problem"]
    assert await renewals.renew_due() == 0, "not before some time has passed"
    events = await enrolling.api.everything(f"/audit-events?subject_id={poison['id']}")
    assert [event["action"] for event in events] == ["certificate.renewal_refused"]


async def test_t64_what_cannot_be_audited_is_renewed_once_it_can(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    """Nothing is wrong with the certificate, so nobody is told so."""
    old = await issued(settings, enrolling)
    await age(database, old, timedelta(days=20))
    async with database.transaction() as session:
        await session.execute(text(f"ALTER TABLE audit_events ADD {_NO_ENROLLMENT}"))
    with pytest.raises(Unavailable, match="Audit events cannot be written"):
        await renewals.renew_due()
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE audit_events DROP CONSTRAINT no_enrollment"))
    assert await renewals.renew_due() == 1
    assert len(await successors(enrolling, old)) == 1


async def renewed(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database, made: str
) -> Json:
    """The term that the service asks for, once the certificate of an enrollment is due."""
    [enrollment] = await at_work(settings, enrolling, made)
    old = await enrolling.api.get(f"/certificates/{enrollment['certificate_id']}")
    await age(database, old, timedelta(days=1))
    await renewals.renew_due()
    [successor] = await successors(enrolling, old)
    term: Json = successor["term"]
    return term


async def test_what_was_to_end_at_an_instant_lives_as_long_again(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    week = timedelta(days=7)
    made = await enrolling.enroll(WWW, not_after=(datetime.now(UTC) + week).isoformat())
    term = await renewed(enrolling, renewals, settings, database, made["id"])
    left = datetime.fromisoformat(term["ordered_not_after"]) - datetime.now(UTC)
    assert week - timedelta(minutes=2) < left <= week, "and not for the default of 30 days"


async def test_what_replaced_another_is_renewed_for_the_term_of_that(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    made = await enrolling.enroll(WWW, term_days=90)
    for _ in range(2):
        [replaced] = await at_work(settings, enrolling, made["id"])
        path = f"/certificates/{replaced['certificate_id']}/replace"
        body = {"csr": enrolling.body(WWW)["csr"], "reason": "superseded"}
        made = {"id": (await enrolling.api.post(path, body, 202))["enrollment_id"]}
    term = await renewed(enrolling, renewals, settings, database, made["id"])
    assert (term["asked_days"], term["asked_not_after"]) == (90, None)


async def test_what_was_revoked_before_the_order_is_renewed_only_if_somebody_asks(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old = await due(settings, enrolling, database)
    await renewals.renew_due()
    path = f"/certificates/{old['id']}/revoke"
    await enrolling.api.post(path, {"reason": "cessation_of_operation"}, 202)
    [made] = await successors(enrolling, old)
    [parked] = await at_work(settings, enrolling, made["id"])
    assert (parked["state"], parked["reason_code"]) == ("parked", "renewal-given-up")
    path = f"/enrollments/{made['id']}/retry"
    await enrolling.api.post(path, {"comment": "a new owner"}, 200)
    [ended] = await at_work(settings, enrolling, made["id"])
    assert ended["state"] == "issued"


async def test_what_somebody_renewed_before_the_order_is_not_ordered_twice(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old = await due(settings, enrolling, database)
    await renewals.renew_due()
    [made] = await successors(enrolling, old)
    path = f"/certificates/{old['id']}/renew"
    by_hand = await enrolling.api.post(path, {"csr": enrolling.body(WWW)["csr"]}, 202)
    async with database.transaction() as session:
        unasked = await session.get_one(Enrollment, UUID(made["id"]))
        assert await objections(session, unasked) is None, "it is on its way, not there"
        unasked.due_at = func.now() + timedelta(hours=1)
    await at_work(settings, enrolling, by_hand["enrollment_id"])
    async with database.transaction() as session:
        found = await objections(session, await session.get_one(Enrollment, UUID(made["id"])))
    assert found is not None
    assert found[0] == "renewal-given-up"
