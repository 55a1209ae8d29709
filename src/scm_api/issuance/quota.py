"""Counting certificates by person, so that two requests at once never pass a limit together.

Each organization and each department counts for itself: what others have is not told by refusing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.errors import Conflict, Fault
from scm_api.core.lifecycle import FINAL
from scm_api.core.quota import judge_room, people_of
from scm_api.core.vocabulary import EnrollmentState
from scm_api.db.statements import Single, Statement
from scm_api.issuance.facts import Facts

# Whoever waits here holds the same person of the same profile and organization up, and nothing
# else. The keys come sorted, so that two with several people in common never wait for each other.
_TAKE_TURNS: Final = text("""
    SELECT count(pg_advisory_xact_lock(hashtextextended(key, 0)))
      FROM unnest(CAST(:keys AS text[])) AS key
""")
# Revoked counts from when the CA did it. What is parked may have become a certificate.
_TAKEN: Final = Statement(
    text("""
    SELECT person, count(*) AS count
      FROM enrollments AS e
      LEFT JOIN certificates AS c ON c.enrollment_id = e.id
     CROSS JOIN unnest(e.people) AS person
     WHERE e.people && CAST(:people AS text[]) AND person = ANY(CAST(:people AS text[]))
       AND e.certificate_profile_id = :profile_id
       AND e.organization_id = :organization_id
       AND CASE WHEN c.id IS NULL
                THEN e.state = ANY(CAST(:open AS text[]))
                     AND NOT (e.state = 'pending_approval'
                              AND e.approval_expires_at <= clock_timestamp())
                ELSE c.not_after > clock_timestamp()
                     AND c.revocation_state IS DISTINCT FROM 'done'
                     AND c.id IS DISTINCT FROM CAST(:replaced AS uuid) END
     GROUP BY person
""")
)
_OPEN: Final = [state.value for state in EnrollmentState if state not in FINAL]


async def take_turns(session: AsyncSession, enrollments: Sequence[Mapping[str, Any]]) -> None:
    """Make others wait, until the commit, who enroll for the people of these enrollments.

    For several that are stored together, before the first `take_room`: those who take turns one by
    one might wait for each other. `enrollments` are their columns.
    """
    keys = {
        f"{each['certificate_profile_id']}/{each['organization_id']}/{person}"
        for each in enrollments
        for person in each["people"] or ()
    }
    if keys:
        await session.execute(_TAKE_TURNS, {"keys": sorted(keys)})


async def take_room(
    session: AsyncSession, max_valid: int | None, values: Mapping[str, Any]
) -> None:
    """Make sure that the enrollment about to be stored has room; others wait until the commit.

    `values` are its columns; a certificate that it replaces takes no room. Raises Conflict
    (`limit-reached`) where a person has `max_valid` already; None is no limit.
    """
    people = values["people"]
    if max_valid is None or not people:
        return
    await take_turns(session, [values])
    replaced = values["renews_certificate_id"] if values["replace_reason"] else None
    used = values["certificate_profile_id"], values["organization_id"]
    taken = await _taken(session, used, people, replaced)
    if faults := judge_room(max_valid, taken):
        raise Conflict(" ".join(fault.detail for fault in faults), code=faults[0].code)


async def room_faults(
    session: AsyncSession | Single,
    max_valid: int | None,
    facts: Facts,
    names: Sequence[Any],
) -> list[Fault]:
    """What `take_room` would say now, for a dry run."""
    people = people_of(names)
    if max_valid is None or not people:
        return []
    used = facts.certificate_profile_id, facts.organization_id
    return judge_room(max_valid, await _taken(session, used, people, None))


async def _taken(
    session: AsyncSession | Single,
    used: tuple[UUID, UUID],
    people: Sequence[str],
    replaced: UUID | None,
) -> dict[str, int]:
    """`used` are the profile, and the organization or department that uses it."""
    profile_id, organization_id = used
    asked = {
        "profile_id": profile_id,
        "organization_id": organization_id,
        "people": list(people),
        "open": _OPEN,
        "replaced": replaced,
    }
    return {row["person"]: row["count"] for row in await _TAKEN.fetch(session, asked)}
