"""Pacing shared by all processes: one row per CA account and operation, one UPDATE per call."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from scm_api.db.session import Database
from scm_api.db.statements import Statement
from scm_api.drivers.errors import BackendUnavailable

# A caller may be held this long for its slot; beyond it the job ends and comes back later.
LONGEST_WAIT = timedelta(seconds=2)
_BURST = timedelta(milliseconds=200)
_LONGEST_GAP = timedelta(days=1)  # an option may say less than one call in the age of the world
_LONGEST_PAUSE = timedelta(hours=1)

# Generic cell rate algorithm on the database's clock: the row holds when the next slot begins.
# An idle key may be behind by `burst`, which lets a few calls go at once. The slot is reserved
# only if it begins within `longest`; clock_timestamp(), because now() stands still in a
# transaction. What lies beyond `farthest` was reserved before that clock was set back, and is not
# believed; so what the CA asked for, which may be longer, has a row of its own.
_RESERVE = Statement(
    text("""
    INSERT INTO rate_limits AS held (key, slot_at)
    SELECT :key, clock_timestamp() + CAST(:gap AS interval)
     WHERE NOT EXISTS (
           SELECT FROM rate_limits
            WHERE key = :pause AND slot_at > clock_timestamp()
              AND slot_at <= clock_timestamp() + CAST(:longest_pause AS interval))
    ON CONFLICT (key) DO UPDATE
       SET slot_at = greatest(
               CASE WHEN held.slot_at <= clock_timestamp() + CAST(:farthest AS interval)
                    THEN held.slot_at END,
               clock_timestamp() - CAST(:burst AS interval)) + CAST(:gap AS interval)
     WHERE held.slot_at <= clock_timestamp() + CAST(:longest AS interval)
        OR held.slot_at > clock_timestamp() + CAST(:farthest AS interval)
    RETURNING extract(epoch FROM held.slot_at - CAST(:gap AS interval) - clock_timestamp()) AS wait
""")
)
_WAIT = Statement(
    text("""
    SELECT extract(epoch FROM max(slot_at) - clock_timestamp()) AS wait
      FROM rate_limits
     WHERE (key = :key AND slot_at <= clock_timestamp() + CAST(:farthest AS interval))
        OR (key = :pause AND slot_at <= clock_timestamp() + CAST(:longest_pause AS interval))
""")
)
_SLOW_DOWN = text("""
    INSERT INTO rate_limits AS held (key, slot_at)
    VALUES (:pause, clock_timestamp() + CAST(:wait AS interval))
    ON CONFLICT (key) DO UPDATE
       SET slot_at = greatest(
               CASE WHEN held.slot_at <= clock_timestamp() + CAST(:longest_pause AS interval)
                    THEN held.slot_at END,
               clock_timestamp() + CAST(:wait AS interval))
""")


class DatabaseLimiter:
    """`drivers.pacing.Limiter` on PostgreSQL: all workers together stay under a CA's quota."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, key: str, per_second: float) -> None:
        """Wait for a slot under `key`; raises BackendUnavailable if it is too far away."""
        gap = timedelta(seconds=min(1 / per_second, _LONGEST_GAP.total_seconds()))
        # Twice: the pace may differ between processes that learn it from the CA.
        rows = _pause(key) | {"key": key, "farthest": 2 * (LONGEST_WAIT + gap)}
        values = rows | {"gap": gap, "burst": _BURST, "longest": LONGEST_WAIT}
        async with self._database.each_statement() as connection:
            reserved = await _RESERVE.fetch(connection, values)
            if not reserved:
                [held] = await _WAIT.fetch(connection, rows)
                ahead = 1.0 if held["wait"] is None else float(held["wait"])
                raise BackendUnavailable(
                    "More calls are waiting for this CA than its quota lets through just now.",
                    retry_after=timedelta(seconds=max(ahead, 0.1)),
                )
        if (wait := float(reserved[0]["wait"])) > 0:
            await asyncio.sleep(wait)

    async def slow_down(self, key: str, wait: timedelta) -> None:
        """Move everybody's next slot under `key` at least `wait` away, an hour at most."""
        values = _pause(key) | {"wait": min(wait, _LONGEST_PAUSE)}
        async with self._database.transaction() as session:
            await session.execute(_SLOW_DOWN, values)


def _pause(key: str) -> dict[str, object]:
    return {"pause": f"{key}/pause", "longest_pause": _LONGEST_PAUSE}
