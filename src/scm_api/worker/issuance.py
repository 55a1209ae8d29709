"""One step of one enrollment: claim, decide, store the intent, call the CA, record the outcome.

No transaction is open while the CA is called. A crash on any line leaves a row that says how far
we got; whoever comes next goes on from there.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import UUID

from scm_api.core.errors import Conflict
from scm_api.core.recovery import Guard, Timing
from scm_api.db.conflicts import is_ca_reference_taken
from scm_api.db.session import Database, is_away
from scm_api.drivers.base import (
    Canceled,
    Cancels,
    Driver,
    FollowsMany,
    Issued,
    Pending,
    Rejected,
    Untraced,
)
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    DriverError,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.gateway.connections import Gateway
from scm_api.logger import get_logger
from scm_api.worker import outcomes
from scm_api.worker.accounts import account_objection
from scm_api.worker.bulkhead import Bulkhead
from scm_api.worker.changes import writing
from scm_api.worker.claims import Busy, Claim, Lost, take
from scm_api.worker.collecting import Collecting
from scm_api.worker.crash import CrashPoints, Point
from scm_api.worker.judging import Judging
from scm_api.worker.limits import Limits
from scm_api.worker.orders import intend, order_of
from scm_api.worker.planning import Defer, Park, Plan, Poll, Recover, Submit, TakeBack, plan
from scm_api.worker.telling import tell

_log = get_logger(__name__)
Outcome = Issued | Pending | Rejected | Untraced | Canceled
# Opening the driver took so long that the call might outlast the claim: take a fresh one.
_TOO_LATE = Defer(timedelta(seconds=0.1), ("busy", "Waits for the connection to the CA."))
_CLASH = (
    "ca-reference-clash",
    "The CA answered with a reference or serial number that belongs to another enrollment. "
    "Compare both at the CA before anything else is ordered.",
)


class Issuance:
    """Takes enrollments forward, one step a call."""

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        limits: Limits,
        crash: CrashPoints,
        bulkhead: Bulkhead,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._judging = Judging(database, gateway, limits.write_deadline)
        self._collecting = Collecting(database, self._judging, limits, crash)
        self._limits = limits
        self._crash = crash
        self._bulkhead = bulkhead

    async def advance(self, enrollment_id: UUID) -> timedelta | None:
        """Take the next step if one is due.

        Returns how long the same job should wait before it looks again, because another worker
        holds the enrollment; None when this job is done.
        """
        async with self._database.each_statement() as connection:
            claim = await take(connection, enrollment_id, self._limits.lease)
        if not isinstance(claim, Claim):
            return claim.wait if isinstance(claim, Busy) else None
        claim.follow()
        try:
            await self._step_or_stumble(claim)
        except Lost:
            _log.warning("claim lost or run out")
            # The other one may work on the same job, which would end with this run; it may die.
            return self._limits.lease
        return None

    async def _step_or_stumble(self, claim: Claim) -> None:
        connection_id = claim.connection.local_ca_backend_id
        try:
            if self._bulkhead.is_full(connection_id) and not self._is_urgent(claim):
                await self._make_room(claim)
                return
            with self._bulkhead.entered(connection_id):
                await self._step(claim)
        except Lost:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the job must not be lost
            await self._stumble(claim, error)

    def _is_urgent(self, claim: Claim) -> bool:
        """Whether the CA knows the order by a token that it soon forgets."""
        return _by_token(claim) and isinstance(self._plan(claim), Recover)

    async def _make_room(self, claim: Claim) -> None:
        """Come back when there may be room."""
        wait = self._bulkhead.turn(claim.connection.local_ca_backend_id)
        async with writing(claim, self._database) as changes:
            outcomes.come_back(changes, wait)

    async def _step(self, claim: Claim) -> None:
        said = claim.enrollment.order_options
        options = claim.rules.options_of(said)
        objection = None
        try:
            driver = await self._gateway.driver(claim.connection)
            if claim.enrollment.subject is not None and isinstance(self._plan(claim), Submit):
                objection = await account_objection(
                    driver, claim.enrollment.subject, options, self._limits.write_deadline
                )
            chosen = await self._prepare(claim, objection)
        except DriverError as error:
            await self._troubled(claim, error, None)
            return
        while not isinstance(chosen, (Defer, Park)):
            if isinstance(chosen, (Poll, TakeBack)) or _looks(claim, chosen):
                await self._hold(claim)
            outcome = await self._ask(claim, driver, chosen, options)
            if not isinstance(outcome, Pending) or isinstance(chosen, Poll):
                return
            if outcome.poll_after > outcomes.SHORT_WAIT:
                return
            await asyncio.sleep(outcome.poll_after.total_seconds())
            chosen = Poll(outcome.ca_ref)

    async def _prepare(self, claim: Claim, objection: tuple[str, str] | None) -> Plan:
        """Decide, and store what is about to be done before it is done; asking needs no trace.

        `objection` is the reason not to send an order any more, if there is one. Raises DriverError
        where the CA has to be asked and does not answer.
        """
        in_time = claim.outlasts(self._limits.write_deadline)
        chosen = self._plan(claim) if in_time else _TOO_LATE
        if isinstance(chosen, (Poll, Recover, TakeBack)):
            return chosen
        if isinstance(chosen, Submit):
            found = objection or await self._judging.objection(claim)
            chosen = Park(found) if found else chosen
        async with writing(claim, self._database) as changes:
            match chosen:
                case Submit():
                    intend(changes, chosen, self._limits.of_orders_at(claim.connection).lease)
                case Defer(wait, (code, sentence)):
                    outcomes.come_back(changes, wait, reason_code=code, reason=sentence)
                case Park(reason):
                    outcomes.parked(changes, reason)
        return chosen

    def _plan(self, claim: Claim) -> Plan:
        capabilities = claim.connection.kind.capabilities
        attempt = claim.attempt
        return plan(
            claim.state,
            ca_ref=attempt.ca_ref if attempt else None,
            has_attempt=attempt is not None,
            first_sent_at=attempt.first_sent_at if attempt else None,
            untraced_at=attempt.untraced_at if attempt else None,
            seen_pending_at=attempt.seen_pending_at if attempt else None,
            cancel_requested=claim.enrollment.cancel_requested_at is not None,
            backend_refused=claim.refused,
            guard=capabilities.duplicate_guard,
            timing=Timing(
                # A repeat may be sent until the claim ends, so the claim is its deadline.
                write_deadline=self._limits.of_orders_at(claim.connection).lease,
                longest_pause=self._limits.longest_pause,
                token_validity=capabilities.token_validity,
                look_ups=claim.connection.kind.look_ups(claim.connection.parsed_options),
            ),
            now=claim.now,
        )

    async def _ask(
        self, claim: Claim, driver: Driver, chosen: Plan, options: Any
    ) -> Outcome | None:
        """Call the CA once and record what came of it; None when it came to nothing."""
        try:
            self._crash.passing(Point.BEFORE_SEND)
            outcome = await self._call(claim, driver, chosen, options)
            self._crash.passing(Point.AFTER_REPLY)
        except DriverError as error:
            await self._troubled(claim, error, chosen)
            return None
        tell(chosen, outcome)
        await self._conclude(claim, chosen, outcome)
        return outcome

    async def _call(self, claim: Claim, driver: Driver, chosen: Plan, options: Any) -> Outcome:
        """The call itself, never begun unless it must end while the claim is still ours."""
        limits = self._limits.of_orders_at(claim.connection)
        if not claim.outlasts(limits.write_deadline):
            # Of an order nothing was sent; saying so fails where the claim is another's by now.
            detail = "Too little time was left to wait for the CA's answer."
            raise BackendUnavailable(detail, retry_after=_TOO_LATE.wait)
        deadline = limits.write_deadline.total_seconds()
        request = self._request(claim, driver, chosen, options)
        try:
            async with asyncio.timeout(deadline):
                return await self._sent(request) if isinstance(chosen, Submit) else await request
        except TimeoutError as error:
            detail = f"The CA did not answer within {deadline:g} seconds."
            if isinstance(chosen, (Poll, TakeBack)):
                raise BackendUnavailable(detail) from error
            raise OutcomeUnknown(detail) from error

    async def _hold(self, claim: Claim) -> None:
        """Keep the claim for as long as the CA may take, where it would not last."""
        limits = self._limits.of_orders_at(claim.connection)
        if not claim.outlasts(limits.write_deadline):
            async with writing(claim, self._database) as changes:
                changes.keep(limits.lease)

    def _request(
        self, claim: Claim, driver: Driver, chosen: Plan, options: Any
    ) -> Awaitable[Outcome]:
        match chosen:
            case Submit():
                return driver.submit(order_of(claim), options)
            case Recover():
                return driver.recover(order_of(claim), options)
            case Poll(ca_ref, since) if since is not None and isinstance(driver, FollowsMany):
                return driver.poll_since(ca_ref, options, since)
            case Poll(ca_ref):
                return driver.poll(ca_ref, options)
            case TakeBack(ca_ref) if isinstance(driver, Cancels):
                return driver.cancel(ca_ref, options)
            case _:
                raise AssertionError(f"{chosen} calls no CA")

    async def _sent(self, request: Awaitable[Outcome]) -> Outcome:
        """Await the answer; the crash point in between is passed once the request is under way."""
        task = asyncio.ensure_future(request)
        try:
            done, _ = await asyncio.wait([task], timeout=0.25)
            if not done:
                self._crash.passing(Point.AFTER_SEND)
            return await task
        finally:
            task.cancel()

    async def _troubled(self, claim: Claim, error: DriverError, chosen: Plan | None) -> None:
        """Record that the CA gave no outcome, by which of the four kinds it is.

        `chosen` is what was asked of it, None if it was not asked.
        """
        first_send = isinstance(chosen, Submit)
        tell(chosen or "connect", error)
        async with writing(claim, self._database) as changes:
            match error:
                case BackendUnavailable():
                    outcomes.unavailable(changes, error, nothing_sent=first_send)
                case BackendRefused():
                    outcomes.refused(changes, error, nothing_sent=first_send)
                case OrderRefused() if isinstance(chosen, Recover):
                    outcomes.unaccounted(changes, error)
                case OrderRefused() if isinstance(chosen, TakeBack):
                    outcomes.not_canceled(changes, error)
                case OrderRefused() if isinstance(chosen, Poll):
                    outcomes.untold(changes, error)
                case OrderRefused():
                    outcomes.rejected(changes, error)
                case _:
                    outcomes.unanswered(changes, error.detail)
                    if _by_token(claim):
                        self._bulkhead.keep(claim.connection.local_ca_backend_id)

    async def _conclude(self, claim: Claim, chosen: Plan, outcome: Outcome) -> None:
        if isinstance(outcome, Issued):
            await self._collecting.collect(claim, outcome)
            return
        async with writing(claim, self._database) as changes:
            match outcome:
                case Pending() if isinstance(chosen, Poll):
                    outcomes.still_pending(changes, outcome, itself=chosen.since is None)
                case Pending():
                    outcomes.accepted(changes, outcome)
                case Rejected():
                    outcomes.rejected(changes, outcome)
                case Canceled():
                    outcomes.canceled(changes)
                case Untraced() if isinstance(chosen, Poll):
                    outcomes.unknown(changes, outcome)
                case Untraced():
                    outcomes.untraced(changes)
            self._crash.passing(Point.BEFORE_COMMIT)
        self._crash.passing(Point.AFTER_COMMIT)

    async def _stumble(self, claim: Claim, error: Exception) -> None:
        """Note an error of ours. If the database is away, the lease runs out by itself."""
        if is_away(error):
            raise error
        _log.error("step failed", exc_info=error)
        async with writing(claim, self._database) as changes:
            if isinstance(error, Conflict) or is_ca_reference_taken(error):
                outcomes.parked(changes, _CLASH)
            else:
                outcomes.stumbled(changes, error, self._limits.attempts)


def _by_token(claim: Claim) -> bool:
    return claim.connection.kind.capabilities.duplicate_guard is Guard.TOKEN


def _looks(claim: Claim, chosen: Plan) -> bool:
    """Whether an order is looked for; with a token it is sent again, which has its time."""
    guard = claim.connection.kind.capabilities.duplicate_guard
    return isinstance(chosen, Recover) and guard is Guard.LOOKUP
