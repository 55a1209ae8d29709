"""Having certificates revoked: stored with the job that has the CA do it."""

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.vocabulary import RevocationReason, RevocationState
from scm_api.db.audit import record
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import BlockedKey, Certificate, Enrollment

_SETTLED = (RevocationState.REQUESTED, RevocationState.DONE)


async def send(session: AsyncSession, row: Certificate) -> None:
    """Have a worker revoke at the CA; a compromised key is blocked from here on."""
    row.revocation_state = RevocationState.REQUESTED.value
    row.version += 1
    if row.revocation_reason == RevocationReason.KEY_COMPROMISE:
        await _block_key(session, row.spki_sha256)
    await enqueue(session, Job.REVOKE_CERTIFICATE, row.id)


async def revoke_replaced(session: AsyncSession, enrollment: Enrollment) -> None:
    """Have the certificate revoked that an enrollment replaces; does nothing for any other.

    Belongs into the transaction that records the new certificate: never before, so that nobody is
    left without one, and never forgotten after. A revocation that is under way stays as it is; one
    that waited for approval goes on, since the replacement was accepted, or approved, with it.
    """
    if enrollment.replace_reason is None:
        return
    row = await session.get_one(
        Certificate, enrollment.renews_certificate_id, with_for_update=True, populate_existing=True
    )
    if row.revocation_state in _SETTLED:
        return
    row.revocation_reason = enrollment.replace_reason
    row.revocation_detail = None
    row.revocation_requested_at = func.now()
    row.revocation_requester_id = enrollment.requester_id
    row.revocation_expires_at = None
    row.revocation_self_approved = enrollment.self_approved
    await send(session, row)
    record(
        session,
        None,
        "certificate.revocation_requested",
        ("certificate", row.id),
        organization_id=row.organization_id,
        details={
            "reason": enrollment.replace_reason,
            "replaced_by_enrollment_id": str(enrollment.id),
        },
    )
    await session.flush()


async def _block_key(session: AsyncSession, spki_sha256: str) -> None:
    if await session.get(BlockedKey, spki_sha256) is None:
        session.add(BlockedKey(spki_sha256=spki_sha256, reason="revoked for key compromise"))
