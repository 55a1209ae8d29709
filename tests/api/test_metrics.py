"""What wakes an operator: the state of the service, as Prometheus reads it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text

from api_client import Api, Contract
from estate import Chain, Estate
from running import KEY_RING, StartApi, settings_for
from scm_api.core.sealing import KeyRing
from scm_api.db import service_state
from scm_api.db.audit_seals import seal_events
from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import AuditEvent, CaBackendHealth, Certificate, Enrollment
from scm_api.db.session import Database
from scm_api.db.statements import Statement
from scm_api.web.state_gauges import READ_EVERY, StateGauges
from settlement import Enrolling

Gauges = dict[tuple[str, ...], float]
NOW = datetime.now(UTC)
_CERTIFICATE = {
    "certificate_type": "ssl",
    "issuer": "CN=Issuing",
    "subject": "CN=www.example.com",
    "not_before": NOW - timedelta(days=60),
    "renewal_opens_at": NOW - timedelta(days=1),
    "term": {},
    "key_type": "ec-p256",
    "signature_algorithm": "ecdsa",
    "spki_sha256": "0",
    "fingerprint_sha256": "0",
    "chain_complete": True,
}
_ENROLLMENT = {
    "certificate_type": "ssl",
    "profile_version": 1,
    "csr_der": b"",
    "spki_sha256": "0",
    "key_type": "ec-p256",
    "names": [],
    "term_days": 30,
    "term": {},
}


def read(exposition: str) -> Gauges:
    """Each sample by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


async def scrape(api: Api) -> Gauges:
    """What `/metrics` tells somebody without a key."""
    return read((await api.as_key(None).send("GET", "/metrics", 200)).text)


async def put_certificate(database: Database, ends_in: timedelta, **fields: Any) -> UUID:
    """A certificate nobody enrolled for."""
    made = new_id()
    row = _CERTIFICATE | {"not_after": NOW + ends_in, "ca_ref": str(made)} | fields
    row |= {"id": made, "serial_number": made.hex}
    await _put(database, Certificate, row)
    return made


async def _put(database: Database, table: type[Any], row: dict[str, Any]) -> None:
    """What it refers to need not be there."""
    missing = {
        column.name: new_id()
        for column in table.__table__.c
        if column.foreign_keys and not column.nullable and column.name != "profile_version"
    }
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(insert(table).values(missing | row))


async def test_a_service_that_did_nothing_yet_tells_so(api: Api) -> None:
    gauges = await scrape(api)
    for state in ("pending_approval", "approved", "submitting", "pending_ca", "parked"):
        assert gauges["scm_enrollments", state] == 0
    assert ("scm_enrollments", "issued") not in gauges
    assert gauges["scm_state_read",] == 1
    assert gauges["scm_enrollment_oldest_due_age_seconds",] == 0
    assert gauges["scm_job_oldest_due_age_seconds", "revoke_certificate"] == 0
    assert gauges["scm_revocations", "requested"] == 0
    assert gauges["scm_certificates_for_a_person", "quarantined"] == 0
    assert gauges["scm_certificates_expiring", "7"] == 0


async def test_what_no_worker_takes_grows_old(
    estate: Estate, chain: Chain, database: Database
) -> None:
    for _ in range(2):
        await Enrolling(estate.api, chain).enroll("www.example.com")
    async with database.transaction() as session:
        earlier = "due_at = due_at - interval '1 hour', lease_until = now() + interval '1 minute'"
        held = "WHERE id = (SELECT min(id::text)::uuid FROM enrollments)"
        await session.execute(text(f"UPDATE enrollments SET {earlier} {held}"))
        ten = "execute_after = execute_after - interval '10 minutes'"
        await session.execute(text(f"UPDATE pgqueuer SET {ten}"))
        hour = timedelta(hours=1)
        await enqueue(session, Job.ADVANCE_ENROLLMENT, new_id(), new_id(), delay=hour)
    gauges = await scrape(estate.api)
    assert gauges["scm_enrollments", "approved"] == 2
    assert 0 < gauges["scm_enrollment_oldest_due_age_seconds",] < 600, "a worker has the other"
    assert gauges["scm_jobs_due", "advance_enrollment"] == 2
    assert 600 <= gauges["scm_job_oldest_due_age_seconds", "advance_enrollment"] < 1200
    assert gauges["scm_jobs_due", "revoke_certificate"] == 0


async def test_revocations_are_told_by_state_and_by_the_oldest_that_should_be_done(
    api: Api, database: Database
) -> None:
    for state, asked, effective, answer_until in (
        ("requested", -1, None, None),
        ("pending_ca", -2, None, None),
        ("scheduled", -9, -3, None),
        ("scheduled", -9, 1, None),
        ("pending_approval", -5, None, 1),
        ("pending_approval", -5, None, -1),
        ("done", -9, None, None),
    ):
        await put_certificate(
            database,
            timedelta(days=90),
            revocation_state=state,
            revocation_requested_at=NOW + timedelta(hours=asked),
            revocation_effective_at=effective and NOW + timedelta(hours=effective),
            revocation_expires_at=answer_until and NOW + timedelta(hours=answer_until),
        )
    gauges = await scrape(api)
    told = {name[1]: count for name, count in gauges.items() if name[0] == "scm_revocations"}
    assert told == {"pending_approval": 1, "scheduled": 1, "requested": 2, "pending_ca": 1}
    assert 3 * 3600 <= gauges["scm_revocation_oldest_due_age_seconds",] < 4 * 3600


async def test_certificates_that_wait_for_a_person_are_told(api: Api, database: Database) -> None:
    """Until they are revoked or have expired; of an enrollment, its state tells it."""
    found = {"quarantined": ["It is for another name."]}
    await put_certificate(database, timedelta(days=90), **found)
    await put_certificate(database, timedelta(days=90), **found, revocation_state="requested")
    await put_certificate(database, timedelta(days=90), **found, revocation_state="done")
    await put_certificate(database, timedelta(days=-1), **found)
    await put_certificate(database, timedelta(days=90), revocation_state="refused")
    await _put(database, Enrollment, _ENROLLMENT | {"state": "parked"})
    gauges = await scrape(api)
    assert gauges["scm_certificates_for_a_person", "quarantined"] == 2
    assert gauges["scm_certificates_for_a_person", "revocation_refused"] == 1
    assert gauges["scm_enrollments", "parked"] == 1


async def test_certificates_that_end_without_a_successor_are_told(
    api: Api, database: Database
) -> None:
    soon, later = timedelta(days=6), timedelta(days=20)
    await put_certificate(database, soon)
    await put_certificate(database, later)
    await put_certificate(database, timedelta(days=40))
    await put_certificate(database, soon, renewal_opens_at=NOW + timedelta(days=1))
    await put_certificate(database, soon, revocation_state="done")
    await put_certificate(database, soon, deactivated_at=NOW)
    renewed = await put_certificate(database, soon)
    await put_certificate(database, timedelta(days=90), renews_certificate_id=renewed)
    renewed_twice = await put_certificate(database, soon)
    revoked = {"renews_certificate_id": renewed_twice, "revocation_state": "done"}
    between = await put_certificate(database, timedelta(days=90), **revoked)
    await put_certificate(database, timedelta(days=90), renews_certificate_id=between)
    renewed_in_vain = await put_certificate(database, later)
    revoked = {"renews_certificate_id": renewed_in_vain, "revocation_state": "done"}
    await put_certificate(database, timedelta(days=90), **revoked)
    gauges = await scrape(api)
    assert gauges["scm_certificates_expiring", "7"] == 1
    assert gauges["scm_certificates_expiring", "30"] == 3


async def test_backends_are_told_by_id_and_not_by_name(estate: Estate, database: Database) -> None:
    api = estate.api
    offline, unchecked = [await estate.ca_backend() for _ in range(2)]
    health = {"status": "offline", "detail": "", "local_version": 1, "findings": []}
    health |= {"ca_backend_id": offline["id"], "checked_at": NOW - timedelta(hours=1)}
    async with database.transaction() as session:
        await session.execute(insert(CaBackendHealth).values(health))
    shown = (await api.as_key(None).send("GET", "/metrics", 200)).text
    assert offline["name"] not in shown
    gauges = read(shown)
    assert gauges["scm_ca_backend_status", "aws", offline["id"], "offline"] == 1
    assert gauges["scm_ca_backend_status", "aws", unchecked["id"], "unchecked"] == 1
    assert gauges["scm_ca_backend_check_age_seconds", offline["id"]] >= 3600
    assert ("scm_ca_backend_check_age_seconds", unchecked["id"]) not in gauges


async def test_audit_events_that_are_not_sealed_grow_old(api: Api, database: Database) -> None:
    ring = KeyRing.parse([KEY_RING])
    event = {"action": "admin.updated", "subject_kind": "admin", "details": {}}
    for hours in (9, 2, 1):
        row = event | {"subject_id": new_id(), "at": NOW - timedelta(hours=hours)}
        await _put(database, AuditEvent, row)
        if hours == 9:
            await seal_events(database, ring)
    assert 7200 <= (await scrape(api))["scm_audit_oldest_unsealed_age_seconds",] < 10_000


async def test_no_table_that_grows_is_read_as_a_whole(database: Database) -> None:
    """Each statement goes through the index that was made for it."""
    values = {"at_most": 1, "unsettled": [], "active": [], "jobs": [], "under_way": []}
    found = [each for each in vars(service_state).values() if isinstance(each, Statement)]
    async with database.transaction() as session:
        await service_state._BEGIN.fetch(session, {"longest": "5s"})
        plans = [
            await session.scalars(text(f"EXPLAIN {each._statement}"), values | {"longest": ""})
            for each in found
        ]
    plan = "\n".join(line for plan in plans for line in plan)
    assert "Seq Scan" not in plan
    assert set(re.findall(r"Scan (?:Backward )?using (\w+)", plan)) == {
        "ix_enrollments_state_id",
        "ix_enrollments_due_at",
        "pgqueuer_ep_ea_idx",
        "ix_certificates_revocation_under_way",
        "ix_certificates_revocation_expires_at",
        "ix_certificates_for_a_person",
        "ix_certificates_not_after_id",
        "ix_certificates_renews_certificate_id",
        "pk_ca_backends",
        "pk_ca_backend_health",
        "pk_audit_events",
        "pk_audit_seals",
    }


async def test_scrapes_share_one_reading_and_do_not_wait_for_it(
    api: Api, database: Database
) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with database.transaction() as session:
        await session.execute(text("LOCK TABLE enrollments IN ACCESS EXCLUSIVE MODE"))
        async with asyncio.timeout(15):
            told = await asyncio.gather(*(scrape(api) for _ in range(5)))
        assert await session.scalar(waiting) <= 1  # it is given up after a while
    for gauges in told:
        assert gauges["scm_state_read",] == 0
        assert ("scm_enrollments", "parked") not in gauges
    assert (await scrape(api))["scm_state_read",] == 1


async def test_a_reading_is_kept_for_a_while(database: Database) -> None:
    passed = 0.0
    gauges = StateGauges(database, clock=lambda: passed)

    async def parked() -> float:
        return read((await gauges.exposition()).decode())["scm_enrollments", "parked"]

    assert await parked() == 0
    await _put(database, Enrollment, _ENROLLMENT | {"state": "parked"})
    passed = READ_EVERY - 1
    assert await parked() == 0
    passed = READ_EVERY
    assert await parked() == 1
    await gauges.aclose()


async def test_two_applications_in_one_process_tell_of_their_own_databases(
    api: Api,
    database: Database,
    databases: Any,
    start_api: StartApi,
    contract: Contract,
    tmp_path: Path,
) -> None:
    await _put(database, Enrollment, _ENROLLMENT | {"state": "parked"})
    url = databases.clone()
    async with start_api(settings_for(url, tmp_path)) as other:
        both = await scrape(api), await scrape(Api(other, contract, None))
    databases.drop(url)
    assert [gauges["scm_enrollments", "parked"] for gauges in both] == [1, 0]
