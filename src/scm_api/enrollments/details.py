"""What one enrollment shows beyond lists: the request decoded, what it changes, its history."""

from functools import cache
from typing import Any, Final
from uuid import UUID

from cryptography import x509
from sqlalchemy import Row, Uuid, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from scm_api.core.access import Principal
from scm_api.core.approval import name_difference
from scm_api.core.history import tell
from scm_api.core.names import names_as_json, names_from
from scm_api.db.models import (
    AuditEvent,
    Certificate,
    CertificateName,
    CertificateProfileVersion,
    Enrollment,
)
from scm_api.db.statements import AnySelect
from scm_api.enrollments import repository

Json = dict[str, Any]
_SERVICE: Final = "the service"
_ID: Final = bindparam("enrollment_id", type_=Uuid)
_EVENTS: Final = (
    select(AuditEvent.at, AuditEvent.action, AuditEvent.principal_name, AuditEvent.details)
    .where(AuditEvent.subject_id == _ID)
    .order_by(AuditEvent.number)
)


@cache
def _behind() -> AnySelect:
    """Request, rules, and the certificate that is renewed with what it was ordered by."""
    earlier = aliased(Enrollment)  # only when asked for: it configures every mapper
    old_names = (
        select(
            func.json_agg(
                func.json_build_object("kind", CertificateName.kind, "value", CertificateName.value)
            )
        )
        .where(CertificateName.certificate_id == Certificate.id)
        .correlate(Certificate)
        .scalar_subquery()
    )
    return (
        select(
            Enrollment.csr_der,
            CertificateProfileVersion.rules["name"].astext.label("profile_name"),
            Certificate.spki_sha256,
            Certificate.key_type,
            Certificate.not_after,
            func.coalesce(old_names, func.json_build_array()).label("names"),
            earlier.term_days,
            earlier.profile_version,
        )
        .join(
            CertificateProfileVersion,
            (CertificateProfileVersion.certificate_profile_id == Enrollment.certificate_profile_id)
            & (CertificateProfileVersion.version == Enrollment.profile_version),
        )
        .outerjoin(Certificate, Certificate.id == Enrollment.renews_certificate_id)
        .outerjoin(earlier, earlier.id == Certificate.enrollment_id)
        .where(Enrollment.id == _ID)
    )


async def detailed(session: AsyncSession, principal: Principal, enrollment_id: UUID) -> Json:
    """One enrollment with all an approver has to know; raises NotFound."""
    content = await repository.enrollment(session, principal, enrollment_id)
    asked = {"enrollment_id": enrollment_id}
    row = (await session.execute(_behind(), asked)).one()
    events = await session.execute(_EVENTS, asked)
    return content | {
        "request": _request(content, row),
        "difference": _difference(content, row),
        "history": [_told(event) for event in events],
    }


def _request(content: Json, row: Row[Any]) -> Json:
    request = x509.load_der_x509_csr(row.csr_der)
    copied = ("names", "key_type", "spki_sha256", "term_days", "not_after", "profile_version")
    return {name: content[name] for name in copied} | {
        "subject": request.subject.rfc4514_string(),
        "key_bits": getattr(request.public_key(), "key_size", None),
        "profile_name": row.profile_name,
    }


def _difference(content: Json, row: Row[Any]) -> Json | None:
    """What a renewal changes against the certificate it replaces; None for a first request."""
    if row.spki_sha256 is None:
        return None
    added, removed = name_difference(names_from(row.names), names_from(content["names"]))
    return {
        "certificate_id": content["renews_certificate_id"],
        "names_added": names_as_json(added),
        "names_removed": names_as_json(removed),
        "key_changed": row.spki_sha256 != content["spki_sha256"],
        "key_type_before": row.key_type,
        "term_days_before": row.term_days,
        "not_after_before": row.not_after,
        "profile_version_before": row.profile_version,
    }


def _told(event: Row[Any]) -> Json:
    told = tell(event.action, event.details)
    by = event.principal_name or _SERVICE
    return {"at": event.at, "what": told.what, "by": by, "why": told.why}
