"""What has to happen from time to time, whichever worker gets to it first."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Interval, delete, exists, func, literal, select, text, update
from sqlalchemy.sql.dml import ReturningUpdate

from scm_api.core.errors import NotFound
from scm_api.core.lifecycle import ACTIVE
from scm_api.core.sealing import KeyRing
from scm_api.core.vocabulary import BackendStatus
from scm_api.db.audit_seals import seal_events
from scm_api.db.jobs import Job, enqueue_many
from scm_api.db.models import (
    CaBackend,
    CaBackendHealth,
    CertificateProfile,
    CertificateProfileVersion,
    IdempotencyRecord,
)
from scm_api.db.session import Database, is_away
from scm_api.db.statements import AnySelect, Statement
from scm_api.drivers.base import CheckReport
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError
from scm_api.gateway.choices import learn
from scm_api.gateway.connections import Connection, Gateway, connection_of
from scm_api.gateway.health import record_health
from scm_api.logger import get_logger
from scm_api.worker.expiry import expire_unanswered
from scm_api.worker.external_organizations import refresh_assignments
from scm_api.worker.renewal import Renewals

CHECK_EVERY = timedelta(seconds=60)
IDEMPOTENCY_KEPT = timedelta(hours=24)
JOB_LOG_KEPT = timedelta(hours=24)
_CHECK_DEADLINE = 20.0
_BATCH = 500
_UNEXPECTED = "The check ended in an error that is not the CA's; the log of the worker tells which."
_log = get_logger(__name__)

# A job can only be missing if somebody emptied the queue by hand; then the rows still say what
# is due. `overdue` keeps jobs that are just being delivered out of it. Surplus certificates are not
# looked for: the next certificate of that person brings a job for all of them.
_LOST_ENROLLMENTS = text("""
    SELECT id, organization_id FROM enrollments
     WHERE due_at < clock_timestamp() - CAST(:overdue AS interval)
       AND state = ANY(:states)
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
       AND NOT EXISTS (SELECT FROM pgqueuer AS job
                        WHERE job.entrypoint = :job AND job.payload = uuid_send(enrollments.id))
     ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED
""")
_LOST_REVOCATIONS = text("""
    SELECT id, organization_id FROM certificates
     WHERE revocation_state IN ('requested', 'scheduled', 'pending_ca')
       AND greatest(revocation_requested_at, revocation_effective_at)
           < clock_timestamp() - CAST(:overdue AS interval)
       AND NOT EXISTS (SELECT FROM pgqueuer AS job
                        WHERE job.entrypoint = :job AND job.payload = uuid_send(certificates.id))
     LIMIT :batch FOR UPDATE SKIP LOCKED
""")
# pgqueuer writes a row for each step of a job and deletes none. Nothing is decided by them.
_OLD_JOB_LOG = Statement(
    text("DELETE FROM pgqueuer_log WHERE created < now() - CAST(:kept AS interval)")
)
_OLD_KEYS = Statement(
    delete(IdempotencyRecord).where(
        IdempotencyRecord.created_at < func.now() - literal(IDEMPOTENCY_KEPT, Interval)
    )
)


def _taking_unchecked() -> ReturningUpdate[tuple[UUID]]:
    """Backends nobody checked for a while; whoever takes them is going to check them."""
    stale = CaBackendHealth.checked_at < func.now() - literal(CHECK_EVERY, Interval)
    due = select(CaBackendHealth.ca_backend_id).where(stale).with_for_update(skip_locked=True)
    return (
        update(CaBackendHealth)
        .where(CaBackendHealth.ca_backend_id.in_(due), stale)
        .values(checked_at=func.now())
        .returning(CaBackendHealth.ca_backend_id)
    )


def _never_checked() -> AnySelect:
    """Backends nobody checked ever, of which a profile could not be compared with what they offer.

    Whoever checks one first makes it one of the others; two at once do no harm."""
    version = CertificateProfileVersion
    is_current = (version.certificate_profile_id == CertificateProfile.id) & (
        version.version == CertificateProfile.version
    )
    waits = (
        exists()
        .where(CertificateProfile.ca_backend_id == CaBackend.id)
        .where(is_current, version.rules["checked_against_ca"].astext == "false")
    )
    checked = exists().where(CaBackendHealth.ca_backend_id == CaBackend.id)
    return select(CaBackend.id.label("ca_backend_id")).where(~checked, waits)


_UNCHECKED = Statement(_taking_unchecked())
_NEVER_CHECKED = Statement(_never_checked())


class Upkeep:
    """Finds lost jobs, checks backends, renews what is due, ends what nobody answered, seals audit
    events, forgets old records."""

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        ring: KeyRing,
        overdue: timedelta,
        renewals: Renewals | None = None,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._ring = ring
        self._overdue = overdue
        self._renewals = renewals

    async def run(self) -> None:
        """Everything at its interval, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self.requeue_lost, 15))
            tasks.create_task(self._repeat(self.check_backends, 5))
            tasks.create_task(self._repeat(self.forget_old_keys, 600, at_once=False))
            tasks.create_task(self._repeat(self.forget_job_log, 600, at_once=False))
            tasks.create_task(self._repeat(self.expire_unanswered, 60))
            tasks.create_task(self._repeat(self.refresh_assignments, 300))
            tasks.create_task(self._repeat(self.seal_audit, 60, at_once=False))
            if self._renewals is not None:
                tasks.create_task(self._repeat(self._renewals.renew_due, 60))

    async def _repeat(
        self, work: Callable[[], Awaitable[object]], seconds: float, *, at_once: bool = True
    ) -> None:
        if not at_once:  # what has time: workers that start together do not all begin with it
            await asyncio.sleep(seconds * random.random())  # noqa: S311 -- jitter
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 -- upkeep is tried again at its next turn
                if not is_away(error):
                    _log.exception("upkeep failed", work=work.__name__)
            await asyncio.sleep(seconds * random.uniform(0.8, 1.2))  # noqa: S311 -- jitter

    async def requeue_lost(self) -> int:
        """Give every due enrollment and revocation without a job a new one; returns how many."""
        states = [state.value for state in ACTIVE]
        shared = {"overdue": self._overdue, "batch": _BATCH}
        found = 0
        async with self._database.transaction() as session:
            for job, query, extra in (
                (Job.ADVANCE_ENROLLMENT, _LOST_ENROLLMENTS, {"states": states}),
                (Job.REVOKE_CERTIFICATE, _LOST_REVOCATIONS, {}),
            ):
                rows = await session.execute(query, shared | {"job": job.value} | extra)
                lost = [(row.id, row.organization_id) for row in rows]
                await enqueue_many(session, job, lost)
                found += len(lost)
        if found:
            _log.warning("jobs were missing and have been enqueued again", count=found)
        return found

    async def check_backends(self) -> None:
        """Check each backend that nobody checked for a while; one worker takes it."""
        async with self._database.each_statement() as connection:
            taken = [
                *await _UNCHECKED.fetch(connection, {}),
                *await _NEVER_CHECKED.fetch(connection, {}),
            ]
        backend_ids = [row["ca_backend_id"] for row in taken]
        await asyncio.gather(*(self.check(backend_id) for backend_id in backend_ids))

    async def check(self, backend_id: UUID) -> None:
        """Ask one CA how it is, with no transaction open, and keep what it says."""
        async with self._database.transaction() as session:
            try:
                connection = await connection_of(session, backend_id)
            except NotFound:
                return
        report: CheckReport | None = None
        try:
            report = await self._ask(connection)
            status, detail = BackendStatus.AVAILABLE, "The CA answers."
        except BackendRefused as error:
            status, detail = BackendStatus.REFUSED, error.detail
        except BackendUnavailable as error:
            if error.retry_after is not None:
                return
            status, detail = BackendStatus.OFFLINE, error.detail
        except (DriverError, TimeoutError) as error:
            status, detail = BackendStatus.OFFLINE, str(error) or "The CA does not answer."
        except Exception as error:
            if is_away(error) and not isinstance(error, OSError):  # which may be of either
                raise
            _log.exception("a check failed", ca_backend_id=str(backend_id))
            status, detail = BackendStatus.OFFLINE, _UNEXPECTED
        async with self._database.transaction() as session:
            await record_health(
                session,
                backend_id,
                status,
                detail,
                local_version=connection.version,
                visible_cas=report.visible_cas if report else None,
                findings=report.findings if report else (),
            )

    async def _ask(self, connection: Connection) -> CheckReport:
        driver = await self._gateway.driver(connection)
        async with asyncio.timeout(_CHECK_DEADLINE):
            report = await driver.check()
        await self._learn(connection)
        return report

    async def _learn(self, connection: Connection) -> None:
        """Know what requests are judged by before what waits for the CA goes on, and know it anew
        now and then: a CA is disabled and enabled, and its certificate renewed."""
        with suppress(DriverError, NotFound):  # what was asked first says how the CA is
            await learn(self._database, self._gateway, connection)

    async def expire_unanswered(self) -> int:
        """End requests nobody approved or declined in time; returns how many."""
        return await expire_unanswered(self._database)

    async def refresh_assignments(self) -> int:
        """Look at assigned external organizations again; returns how many CAs were asked."""
        return await refresh_assignments(self._database, self._gateway)

    async def seal_audit(self) -> int:
        """Seal audit events; returns how many. Raises Unproven where the chain was tampered with:
        that must stay to be seen."""
        return await seal_events(self._database, self._ring)

    async def forget_old_keys(self) -> None:
        """Idempotency records live a day; a repeat after that is a new request."""
        async with self._database.each_statement() as connection:
            await _OLD_KEYS.fetch(connection, {})

    async def forget_job_log(self) -> None:
        """The queue's log of finished jobs lives a day, for whoever looks into a failure."""
        async with self._database.each_statement() as connection:
            await _OLD_JOB_LOG.fetch(connection, {"kept": JOB_LOG_KEPT})
