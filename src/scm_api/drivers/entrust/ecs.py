"""Driver of ECS. It has no guard against duplicates but the look-up by our token, which is
noted as tracking information."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote

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
from scm_api.drivers.entrust import ecs_wire as wire
from scm_api.drivers.entrust.calling import Caller, Unreadable
from scm_api.drivers.entrust.options import EcsProduct, EntrustConnection, EntrustProfileOptions
from scm_api.drivers.entrust.reasons import REVOCATION_REASONS
from scm_api.drivers.errors import (
    BackendUnavailable,
    DriverError,
    OrderRefused,
    OutcomeUnknown,
    only_asking,
)
from scm_api.logger import get_logger

# The worker looks less and less often by itself.
_SOON: Final = timedelta(seconds=5)
_PAGE: Final = 500
_TAKEN: Final = (HTTPStatus.CREATED, HTTPStatus.ACCEPTED)
# Renewals of what is younger are refused.
_YOUNGEST_RENEWED: Final = timedelta(days=30)
# Clocks differ: what was issued this long before we first sent is not ours.
_BEFORE_SENDING: Final = timedelta(hours=1)
_log = get_logger(__name__)
T = TypeVar("T")


class EcsDriver:
    """Fulfils `drivers.base.Driver`; cancels, lists organizations and products."""

    def __init__(self, connection: EntrustConnection, caller: Caller) -> None:
        self._connection = connection
        self._caller = caller

    async def check(self) -> CheckReport:
        """See `Driver.check`. The version is what every client asks first."""
        await self._caller.read("/application/version", wire.read_version)
        if self._connection.requester is not None:
            return CheckReport()
        finding = "Orders are refused without a requester; add one to the options."
        return CheckReport(findings=(finding,))

    async def submit(self, order: Order, options: EntrustProfileOptions) -> Issued | Pending:
        """Ask for a certificate: as a renewal or reissue where ECS takes it for one."""
        product, renewed, reissued = _product(options), order.renews_ca_ref, order.reissues_ca_ref
        body = wire.order_body(order, product, self._connection)
        if reissued is not None and await self._is_reissuable(reissued, product):
            path, body = f"/certificates/{reissued}/reissues", wire.reissue_body(body)
        else:
            path = "/certificates"
            if renewed is not None and await self._is_renewable(renewed, order.now, product):
                path = f"/certificates/{renewed}/renewals"
            body |= wire.end_of(order, self._connection)
        _, content = await self._caller.write("POST", path, body, *_TAKEN)
        try:
            found = wire.read_certificate(content)
        except Unreadable as error:
            raise OutcomeUnknown("Entrust's answer to the order cannot be read.") from error
        if found.leaf is None:
            return Pending(found.tracking_id, _SOON, "Entrust")
        return Issued(found.tracking_id, found.leaf, found.chain)

    async def check_order(self, order: Order, options: EntrustProfileOptions) -> None:
        """See `ChecksOrders`. Nothing is consumed (`validateOnly`)."""
        body = wire.order_body(order, _product(options), self._connection)
        body |= wire.end_of(order, self._connection) | {"validateOnly": True}
        with only_asking():
            write = self._caller.write("POST", "/certificates", body, HTTPStatus.OK, *_TAKEN)
            status, said = await write
        number = said.get("trackingId") if isinstance(said, dict) else None
        if status != HTTPStatus.OK or number is not None:
            _log.error("ordered where a check was asked for", to_be_revoked=number)
            detail = f"ECS took the check for an order, {number}: revoke it in the Entrust portal."
            raise OrderRefused(detail, code="validate-only-ignored")

    async def poll(
        self,
        ca_ref: str,
        options: EntrustProfileOptions,  # noqa: ARG002 -- the contract's
    ) -> Issued | Pending | Rejected | Untraced:
        """See `Driver.poll`."""
        try:
            found = await self._certificate(ca_ref)
        except OrderRefused as error:
            if error.code != "404":
                raise
            return Untraced(error.detail)
        return await self._outcome(found)

    async def recover(
        self, order: Order, options: EntrustProfileOptions
    ) -> Issued | Pending | Rejected | Untraced:
        """Look through what it may be, newest first, for our token. Nothing found proves nothing:
        what is APPROVED or DECLINED is in no list."""
        newest = await self._newest(order, _product(options))
        hits = [each for each in newest if each.tracking_info == order.token]
        if not hits:
            return Untraced()
        oldest = min(hits, key=lambda each: int(each.tracking_id))
        if len(hits) > 1:
            others = [each.tracking_id for each in hits if each is not oldest]
            _log.error("ordered more than once", taken=oldest.tracking_id, to_be_revoked=others)
        return await self._outcome(oldest)

    async def cancel(
        self,
        ca_ref: str,
        options: EntrustProfileOptions,  # noqa: ARG002 -- the contract's
    ) -> Canceled:
        """Decline what is pending; there is no other way to take a request back."""
        body = {"operation": "DECLINE", "declineReason": "taken back by the requester"}
        await self._end("PATCH", ca_ref, "", body, (wire.DECLINED,))
        return Canceled()

    async def revoke(
        self,
        ca_ref: str,
        serial_number: int,
        reason: RevocationReason,
        options: EntrustProfileOptions,  # noqa: ARG002 -- the contract's
        *,
        pending: bool = False,  # noqa: ARG002 -- the contract's: ECS revokes at once
    ) -> RevocationPending | None:
        """Revoke, unless ECS did before: on its own account, or as part of a reissue."""
        if reason not in REVOCATION_REASONS:
            raise OrderRefused(f"Entrust knows no revocation reason {reason}.", code="reason")
        found = await self._of_serial(ca_ref, serial_number)
        if found.status in wire.ENDED:
            return None
        if (
            self._connection.revocation_reasons == "key_compromise_only"
            and reason is not RevocationReason.KEY_COMPROMISE
        ):
            reason = RevocationReason.UNSPECIFIED
        body = {"crlReason": REVOCATION_REASONS[reason], "revocationComment": ""}
        await self._end("POST", ca_ref, "/revocations", body, wire.ENDED)
        return None

    async def deactivate(self, ca_ref: str, serial_number: int) -> None:
        """See `Deactivates`. ECS takes it of active ones alone."""
        if (await self._of_serial(ca_ref, serial_number)).status == wire.DEACTIVATED:
            return
        try:
            path = f"/certificates/{ca_ref}/deactivations"
            await self._caller.write("POST", path, {}, HTTPStatus.OK)
        except OutcomeUnknown as error:  # may be repeated: it is looked at before
            raise BackendUnavailable(error.detail) from error

    async def external_organizations(self) -> Sequence[ExternalOrganization]:
        """Every organization, with the validations of the client that owns it."""
        clients = dict(await self._all("/clients", "clients", wire.client_of))
        reading = partial(wire.organization_of, clients=clients)
        return await self._all("/organizations", "organizations", reading)

    async def products(self) -> Sequence[Product]:
        """What the account bought."""
        return await self._all("/inventories", "inventories", wire.product_of)

    async def aclose(self) -> None:
        """See `Driver.aclose`."""
        await self._caller.aclose()

    async def _certificate(self, ca_ref: str) -> wire.Found:
        return await self._caller.read(f"/certificates/{ca_ref}", wire.read_certificate)

    async def _of_serial(self, ca_ref: str, serial_number: int) -> wire.Found:
        found = await self._certificate(ca_ref)
        if found.serial != f"{serial_number:X}":
            detail = f"Entrust's {ca_ref} is another certificate, with the serial {found.serial}."
            raise OrderRefused(detail, code="serial")
        return found

    async def _end(
        self, method: str, ca_ref: str, path: str, body: Any, ends: Collection[str]
    ) -> None:
        """Bring a certificate to its end, and see that it is there; also if it was before."""
        refusal = None
        try:
            await self._caller.write(method, f"/certificates/{ca_ref}{path}", body, HTTPStatus.OK)
        except OrderRefused as error:
            refusal = error
        status = (await self._certificate(ca_ref)).status
        if status not in ends:
            raise refusal or OutcomeUnknown(f"Entrust answers, but {ca_ref} is still {status}.")

    async def _is_renewable(self, ca_ref: str, now: datetime, product: EcsProduct) -> bool:
        found = await self._certificate(ca_ref)
        old_enough = found.issued_at and now - found.issued_at >= _YOUNGEST_RENEWED
        return bool(old_enough) and _may_be_followed(found, product)

    async def _is_reissuable(self, ca_ref: str, product: EcsProduct) -> bool:
        return _may_be_followed(await self._certificate(ca_ref), product)

    async def _outcome(self, found: wire.Found) -> Issued | Pending | Rejected:
        """Statuses may be added: whatever has a certificate was issued."""
        if found.leaf is not None:
            return Issued(found.tracking_id, found.leaf, found.chain)
        if found.status == wire.DECLINED:
            words = "The request was declined in the Entrust account."
            return Rejected(found.tracking_id, "declined", words)
        if found.status not in ("PENDING", "PENDING_QUORUM"):
            return Pending(found.tracking_id, _SOON, "Entrust")
        try:
            domains = await self._all("/domains", "domains", wire.domain_of)
        except DriverError:  # it waits, whether or not its owner can be told for what
            return Pending(found.tracking_id, _SOON, "Entrust")
        return Pending(found.tracking_id, _SOON, wire.waits_for(found.names, filter(None, domains)))

    async def _newest(self, order: Order, product: EcsProduct) -> list[wire.Found]:
        """Certificates with the order's first name that may have been made since it was sent; of
        its product, where there is no name: how a common name is written in a DN is not told."""
        since = order.sent_since - _BEFORE_SENDING if order.sent_since else None
        wanted = f"certType={product.cert_type}"
        if order.names:
            wanted = f"subjectAltName=con:{quote(order.names[0].value)}"
        found: list[wire.Found] = []
        path = f"/certificates?{wanted}&sort=trackingId:desc"
        for tracking_id in filter(None, await self._all(path, "certificates", wire.tracking_id_of)):
            one = await self._certificate(tracking_id)
            if since is not None and one.issued_at is not None and one.issued_at < since:
                break
            found.append(one)
        return found

    async def _all(self, path: str, member: str, reading: Callable[[Any], T]) -> list[T]:
        """Every entry of a list. Some deployments answer an empty one with 404."""
        entries: list[T] = []
        joint = "&" if "?" in path else "?"
        while True:
            url = f"{path}{joint}limit={_PAGE}&offset={len(entries)}"
            try:
                page, total = await self._caller.read(
                    url, lambda content: wire.read_page(content, member, reading)
                )
            except OrderRefused as error:
                if error.code != "404":
                    raise
                return entries
            entries += page
            if not page or len(entries) >= total:
                return entries


def _may_be_followed(found: wire.Found, product: EcsProduct) -> bool:
    """What follows is of the same product, whatever a renewal or reissue says (`certType`)."""
    return found.status in wire.RENEWABLE and found.cert_type == product.cert_type


def _product(options: EntrustProfileOptions) -> EcsProduct:
    if options.ecs is None:
        raise OrderRefused("The profile names no product of ECS.", code="profile")
    return options.ecs
