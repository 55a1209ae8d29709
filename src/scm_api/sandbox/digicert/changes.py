"""What happens to orders after they were placed: approvals, DCV, reissues, revocations, ends."""

from typing import Any

from scm_api.sandbox.digicert.catalogue import ADMINISTRATOR, MANAGER, Key
from scm_api.sandbox.digicert.certificate_request import read_certificate
from scm_api.sandbox.digicert.errors import ApiError, denied, invalid, missing, not_found
from scm_api.sandbox.digicert.orders import (
    advance,
    begin,
    change,
    issue,
    new_request,
    order_of,
    product_of,
)
from scm_api.sandbox.digicert.simulator import Simulator
from scm_api.sandbox.digicert.validity import certificate_end
from scm_api.sandbox.documents import Document

REASONS = frozenset(
    {"unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation"}
)
_CANCELABLE = ("pending", "waiting_pickup", "needs_approval", "processing")


def cancel(simulator: Simulator, caller: Key, number: str, body: dict[str, Any]) -> None:
    """End an order that is not issued yet; of a reissue, only that. Raises ApiError."""
    order = order_of(simulator, caller, number)
    if str(body.get("status", "")).lower() != "canceled":
        raise invalid("status")
    if not body.get("note"):
        raise missing("note")
    request = _requests(simulator, order)[-1]
    if order["status"] == "reissue_pending":
        request |= {"status": "rejected", "processor_comment": body["note"]}
        simulator.documents.put("request", request)
        order.pop("reissue", None)
        change(simulator, order, "issued")
        return
    if order["status"] not in _CANCELABLE:
        message = f"An order that is {order['status']} cannot be canceled."
        raise ApiError(400, "invalid_value:status", message)
    simulator.ledger.append({"kind": "cancellation", "order_id": order["id"]})
    change(simulator, order, "canceled")


def decide(simulator: Simulator, caller: Key, number: str, body: dict[str, Any]) -> None:
    """An administrator approves or rejects a request. Raises ApiError."""
    request = simulator.documents.get("request", int(number)) if number.isdecimal() else None
    if request is None or request["account_id"] != caller.account_id:
        raise not_found("request")
    allowed = (ADMINISTRATOR,) if request["type"] == "revoke" else (ADMINISTRATOR, MANAGER)
    if caller.role not in allowed:
        raise denied("invalid_approver")
    if body.get("status") not in ("approved", "rejected") or request["status"] != "pending":
        raise invalid("status")
    request |= {"status": body["status"], "processor_comment": body.get("processor_comment")}
    simulator.documents.put("request", request)
    order = simulator.documents.get("order", request["order_id"])
    assert order is not None
    is_approved = body["status"] == "approved"
    match request["type"]:
        case "new_request" if is_approved:
            begin(simulator, order)
            simulator.documents.put("order", order)
        case "new_request":
            order["notes"].append({"text": body.get("processor_comment") or "rejected"})
            change(simulator, order, "rejected")
        case "reissue":
            _end_reissue(simulator, order, is_approved=is_approved)
        case "revoke" if is_approved:
            _revoke(simulator, order, request["certificates"], request["reason"])


def check_dcv(simulator: Simulator, caller: Key, number: str) -> dict[str, Any]:
    """Look for the tokens of an order; 400 while one is not where it should be."""
    order = order_of(simulator, caller, number)
    shown = []
    for domain_id in order["waiting_domains"]:
        domain = simulator.documents.get("domain", domain_id)
        assert domain is not None
        if not domain.get("token_placed"):
            message = f"Unable to find the token for {domain['name']}."
            raise ApiError(400, "invalid_dcv_token", message)
        domain["status"] = "complete"
        simulator.documents.put("domain", domain)
        shown.append({"dns_name": domain["name"], "status": "approved"})
    advance(simulator, order)
    answer: dict[str, Any] = {"order_status": order["status"], "dcv_status": "valid"}
    if order["certificates"]:
        answer["certificate_id"] = order["certificates"][-1]
    return answer | {"dns_name_validations": shown}


def reissue(
    simulator: Simulator, caller: Key, number: str, body: dict[str, Any]
) -> tuple[Document, Document, Document | None]:
    """A new certificate on the same order: order, request, and the certificate when immediate."""
    order = order_of(simulator, caller, number)
    if order["status"] != "issued":
        raise ApiError(400, "invalid_value:order_status", "The order is not issued.")
    product = product_of(order["product"])
    parsed = read_certificate(body, product)
    today = simulator.now().date()
    last_day = type(today).fromisoformat(order["order_valid_till"])
    is_public = product["group_name"] != "private_ssl_certificate"
    cap = simulator.behaviour.cap_days if is_public else None
    order["reissue"] = {
        "csr": body["certificate"]["csr"],
        "common_name": parsed.common_name,
        "dns_names": parsed.names,
        "signature_hash": parsed.signature_hash,
        "certificate_ends": certificate_end(body, today, last_day, cap).isoformat(),
    }
    request = new_request(simulator, caller, order, "reissue", body)
    simulator.ledger.append({"kind": "reissue", "order_id": order["id"]})
    certificate = None
    if request["status"] == "approved":
        certificate = _end_reissue(simulator, order, is_approved=True)
    else:
        change(simulator, order, "reissue_pending")
    return order, request, certificate


def _end_reissue(simulator: Simulator, order: Document, *, is_approved: bool) -> Document | None:
    changes = order.pop("reissue")
    if not is_approved:
        change(simulator, order, "issued")
        return None
    removed = set(order["dns_names"]) - set(changes["dns_names"])
    earlier = list(order["certificates"])
    order |= changes
    certificate = issue(simulator, order)
    if removed:  # the earlier certificate has names nobody wants any more
        _revoke(simulator, order, earlier, "superseded")
    return certificate


def revoke(
    simulator: Simulator, caller: Key, certificates: list[Document], body: dict[str, Any]
) -> Document | None:
    """Revoke, or ask for it: None when it is done, the request otherwise. Raises ApiError."""
    reason = body.get("revocation_reason") or "unspecified"
    if reason not in REASONS:
        raise invalid("revocation_reason")
    order = simulator.documents.get("order", certificates[0]["order_id"])
    assert order is not None
    if order["status"] == "reissue_pending":
        raise ApiError(400, "cannot_revoke_pending_reissue", "A reissue of it is pending.")
    if all(each["status"] == "revoked" for each in certificates):
        raise ApiError(400, "certificate_already_revoked", "It is revoked already.")
    body = body | {"skip_approval": body.get("skip_approval") and caller.role == ADMINISTRATOR}
    request = new_request(simulator, caller, order, "revoke", body)
    numbers = [each["id"] for each in certificates]
    if request["status"] == "approved":
        _revoke(simulator, order, numbers, reason)
        return None
    request |= {"certificates": numbers, "reason": reason}
    simulator.documents.put("request", request)
    return request


def revoke_order(
    simulator: Simulator, caller: Key, number: str, body: dict[str, Any]
) -> Document | None:
    """All certificates of an order, and the order itself."""
    order = order_of(simulator, caller, number)
    certificates = certificates_of(simulator, order)
    if not certificates:
        raise ApiError(400, "invalid_value:order_status", "The order has no certificate.")
    request = revoke(simulator, caller, certificates, body)
    if request is None:
        change(simulator, order, "revoked")
    return request


def certificates_of(simulator: Simulator, order: Document) -> list[Document]:
    """Those of an order, the newest last."""
    found = (simulator.documents.get("certificate", each) for each in order["certificates"])
    return [each for each in found if each is not None]


def certificate_of(simulator: Simulator, caller: Key, text: str) -> Document:
    """A certificate of the caller's account by number or by serial number in hex, as shown."""
    for each in simulator.documents.of("certificate"):
        named = text.upper() in (str(each["id"]), each["serial_number"])
        if named and each["account_id"] == caller.account_id:
            return each
    raise not_found("certificate")


def _revoke(simulator: Simulator, order: Document, numbers: list[int], reason: str) -> None:
    for number in numbers:
        certificate = simulator.documents.get("certificate", number)
        if certificate is None or certificate["status"] == "revoked":
            continue
        simulator.ledger.append(
            {
                "kind": "revocation",
                "order_id": order["id"],
                "certificate_id": number,
                "serial_number": certificate["serial_number"],
                "reason": reason,
            }
        )
        certificate["status"] = "revoked"
        simulator.documents.put("certificate", certificate)


def _requests(simulator: Simulator, order: Document) -> list[Document]:
    return [each for each in simulator.documents.of("request") if each["order_id"] == order["id"]]
