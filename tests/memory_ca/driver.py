"""Driver of a CA in memory. It is found again by look-up, which the AWS driver never needs."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from memory_ca.authority import AUTHORITIES, Authority, Entry, Wanted, der
from memory_ca.options import MemoryConnection, MemoryProfileOptions, MemorySecrets
from scm_api.core.subjects import Subject
from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import (
    Canceled,
    CheckReport,
    Issued,
    IssuingCa,
    Order,
    Pending,
    Rejected,
    RevocationPending,
    Untraced,
)
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.pacing import Limiter

Verb = Literal["check", "submit", "poll", "recover", "cancel", "revoke", "list", "find"]
_WRITES: Final = frozenset({"submit", "cancel", "revoke"})
_PER_SECOND: Final = 1000.0
_PATIENCE: Final = timedelta(seconds=1)


Outcome = Issued | Pending | Rejected


class MemoryDriver:
    """Fulfils `drivers.base.Driver`, cancels orders, lists issuing CAs and finds accounts."""

    def __init__(
        self, connection: MemoryConnection, secrets: MemorySecrets, limiter: Limiter
    ) -> None:
        self._connection = connection
        self._secrets = secrets
        self._limiter = limiter
        self._pace = f"memory/{connection.authority}"

    async def check(self) -> CheckReport:
        """See `Driver.check`."""
        await self._enter("check")
        return CheckReport(visible_cas=1)

    async def submit(self, order: Order, options: MemoryProfileOptions) -> Outcome:
        """Sign at once, or wait for the operator where orders are held."""
        authority, lost = await self._enter("submit")
        if options.issuing_ca != authority.name:
            raise OrderRefused(f"There is no CA {options.issuing_ca}.", code="no-such-ca")
        term = datetime.now(UTC) + timedelta(days=order.term_days)
        csr = x509.load_der_x509_csr(order.csr_der)
        account = order.subject.account if order.subject else None
        until = order.not_after or term
        wanted = Wanted(order.token, csr, options.extended_key_usages, until, account)
        entry = authority.order(wanted)
        self._answer("submit", lost=lost)
        return _outcome(authority, entry)

    async def poll(self, ca_ref: str, options: MemoryProfileOptions) -> Outcome:  # noqa: ARG002 -- the contract's
        """See `Driver.poll`."""
        authority, lost = await self._enter("poll")
        self._answer("poll", lost=lost)
        entry = authority.ledger.get(ca_ref)
        if entry is None:
            raise OrderRefused(f"There is no order {ca_ref}.", code="no-such-order")
        return _outcome(authority, entry)

    async def recover(
        self,
        order: Order,
        options: MemoryProfileOptions,  # noqa: ARG002 -- the contract's
    ) -> Outcome | Untraced:
        """Look the order up by its token."""
        authority, _ = await self._enter("recover")
        entry = authority.ledger.get(order.token)
        return Untraced() if entry is None else _outcome(authority, entry)

    async def cancel(
        self,
        ca_ref: str,
        options: MemoryProfileOptions,  # noqa: ARG002 -- the contract's
    ) -> Canceled:
        """Take back what still waits for the operator."""
        authority, lost = await self._enter("cancel")
        entry = authority.ledger.get(ca_ref)
        if entry is None or entry.leaf is not None:
            raise OrderRefused(f"No order {ca_ref} waits.", code="not-waiting")
        entry.canceled = True
        self._answer("cancel", lost=lost)
        return Canceled()

    async def revoke(
        self,
        ca_ref: str,
        serial_number: int,
        reason: RevocationReason,
        options: MemoryProfileOptions,  # noqa: ARG002 -- the contract's
        *,
        pending: bool = False,  # noqa: ARG002 -- an operator only ever agrees
    ) -> RevocationPending | None:
        """Put the serial number on the list of what is revoked, once the operator lets it."""
        authority, lost = await self._enter("revoke")
        if ca_ref not in authority.ledger:
            raise OrderRefused(f"There is no order {ca_ref}.", code="no-such-order")
        if authority.holding:
            self._answer("revoke", lost=lost)
            return RevocationPending(_PATIENCE, "an operator of the CA")
        authority.revoked[serial_number] = reason.value
        self._answer("revoke", lost=lost)
        return None

    async def find_subject(
        self,
        account: str,
        options: MemoryProfileOptions,  # noqa: ARG002 -- the contract's
    ) -> Subject:
        """See `FindsSubjects`."""
        authority, _ = await self._enter("find")
        found = authority.directory.get(account)
        if found is None:
            raise OrderRefused(f"There is no account {account}.", code="person-unknown")
        if found.account in authority.protected:
            raise OrderRefused(f"Nobody enrolls for {account}.", code="subject-not-allowed")
        return found

    async def issuing_cas(self) -> Sequence[IssuingCa]:
        """The only one there is."""
        authority, _ = await self._enter("list")
        pem = authority.issuing.public_bytes(Encoding.PEM).decode()
        end = authority.issuing.not_valid_after_utc
        name = authority.name
        return [IssuingCa(name, name, "active", True, "ec-p256", end, {}, pem)]

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _enter(self, verb: Verb) -> tuple[Authority, bool]:
        """The authority, once it let us in, and whether its answer is going to be lost."""
        await self._limiter.acquire(self._pace, _PER_SECOND)
        authority = AUTHORITIES.get(self._connection.authority)
        if authority is None or not authority.reachable:
            detail = f"There is no CA {self._connection.authority} in the memory of this process."
            raise BackendUnavailable(detail)
        account = authority.accounts.get(self._secrets.password.get_secret_value())
        if account is None:
            raise BackendRefused("The CA does not know the password.")
        authority.calls.append(account)
        fault = authority.next_fault(verb)
        if fault == "throttle":
            await self._limiter.slow_down(self._pace, _PATIENCE)
            raise BackendUnavailable("The CA asks for patience.", retry_after=_PATIENCE)
        if fault == "hang":
            authority.hangs.set()
            await asyncio.Event().wait()
        if fault == "break":  # no failure of the contract: a bug of the driver
            raise KeyError(self._secrets.password.get_secret_value())
        if fault == "fail":
            self._answer(verb, lost=True)
        return authority, fault == "lose"

    @staticmethod
    def _answer(verb: Verb, *, lost: bool) -> None:
        if lost:
            failure = OutcomeUnknown if verb in _WRITES else BackendUnavailable
            raise failure("The CA did not answer.")


def _outcome(authority: Authority, entry: Entry) -> Outcome:
    ref = entry.wanted.token
    if entry.canceled:
        return Rejected(ref, "canceled", "The order was canceled.")
    if entry.leaf is None:
        return Pending(ref, timedelta(seconds=1), "an operator of the CA")
    return Issued(ref, der(entry.leaf), (der(authority.issuing), der(authority.root)))
