"""Judging by the CAs there are, which are asked for where they are not known or not these."""

import asyncio
from datetime import timedelta
from typing import Final

from scm_api.core.issued import IssuedVerdict
from scm_api.db.session import Database
from scm_api.drivers.base import Issued
from scm_api.drivers.errors import BackendUnavailable
from scm_api.gateway.choices import issuing_cas
from scm_api.gateway.connections import Gateway, connection_of
from scm_api.issuance.facts import CasUnknown
from scm_api.issuance.recheck import objections
from scm_api.issuance.verdict import verdict_of
from scm_api.worker.claims import Claim

_CHANGED_WAIT: Final = timedelta(seconds=1)

Verdict = tuple[IssuedVerdict, bool]


class Judging:
    """Judges orders and certificates; `patience` is how long the CA may take to list its CAs."""

    def __init__(self, database: Database, gateway: Gateway, patience: timedelta) -> None:
        self._database = database
        self._gateway = gateway
        self._patience = patience

    async def objection(self, claim: Claim) -> tuple[str, str] | None:
        """Reason (code, sentence) not to order any more. Raises DriverError."""
        try:
            return await self._objections(claim)
        except CasUnknown:
            await self._read_cas(claim)
        try:
            return await self._objections(claim)
        except CasUnknown as error:
            await self._require_same_connection(claim)
            raise _untold(claim) from error

    async def verdict(self, claim: Claim, outcome: Issued) -> Verdict | None:
        """See `verdict_of`; None where the CA has to be asked first: its certificate is not known,
        or it may have another key by now, which makes it no stranger."""
        try:
            verdict, waste = await self._judged(claim, outcome)
        except CasUnknown:
            return None
        if outcome.issuer_pems is None and _is_by_a_stranger(claim, verdict):
            return None
        return verdict, waste

    async def verdict_by_its_ca(self, claim: Claim, outcome: Issued) -> Verdict:
        """See `verdict_of`, by what the CA says of itself now.

        Raises DriverError where it cannot be told whether the CA issued the certificate.
        """
        await self._read_cas(claim)
        try:
            return await self._judged(claim, outcome)
        except CasUnknown as error:
            await self._require_same_connection(claim)
            raise _untold(claim) from error

    async def _objections(self, claim: Claim) -> tuple[str, str] | None:
        async with self._database.each_statement() as connection:
            return await objections(connection, claim.enrollment)

    async def _judged(self, claim: Claim, outcome: Issued) -> Verdict:
        async with self._database.each_statement() as connection:
            return await verdict_of(connection, claim.enrollment, outcome, claim.now)

    async def _read_cas(self, claim: Claim) -> None:
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await issuing_cas(self._database, self._gateway, claim.connection, refresh=True)
        except TimeoutError as error:
            raise _untold(claim) from error

    async def _require_same_connection(self, claim: Claim) -> None:
        """What the CA tells by a connection that was changed meanwhile is not kept."""
        async with self._database.transaction() as session:
            current = await connection_of(session, claim.connection.ca_backend_id)
        if current.version != claim.connection.version:
            detail = "The connection to the CA was changed while the CA was asked."
            raise BackendUnavailable(detail, retry_after=_CHANGED_WAIT)


def _is_by_a_stranger(claim: Claim, verdict: IssuedVerdict) -> bool:
    found = {each.code for each in verdict.discrepancies}
    return claim.connection.kind.capabilities.lists_issuing_cas and "issuer-unexpected" in found


def _untold(claim: Claim) -> BackendUnavailable:
    return BackendUnavailable(
        f"{claim.connection.kind.title} does not tell the certificate of the CA that is to issue, "
        "so nobody can check what it issues. The credentials may have to be allowed to read it."
    )
