"""Requests nobody approved or declined in time.

Readers see them as over without this; here the rows follow, with an audit event each.
"""

from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, select, update

from scm_api.core.approval import UNANSWERED
from scm_api.core.lifecycle import Move, after
from scm_api.core.vocabulary import EnrollmentState, RevocationState
from scm_api.db.audit import record
from scm_api.db.models import Certificate, Enrollment
from scm_api.db.session import Database

_BATCH: Final = 500
_CODE, _SENTENCE = UNANSWERED
_CLOCK: Final = func.clock_timestamp()
_ENROLLMENTS_OVER: Final = and_(
    Enrollment.state == EnrollmentState.PENDING_APPROVAL.value,
    Enrollment.approval_expires_at <= _CLOCK,
)
_REVOCATIONS_OVER: Final = and_(
    Certificate.revocation_state == RevocationState.PENDING_APPROVAL.value,
    Certificate.revocation_expires_at <= _CLOCK,
)


async def expire_unanswered(database: Database) -> int:
    """End what nobody answered; returns how many. Whoever decides at the same time wins or loses
    by the row's lock."""
    enrollments, revocations = _statements()
    found = 0
    async with database.transaction() as session:
        for statement, kind, verb in (
            (enrollments, "enrollment", Move.EXPIRE.value),
            (revocations, "certificate", "revocation_expired"),
        ):
            for row in await session.execute(statement):
                found += 1
                record(
                    session,
                    None,
                    f"{kind}.{verb}",
                    (kind, row.id),
                    organization_id=row.organization_id,
                )
    return found


@cache
def _statements() -> tuple[Any, Any]:
    """For enrollments and for revocations."""
    state = after(EnrollmentState.PENDING_APPROVAL, Move.EXPIRE).value
    ended = {"state": state, "reason_code": _CODE, "reason": _SENTENCE, "updated_at": func.now()}
    enrollments = _ending(Enrollment, _ENROLLMENTS_OVER, ended)
    expired = {"revocation_state": RevocationState.EXPIRED.value}
    return enrollments, _ending(Certificate, _REVOCATIONS_OVER, expired)


def _ending(
    table: type[Enrollment] | type[Certificate], over: ColumnElement[bool], values: dict[str, Any]
) -> Any:
    due = select(table.id).where(over).limit(_BATCH).with_for_update(skip_locked=True)
    return (
        update(table)
        .where(table.id.in_(due), over)
        .values(version=table.version + 1, **values)
        .returning(table.id, table.organization_id)
        .execution_options(synchronize_session=False)
    )
