"""A worker with the recovery everybody writes first: no answer, so order again.

It is kept to be caught: a history check that finds nothing wrong with it proves nothing.
"""

import asyncio

from scm_api.logs import configure_logging
from scm_api.settings import load_settings
from scm_api.worker import run_worker
from scm_api.worker.changes import writing
from scm_api.worker.claims import Claim
from scm_api.worker.issuance import Issuance
from scm_api.worker.outcomes import end_attempt
from scm_api.worker.planning import Plan, Recover, Submit


class NaiveIssuance(Issuance):
    """Gives a lost order up and makes a new one, with a token of its own."""

    async def _prepare(self, claim: Claim, objection: tuple[str, str] | None) -> Plan:
        if isinstance(super()._plan(claim), Recover):
            async with writing(claim, self._database) as changes:
                end_attempt(changes, "given up")
            claim.attempt = None
        return await super()._prepare(claim, objection)

    def _plan(self, claim: Claim) -> Plan:
        return Submit(fresh=True) if claim.attempt is None else super()._plan(claim)


def main() -> None:
    """Run one naive worker, with the settings of the environment."""
    settings = load_settings()
    configure_logging(settings)
    asyncio.run(run_worker(settings, NaiveIssuance))
