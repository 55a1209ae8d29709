"""The state of the service as gauges for Prometheus, read at the scrape and shared for a while."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from prometheus_client import Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from scm_api.core.vocabulary import RevocationState
from scm_api.db.service_state import AT_MOST, ServiceState, read_service_state
from scm_api.db.session import Database
from scm_api.logger import get_logger

READ_EVERY: Final = 10.0  # seconds
LONGEST_WAIT: Final = 1.0  # seconds that a scrape waits for the database
_CAPPED: Final = f"Not counted beyond {AT_MOST}."
_SHOWN_REVOCATIONS: Final = (
    RevocationState.PENDING_APPROVAL,
    RevocationState.SCHEDULED,
    RevocationState.REQUESTED,
    RevocationState.PENDING_CA,
)
_AT_THE_CA: Final = (RevocationState.REQUESTED, RevocationState.PENDING_CA)
_log = get_logger(__name__)


class StateGauges:
    """Gauges of one application; scrapes at the same time wait for one reading."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells the seconds by which a reading is too old."""
        self._database = database
        self._clock = clock
        self._reading: asyncio.Task[ServiceState | None] | None = None
        self._begun_at = 0.0

    async def exposition(self) -> bytes:
        """The gauges in the text format. Without an answer of the database in time there is only
        `scm_state_read`, which says so; what was asked is then waited for by the next scrape."""
        reading = self._reading
        if reading is None or (reading.done() and self._clock() - self._begun_at >= READ_EVERY):
            self._begun_at = self._clock()
            reading = self._reading = asyncio.create_task(self._read())
        await asyncio.wait({reading}, timeout=LONGEST_WAIT)
        state = reading.result() if reading.done() else None
        return generate_latest(_Families(state))

    async def aclose(self) -> None:
        """Give up what is being read."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _read(self) -> ServiceState | None:
        try:
            return await read_service_state(self._database)
        except Exception as error:  # noqa: BLE001 -- whoever watches is told so, whatever it is
            _log.warning("state of the service not read", why=str(error))
            return None


class _Families(Collector):
    """One reading as metric families; None where there is none."""

    def __init__(self, state: ServiceState | None) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        """What `generate_latest` writes."""
        yield GaugeMetricFamily(
            "scm_state_read",
            "1 if the database told the state of the service; 0 if it did not in time, and the "
            "gauges that tell of it are left out.",
            value=int(self._state is not None),
        )
        if self._state is not None:
            yield from _work(self._state)
            yield from _certificates(self._state)
            yield from _backends(self._state)
            yield GaugeMetricFamily(
                "scm_audit_oldest_unsealed_age_seconds",
                "How long the oldest audit event that no seal covers waits for a worker to seal "
                "it; 0 if none waits.",
                value=self._state.oldest_unsealed or 0,
            )


def _work(state: ServiceState) -> Iterable[Metric]:
    yield _labeled(
        "scm_enrollments",
        "Enrollments that are not settled, by state; parked ones wait for a person to retry, adopt "
        f"or cancel them. {_CAPPED}",
        {(row["state"],): row["count"] for row in state.enrollments},
        "state",
    )
    yield GaugeMetricFamily(
        "scm_enrollment_oldest_due_age_seconds",
        "How long the enrollment that is due the longest waits for a worker to take it; 0 if none "
        "waits.",
        value=state.oldest_enrollment or 0,
    )
    yield _labeled(
        "scm_jobs_due",
        f"Jobs in the queue that are due and that no worker has taken. {_CAPPED}",
        {(row["job"],): row["count"] for row in state.jobs},
        "job",
    )
    yield _labeled(
        "scm_job_oldest_due_age_seconds",
        "How long the job that is due the longest waits for a worker to take it; 0 if none waits.",
        {(row["job"],): row["age"] or 0 for row in state.jobs},
        "job",
    )


def _certificates(state: ServiceState) -> Iterable[Metric]:
    under_way = {row["state"]: row for row in state.revocations}
    ages = [under_way[each]["age"] for each in _AT_THE_CA if each in under_way]
    yield _labeled(
        "scm_revocations",
        "Revocations that are not settled, by state; of those with a worker or the CA, and those "
        f"that wait for approval, {AT_MOST} each are looked at, the oldest first.",
        {(each,): _count(under_way, each) for each in _SHOWN_REVOCATIONS},
        "state",
    )
    yield GaugeMetricFamily(
        "scm_revocation_oldest_due_age_seconds",
        "Since when the CA should have revoked (requested, pending_ca): of the oldest, 0 if none.",
        value=max(ages, default=0),
    )
    for_a_person = {row["reason"]: row for row in state.for_a_person}
    yield _labeled(
        "scm_certificates_for_a_person",
        "Certificates that have not expired and that the service can do no more about: quarantined "
        f"and not revoked, or the CA refused to revoke them. {_CAPPED}",
        {(each,): _count(for_a_person, each) for each in ("quarantined", "revocation_refused")},
        "reason",
    )
    yield _labeled(
        "scm_certificates_expiring",
        "Certificates in force that end within so many days, whose renewal window is open and that "
        f"have no successor; of all that end, the first {AT_MOST} are looked at.",
        {(days,): state.expiring[f"within_{days}_days"] for days in ("7", "30")},
        "within_days",
    )


def _backends(state: ServiceState) -> Iterable[Metric]:
    yield _labeled(
        "scm_ca_backend_status",
        "1 for the outcome of the last check of each CA backend.",
        {(str(row["id"]), row["backend_type"], row["status"]): 1 for row in state.backends},
        "ca_backend_id",
        "backend_type",
        "status",
    )
    yield _labeled(
        "scm_ca_backend_check_age_seconds",
        "Since when each CA backend was not checked; workers do it each minute. Left out for those "
        "that nobody checked yet.",
        {(str(row["id"]),): row["age"] for row in state.backends if row["age"] is not None},
        "ca_backend_id",
    )


def _labeled(
    name: str, told: str, values: Mapping[tuple[str, ...], float], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family


def _count(rows: Mapping[str, Mapping[str, Any]], name: str) -> int:
    found: int = rows[name]["count"] if name in rows else 0
    return found
