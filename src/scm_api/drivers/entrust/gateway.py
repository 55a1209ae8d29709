"""Driver of CA Gateway, for private CAs. It issues at once; what was made without an answer, or
without a certificate in it, is found in its feed of events, by the key."""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.core.vocabulary import NameKind, RevocationReason
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
from scm_api.drivers.entrust.acknowledged import Acknowledged, key_of_certificate, key_of_csr
from scm_api.drivers.entrust.calling import Caller, Unreadable
from scm_api.drivers.entrust.options import EntrustProfileOptions, GatewayProfile
from scm_api.drivers.entrust.reasons import REVOCATION_REASONS
from scm_api.drivers.errors import OrderRefused, OutcomeUnknown

_CAS: Final = "/v1/certificate-authorities"
_FIELDS: Final = "?$fields=caList.certificate.certificateData"
_BEFORE_SENDING: Final = timedelta(minutes=10)
_SOON: Final = timedelta(seconds=5)
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
_PAGE: Final = 50
_TAKEN: Final = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED)
T = TypeVar("T")
_Cas = tuple[tuple[str, bytes], ...]  # id and certificate of each CA that shows one
_SAN_TYPES: Final = {
    NameKind.DNS: "dNSName",
    NameKind.IP: "iPAddress",
    NameKind.EMAIL: "rfc822Name",
    NameKind.URI: "uniformResourceIdentifier",
}


class GatewayDriver:
    """Fulfils `drivers.base.Driver`; has no organizations."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def check(self) -> CheckReport:
        """See `Driver.check`."""
        return CheckReport(visible_cas=len(await self._cas()))

    async def submit(self, order: Order, options: EntrustProfileOptions) -> Issued | Pending:
        """Enroll; subject and names are sent, because they are not taken from the CSR. An answer
        without a certificate still says that the order was taken."""
        profile = _profile(options)
        cas = await self._cas()  # before, because nothing may fail between sending and the answer
        path = f"{_CAS}/{profile.ca_id}/enrollments"
        status, content = await self._caller.write("POST", path, _body(order, profile), *_TAKEN)
        enrollment = content.get("enrollment") if isinstance(content, dict) else None
        if not isinstance(enrollment, dict):
            if status != HTTPStatus.ACCEPTED:
                raise OutcomeUnknown("CA Gateway's answer holds no enrollment.")
            enrollment = {}
        try:
            return _issued(_der(enrollment.get("body")), cas, profile.ca_id)
        except Unreadable:
            since, key = _since(order) or order.now, key_of_csr(order.csr_der)
            taken = Acknowledged(str(enrollment.get("id", "")), since, key, _followed(order))
            status_word = enrollment.get("status", "without a status")
            return Pending(taken.ca_ref, _SOON, f"CA Gateway, which has it as {status_word}"[:200])

    async def poll(self, ca_ref: str, options: EntrustProfileOptions) -> Issued | Untraced:
        """What was issued under a serial number, or for an order that was taken."""
        ca_id, taken = _profile(options).ca_id, Acknowledged.from_ca_ref(ca_ref)
        if taken is not None:
            leaf = await self._issued_for(taken.key, ca_id, taken.since, taken.followed)
            detail = f"CA Gateway took the order ({taken.id}), but shows no certificate for its key"
        else:
            leaf = await self._of_serial(ca_ref, ca_id)
            detail = f"CA Gateway shows no certificate {ca_ref}"
        if leaf is None:
            return Untraced(f"{detail} in the events of {ca_id}.")
        return _issued(leaf, await self._cas(), ca_id)

    async def recover(
        self, order: Order, options: EntrustProfileOptions
    ) -> Issued | Pending | Rejected | Untraced:
        """Look for the key among what was issued since the order was sent; of several, the oldest
        is taken, but not the one that is followed, which may have the same key."""
        key, ca_id = key_of_csr(order.csr_der), _profile(options).ca_id
        since = _since(order) or _EVER
        leaf = await self._issued_for(key, ca_id, since, _followed(order))
        return Untraced() if leaf is None else _issued(leaf, await self._cas(), ca_id)

    async def cancel(self, ca_ref: str, options: EntrustProfileOptions) -> Canceled:  # noqa: ARG002 -- the contract's
        """Raises OrderRefused: what CA Gateway takes is issued."""
        raise OrderRefused("CA Gateway issues at once; there is nothing to take back.", code="409")

    async def revoke(
        self,
        ca_ref: str,  # noqa: ARG002 -- the contract's: the serial number is the reference
        serial_number: int,
        reason: RevocationReason,
        options: EntrustProfileOptions,
        *,
        pending: bool = False,  # noqa: ARG002 -- the contract's: CA Gateway revokes at once
    ) -> RevocationPending | None:
        """Revoke; what was revoked before is done as well, if the feed has it: which of its errors
        says so is not documented, and 409 may mean something else (a certificate on hold)."""
        if reason not in REVOCATION_REASONS:
            raise OrderRefused(f"There is no revocation reason {reason}.", code="reason")
        action = {"type": "RevokeAction", "reason": REVOCATION_REASONS[reason], "issueCrl": True}
        ca_id, serial = _profile(options).ca_id, f"{serial_number:x}"
        path = f"{_CAS}/{ca_id}/certificates/{serial}/actions"
        try:
            _, said = await self._caller.write("POST", path, {"action": action}, HTTPStatus.OK)
        except OrderRefused as error:
            if error.code != "409" or not await self._is_revoked(serial, ca_id):
                raise
        else:
            if not isinstance(said, dict) or said.get("type", "ErrorResponse") == "ErrorResponse":
                raise OutcomeUnknown("CA Gateway answers, but not as it does when it revoked.")
        return None

    async def external_organizations(self) -> Sequence[ExternalOrganization]:
        """None: private CAs validate no organizations."""
        return []

    async def products(self) -> Sequence[Product]:
        """The profiles of every CA, as `ca/profile`."""
        found: list[Product] = []
        for ca_id, name in (await self._named()).items():
            try:
                profiles = await self._caller.read(f"{_CAS}/{quote(ca_id)}/profiles", _profiles)
            except OrderRefused as error:
                if error.code != "404":
                    raise
                continue
            found += [
                Product(f"{ca_id}/{each}", f"{name}: {each}", "private", (), ("sha256",), {})
                for each in profiles
            ]
        return found

    async def aclose(self) -> None:
        """See `Driver.aclose`."""
        await self._caller.aclose()

    async def _named(self) -> dict[str, str]:
        return await self._caller.read(_CAS + _FIELDS, _names_of_cas)

    async def _cas(self) -> _Cas:
        return await self._caller.read(_CAS + _FIELDS, _certificates_of_cas)

    async def _issued_for(
        self, key: str, ca_id: str, since: datetime, followed: str
    ) -> bytes | None:
        """The oldest certificate for a key that was issued since then, but for the one that is
        followed, which is named by its serial number."""

        def leaf_of(event: dict[str, Any]) -> bytes | None:
            if event.get("action") != "issued" or (followed and _is_of(event, followed)):
                return None
            leaf = _der(event.get("certificate"))
            return leaf if key_of_certificate(leaf) == key else None

        return next(iter(await self._events(ca_id, since, leaf_of)), None)

    async def _of_serial(self, serial: str, ca_id: str) -> bytes | None:
        def leaf_of(event: dict[str, Any]) -> bytes | None:
            shown = event.get("certificate")
            return _der(shown) if shown and _is_of(event, serial) else None

        return next(iter(await self._events(ca_id, _EVER, leaf_of)), None)

    async def _is_revoked(self, serial: str, ca_id: str) -> bool:
        """Whether the last that the feed tells of a certificate is its revocation for good."""

        def told_by(event: dict[str, Any]) -> tuple[str, str] | None:
            told = str(event.get("action")), str(event.get("reason"))
            return told if _is_of(event, serial) else None

        action, reason = [("", ""), *await self._events(ca_id, _EVER, told_by)][-1]
        return action == "revoked" and reason != "certificateHold"

    async def _events(
        self, ca_id: str, start: datetime, reading: Callable[[dict[str, Any]], T | None]
    ) -> list[T]:
        """What is read of the events since then, in their order; None is left out."""
        found: list[T] = []
        query = f"preferredPageSize={_PAGE}&startDate={start:%Y-%m-%dT%H:%M:%S}.00Z"
        following: str | None = ""
        while following is not None:
            page, following = await self._caller.read(
                f"{_CAS}/{ca_id}/certificate-events?{query}{following}",
                lambda content: _page(content, reading),
            )
            found += page
        return found


def read_words(content: Any) -> str | None:
    """The sentence of an error; None where it is not one of CA Gateway."""
    try:
        return f"{content['error']['message']} ({content['error']['code']})"
    except (TypeError, KeyError):
        return None


def _since(order: Order) -> datetime | None:
    return order.sent_since - _BEFORE_SENDING if order.sent_since else None


def _followed(order: Order) -> str:
    return order.reissues_ca_ref or order.renews_ca_ref or ""


def _body(order: Order, profile: GatewayProfile) -> dict[str, Any]:
    names = []
    for name in order.names:
        if name.kind not in _SAN_TYPES:
            detail = f"CA Gateway knows no name of the kind {name.kind}."
            raise OrderRefused(detail, code="name")
        names.append({"type": _SAN_TYPES[name.kind], "value": name.value})
    common_name = order.subject_name()
    end = order.not_after or order.now + timedelta(days=order.term_days)
    minutes = (end - order.now) // timedelta(minutes=1)
    if minutes < 1:
        raise OrderRefused("CA Gateway counts in minutes, and less than one is left.", code="term")
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    return {
        "profileId": profile.profile_id,
        "requiredFormat": {"format": "X509"},
        "csr": base64.b64encode(order.csr_der).decode(),
        "subjectVariables": [{"type": "cn", "value": common_name}],
        "subjectAltNames": names,
        "optionalCertificateRequestDetails": {
            "subjectDn": subject.rfc4514_string(),
            "validityPeriod": f"PT{minutes}M",
        },
    }


def _issued(leaf: bytes, cas: _Cas, ca_id: str) -> Issued:
    """With the certificates of all CAs, from which the chain is chosen by signature. Where one of
    them issued it, that is the CA which was asked; a managed CA may have an issuer of its own."""
    certificate = x509.load_der_x509_certificate(leaf)
    listed = [(each, x509.load_der_x509_certificate(der)) for each, der in cas]
    own = tuple(ca.public_bytes(Encoding.PEM).decode() for each, ca in listed if each == ca_id)
    is_listed = any(ca.subject == certificate.issuer for _, ca in listed)
    ca_ref, chain = f"{certificate.serial_number:x}", tuple(der for _, der in cas)
    return Issued(ca_ref, leaf, chain, own if own and is_listed else None)


def _profile(options: EntrustProfileOptions) -> GatewayProfile:
    if options.ca_gateway is None:
        raise OrderRefused("The profile names no profile of CA Gateway.", code="profile")
    return options.ca_gateway


def _der(text: Any) -> bytes:
    try:
        der = base64.b64decode(str(text), validate=True)
        x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise Unreadable("no certificate in base64") from error
    return der


def _is_of(event: dict[str, Any], serial: str) -> bool:
    shown = str(event.get("serialNumber", ""))
    return shown.lower().lstrip("0") == serial.lower().lstrip("0")


def _page(
    content: Any, reading: Callable[[dict[str, Any]], T | None]
) -> tuple[list[T], str | None]:
    """What is read of one page, and the query of the next, None after the last."""
    told = [reading(each) for each in _list(content, "events") if isinstance(each, dict)]
    following = None
    if content.get("morePages"):
        following = f"&nextPageIndex={quote(str(content.get('nextPageIndex')))}"
    return [each for each in told if each is not None], following


def _list(content: Any, member: str) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get(member), list):
        raise Unreadable(f"a list without {member}")
    entries: list[Any] = content[member]
    return entries


def _names_of_cas(content: Any) -> dict[str, str]:
    return {str(each.get("id")): str(each.get("name")) for each in _list(content, "caList")}


def _certificates_of_cas(content: Any) -> _Cas:
    entries = [(str(each.get("id")), each.get("certificate")) for each in _list(content, "caList")]
    data = [(each, (shown or {}).get("certificateData")) for each, shown in entries]
    return tuple((each, _der(shown)) for each, shown in data if shown)


def _profiles(content: Any) -> list[str]:
    return [str(each.get("id")) for each in _list(content, "profiles")]
