"""What is known of a CA backend's health, and who is woken when it comes back."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.explain import storable
from scm_api.core.vocabulary import BackendStatus, RevocationState
from scm_api.db.audit import record
from scm_api.db.jobs import Job, enqueue_many, run_now
from scm_api.db.models import CaBackend, CaBackendHealth, Certificate, Enrollment, LocalCaBackend

# Reasons under which an enrollment waits for its CA rather than for anything else.
WAITING_REASONS = ("ca-unavailable", "backend-refused")


async def record_health(
    session: AsyncSession,
    ca_backend_id: UUID,
    status: BackendStatus,
    detail: str,
    *,
    local_version: int,
    principal: Principal | None = None,
    visible_cas: int | None = None,
    findings: Sequence[str] = (),
) -> None:
    """Store the outcome of a check or call; a change of status is audited.

    `local_version` is that of the connection it was made by. Once that has been changed the outcome
    says nothing of how the CA is reached now, and is dropped.
    When the backend becomes available, or is available in the way that it is reached from now on,
    enrollments and revocations that waited for it are due at once.
    """
    # A first check has no health row to lock, so the backend's own row makes checks take turns;
    # the lock lets references to the backend (enrollments being stored) pass.
    await session.execute(
        select(CaBackend.id).where(CaBackend.id == ca_backend_id).with_for_update(key_share=True)
    )
    newer = LocalCaBackend.version > local_version
    changed = CaBackend.local_ca_backend_id == LocalCaBackend.id
    if await session.scalar(select(exists().where(CaBackend.id == ca_backend_id, changed, newer))):
        return
    columns = CaBackendHealth.status, CaBackendHealth.local_version
    before = select(*columns).where(CaBackendHealth.ca_backend_id == ca_backend_id)
    known, known_version = (await session.execute(before)).one_or_none() or (None, None)
    values = {
        "status": status.value,
        "detail": detail,
        "findings": [storable(finding) for finding in findings],
        "local_version": local_version,
        "checked_at": func.now(),
    } | ({"visible_cas": visible_cas} if visible_cas is not None else {})
    statement = insert(CaBackendHealth).values(ca_backend_id=ca_backend_id, **values)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["ca_backend_id"], set_=values)
    )
    if known != status:
        was = known or BackendStatus.UNCHECKED.value
        details = {"from": was, "to": status.value, "why": detail}
        subject = ("ca_backend", ca_backend_id)
        record(session, principal, "ca_backend.status_changed", subject, details=details)
    if status is BackendStatus.AVAILABLE and (known, known_version) != (status, local_version):
        await _wake(session, ca_backend_id)
        await _revoke_now(session, ca_backend_id)


async def connection_changed(session: AsyncSession, local_ca_backend_id: UUID) -> None:
    """Have a worker check a CA at once, which is reached in another way from now on.

    What waits for the CA waits for that check, or goes on in its own time: one call finds out about
    new credentials, and not each of many at the same time, which might lock the account.
    """
    backends = select(CaBackend.id).where(CaBackend.local_ca_backend_id == local_ca_backend_id)
    # A check is no organization's: each CA backend takes turns for itself.
    checks = [(each, each) for each in await session.scalars(backends)]
    await run_now(session, Job.CHECK_CA_BACKEND, checks)


async def _revoke_now(session: AsyncSession, ca_backend_id: UUID) -> None:
    waiting = select(Certificate.id, Certificate.organization_id).where(
        Certificate.ca_backend_id == ca_backend_id,
        Certificate.revocation_state == RevocationState.REQUESTED.value,
    )
    those = [(id_, of) for id_, of in await session.execute(waiting)]
    await run_now(session, Job.REVOKE_CERTIFICATE, those)


async def _wake(session: AsyncSession, ca_backend_id: UUID) -> None:
    """A row that is being written is passed over: a step holds it, which may wait for this
    transaction, and it is not waiting yet."""
    waiting = (
        select(Enrollment.id)
        .where(
            Enrollment.ca_backend_id == ca_backend_id,
            Enrollment.reason_code.in_(WAITING_REASONS),
            Enrollment.due_at > func.now(),
        )
        .with_for_update(skip_locked=True)
    )
    woken = await session.execute(
        update(Enrollment)
        .where(Enrollment.id.in_(waiting))
        .values(due_at=func.now())
        .returning(Enrollment.id, Enrollment.organization_id)
    )
    await enqueue_many(session, Job.ADVANCE_ENROLLMENT, [(id_, of) for id_, of in woken])
