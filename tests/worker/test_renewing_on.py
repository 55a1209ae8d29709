"""F08: a certificate whose renewal fails by an error of ours holds up nobody's."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from test_automatic_renewal import (
    Enrolling,
    age,
    enrolling,
    issued,
    renewals,
)

from scm_api.db.models import Enrollment
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.worker.renewal import Renewals

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
