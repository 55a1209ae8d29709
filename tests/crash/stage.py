"""Where a crash test plays: an API, workers that may die, a simulator, a database of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import naive_worker
from client import ENDED, Client
from history import Verdict, judge, read_records
from sqlalchemy import select, text

from processes import PATIENCE, ServiceProcess, command, until
from scm_api.db.models import CaBackendHealth, Certificate, Enrollment, EnrollmentAttempt
from scm_api.db.session import Database
from scm_api.db.statements import Statement
from simulator import Simulator

LEASE = 4.0
AT_REST = ENDED | {"parked"}
_SCENES_AT_ONCE = 3  # more of them starve each other past the write deadline while they start
_SETTINGS = {
    "SCM_LEASE_SECONDS": f"{LEASE:g}",
    "SCM_WRITE_DEADLINE_SECONDS": "2.5",
    "SCM_QUEUE_POLL_SECONDS": "0.5",
    "SCM_WORKER_CONCURRENCY": "10",
    "SCM_WORKER_POOL_SIZE": "2",  # hundreds of workers start, and each connection costs CPU
}
_RESTLESS = Statement(
    text("""
    SELECT id FROM enrollments WHERE state <> ALL (CAST(:at_rest AS text[]))
     UNION ALL
    SELECT id FROM certificates WHERE revocation_state = 'requested'
     LIMIT 1
""")
)


class Stage:
    """Starts workers, waits until nothing moves, and has the history checked."""

    def __init__(
        self,
        client: Client,
        simulator: Simulator,
        database: Database,
        environment: Mapping[str, str],
        directory: Path,
    ) -> None:
        self.client = client
        self.simulator = simulator
        self.database = database
        self._environment = {**environment, **_SETTINGS}
        self._directory = directory
        self._started: list[ServiceProcess] = []
        self._kept: list[ServiceProcess] = []

    def worker(
        self, crash: str | None = None, how: Literal["kill", "stop"] = "kill", **settings: object
    ) -> ServiceProcess:
        """Start a worker, which dies or freezes at the crash point `crash` (`name:pass`)."""
        if crash is not None:
            settings |= {"test_crash_point": crash, "test_crash_signal": how}
            return self.start(command("worker"), "worker", **settings)
        self._kept.append(self.start(command("worker"), "worker", **settings))
        return self._kept[-1]

    def naive_worker(self, crash: str | None = None) -> ServiceProcess:
        """Start a worker that orders again when an answer was lost."""
        settings = {} if crash is None else {"test_crash_point": crash}
        return self.start(naive_worker.main, "naive", **settings)

    def start(self, work: Callable[[], None], name: str, **settings: object) -> ServiceProcess:
        """Start a process of the service on this stage, with settings of its own."""
        changes = {f"SCM_{key.upper()}": str(value) for key, value in settings.items()}
        log = self._directory / f"{name}-{len(self._started)}.log"
        process = ServiceProcess(work, self._environment | changes, log)
        self._started.append(process)
        return process

    async def row(self, enrollment_id: UUID) -> Enrollment:
        """An enrollment as it is stored now."""
        async with self.database.transaction() as session:
            return await session.get_one(Enrollment, enrollment_id)

    async def attempts(self, enrollment_id: UUID) -> list[EnrollmentAttempt]:
        """The attempts of an enrollment, first to last."""
        query = (
            select(EnrollmentAttempt)
            .where(EnrollmentAttempt.enrollment_id == enrollment_id)
            .order_by(EnrollmentAttempt.number)
        )
        async with self.database.transaction() as session:
            return list(await session.scalars(query))

    async def certificate_of(self, enrollment_id: UUID) -> Certificate | None:
        """What was issued for an enrollment, if anything."""
        query = select(Certificate).where(Certificate.enrollment_id == enrollment_id)
        async with self.database.transaction() as session:
            found: Certificate | None = await session.scalar(query)
            return found

    async def backend_is(self, status: str) -> None:
        """Wait until this is known of the health of the only CA backend."""

        async def known() -> bool:
            async with self.database.transaction() as session:
                found: str | None = await session.scalar(select(CaBackendHealth.status))
                return found == status

        await eventually(known, f"the CA backend is {status}")

    async def execute(self, statement: str, **values: Any) -> None:
        """Change rows behind the service's back."""
        async with self.database.transaction() as session:
            await session.execute(text(statement), values)

    def orders(self, enrollment_id: UUID) -> int:
        """How often the CA was made to order for this enrollment, by its ledger."""
        key = self.client.log.keys[enrollment_id]
        return sum(entry["spki_sha256"] == key for entry in self.simulator.ledger("order"))

    def struck(self, operation: str) -> int:
        """How many calls of an operation met a scripted fault."""
        return sum(bool(call["fault"]) for call in self.simulator.calls(operation))

    async def waits_for(self, enrollment_id: UUID, reason_code: str) -> None:
        """Wait until an enrollment says that it waits, or rests, for this reason."""

        async def says_so() -> bool:
            return (await self.row(enrollment_id)).reason_code == reason_code

        await eventually(says_so, f"{enrollment_id} waits for {reason_code}")

    async def ordered(self, enrollment_id: UUID) -> None:
        """Wait until the CA has ordered for this enrollment."""
        await until(lambda: self.orders(enrollment_id) > 0, "the CA orders", every=0.1)

    async def at_rest(self) -> None:
        """Wait until no enrollment and no revocation has a next step."""

        async def all_rest() -> bool:
            self._supervise()
            async with self.database.each_statement() as connection:
                return not await _RESTLESS.fetch(connection, {"at_rest": sorted(AT_REST)})

        try:
            await eventually(all_rest, "nothing moves any more")
        except AssertionError as error:
            error.add_note(self.told())
            raise

    async def queue_is_empty(self) -> None:
        """Wait until every job was delivered and done."""

        async def nothing_left() -> bool:
            async with self.database.transaction() as session:
                return not list(await session.scalars(text("SELECT id FROM pgqueuer LIMIT 1")))

        await eventually(nothing_left, "the queue is empty")

    async def verdicts(self) -> list[Verdict]:
        """The history check, printed one line an invariant."""
        records = await read_records(self.client.log, self.simulator, self.database)
        found = judge(records)
        for verdict in found:
            print(verdict)  # noqa: T201 -- pytest shows it with a failure
        return found

    async def story_holds(self) -> None:
        """Every invariant holds, with the API's last word on each enrollment."""
        for enrollment_id in self.client.log.keys:
            await self.client.look(enrollment_id)
        violations = [fault for verdict in await self.verdicts() for fault in verdict.violations]
        assert not violations, violations

    def told(self) -> str:
        """The last lines each process wrote, for who reads of a failure."""
        return "\n".join(
            f"{each.log.name}:\n{each.log.read_text(errors='replace')[-2000:]}"
            for each in self._started
        )

    def _supervise(self) -> None:
        """Replace what left because the machine stood still past its lease, as init systems do."""
        for process in self._kept:
            process.go_on()

    def close(self) -> None:
        """End every process."""
        for process in self._started:
            process.close()


OpenStage = Callable[[], AbstractAsyncContextManager[Stage]]


async def side_by_side(
    open_stage: OpenStage,
    play: Callable[..., Awaitable[None]],
    points: Iterable[tuple[str, ...]],
) -> None:
    """Play a scene for each crash point and what else is expected there, the state in which it
    leaves things first."""
    room, opening = asyncio.Semaphore(_SCENES_AT_ONCE), asyncio.Lock()

    async def played(point: str, *expected: str) -> None:
        async with room, AsyncExitStack() as opened:
            async with opening:  # side by side they would take each other for a database away
                stage = await opened.enter_async_context(open_stage())
            try:
                await play(stage, point, *expected)
            except AssertionError as error:
                error.add_note(f"at {point}\n{stage.told()}")
                raise

    async with asyncio.TaskGroup() as scenes:
        for point in points:
            scenes.create_task(played(*point))


async def eventually(
    holds: Callable[[], Awaitable[bool]], what: str, patience: float = PATIENCE
) -> None:
    """Return once `holds()` is true; fails when that takes unreasonably long."""
    deadline = time.monotonic() + patience
    while not await holds():
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain: {what}"
        await asyncio.sleep(0.1)
