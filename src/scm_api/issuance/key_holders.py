"""Whether somebody else has a key: two who share one can each pass for the other."""

from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, and_, any_, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased

from scm_api.core.lifecycle import FINAL
from scm_api.core.vocabulary import EnrollmentState
from scm_api.db.models import Certificate, Enrollment, Organization

_OPEN = [state.value for state in EnrollmentState if state not in FINAL]


def in_use_elsewhere(
    spki_sha256: ColumnElement[str],
    organization_id: ColumnElement[UUID],
    enrollment_id: ColumnElement[UUID],
) -> ColumnElement[bool]:
    """Whether another organization has a certificate with the key that is valid, or asks for one.

    An organization and its departments are one. `enrollment_id` is null for what is not stored
    yet; of two enrollments that were stored at the same moment only the younger finds the other.
    """
    own, holder = aliased(Organization), aliased(Organization)
    family = func.coalesce(own.parent_id, own.id)
    valid = exists().where(
        Certificate.enrollment_id == Enrollment.id,
        Certificate.not_after > func.now(),
        Certificate.revocation_state.is_distinct_from("done"),
    )
    asking = and_(
        Enrollment.state == any_(bindparam("open", _OPEN, type_=ARRAY(Text))),
        or_(enrollment_id.is_(None), Enrollment.id < enrollment_id),
    )
    return exists().where(
        Enrollment.spki_sha256 == spki_sha256,
        holder.id == Enrollment.organization_id,
        func.coalesce(holder.parent_id, holder.id)
        != select(family).where(own.id == organization_id).scalar_subquery(),
        or_(valid, asking),
    )
