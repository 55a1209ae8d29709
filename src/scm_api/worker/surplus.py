"""Revoking the oldest certificates of a person who has more than the profile allows.

Only certificates of the organization or department that enrolled: others' are not its to revoke. It
comes after the new certificate was recorded, as a job stored with it, and never before: nobody is
left without a certificate. Each new one brings such a job, and the rows are locked in one order, so
that the last job sees everything there is.
"""

from uuid import UUID

from sqlalchemy import func, or_, select

from scm_api.core.quota import surplus
from scm_api.core.revocation import SENT
from scm_api.core.vocabulary import RevocationReason
from scm_api.correlation import follow
from scm_api.db.models import Certificate, CertificateProfileVersion, Enrollment
from scm_api.db.session import Database
from scm_api.issuance.revocation import revoke_succeeded
from scm_api.issuance.rules import ProfileRules


async def revoke_surplus(database: Database, enrollment_id: UUID) -> None:
    """Have the oldest revoked, by the rules that this enrollment was judged by."""
    async with database.transaction() as session:
        new = await session.get_one(Enrollment, enrollment_id)
        follow(new.request_id, ca_backend_id=new.ca_backend_id)
        version = await session.get_one(
            CertificateProfileVersion, (new.certificate_profile_id, new.profile_version)
        )
        rules = ProfileRules.model_validate(version.rules)
        limit = rules.max_valid_certificates
        if limit is None or not rules.auto_revoke or not new.people:
            return
        rows = await session.execute(
            select(Certificate, Enrollment.people)
            .join(Enrollment, Enrollment.id == Certificate.enrollment_id)
            .where(
                Enrollment.certificate_profile_id == new.certificate_profile_id,
                Enrollment.organization_id == new.organization_id,
                Enrollment.people.overlap(new.people),
                Certificate.not_after > func.now(),
                Certificate.quarantined.is_(None),
                or_(
                    Certificate.revocation_state.is_(None),
                    Certificate.revocation_state.not_in(SENT),
                ),
            )
            .order_by(Certificate.id)
            .with_for_update(key_share=True, of=Certificate)
        )
        # Locked by id, which is as old as the clock says of the worker that recorded it.
        by_age = sorted(rows, key=lambda row: (row.Certificate.created_at, row.Certificate.id))
        wanted = set(new.people)
        held = [(row.Certificate, sorted(wanted & set(row.people))) for row in by_age]
        for certificate in surplus(limit, held):
            told = {"superseded_by_enrollment_id": str(enrollment_id)}
            reason = RevocationReason.SUPERSEDED
            await revoke_succeeded(session, certificate, new, reason, told)
