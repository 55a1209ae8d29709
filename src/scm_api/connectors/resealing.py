"""Moving what is sealed to the active key of the ring, so that an older key can be retired."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select, tuple_, update

from scm_api.core.audit_seals import Unproven
from scm_api.core.sealing import KeyRing, Unsealable
from scm_api.db.audit import record
from scm_api.db.audit_seals import prove_anew
from scm_api.db.base import Base
from scm_api.db.models import IdempotencyRecord, LocalCaBackend
from scm_api.db.secrets import answer_owner, secrets_owner
from scm_api.db.session import Database

_BATCH = 500
_ANSWERS = Base.metadata.tables[IdempotencyRecord.__tablename__]
_WHOSE = (_ANSWERS.c.principal_id, _ANSWERS.c.key)
_MOVE = (
    update(_ANSWERS)
    .where(_ANSWERS.c.principal_id == bindparam("whose"), _ANSWERS.c.key == bindparam("of"))
    .values(body=bindparam("sealed"))
)


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets and answers kept for an Idempotency-Key were moved; the local CA backends
    whose secrets no key opens, and how many answers none opens; why the active key does not vouch
    for the audit events."""

    secrets: int
    unreadable: tuple[str, ...]
    answers: int
    lost_answers: int
    unproven_audit: str | None = None


async def reseal_all(database: Database, ring: KeyRing) -> Resealed:
    """Seal everything again that the active key did not seal.

    Each secret is a transaction of its own. Version and time of change stay: what the row means has
    not changed.
    """
    moved, unreadable = 0, []
    async with database.transaction() as session:
        rows = (await session.execute(select(LocalCaBackend.id, LocalCaBackend.name))).all()
    for row in rows:
        try:
            moved += await _reseal(database, ring, row.id)
        except Unsealable as error:
            unreadable.append(f"{row.name} ({error})")
    answers, lost = await _reseal_answers(database, ring)
    unproven = None
    try:
        await prove_anew(database, ring)
    except Unproven as error:
        unproven = str(error)
    return Resealed(moved, tuple(unreadable), answers, lost, unproven)


async def _reseal(database: Database, ring: KeyRing, local_id: UUID) -> bool:
    owner = secrets_owner(local_id)
    async with database.transaction() as session:
        sealed = await session.scalar(
            select(LocalCaBackend.sealed_secrets)
            .where(LocalCaBackend.id == local_id)
            .with_for_update()
        )
        if sealed is None or ring.key_id(sealed) == ring.active:
            return False
        await session.execute(
            update(LocalCaBackend)
            .where(LocalCaBackend.id == local_id)
            .values(
                sealed_secrets=ring.seal(ring.open(sealed, owner), owner),
                updated_at=LocalCaBackend.updated_at,
            )
        )
        record(session, None, "local_ca_backend.resealed", ("local_ca_backend", local_id))
    return True


async def _reseal_answers(database: Database, ring: KeyRing) -> tuple[int, int]:
    """How many were moved, and how many no key opens."""
    others = func.substr(_ANSWERS.c.body, 1, len(ring.header)) != ring.header
    query = select(*_WHOSE, _ANSWERS.c.body).where(others).order_by(*_WHOSE).limit(_BATCH)
    moved = lost = 0
    page = query
    while True:
        async with database.transaction() as session:
            rows = (await session.execute(page.with_for_update())).all()
            if not rows:
                return moved, lost
            opened = list(_opened(ring, rows))
            if opened:
                await session.execute(_MOVE, opened)
        moved, lost = moved + len(opened), lost + len(rows) - len(opened)
        page = query.where(tuple_(*_WHOSE) > tuple_(rows[-1].principal_id, rows[-1].key))


def _opened(ring: KeyRing, rows: Sequence[Row[UUID, str, bytes]]) -> Iterator[dict[str, Any]]:
    """Those that a key opens, sealed again."""
    for row in rows:
        owner = answer_owner(row.principal_id, row.key)
        with suppress(Unsealable):
            sealed = ring.seal(ring.open(row.body, owner), owner)
            yield {"whose": row.principal_id, "of": row.key, "sealed": sealed}
