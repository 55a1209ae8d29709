"""Payloads of CertCentral to values and back, without I/O."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import Order
from scm_api.drivers.digicert.options import DigiCertConnection, DigiCertProfileOptions
from scm_api.drivers.digicert.reasons import REVOCATION_REASONS

WAITING: Final = {
    "pending": "DigiCert's validation",
    "processing": "DigiCert",
    "needs_approval": "an administrator of the CertCentral account",
    "needs_csr": "a CSR in CertCentral",
    "waiting_pickup": "the recipient of DigiCert's e-mail",
    "reissue_pending": "a reissue in CertCentral",
    "submitted": "DigiCert",
}
ENDED_WITHOUT: Final = frozenset({"rejected", "canceled", "denied"})
_REFERENCE: Final = re.compile(r"[0-9]{1,15}(?:/[0-9]{0,15})?")


class Unreadable(Exception):
    """The answer is not what CertCentral documents."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What the answer to an order tells; `pems` are empty unless it was issued in it."""

    order_id: str
    request_id: str
    pems: tuple[str, ...]
    waits_for: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order's status as lists tell it."""

    order_id: str
    status: str
    certificate_id: str | None


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """A certificate of an order; `status` None where it is not told."""

    id: str
    serial_number: int
    status: str | None


@dataclass(frozen=True, slots=True)
class Requested:
    """A request that an administrator decides about."""

    id: int
    status: str
    comments: str


@dataclass(frozen=True, slots=True)
class OrderInfo:
    """One order. `newest` is its newest certificate, `revocations` are the requests to revoke,
    oldest first, `reissues` those to reissue by their numbers, `notes` DigiCert's words."""

    line: OrderLine
    newest: CertificateLine | None
    has_one_certificate: bool
    revocations: tuple[Requested, ...]
    reissues: Mapping[int, Requested]
    product: str
    organization: str
    notes: str

    def reissue(self, ca_ref: str) -> str | None:
        """The state of the request to reissue behind our reference, None where there is none."""
        found = self.reissues.get(request_of(ca_ref))
        return found.status if found else None


def order_body(
    order: Order, options: DigiCertProfileOptions, connection: DigiCertConnection
) -> dict[str, Any]:
    """An order; names go into JSON, as CertCentral reads none from the CSR (order, Basic OV).
    Raises OrderRefused."""
    names = [name.value for name in order.names]
    common_name = order.subject_name()
    certificate: dict[str, Any] = {
        "common_name": common_name,
        "dns_names": [name for name in names if name != common_name],
        "csr": x509.load_der_x509_csr(order.csr_der).public_bytes(Encoding.PEM).decode(),
        "signature_hash": options.signature_hash,
    }
    if options.ca_cert_id is not None:
        certificate["ca_cert_id"] = options.ca_cert_id
    if options.server_platform is not None:
        certificate["server_platform"] = {"id": options.server_platform}
    body: dict[str, Any] = {
        "certificate": certificate,
        "order_validity": _validity(order),
        "skip_approval": connection.skip_approval,
        "alternative_order_id": order.token,
        "payment_method": "balance",
    }
    if order.external_organization is not None:
        body["organization"] = {"id": int(order.external_organization)}
    if connection.container_id is not None:
        body["container"] = {"id": connection.container_id}
    if order.renews_ca_ref is not None:
        body["renewal_of_order_id"] = int(order_of(order.renews_ca_ref))
    if order.comment:
        body["comments"] = order.comment
    if options.custom_fields:
        body["custom_fields"] = [each.model_dump() for each in options.custom_fields]
    if options.additional_emails:
        body["additional_emails"] = options.additional_emails
    return body


def _validity(order: Order) -> dict[str, Any]:
    if order.not_after is None:
        return {"days": order.term_days}
    # Dates have no time, and the certificate ends with the day: not later than what was asked.
    last = (order.not_after - timedelta(days=1, seconds=-1)).date()
    return {"custom_expiration_date": last.isoformat()}


def reissue_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of an order goes into a reissue: the certificate, with an end of its own. It has no
    other place for our token than the comments, which are shown with the order."""
    certificate = dict(body["certificate"]) | {"cert_validity": body["order_validity"]}
    comments = " ".join(filter(None, (body.get("comments"), body["alternative_order_id"])))
    kept = {"comments": comments, "skip_approval": body["skip_approval"]}
    return {"certificate": certificate} | kept


def reference(order_id: str, request_id: str) -> str:
    """What names a reissue: orders keep their number through all of theirs."""
    return f"{order_id}/{request_id}"


def is_reference(ca_ref: str) -> bool:
    """Whether it can name an order or a reissue: it may be one that a person found."""
    return _REFERENCE.fullmatch(ca_ref) is not None


def order_of(ca_ref: str) -> str:
    """The order behind our reference."""
    return ca_ref.partition("/")[0]


def request_of(ca_ref: str) -> int:
    """The request to reissue behind our reference, 0 for the order itself."""
    return int(ca_ref.partition("/")[2] or 0)


def revocation_body(
    reason: RevocationReason, comments: str, connection: DigiCertConnection
) -> dict[str, Any]:
    """Why, and whether the account's own approval is gone past."""
    return {
        "revocation_reason": REVOCATION_REASONS[reason],
        "comments": comments,
        "skip_approval": connection.skip_approval,
    }


def read_placed(content: Any) -> Placed:
    """The answer to an order, by which of its four forms it is. Raises Unreadable."""
    order_id = number(content, "id")
    pems = tuple(text(each, "pem") for each in content.get("certificate_chain") or ())
    domains = content.get("domains") or ()
    if "certificate_id" not in content:
        waits = WAITING["needs_approval"]
    elif domains:
        waits = " ".join(_instruction(each) for each in domains)
    elif "dcv_random_value" in content:
        waits = f"proof of control over the domain: the value {content['dcv_random_value']}"
    else:
        waits = WAITING["processing"]
    first: Mapping[str, Any] = next(iter(content.get("requests") or ()), {})
    return Placed(order_id, str(first.get("id", "")), pems, waits)


def read_lines(content: Any) -> list[OrderLine]:
    """Lists of orders; an empty one may be an empty object (status changes). Raises Unreadable."""
    if not isinstance(content, dict):
        raise Unreadable
    return [
        OrderLine(
            number(each, "order_id"),
            text(each, "status"),
            str(each["certificate_id"]) if each.get("certificate_id") else None,
        )
        for each in content.get("orders") or ()
    ]


def read_order(content: Any) -> OrderInfo:
    """`GET /order/certificate/{id}`. Raises Unreadable."""
    status = text(content, "status")
    certificate = content.get("certificate") or {}
    certificate_id = str(certificate["id"]) if certificate.get("id") else None
    line = OrderLine(number(content, "id"), status, certificate_id)
    requests = content.get("requests") or ()
    revocations = sorted(_requested(requests, "revoke"), key=lambda each: each.id)
    reissues = {each.id: each for each in _requested(requests, "reissue")}
    further = any(each.get("type") in ("reissue", "duplicate") for each in requests)
    counted = (content.get("reissues_count"), content.get("duplicates_count"))
    has_one = not further and all(str(each or 0) == "0" for each in counted)
    notes = " ".join(str(each.get("text", "")) for each in content.get("notes") or ())
    product = str((content.get("product") or {}).get("name_id", ""))
    organization = str((content.get("organization") or {}).get("id", ""))
    return OrderInfo(
        line,
        _certificate(certificate),
        has_one,
        tuple(revocations),
        reissues,
        product,
        organization,
        notes,
    )


def read_chain(content: Any) -> tuple[bytes, ...]:
    """`GET /certificate/{id}/chain`: the leaf, then its issuers. Raises Unreadable."""
    if not isinstance(content, dict) or not content.get("intermediates"):
        raise Unreadable
    return ders_of([text(each, "pem") for each in content["intermediates"]])


def ders_of(pems: Sequence[str]) -> tuple[bytes, ...]:
    """Raises Unreadable."""
    try:
        loaded = [x509.load_pem_x509_certificate(each.encode()) for each in pems]
    except ValueError as error:
        raise Unreadable from error
    return tuple(each.public_bytes(Encoding.DER) for each in loaded)


def read_certificates(content: Any) -> list[CertificateLine]:
    """The certificates of an order that have been issued. Raises Unreadable."""
    if not isinstance(content, dict):
        raise Unreadable
    found = (_certificate(each) for each in content.get("certificates") or ())
    return [each for each in found if each is not None]


def read_refusal(content: Any) -> tuple[str, str] | None:
    """Code and words of an error; None where it is not one of CertCentral."""
    try:
        errors = content["errors"]
        code = str(errors[0]["code"])
        words = " ".join(str(each["message"]) for each in errors)
    except (TypeError, KeyError, IndexError):
        return None
    return code, words


def _requested(requests: Iterable[Any], kind: str) -> Iterator[Requested]:
    for each in requests:
        if each.get("type") == kind:
            comments = str(each.get("comments") or "")
            yield Requested(int(number(each, "id")), str(each.get("status")), comments)


def _certificate(content: Any) -> CertificateLine | None:
    """None before it is issued, when it has no serial number, and where that cannot be read."""
    status = str(content["status"]) if content.get("status") else None
    try:
        serial_number = int(str(content.get("serial_number")), 16)
        return CertificateLine(number(content, "id"), serial_number, status)
    except (ValueError, Unreadable):
        return None


def _instruction(domain: Any) -> str:
    token = (domain.get("dcv_token") or {}).get("token")
    name = domain.get("name", "a domain")
    how = f" with the token {token} in DNS or on its web server" if token else ""
    return f"Proof of control over {name}{how}."


def number(content: Any, member: str) -> str:
    """Ids are numbers of any length; some answers hold them as text."""
    try:
        return str(int(content[member]))
    except (TypeError, KeyError, ValueError) as error:
        raise Unreadable from error


def text(content: Any, member: str) -> str:
    try:
        return str(content[member])
    except (TypeError, KeyError) as error:
        raise Unreadable from error
