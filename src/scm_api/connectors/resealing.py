"""Moving sealed secrets to the active key of the ring, so that an older key can be retired."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update

from scm_api.core.sealing import KeyRing, Unsealable
from scm_api.db.audit import record
from scm_api.db.models import LocalCaBackend
from scm_api.db.secrets import secrets_owner
from scm_api.db.session import Database


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets were moved, and the local CA backends whose secrets no key opens."""

    moved: int
    unreadable: tuple[str, ...]


async def reseal_all(database: Database, ring: KeyRing) -> Resealed:
    """Seal every secret again that the active key did not seal, each in its own transaction.

    Version and time of change stay: what the row means has not changed.
    """
    moved, unreadable = 0, []
    async with database.transaction() as session:
        rows = (await session.execute(select(LocalCaBackend.id, LocalCaBackend.name))).all()
    for row in rows:
        try:
            moved += await _reseal(database, ring, row.id)
        except Unsealable as error:
            unreadable.append(f"{row.name} ({error})")
    return Resealed(moved, tuple(unreadable))


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
