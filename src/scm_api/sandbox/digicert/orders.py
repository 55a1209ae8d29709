"""Placing orders and what becomes of them, up to the certificate."""

from datetime import UTC, datetime, time, timedelta
from secrets import randbelow, token_hex
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from scm_api.sandbox.authority import Wanted, distinguished, general_name
from scm_api.sandbox.digicert import catalogue
from scm_api.sandbox.digicert.catalogue import ADMINISTRATOR, MANAGER, Key
from scm_api.sandbox.digicert.certificate_request import load_csr, read_certificate
from scm_api.sandbox.digicert.errors import missing, not_found
from scm_api.sandbox.digicert.simulator import Simulator
from scm_api.sandbox.digicert.validity import certificate_end, order_end
from scm_api.sandbox.documents import Document

FIRST_ORDER: Final = 120000001
FIRST_CERTIFICATE: Final = 55667788
FIRST_REQUEST: Final = 330001
_FIRST_NEW_DOMAIN: Final = 82001
# Serial numbers are of 16 bytes and begin with a zero, which is shown (order info: `0A1B2C...`).
_SERIAL_BYTES: Final = 16
_LEAST_SERIAL: Final = 1 << 120
TOKEN_LIFE: Final = timedelta(days=30)


def place(simulator: Simulator, caller: Key, name_id: str, body: dict[str, Any]) -> Document:
    """Take an order; it is in the ledger before anything is answered. Raises ApiError."""
    product = product_of(name_id)
    parsed = read_certificate(body, product)
    today = simulator.now().date()
    last_day = order_end(body, today, product["allowed_order_validity_years"])
    is_public = product["group_name"] != "private_ssl_certificate"
    cap = simulator.behaviour.cap_days if is_public else None
    ends = certificate_end(body, today, last_day, cap)
    organization = _organization(simulator, caller, product, body)
    renewed = _renewed(simulator, caller, body)
    moment = simulator.now().timestamp()
    order: Document = {
        "id": simulator.documents.next_number("order", FIRST_ORDER),
        "account_id": caller.account_id,
        "user_id": caller.user_id,
        "product": name_id,
        "organization_id": organization["id"] if organization else None,
        "common_name": parsed.common_name,
        "dns_names": parsed.names,
        "csr": body["certificate"]["csr"],
        "signature_hash": parsed.signature_hash,
        "server_platform": (body["certificate"].get("server_platform") or {}).get("id", -1),
        "placed_at": moment,
        "changed_at": moment,
        "ready_at": None,
        "order_valid_till": last_day.isoformat(),
        "certificate_ends": ends.isoformat(),
        "alternative_order_id": body.get("alternative_order_id"),
        "comments": body.get("comments"),
        "custom_fields": body.get("custom_fields") or [],
        "additional_emails": body.get("additional_emails") or [],
        "renewal_of_order_id": renewed["id"] if renewed else None,
        "certificates": [],
        "reserved_certificate_id": None,
        "waiting_domains": [],
        "notes": [],
        "status": "needs_approval",
    }
    _write_down(simulator, order)
    if renewed:
        renewed["renewed_by"] = order["id"]
        simulator.documents.put("order", renewed)
    request = new_request(simulator, caller, order, "new_request", body)
    if request["status"] == "approved":
        begin(simulator, order)
    simulator.documents.put("order", order)
    return order


def _write_down(simulator: Simulator, order: Document) -> None:
    simulator.ledger.append(
        {
            "kind": "order",
            "order_id": order["id"],
            "product": order["product"],
            "alternative_order_id": order["alternative_order_id"],
            "common_name": order["common_name"],
            "additional_emails": order["additional_emails"],
            "account_id": order["account_id"],
        }
    )


def new_request(
    simulator: Simulator, caller: Key, order: Document, kind: str, body: dict[str, Any]
) -> Document:
    """The request that an administrator approves, or that needs nobody."""
    may_skip = caller.role in (ADMINISTRATOR, MANAGER) and bool(body.get("skip_approval"))
    waits = simulator.behaviour.needs_approval and not may_skip
    request: Document = {
        "id": simulator.documents.next_number("request", FIRST_REQUEST),
        "account_id": caller.account_id,
        "order_id": order["id"],
        "user_id": caller.user_id,
        "type": kind,
        "status": "pending" if waits else "approved",
        "date": stamp(simulator.now()),
        "comments": body.get("comments") or body.get("comment"),
    }
    simulator.documents.put("request", request)
    return request


def begin(simulator: Simulator, order: Document) -> None:
    """The order is DigiCert's from here on: validated, then issued."""
    order["reserved_certificate_id"] = _next_certificate(simulator)
    order["status"] = "pending"
    if order["product"].startswith(("ssl", "code")):
        order["waiting_domains"] = _unproven(simulator, order)
    _settle(simulator, order)


def advance(simulator: Simulator, order: Document) -> Document:
    """The order as it is now: what it waited for may have happened since it was last looked at."""
    if order["status"] in ("pending", "processing"):
        _settle(simulator, order)
        simulator.documents.put("order", order)
    return order


def _settle(simulator: Simulator, order: Document) -> None:
    documents, now = simulator.documents, simulator.now()
    if not _organization_is_valid(simulator, order):
        return
    waiting = [documents.get("domain", each) for each in order["waiting_domains"]]
    unproven = [each["id"] for each in waiting if each and each["status"] != "complete"]
    order["waiting_domains"] = unproven
    if unproven:
        return
    if order["ready_at"] is None:
        pause = 0 if simulator.behaviour.immediate else simulator.behaviour.processing_seconds
        order["ready_at"] = now.timestamp() + pause
        order["status"] = "processing"
    if order["ready_at"] <= now.timestamp():
        issue(simulator, order)


def issue(simulator: Simulator, order: Document) -> Document:
    """Sign, and write it down; returns the certificate."""
    product = product_of(order["product"])
    is_private = product["group_name"] == "private_ssl_certificate"
    hierarchy = simulator.private if is_private else simulator.public
    now = simulator.now()
    number = order["reserved_certificate_id"] or _next_certificate(simulator)
    order["reserved_certificate_id"] = None
    has_organization = product["validation_type"] != "dv"
    organization = simulator.documents.get("organization", order["organization_id"] or 0)
    leaf = hierarchy.sign(
        Wanted(
            public_key=load_csr(order["csr"]).public_key(),
            subject=_subject(order["common_name"], organization if has_organization else None),
            names=[general_name(each) for each in order["dns_names"]],
            signature_hash=order["signature_hash"],
            not_before=datetime.combine(now.date(), time(), UTC),
            not_after=datetime.fromisoformat(order["certificate_ends"]),
            serial_number=_LEAST_SERIAL + randbelow(15 * _LEAST_SERIAL),
        )
    )
    certificate: Document = {
        "id": number,
        "order_id": order["id"],
        "account_id": order["account_id"],
        "serial_number": leaf.serial_number.to_bytes(_SERIAL_BYTES).hex().upper(),
        "pem": pem(leaf),
        "chain": [pem(hierarchy.issuing), pem(hierarchy.root)],
        "status": "approved",  # in lists of certificates it means issued
        "common_name": order["common_name"],
        "dns_names": order["dns_names"],
        "csr": order["csr"],
        "signature_hash": order["signature_hash"],
        "date_created": stamp(now),
        "valid_from": leaf.not_valid_before_utc.date().isoformat(),
        "valid_till": leaf.not_valid_after_utc.date().isoformat(),
    }
    simulator.ledger.append(
        {
            "kind": "certificate",
            "order_id": order["id"],
            "certificate_id": number,
            "serial_number": certificate["serial_number"],
        }
    )
    simulator.documents.put("certificate", certificate)
    order["certificates"].append(number)
    change(simulator, order, "issued")
    return certificate


def change(simulator: Simulator, order: Document, status: str) -> None:
    """The order has a new status, which status-changes tells."""
    order["status"] = status
    order["changed_at"] = simulator.now().timestamp()
    simulator.documents.put("order", order)


def order_of(simulator: Simulator, caller: Key, number: str) -> Document:
    """An order of the caller's account as it is now; a foreign one is not found."""
    order = simulator.documents.get("order", int(number)) if number.isdecimal() else None
    if order is None or order["account_id"] != caller.account_id:
        raise not_found("order")
    return advance(simulator, order)


def product_of(name_id: str) -> Document:
    """Raises ApiError for what the account cannot order, old names among them."""
    for product in catalogue.products():
        if product["name_id"] == name_id:
            return product
    raise not_found("product")


def pem(certificate: x509.Certificate) -> str:
    """PEM with the CRLF line ends that CertCentral puts into JSON."""
    text = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return text.replace("\n", "\r\n")


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _subject(common_name: str, organization: Document | None) -> x509.Name:
    """From the order and the organization: CertCentral reads no subject from the CSR."""
    if organization is None:
        return distinguished(CN=common_name)
    return distinguished(
        C=organization["country"].upper(),
        ST=organization["state"],
        L=organization["city"],
        O=organization["name"],
        CN=common_name,
    )


def _next_certificate(simulator: Simulator) -> int:
    reserved = [order["reserved_certificate_id"] or 0 for order in simulator.documents.of("order")]
    return max(
        simulator.documents.next_number("certificate", FIRST_CERTIFICATE),
        max(reserved, default=0) + 1,
    )


def _organization(
    simulator: Simulator, caller: Key, product: Document, body: dict[str, Any]
) -> Document | None:
    given = (body.get("organization") or {}).get("id")
    if given is None:
        if product["validation_type"] == "dv":
            return None
        raise missing("organization")
    number = int(given) if str(given).isdecimal() else 0  # old clients send a string
    found = simulator.documents.get("organization", number)
    if found is None or found["account_id"] != caller.account_id or not found["is_active"]:
        raise not_found("organization")
    return found


def _organization_is_valid(simulator: Simulator, order: Document) -> bool:
    kind = product_of(order["product"])["validation_type"]
    if kind == "dv" or order["organization_id"] is None:
        return True
    organization = simulator.documents.get("organization", order["organization_id"])
    if organization is None:
        return False
    wanted = kind if kind in ("ov", "ev") else "ov"
    return any(
        each["type"] == wanted and each["status"] == "active"
        for each in organization["validations"]
    )


def _renewed(simulator: Simulator, caller: Key, body: dict[str, Any]) -> Document | None:
    number = body.get("renewal_of_order_id")
    return None if number is None else order_of(simulator, caller, str(number))


def _unproven(simulator: Simulator, order: Document) -> list[int]:
    """Domains of the order whose control has to be shown first; unknown ones are added."""
    wanted = []
    for name in order["dns_names"]:
        host = name.removeprefix("*.").lower()
        known = [
            each
            for each in simulator.documents.of("domain")
            if each["organization_id"] == order["organization_id"]
            and (host == each["name"] or host.endswith("." + each["name"]))
        ]
        domain = known[0] if known else _new_domain(simulator, order, host)
        if domain["status"] != "complete":
            domain.setdefault("token", token_hex(16))
            simulator.documents.put("domain", domain)
            wanted.append(domain["id"])
    return list(dict.fromkeys(wanted))


def _new_domain(simulator: Simulator, order: Document, host: str) -> Document:
    domain: Document = {
        "id": simulator.documents.next_number("domain", _FIRST_NEW_DOMAIN),
        "organization_id": order["organization_id"],
        "name": host,
        "status": "pending",
        "date_created": stamp(simulator.now()),
    }
    simulator.documents.put("domain", domain)
    return domain
