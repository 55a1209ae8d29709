"""What uses a thing is named so that it can be found, but a refusal is no report."""

from collections.abc import Sequence

from sqlalchemy import String, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from scm_api.core.access import Principal
from scm_api.core.errors import Use
from scm_api.db.models import Enrollment
from scm_api.db.scope import within

FEW = 5


async def enrollments_using(
    session: AsyncSession, principal: Principal, condition: ColumnElement[bool]
) -> tuple[Sequence[Use], int]:
    """The newest few enrollments that meet `condition`, by common name, and how many there are.

    Those the principal may not see are counted but not named.
    """
    seen = within(principal, Enrollment.organization_id, Enrollment.certificate_type)
    newest = await session.execute(
        select(
            Enrollment.id,
            func.coalesce(Enrollment.common_name, cast(Enrollment.id, String)).label("name"),
        )
        .where(condition, seen)
        .order_by(Enrollment.id.desc())
        .limit(FEW)
    )
    uses = [Use("enrollment", row.id, row.name) for row in newest]
    count = await session.scalar(select(func.count()).select_from(Enrollment).where(condition))
    return uses, count or 0
