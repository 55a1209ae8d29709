"""A certificate that the CA handed over, checked and recorded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from scm_api.core.vocabulary import EnrollmentState
from scm_api.db.session import Database
from scm_api.drivers.base import Issued, Pending
from scm_api.drivers.errors import DriverError
from scm_api.worker import outcomes
from scm_api.worker.changes import Changes, writing
from scm_api.worker.claims import Claim
from scm_api.worker.crash import CrashPoints, Point
from scm_api.worker.judging import Judging
from scm_api.worker.limits import Limits

_UNCHECKED = "The certificate is there, but not what it is checked by."
_UNCHECKED_WAIT = timedelta(seconds=1)  # at first; the longer it lasts, the longer


class Collecting:
    """Takes in what the CA issued."""

    def __init__(
        self, database: Database, judging: Judging, limits: Limits, crash: CrashPoints
    ) -> None:
        self._database = database
        self._judging = judging
        self._limits = limits
        self._crash = crash

    async def collect(self, claim: Claim, outcome: Issued) -> None:
        """Check the certificate and record it.

        What cannot be checked yet is neither lost nor handed out: it is collected again later.
        """
        judged = await self._judging.verdict(claim, outcome)
        if judged is None:
            await self._hold(claim, outcome)
            try:
                judged = await self._judging.verdict_by_its_ca(claim, outcome)
            except DriverError as error:
                await self._later(claim, outcome, error)
                return
        verdict, waste = judged
        async with self._concluding(claim) as changes:
            if verdict.leaf is None:
                outcomes.unreadable(changes, outcome.ca_ref)
            else:
                outcomes.issued(changes, outcome, verdict, waste=waste)

    async def _hold(self, claim: Claim, outcome: Issued) -> None:
        """Store the reference, and keep the claim for as long as the CA may take to list its CAs.

        What the CA gave is judged after that, not asked for again: a pool of Google's DevOps tier
        shows a certificate once.
        """
        async with self._concluding(claim) as changes:
            changes.keep(self._limits.lease)
            if claim.state is EnrollmentState.SUBMITTING:
                outcomes.accepted(changes, Pending(outcome.ca_ref, timedelta(0), None))

    async def _later(self, claim: Claim, outcome: Issued, error: DriverError) -> None:
        async with writing(claim, self._database) as changes:
            waits_for = f"{_UNCHECKED} {error.detail}"
            outcomes.still_pending(changes, Pending(outcome.ca_ref, _UNCHECKED_WAIT, waits_for))
            changes.write_attempt(seen_pending_at=None)  # it waits no longer

    @asynccontextmanager
    async def _concluding(self, claim: Claim) -> AsyncIterator[Changes]:
        async with writing(claim, self._database) as changes:
            yield changes
            self._crash.passing(Point.BEFORE_COMMIT)
        self._crash.passing(Point.AFTER_COMMIT)
