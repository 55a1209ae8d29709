"""Driver of CertCentral. It has no guard against duplicates but the look-up by our own id."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from cryptography import x509

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
from scm_api.drivers.digicert import wire
from scm_api.drivers.digicert.following import FRESH, Changes, reaches
from scm_api.drivers.digicert.options import (
    DigiCertConnection,
    DigiCertProfileOptions,
    DigiCertSecrets,
)
from scm_api.drivers.digicert.reasons import REVOCATION_REASONS
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.http import NoAnswerError, NotSentError, Reply, StrictClient
from scm_api.drivers.pacing import Limiter
from scm_api.logger import get_logger

_HOSTS: Final = {"us": "https://www.digicert.com", "eu": "https://certcentral.digicert.eu"}
_PREFIX: Final = "/services/v2"
# 1000 calls in 3 minutes for each key (rate limits); a margin is left for the account's own people.
_PER_SECOND: Final = 5.0
_PATIENCE: Final = timedelta(seconds=5)
_LOOK_AGAIN: Final = timedelta(minutes=1)
_PAGE: Final = 1000
_UNDECIDED: Final = frozenset({"pending", "submitted"})
_WAITING_FOR_ADMIN: Final = timedelta(minutes=15)
T = TypeVar("T")
_log = get_logger(__name__)


class DigiCertDriver:
    """Fulfils `drivers.base.Driver`; cancels, follows many orders and lists organizations."""

    def __init__(
        self, connection: DigiCertConnection, secrets: DigiCertSecrets, limiter: Limiter
    ) -> None:
        key = secrets.api_key.get_secret_value()
        self._connection = connection
        self._limiter = limiter
        self._pace = f"digicert/{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        headers = {
            "X-DC-DEVKEY": key,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "scm-api",
        }
        origin = connection.endpoint_url or _HOSTS[connection.instance]
        self._http = StrictClient(origin, headers)
        self._changes = Changes(self._read_changes, self._may_read_changes)

    async def check(self) -> CheckReport:
        """See `Driver.check`."""
        roles = await self._read("/user/me", wire.read_roles)
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
        """See `Driver.poll`."""
        info = await self._order(ca_ref)
        reissue = info.reissues.get(wire.request_of(ca_ref))
        if reissue == "rejected":
            return Rejected(ca_ref, "rejected", "The reissue was rejected in CertCentral.")
        if reissue in _UNDECIDED:  # the order holds the certificate before until then
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
        outcome = await self.poll(oldest.order_id, options)
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
            taken_back = info.reissues.get(wire.request_of(ca_ref)) == "rejected"
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
        serial = f"{serial_number:X}"
        if await self._is_revoked(ca_ref, serial):
            return None
        waiting = RevocationPending(_WAITING_FOR_ADMIN, wire.WAITING["needs_approval"])
        asked_before = (await self._order(ca_ref)).revocations
        if _UNDECIDED & set(asked_before):
            return waiting
        if pending and asked_before and asked_before[-1] == "rejected":
            detail = "An administrator of the CertCentral account rejected the revocation."
            raise OrderRefused(detail, code="rejected")
        path = f"/certificate/{serial}/revoke"
        body = wire.revocation_body(reason, self._connection)
        asked = await self._write("PUT", path, body)
        return None if asked is None else waiting

    async def external_organizations(self) -> Sequence[ExternalOrganization]:
        """Every organization of the account, with its validations."""
        found: list[ExternalOrganization] = []
        while True:
            query = f"include_validation=true&limit={_PAGE}&offset={len(found)}"
            page, total = await self._read(f"/organization?{query}", wire.read_organizations)
            found += page
            if not page or len(found) >= total:
                return found

    async def products(self) -> Sequence[Product]:
        """What the key's account may order."""
        return await self._read("/product", wire.read_products)

    async def aclose(self) -> None:
        """See `Driver.aclose`."""
        await self._http.aclose()

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
        """A request to reissue that is newer than what is replaced, if it is for our key."""
        info = await self._order(old_ref)
        newer = [each for each in info.reissues if each > wire.request_of(old_ref)]
        if not newer:
            return None
        ca_ref = wire.reference(wire.order_of(old_ref), str(max(newer)))
        if info.reissues[max(newer)] in _UNDECIDED:
            return Pending(ca_ref, _LOOK_AGAIN, wire.WAITING["needs_approval"])
        outcome = await self._outcome(ca_ref, info.line, info.notes)
        if isinstance(outcome, Pending):
            return outcome
        same = isinstance(outcome, Issued) and _same_key(outcome.leaf_der, order.csr_der)
        return outcome if same and isinstance(outcome, Issued) else None

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

    async def _is_revoked(self, ca_ref: str, serial: str) -> bool:
        path = f"/order/certificate/{wire.order_of(ca_ref)}/reissue"
        return (await self._read(path, wire.read_statuses)).get(serial) == "revoked"

    async def _may_read_changes(self) -> timedelta:
        """Once a minute for all workers; to whom it is not given now is told when it may be."""
        try:
            await self._limiter.acquire(f"{self._pace}/changes", 1 / FRESH.total_seconds())
        except BackendUnavailable as error:
            return error.retry_after or FRESH
        return timedelta(0)

    async def _read_changes(self, window: timedelta) -> list[wire.OrderLine]:
        seconds = int(window.total_seconds())
        path = f"/order/certificate/status-changes?seconds={seconds}"
        return await self._read(path, wire.read_lines)

    async def _read(self, path: str, reading: Callable[[Any], T]) -> T:
        """What a call tells that changes nothing; whatever goes wrong may be asked again."""
        try:
            return reading(await self._call("GET", path, None))
        except (NoAnswerError, wire.Unreadable) as error:
            raise BackendUnavailable(f"DigiCert did not answer: {error}.") from error

    async def _write(self, method: str, path: str, body: Any) -> Any:
        """JSON of a call that changes something, None where it answers with nothing."""
        try:
            return await self._call(method, path, body)
        except (NoAnswerError, wire.Unreadable) as error:
            raise OutcomeUnknown(f"DigiCert did not answer: {error}.") from error

    async def _call(self, method: str, path: str, body: Any) -> Any:
        await self._limiter.acquire(self._pace, _PER_SECOND)
        content = b"" if body is None else json.dumps(body).encode()
        try:
            reply = await self._http.call(method, _PREFIX + path, content)
        except NotSentError as error:
            raise BackendUnavailable(f"DigiCert cannot be reached: {error}.") from error
        if reply.status == 429:
            await self._limiter.slow_down(self._pace, _PATIENCE)
            raise BackendUnavailable("DigiCert asks for patience.", retry_after=_PATIENCE)
        if reply.status >= 400:
            _refuse(reply)
        return _content(reply)


def _same_key(leaf_der: bytes, csr_der: bytes) -> bool:
    leaf, csr = x509.load_der_x509_certificate(leaf_der), x509.load_der_x509_csr(csr_der)
    return leaf.public_key() == csr.public_key()


def _content(reply: Reply) -> Any:
    if not reply.body and reply.status == 204:
        return None
    try:
        return json.loads(reply.body)
    except ValueError as error:
        kind = reply.headers.get("content-type", "nothing known")
        raise wire.Unreadable(f"status {reply.status} with {kind} that is no JSON") from error


def _refuse(reply: Reply) -> None:
    """Which of the four kinds of failure an error is. A wrong key is 403, not 401."""
    try:
        refusal = wire.read_refusal(json.loads(reply.body))
    except ValueError:
        refusal = None
    if refusal is None or reply.status >= 500 or reply.status == 406:
        raise NoAnswerError(f"status {reply.status}")
    code, words = refusal
    if reply.status in (401, 403):
        if code == "access_denied|invalid_approver":
            raise OrderRefused(words, code=code)
        raise BackendRefused(f"DigiCert refuses the API key: {words} ({code})")
    raise OrderRefused(words, code=code)
