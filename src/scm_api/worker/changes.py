"""What one step of an enrollment changes: collected first, then written at once.

One statement is one round trip and one transaction. It begins with the enrollment's row, and all
else depends on that row being still ours: of a claim that was lost nothing is written.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CTE,
    Integer,
    TableClause,
    Text,
    Uuid,
    bindparam,
    cast,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.errors import Unavailable
from scm_api.core.lifecycle import Move, after
from scm_api.db.audit import event_row
from scm_api.db.base import Base
from scm_api.db.models import Enrollment, EnrollmentAttempt
from scm_api.db.models.enrollments import CHANNEL
from scm_api.db.rows import Later, NewRow, Shape, expressions, parameters, shape_of
from scm_api.db.session import Database
from scm_api.db.statements import Single, Statement
from scm_api.logger import get_logger
from scm_api.worker.claims import Claim, Lost
from scm_api.worker.clock import boottime

_log = get_logger(__name__)
_ENROLLMENTS: Final = Base.metadata.tables[Enrollment.__tablename__]
_ATTEMPTS: Final = Base.metadata.tables[EnrollmentAttempt.__tablename__]
_OURS: Final = (
    _ENROLLMENTS.c.id == bindparam("enrollment", type_=Uuid),
    _ENROLLMENTS.c.lease_generation == bindparam("generation", type_=Integer),
    # Where the answer to a commit was lost: what it moved or let go of is not written again.
    _ENROLLMENTS.c.version == bindparam("known_version", type_=Integer),
    _ENROLLMENTS.c.lease_until.is_not(None),
)
# Seen as when the statement began, even after a wait for the enrollment's row. That is enough:
# whoever ends or reopens an attempt also raises the enrollment's generation.
_LIVE: Final = (
    _ATTEMPTS.c.enrollment_id == bindparam("enrollment", type_=Uuid),
    _ATTEMPTS.c.number == bindparam("attempt", type_=Integer),
    _ATTEMPTS.c.ended_at.is_(None),
)
_AGAIN: Final = timedelta(seconds=0.5)
Further = Callable[[AsyncSession], Awaitable[None]]


class Changes:
    """Everything a step changes. Nothing of it is so, here or in the database, before `commit`."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._enrollment: dict[str, Any] = {}
        self._attempt: dict[str, Any] = {}
        self._rows: list[NewRow] = []
        self._further: list[Further] = []
        self._moved: str | None = None
        self._begun: EnrollmentAttempt | None = None
        self._kept: tuple[float, timedelta] | None = None

    def move(self, step: Move, *, details: dict[str, Any], **values: Any) -> None:
        """One state change with its audit event; whoever waits for the enrollment is notified."""
        claim = self.claim
        self._moved = after(claim.state, step).value
        self.write(state=self._moved, **values)
        event = event_row(
            None,
            f"enrollment.{step.value}",
            ("enrollment", claim.id),
            organization_id=claim.enrollment.organization_id,
            details=details,
        )
        self.insert(event)

    def write(self, **values: Any) -> None:
        """Values of the enrollment; one may be a `Later`."""
        self._enrollment |= values

    def keep(self, lease: timedelta) -> None:
        """Keep the claim for `lease` from now on."""
        self._kept = boottime(), lease
        self.write(lease_until=Later(lease, "clock_timestamp"))

    def write_attempt(self, **values: Any) -> None:
        """Values of the live attempt; one may be a `Later`."""
        assert self.claim.attempt is not None
        self._attempt |= values

    def begin_attempt(self, attempt: EnrollmentAttempt) -> None:
        """Store the next attempt, which is the live one from then on."""
        self._begun = attempt
        columns = _ATTEMPTS.c.keys()
        self.insert(NewRow(_ATTEMPTS, {name: getattr(attempt, name) for name in columns}))

    def insert(self, row: NewRow) -> None:
        """A row of another table; it may refer to others that are inserted."""
        self._rows.append(row)

    def also(self, further: Further) -> None:
        """What takes more than one statement is done after all else, in the same transaction."""
        self._further.append(further)

    async def commit(self, database: Database) -> None:
        """Write everything or nothing; raises Lost if the claim is no longer ours.

        Where PostgreSQL is away, or undid it for another, it is written again while the claim
        lasts: a CA may not answer a second time. Raises Unavailable after that.
        """
        while True:
            try:
                await self._commit(database)
            except Unavailable:
                if not self.claim.outlasts(_AGAIN):
                    raise
                await asyncio.sleep(_AGAIN.total_seconds())
            else:
                return

    async def _commit(self, database: Database) -> None:
        if self._further:
            async with database.transaction() as session:
                await self._store(session)
                for further in self._further:
                    await further(session)
        else:
            async with database.each_statement() as connection:
                await self._store(connection)
        self._take_note()

    async def _store(self, session: AsyncSession | Single) -> None:
        rows = tuple((row.table, shape_of(row.values)) for row in self._rows)
        claim = self.claim
        told = {"enrollment": claim.id, "generation": claim.generation}
        told["known_version"] = claim.enrollment.version
        told |= parameters(self._enrollment, "new_") | parameters(self._attempt, "attempt_")
        if self._attempt and claim.attempt is not None:
            told["attempt"] = claim.attempt.number
        for number, row in enumerate(self._rows):
            told |= parameters(row.values, f"row_{number}_")
        shapes = shape_of(self._enrollment), shape_of(self._attempt), rows
        if not await _storing(*shapes, moves=self._moved is not None).fetch(session, told):
            raise Lost

    def _take_note(self) -> None:
        claim = self.claim
        if self._begun is not None:
            claim.attempt, claim.attempts = self._begun, self._begun.number
            claim.follow()
        if self._moved is not None:
            claim.enrollment.state = self._moved
            claim.enrollment.version += 1
            _log.info("enrollment changed", state=self._moved)
        if self._kept is not None:
            claim.taken_at, claim.lease = self._kept


@asynccontextmanager
async def writing(claim: Claim, database: Database) -> AsyncIterator[Changes]:
    """What the block collects is written when it ends. Raises Lost."""
    changes = Changes(claim)
    yield changes
    await changes.commit(database)


# Each made once: putting one together takes longer than running it.
@cache
def _storing(
    enrollment: Shape,
    attempt: Shape,
    rows: tuple[tuple[TableClause, Shape], ...],
    *,
    moves: bool,
) -> Statement:
    """Returns one row, or none when the enrollment, or the attempt to be written, is not ours."""
    ours = update(_ENROLLMENTS).where(*_OURS)
    ours = ours.values(updated_at=func.now(), **expressions(_ENROLLMENTS, enrollment, "new_"))
    if moves:
        ours = ours.values(version=_ENROLLMENTS.c.version + 1)
    if attempt:
        ours = ours.where(exists().where(*_LIVE))
    held = ours.returning(_ENROLLMENTS.c.id).cte("held")
    written = [
        _inserting(table, shape, f"row_{number}_", held)
        for number, (table, shape) in enumerate(rows)
    ]
    if attempt:
        values = expressions(_ATTEMPTS, attempt, "attempt_")
        live = update(_ATTEMPTS).where(*_LIVE, _ATTEMPTS.c.enrollment_id == held.c.id)
        written.append(live.values(values).cte("attempt"))
    told = func.pg_notify(CHANNEL, cast(held.c.id, Text)) if moves else held.c.id
    return Statement(select(told.label("told")).select_from(held).add_cte(*written))


def _inserting(table: TableClause, shape: Shape, prefix: str, held: CTE) -> CTE:
    columns = [column for column, _ in shape]
    values = select(*expressions(table, shape, prefix).values()).select_from(held)
    row = insert(table).from_select(columns, values, include_defaults=False)
    return row.cte(prefix.rstrip("_"))
