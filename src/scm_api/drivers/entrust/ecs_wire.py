"""Payloads of ECS to values and back, without I/O."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.drivers.base import ExternalOrganization, ExternalValidation, Order, Product
from scm_api.drivers.entrust.calling import Unreadable
from scm_api.drivers.entrust.options import WHOLE_YEARS, EcsProduct, EntrustConnection
from scm_api.drivers.errors import OrderRefused

DECLINED: Final = "DECLINED"
DEACTIVATED: Final = "DEACTIVATED"
ENDED: Final = frozenset({"REVOKED", "REISSUED"})
"""Revoked at the CA: a reissue revokes what it follows."""

RENEWABLE: Final = frozenset({"ACTIVE", "READY"})
_PRIVATE: Final = ("PRIVATE_SSL", "PD_SSL")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """One certificate of the account. `issued_at` and `leaf` are None before it is issued."""

    tracking_id: str
    cert_type: str
    status: str
    tracking_info: str
    serial: str
    names: tuple[str, ...]
    issued_at: datetime | None
    leaf: bytes | None
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of the account. `proof` is what its owner has to do, as far as it is known."""

    name: str
    status: str
    proof: str


def external_id(client_id: Any, name: str) -> str:
    """Organizations have no id: the name is the key, within the client that owns it."""
    return f"{client_id}/{name}"


def order_body(order: Order, product: EcsProduct, connection: EntrustConnection) -> dict[str, Any]:
    """A request but for its end. Names are sent, in place of those of the CSR. Raises
    OrderRefused."""
    names = [name.value for name in order.names]
    common_name = order.subject_name()
    client_id, _, organization = (order.external_organization or "1/").partition("/")
    body: dict[str, Any] = {
        "certType": product.cert_type,
        "csr": x509.load_der_x509_csr(order.csr_der).public_bytes(Encoding.PEM).decode(),
        "cn": common_name,
        "subjectAltName": names,
        "clientId": int(client_id),
        "signingAlg": "SHA-2",
        "queueForApproval": product.queue_for_approval,
        "tracking": _tracking(order, product, connection),
    }
    if organization and body["clientId"] == 1:
        body["org"] = organization  # of other clients, ECS takes the client's own name
    if product.cert_type.endswith("_SSL"):
        body["eku"] = product.eku
    else:
        body["endUserKeyStorageAgreement"] = True
    if product.ct_log is not None:
        body["ctLog"] = product.ct_log
    return body


def reissue_body(body: dict[str, Any]) -> dict[str, Any]:
    """A reissue keeps product and end, and has neither in its request."""
    return {name: value for name, value in body.items() if name != "certType"}


def _tracking(order: Order, product: EcsProduct, connection: EntrustConnection) -> dict[str, Any]:
    requester = product.requester or connection.requester
    tracking: dict[str, Any] = {"trackingInfo": order.token}
    if requester is not None:
        tracking |= {
            "requesterName": requester.name,
            "requesterEmail": requester.email,
            "requesterPhone": requester.phone,
        }
    if product.custom_fields:
        tracking["customFields"] = {each.name: each.value for each in product.custom_fields}
    if product.additional_emails:
        tracking["additionalEmails"] = product.additional_emails
    return tracking


def end_of(order: Order, connection: EntrustConnection) -> dict[str, str]:
    """When it is to end: a day without a time, because one with a time is moved to US Eastern time,
    or after whole years. Raises OrderRefused."""
    if not connection.pooling:
        if order.not_after is not None or order.term_days not in WHOLE_YEARS:
            detail = "An account without pooling issues for 365, 730 or 1095 days."
            raise OrderRefused(detail, code="term")
        return {"certLifetime": WHOLE_YEARS[order.term_days]}
    end = order.not_after or order.now + timedelta(days=order.term_days)
    # The certificate ends with the last second of the day: not later than what was asked.
    return {"certExpiryDate": (end - timedelta(days=1, seconds=-1)).date().isoformat()}


def read_certificate(content: Any) -> Found:
    """`GET /certificates/{id}`, and the answer to a request. Raises Unreadable."""
    try:
        chain = ders_of(content.get("chainCerts") or ())
        end_entity = content.get("endEntityCert")
        leaf = ders_of([end_entity])[0] if end_entity else None
        issued = content.get("issueDateTime")
        return Found(
            tracking_id=str(int(content["trackingId"])),
            cert_type=str(content.get("certType", "")),
            status=str(content.get("status", "")),
            tracking_info=str((content.get("tracking") or {}).get("trackingInfo", "")),
            serial=str(content.get("serialNumber") or "").lstrip("0").upper(),
            names=tuple(
                str(each.get("value") if isinstance(each, dict) else each)
                for each in content.get("subjectAltName") or ()
            ),
            issued_at=datetime.fromisoformat(issued) if issued else None,
            leaf=leaf,
            chain=tuple(each for each in chain if each != leaf),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable("a certificate of an unknown form") from error


def read_page(content: Any, member: str, reading: Callable[[Any], T]) -> tuple[list[T], int]:
    """Entries of one page, each as `reading` reads it, and how many there are in all. Raises
    Unreadable."""
    try:
        entries = [reading(each) for each in content[member]]
        return entries, int((content.get("summary") or {}).get("total", len(entries)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"a list of {member} of an unknown form") from error


def tracking_id_of(content: Any) -> str | None:
    """None for a certificate of another CA, which has a thumbprint alone."""
    return str(int(content["trackingId"])) if "trackingId" in content else None


def client_of(content: Any) -> tuple[int, Any]:
    """The number of a client, and what is told of it."""
    return int(content["clientId"]), content


def read_version(content: Any) -> str:
    """`GET /application/version`. Raises Unreadable."""
    if not isinstance(content, dict) or "version" not in content:
        raise Unreadable("no version")
    return str(content["version"])


def read_words(content: Any) -> str | None:
    """The sentences of an error; None where it is not one of ECS."""
    try:
        return " ".join(str(each["message"]) for each in content["errors"]) or None
    except (TypeError, KeyError):
        return None


def domain_of(content: Any) -> Domain | None:
    """One domain, None where it is of an unknown form. What proves control of it is missing for up
    to a minute."""
    try:
        name = str(content["domainName"])
        status = str(content["verificationStatus"])
    except (KeyError, TypeError):
        return None
    record, file = content.get("dnsMethod"), content.get("webServerMethod")
    proof = "in the Entrust portal"
    if isinstance(record, dict):
        proof = (
            f"by a {record.get('recordType')} record {record.get('recordDomain')} "
            f"with the value {record.get('recordValue')}"
        )
    elif isinstance(file, dict):
        proof = f"by {file.get('fileLocation')} holding {file.get('fileContents')}"
    elif content.get("emailMethod"):
        proof = f"by the e-mail to {', '.join(map(str, content['emailMethod']))}"
    return Domain(name, status, proof)


def waits_for(names: Sequence[str], domains: Iterable[Domain]) -> str:
    """What a pending certificate waits for: its owner's proof, else an administrator."""
    hosts = [name.removeprefix("*.").lower() for name in names]
    unproven = [
        domain
        for domain in domains
        if domain.status in ("INITIAL_VERIFICATION", "RE_VERIFICATION")
        and any(host == domain.name or host.endswith("." + domain.name) for host in hosts)
    ]
    if not unproven:
        return "an administrator of the Entrust account"
    return " ".join(f"Proof of control over {each.name}, {each.proof}." for each in unproven)


def organization_of(content: Any, clients: Mapping[int, Any]) -> ExternalOrganization:
    """An organization with the validations of the client that owns it."""
    name, client_id = str(content["name"]), int(content["clientId"])
    status = str(content["verificationStatus"])
    client = clients.get(client_id) or {}
    ov_until, ev_until = _instant(client.get("ovExpiryDate")), _instant(client.get("evExpiryDate"))
    validations = [ExternalValidation("ov", _validation(status, ov_until), ov_until)]
    if "evVerificationStatus" in client:
        ev = _validation(str(client["evVerificationStatus"]), ev_until)
        validations.append(ExternalValidation("ev", ev, ev_until))
    return ExternalOrganization(
        id=external_id(client_id, name),
        name=name,
        address=f"client {client_id}" + (f", {client['clientName']}" if client else ""),
        status="active",
        usable=validations[0].status == "active",
        validations=tuple(validations),
    )


def product_of(content: Any) -> Product:
    """What was bought. ECS tells neither terms nor key rules of it."""
    kind = str(content["productType"])
    left = int(content["remainingCount"])
    validation = "ev" if kind.startswith("EV_") else "private" if kind in _PRIVATE else "ov"
    facts = {"remaining": left, "total": content.get("totalCount")}
    return Product(kind, kind.replace("_", " "), validation, (1, 2, 3), ("sha256",), facts)


def ders_of(pems: Sequence[str]) -> tuple[bytes, ...]:
    """Raises ValueError."""
    loaded = [x509.load_pem_x509_certificate(each.encode()) for each in pems]
    return tuple(each.public_bytes(Encoding.DER) for each in loaded)


def _validation(status: str, until: datetime | None) -> str:
    """Only APPROVED is usable; what runs out or is verified anew may be, until its end."""
    ended = until is None or until <= datetime.now(UTC)
    if status == "APPROVED" or (status in ("EXPIRING", "RE_VERIFICATION") and not ended):
        return "active"
    return "expired" if status == "EXPIRED" else status.lower().replace("_", " ")


def _instant(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
