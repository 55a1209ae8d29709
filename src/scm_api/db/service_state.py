"""What an operator is woken for, as numbers read from the tables.

Each statement looks at `AT_MOST` rows that an index leads to, however many there are: numbers end
there. The planner does not know that few are in a state it is asked for, and would read the table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text

from scm_api.core.lifecycle import ACTIVE, FINAL
from scm_api.core.vocabulary import EnrollmentState, RevocationState
from scm_api.db.jobs import Job
from scm_api.db.session import Database
from scm_api.db.statements import Statement

AT_MOST: Final = 10_000
Rows = Sequence[Mapping[str, Any]]

_UNSETTLED: Final = [state.value for state in EnrollmentState if state not in FINAL]
_ACTIVE: Final = sorted(state.value for state in ACTIVE)
_JOBS: Final = [job.value for job in Job]
_UNDER_WAY: Final = [
    state.value
    for state in (
        RevocationState.PENDING_APPROVAL,
        RevocationState.SCHEDULED,
        RevocationState.REQUESTED,
        RevocationState.PENDING_CA,
    )
]
_LONGEST: Final = "5s"

_BEGIN: Final = Statement(
    text("""
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
           set_config('jit', 'off', true), set_config('statement_timeout', :longest, true)
""")
)

_ENROLLMENTS: Final = Statement(
    text("""
    SELECT each.state,
           (SELECT count(*)
              FROM (SELECT FROM enrollments WHERE state = each.state LIMIT :at_most) AS found
           ) AS count
      FROM unnest(CAST(:unsettled AS text[])) AS each (state)
""")
)
# As `worker.claims` takes them; those that are held are due as well.
_OLDEST_ENROLLMENT: Final = Statement(
    text("""
    SELECT CAST(extract(epoch FROM now() - due_at) AS float8) AS age
      FROM (SELECT due_at, state, lease_until FROM enrollments
             WHERE due_at <= now() ORDER BY due_at LIMIT :at_most) AS due
     WHERE state = ANY(CAST(:active AS text[])) AND (lease_until IS NULL OR lease_until <= now())
     ORDER BY due_at LIMIT 1
""")
)
_DUE_JOBS: Final = Statement(
    text("""
    SELECT each.job, due.count, CAST(extract(epoch FROM now() - due.oldest) AS float8) AS age
      FROM unnest(CAST(:jobs AS text[])) AS each (job),
           LATERAL (SELECT count(*), min(execute_after) AS oldest
                      FROM (SELECT execute_after FROM pgqueuer
                             WHERE status = 'queued' AND entrypoint = each.job
                               AND execute_after <= now()
                             ORDER BY execute_after LIMIT :at_most) AS found) AS due
""")
)
# Whose time has come is `requested`, as for everybody who reads it (`core.revocation`).
_REVOCATIONS: Final = Statement(
    text("""
    SELECT found.state, count(*), CAST(extract(epoch FROM now() - min(since)) AS float8) AS age
      FROM unnest(CAST(:under_way AS text[])) AS each (state),
           LATERAL ((SELECT CASE WHEN each.state = 'scheduled' AND revocation_effective_at <= now()
                                 THEN 'requested' ELSE each.state END AS state,
                            greatest(revocation_requested_at, revocation_effective_at) AS since
                       FROM certificates
                      WHERE revocation_state IN ('requested', 'scheduled', 'pending_ca')
                        AND revocation_state = each.state
                      ORDER BY revocation_requested_at LIMIT :at_most)
                     UNION ALL
                    (SELECT each.state, revocation_requested_at
                       FROM certificates
                      WHERE each.state = 'pending_approval' AND revocation_state = each.state
                        AND revocation_expires_at > now()
                      ORDER BY revocation_expires_at LIMIT :at_most)) AS found
     GROUP BY found.state
""")
)
_FOR_A_PERSON: Final = Statement(
    text("""
    SELECT reason, count(*)
      FROM (SELECT CASE WHEN revocation_state = 'refused'
                        THEN 'revocation_refused' ELSE 'quarantined' END AS reason
              FROM certificates
             WHERE (quarantined IS NOT NULL OR revocation_state = 'refused')
               AND revocation_state IS DISTINCT FROM 'done' AND not_after > now()
             ORDER BY not_after LIMIT :at_most) AS found
     GROUP BY reason
""")
)
# A successor is what `issuance.renewal.succeeded` takes for one. LIMIT keeps the planner from
# reading all certificates to know which have one.
_EXPIRING: Final = Statement(
    text("""
    SELECT count(*) FILTER (WHERE not_after <= now() + interval '7 days') AS within_7_days,
           count(*) AS within_30_days
      FROM (SELECT id, not_after, renewal_opens_at, quarantined, revocation_state, deactivated_at
              FROM certificates
             WHERE not_after > now() AND not_after <= now() + interval '30 days'
             ORDER BY not_after LIMIT :at_most) AS ending
     WHERE renewal_opens_at <= now() AND quarantined IS NULL AND deactivated_at IS NULL
       AND (revocation_state IS NULL OR revocation_state IN ('declined', 'expired', 'canceled'))
       AND (WITH RECURSIVE line AS (
                SELECT id, quarantined, revocation_state FROM certificates
                 WHERE renews_certificate_id = ending.id
                 UNION
                SELECT after.id, after.quarantined, after.revocation_state
                  FROM line JOIN certificates AS after ON after.renews_certificate_id = line.id)
            SELECT true FROM line
             WHERE quarantined IS NULL AND revocation_state IS DISTINCT FROM 'done' LIMIT 1) IS NULL
""")
)
_BACKENDS: Final = Statement(
    text("""
    SELECT backend.id, backend.backend_type, coalesce(health.status, 'unchecked') AS status,
           CAST(extract(epoch FROM now() - health.checked_at) AS float8) AS age
      FROM ca_backends AS backend
      LEFT JOIN ca_backend_health AS health ON health.ca_backend_id = backend.id
     ORDER BY backend.id LIMIT :at_most
""")
)
_UNSEALED: Final = Statement(
    text("""
    SELECT CAST(extract(epoch FROM now() - at) AS float8) AS age FROM audit_events
     WHERE number > coalesce((SELECT through FROM audit_seals ORDER BY number DESC LIMIT 1), 0)
     ORDER BY number LIMIT 1
""")
)


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One reading; ages are in seconds, None where nothing is that old."""

    enrollments: Rows
    oldest_enrollment: float | None
    jobs: Rows
    revocations: Rows
    for_a_person: Rows
    expiring: Mapping[str, Any]
    backends: Rows
    oldest_unsealed: float | None


async def read_service_state(database: Database) -> ServiceState:
    """Read all of it; raises what `Database.transaction` raises."""
    capped = {"at_most": AT_MOST}
    async with database.transaction() as session:
        await _BEGIN.fetch(session, {"longest": _LONGEST})
        oldest = await _OLDEST_ENROLLMENT.fetch(session, capped | {"active": _ACTIVE})
        unsealed = await _UNSEALED.fetch(session, {})
        return ServiceState(
            enrollments=await _ENROLLMENTS.fetch(session, capped | {"unsettled": _UNSETTLED}),
            oldest_enrollment=oldest[0]["age"] if oldest else None,
            jobs=await _DUE_JOBS.fetch(session, capped | {"jobs": _JOBS}),
            revocations=await _REVOCATIONS.fetch(session, capped | {"under_way": _UNDER_WAY}),
            for_a_person=await _FOR_A_PERSON.fetch(session, capped),
            expiring=(await _EXPIRING.fetch(session, capped))[0],
            backends=await _BACKENDS.fetch(session, capped),
            oldest_unsealed=unsealed[0]["age"] if unsealed else None,
        )
