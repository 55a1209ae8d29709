"""Driver of CertCentral. It has no guard against duplicates but the look-up by our own id."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from scm_api.core.certificate_facts import is_for_key_of
from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import (
    Canceled,
    CheckReport,
    ExternalOrganization,
    Issued,
    Order,
    Pending,
    Product,
    Rejected,
    RevocationPending,
    Untraced,
)
from scm_api.drivers.digicert import account, wire
from scm_api.drivers.digicert.following import FRESH, Changes, reaches
from scm_api.drivers.digicert.options import (
    DigiCertConnection,
    DigiCertProfileOptions,
    DigiCertSecrets,
)
from scm_api.drivers.digicert.reasons import REVOCATION_REASONS
from scm_api.drivers.digicert.revoking import UNDECIDED, Revocable, Standing, in_hex
from scm_api.drivers.digicert.session import Session
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.pacing import Limiter
from scm_api.logger import get_logger

_LOOK_AGAIN: Final = timedelta(minutes=1)
_PAGE: Final = 1000
_WAITING_FOR_ADMIN: Final = timedelta(minutes=15)
_log = get_logger(__name__)


class DigiCertDriver:
    """Fulfils `drivers.base.Driver`; cancels, follows many orders and lists organizations."""

    def __init__(
        self, connection: DigiCertConnection, secrets: DigiCertSecrets, limiter: Limiter
    ) -> None:
        self._connection = connection
        self._limiter = limiter
        self._session = Session(connection, secrets, limiter)
        self._read, self._write = self._session.read, self._session.write
        self._changes = Changes(self._read_changes, self._may_read_changes)

    async def check(self) -> CheckReport:
        """See `Driver.check`."""
        roles = await self._read("/user/me", account.read_roles)
        if "Administrator" in roles:
            return CheckReport()
        finding = "The API key is no administrator's: revocations wait for one in CertCentral."
        return CheckReport(findings=(finding,))

    async def submit(self, order: Order, options: DigiCertProfileOptions) -> Issued | Pending:
        """Place the order, with our token as its alternative id."""
        body = wire.order_body(order, options, self._connection)
        if order.reissues_ca_ref is not None and await self._is_reissuable(order, options):
            return await self._reissue(wire.order_of(order.reissues_ca_ref), body)
        content = await self._write("POST", f"/order/certificate/{options.product}", body)
        try:
            placed = wire.read_placed(content)
            chain = wire.ders_of(placed.pems)
        except wire.Unreadable as error:
            raise OutcomeUnknown("DigiCert's answer to the order cannot be read.") from error
        if chain:
            return Issued(placed.order_id, chain[0], chain[1:])
        return Pending(placed.order_id, timedelta(seconds=5), placed.waits_for)

    async def poll(
        self,
        ca_ref: str,
        options: DigiCertProfileOptions,  # noqa: ARG002 -- the contract's
    ) -> Issued | Pending | Rejected:
        """See `Driver.poll`. The reference may be one that a person found at the CA."""
        if not wire.is_reference(ca_ref):
            return Rejected(ca_ref, "reference", "An order of DigiCert has a number.")
        info = await self._order(ca_ref)
        reissue = info.reissue(ca_ref)
        if reissue == "rejected":
            return Rejected(ca_ref, "rejected", "The reissue was rejected in CertCentral.")
        if reissue in UNDECIDED:  # the order holds the certificate before until then
            return Pending(ca_ref, _LOOK_AGAIN, wire.WAITING["needs_approval"])
        return await self._outcome(ca_ref, info.line, info.notes)

    async def poll_since(
        self, ca_ref: str, options: DigiCertProfileOptions, since: datetime
    ) -> Issued | Pending | Rejected:
        """See `FollowsMany`."""
        if not reaches(since) or wire.request_of(ca_ref):  # a reissue is no change of the order
            return await self.poll(ca_ref, options)
        line, wait = await self._changes.of(wire.order_of(ca_ref), since)
        if line is None:
            return Pending(ca_ref, wait, None)
        if line.status in wire.ENDED_WITHOUT:
            return await self.poll(ca_ref, options)  # only the order itself holds the reason
        return await self._outcome(ca_ref, line, "")

    async def recover(
        self, order: Order, options: DigiCertProfileOptions
    ) -> Issued | Pending | Rejected | Untraced:
        """Look the order up by our token. It is not unique: of several, the oldest is taken."""
        if order.reissues_ca_ref is not None:
            reissued = await self._find_reissue(order, order.reissues_ca_ref)
            if reissued is not None:
                return reissued
        try:
            found = await self._read(f"/order/alternate/{order.token}", wire.read_lines)
        except OrderRefused as error:
            if error.code not in ("not_found", "not_found|order"):
                raise
            found = []
        if not found:
            return Untraced()
        oldest = min(found, key=lambda line: int(line.order_id))
        if len(found) > 1:
            others = [line.order_id for line in found if line is not oldest]
            _log.error("ordered more than once", taken=oldest.order_id, to_be_canceled=others)
        try:
            outcome = await self.poll(oldest.order_id, options)
        except OrderRefused:  # it is there, whatever else DigiCert does not tell
            return Pending(oldest.order_id, _LOOK_AGAIN, wire.WAITING["processing"])
        if isinstance(outcome, Pending) and outcome.waits_for is None:
            return replace(outcome, waits_for=wire.WAITING["pending"])
        return outcome

    async def cancel(
        self,
        ca_ref: str,
        options: DigiCertProfileOptions,  # noqa: ARG002 -- the contract's
    ) -> Canceled:
        """Cancel an order that still waits; CertCentral wants a note with it."""
        body = {"status": "CANCELED", "note": "taken back by the requester"}
        try:
            await self._write("PUT", f"/order/certificate/{wire.order_of(ca_ref)}/status", body)
        except OrderRefused:
            info = await self._order(ca_ref)
            taken_back = info.reissue(ca_ref) == "rejected"
            if info.line.status != "canceled" and not taken_back:
                raise
        return Canceled()

    async def revoke(
        self,
        ca_ref: str,
        serial_number: int,
        reason: RevocationReason,
        options: DigiCertProfileOptions,  # noqa: ARG002 -- the contract's
        *,
        pending: bool = False,
    ) -> RevocationPending | None:
        """Ask for it once: a request that waits for an administrator is not made again, and one
        that was rejected only when somebody asks us anew."""
        if reason not in REVOCATION_REASONS:
            raise OrderRefused(f"DigiCert knows no revocation reason {reason}.", code="reason")
        certificate = await self._revocable(ca_ref, serial_number)
        standing = certificate.standing(asked=pending)
        if standing is Standing.REJECTED:
            detail = (
                "An administrator of the CertCentral account rejected the revocation: no request "
                "for it waits any more, and it is not revoked."
            )
            raise OrderRefused(detail, code="rejected")
        if standing is Standing.OPEN:
            standing = await self._ask_to_revoke(ca_ref, certificate, reason)
        if standing is Standing.DONE:
            return None
        return RevocationPending(_WAITING_FOR_ADMIN, wire.WAITING["needs_approval"])

    async def external_organizations(self) -> Sequence[ExternalOrganization]:
        """Every organization of the account, with its validations."""
        found: list[ExternalOrganization] = []
        while True:
            query = f"include_validation=true&limit={_PAGE}&offset={len(found)}"
            page, total = await self._read(f"/organization?{query}", account.read_organizations)
            found += page
            if not page or len(found) >= total:
                return found

    async def products(self) -> Sequence[Product]:
        """What the key's account may order."""
        return await self._read("/product", account.read_products)

    async def aclose(self) -> None:
        """See `Driver.aclose`."""
        await self._session.aclose()

    async def _order(self, ca_ref: str) -> wire.OrderInfo:
        return await self._read(f"/order/certificate/{wire.order_of(ca_ref)}", wire.read_order)

    async def _is_reissuable(self, order: Order, options: DigiCertProfileOptions) -> bool:
        """Product and organization stay what they are, so they must be those that are wanted."""
        assert order.reissues_ca_ref is not None
        info = await self._order(order.reissues_ca_ref)
        same = (info.product, info.organization or None)
        return info.line.status == "issued" and same == (
            options.product,
            order.external_organization,
        )

    async def _reissue(self, order_id: str, body: Mapping[str, Any]) -> Issued | Pending:
        path = f"/order/certificate/{order_id}/reissue"
        content = await self._write("POST", path, wire.reissue_body(body))
        try:
            placed = wire.read_placed(content)
            chain = wire.ders_of(placed.pems)
        except wire.Unreadable as error:
            raise OutcomeUnknown("DigiCert's answer to the reissue cannot be read.") from error
        ca_ref = wire.reference(placed.order_id, placed.request_id)
        if chain:
            return Issued(ca_ref, chain[0], chain[1:])
        return Pending(ca_ref, timedelta(seconds=5), placed.waits_for)

    async def _find_reissue(self, order: Order, old_ref: str) -> Issued | Pending | None:
        """A request to reissue that is newer than what is replaced, if it is for our key. What
        bears other comments than ours is somebody else's; ours were without a token once."""
        info = await self._order(old_ref)
        newer = [
            number
            for number, each in info.reissues.items()
            if number > wire.request_of(old_ref)
            and (order.token in each.comments or each.comments in ("", order.comment))
        ]
        if not newer:
            return None
        ca_ref = wire.reference(wire.order_of(old_ref), str(max(newer)))
        if info.reissue(ca_ref) in UNDECIDED:
            return Pending(ca_ref, _LOOK_AGAIN, wire.WAITING["needs_approval"])
        outcome = await self._outcome(ca_ref, info.line, info.notes)
        if isinstance(outcome, Issued):
            return outcome if is_for_key_of(outcome.leaf_der, order.csr_der) else None
        return outcome if isinstance(outcome, Pending) else None

    async def _outcome(
        self, ca_ref: str, line: wire.OrderLine, notes: str
    ) -> Issued | Pending | Rejected:
        if line.status in wire.ENDED_WITHOUT:
            words = notes or f"The order is {line.status} at DigiCert."
            return Rejected(ca_ref, line.status, words)
        if line.status in wire.WAITING or line.certificate_id is None:
            # What it waits for was said in the answer to the order, with the tokens.
            waits = wire.WAITING.get(line.status, "DigiCert")
            kept = None if line.status == "pending" else waits
            return Pending(ca_ref, _LOOK_AGAIN, kept)
        chain = await self._read(f"/certificate/{line.certificate_id}/chain", wire.read_chain)
        return Issued(ca_ref, chain[0], chain[1:])

    async def _revocable(self, ca_ref: str, serial_number: int) -> Revocable:
        """The list of the order's certificates may be refused or lack it: then all there is to know
        is what the order tells of its newest one."""
        order = await self._order(ca_ref)
        certificates = [order.newest] if order.newest else []
        path = f"/order/certificate/{wire.order_of(ca_ref)}/reissue"
        with suppress(OrderRefused, BackendRefused):
            certificates = await self._read(path, wire.read_certificates) + certificates
        shown = [each for each in certificates if each.serial_number == serial_number]
        return Revocable(order, shown[0] if shown else None, serial_number)

    async def _ask_to_revoke(
        self, ca_ref: str, certificate: Revocable, reason: RevocationReason
    ) -> Standing:
        """What DigiCert refuses may have been done before, or be on its way: look before saying
        so. While a reissue is pending it revokes nothing of the order (revoke certificate)."""
        comments = f"Serial number {in_hex(certificate.serial_number)}"
        body = wire.revocation_body(reason, comments, self._connection)
        try:
            asked = await self._write("PUT", f"/certificate/{certificate.id}/revoke", body)
        except OrderRefused as error:
            now = await self._revocable(ca_ref, certificate.serial_number)
            standing = now.standing(asked=bool(now.requests))
            if standing in (Standing.DONE, Standing.WAITING):
                return standing
            if now.order.line.status == "reissue_pending":
                detail = f"DigiCert revokes nothing while a reissue is pending: {error.detail}"
                raise BackendUnavailable(detail, retry_after=_WAITING_FOR_ADMIN) from error
            raise
        return Standing.DONE if asked is None else Standing.WAITING

    async def _may_read_changes(self) -> timedelta:
        """Once a minute for all workers; to whom it is not given now is told when it may be."""
        try:
            await self._limiter.acquire(f"{self._session.pace}/changes", 1 / FRESH.total_seconds())
        except BackendUnavailable as error:
            return error.retry_after or FRESH
        return timedelta(0)

    async def _read_changes(self, window: timedelta) -> list[wire.OrderLine]:
        seconds = int(window.total_seconds())
        path = f"/order/certificate/status-changes?seconds={seconds}"
        return await self._read(path, wire.read_lines)
