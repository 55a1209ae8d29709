"""Driver of CA Gateway, for private CAs. It issues at once; what was made without an answer is
found in its feed of events, by the key."""

import base64
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from cryptography import x509

from scm_api.core.certificate_facts import is_for_key_of
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
from scm_api.drivers.entrust.calling import Caller, Unreadable
from scm_api.drivers.entrust.options import EntrustProfileOptions, GatewayProfile
from scm_api.drivers.entrust.reasons import REVOCATION_REASONS
from scm_api.drivers.errors import OrderRefused, OutcomeUnknown

_CAS: Final = "/v1/certificate-authorities"
_FIELDS: Final = "?$fields=caList.certificate.certificateData"
_BEFORE_SENDING: Final = timedelta(minutes=10)
_PAGE: Final = 50
_SAN_TYPES: Final = {
    NameKind.DNS: "dNSName",
    NameKind.IP: "iPAddress",
    NameKind.EMAIL: "rfc822Name",
    NameKind.URI: "uniformResourceIdentifier",
}


class GatewayDriver:
    """Fulfils `drivers.base.Driver`; has no organizations, and nothing that waits."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def check(self) -> CheckReport:
        """See `Driver.check`."""
        return CheckReport(visible_cas=len(await self._cas()))

    async def submit(self, order: Order, options: EntrustProfileOptions) -> Issued:
        """Enroll; subject and names are sent, because they are not taken from the CSR."""
        profile = _profile(options)
        chain = await self._cas()  # before, because nothing may fail between sending and the answer
        path = f"{_CAS}/{profile.ca_id}/enrollments"
        _, content = await self._caller.write("POST", path, _body(order, profile))
        try:
            leaf = _der(content["enrollment"]["body"])
        except (KeyError, TypeError, Unreadable) as error:
            raise OutcomeUnknown("CA Gateway's answer holds no certificate.") from error
        return _issued(leaf, chain)

    async def poll(self, ca_ref: str, options: EntrustProfileOptions) -> Issued | Rejected:
        """Nothing is ever pending at CA Gateway; whoever asks is shown what was issued."""
        profile = _profile(options)
        for event in await self._events(profile.ca_id, "2000-01-01T00:00:00.00Z"):
            if str(event.get("serialNumber", "")).lower().lstrip("0") == ca_ref:
                return await self._issued(_der(event["certificate"]))
        return Rejected(ca_ref, "not_found", "CA Gateway knows no such certificate.")

    async def recover(
        self, order: Order, options: EntrustProfileOptions
    ) -> Issued | Pending | Rejected | Untraced:
        """Look for the key among what was issued since the order was sent; of several, the oldest
        is taken."""
        since = (order.sent_since - _BEFORE_SENDING) if order.sent_since else None
        start = f"{since:%Y-%m-%dT%H:%M:%S}.00Z" if since else "2000-01-01T00:00:00.00Z"
        for event in await self._events(_profile(options).ca_id, start):
            if event.get("action") != "issued":
                continue
            leaf = _der(event.get("certificate"))
            if is_for_key_of(leaf, order.csr_der):
                return await self._issued(leaf)
        return Untraced()

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
        """Revoke; what was revoked before is done as well."""
        if reason not in REVOCATION_REASONS:
            raise OrderRefused(f"There is no revocation reason {reason}.", code="reason")
        action = {"type": "RevokeAction", "reason": REVOCATION_REASONS[reason], "issueCrl": True}
        path = f"{_CAS}/{_profile(options).ca_id}/certificates/{serial_number:x}/actions"
        try:
            await self._caller.write("POST", path, {"action": action})
        except OrderRefused as error:
            if error.code != "409":
                raise
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

    async def _cas(self) -> tuple[bytes, ...]:
        return await self._caller.read(_CAS + _FIELDS, _certificates_of_cas)

    async def _issued(self, leaf: bytes) -> Issued:
        """With the certificates of all CAs; the chain is chosen from them by signature."""
        return _issued(leaf, await self._cas())

    async def _events(self, ca_id: str, start: str) -> list[Any]:
        found: list[Any] = []
        following = ""
        while True:
            query = f"preferredPageSize={_PAGE}&startDate={start}{following}"
            content = await self._caller.read(
                f"{_CAS}/{ca_id}/certificate-events?{query}", lambda content: content
            )
            found += content.get("events") or []
            if not content.get("morePages"):
                return found
            following = f"&nextPageIndex={quote(str(content.get('nextPageIndex')))}"


def read_words(content: Any) -> str | None:
    """The sentence of an error; None where it is not one of CA Gateway."""
    try:
        return f"{content['error']['message']} ({content['error']['code']})"
    except (TypeError, KeyError):
        return None


def _body(order: Order, profile: GatewayProfile) -> dict[str, Any]:
    names = []
    for name in order.names:
        if name.kind not in _SAN_TYPES:
            detail = f"CA Gateway knows no name of the kind {name.kind}."
            raise OrderRefused(detail, code="name")
        names.append({"type": _SAN_TYPES[name.kind], "value": name.value})
    common_name = order.common_name or order.names[0].value
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    return {
        "profileId": profile.profile_id,
        "requiredFormat": {"format": "X509"},
        "csr": base64.b64encode(order.csr_der).decode(),
        "subjectVariables": [{"type": "cn", "value": common_name}],
        "subjectAltNames": names,
        "optionalCertificateRequestDetails": {
            "subjectDn": subject.rfc4514_string(),
            "validityPeriod": f"PT{order.term_days * 24 * 60}M",
        },
    }


def _issued(leaf: bytes, chain: tuple[bytes, ...]) -> Issued:
    return Issued(f"{x509.load_der_x509_certificate(leaf).serial_number:x}", leaf, chain)


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


def _list(content: Any, member: str) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get(member), list):
        raise Unreadable(f"a list without {member}")
    entries: list[Any] = content[member]
    return entries


def _names_of_cas(content: Any) -> dict[str, str]:
    return {str(each.get("id")): str(each.get("name")) for each in _list(content, "caList")}


def _certificates_of_cas(content: Any) -> tuple[bytes, ...]:
    entries = [each.get("certificate") or {} for each in _list(content, "caList")]
    data = [each.get("certificateData") for each in entries]
    return tuple(_der(each) for each in data if each)


def _profiles(content: Any) -> list[str]:
    return [str(each.get("id")) for each in _list(content, "profiles")]
