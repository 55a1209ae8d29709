"""What is asked of certificates and domains: new ones, successors, approvals, ends."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from scm_api.sandbox.documents import Document
from scm_api.sandbox.entrust.catalogue import User
from scm_api.sandbox.entrust.certificates import (
    certificate_of,
    inventory_for,
    place,
    revoked,
    settle,
)
from scm_api.sandbox.entrust.errors import ApiError, not_found
from scm_api.sandbox.entrust.requests import Reading, truth
from scm_api.sandbox.entrust.simulator import Simulator

_YOUNGEST_RENEWED: Final = timedelta(days=30)
_LIVE: Final = ("ACTIVE", "READY")
_METHODS: Final = ("DNS", "EMAIL", "WEB_SERVER", "MANUAL")


def enroll(simulator: Simulator, user: User, body: dict[str, Any]) -> Document | None:
    """A new certificate; None where the request is only to be checked. Raises ApiError."""
    cert_type = body.get("certType")
    reading = Reading(simulator, user, body)
    if inventory_for(simulator, user.account_id, str(cert_type)) is None:
        reading.wrong.append(f"No inventory is available for {cert_type}")
    wanted = reading.whole(cert_type, body.get("csr"), None)
    if truth(body.get("validateOnly")) and simulator.behaviour.knows_validate_only:
        return None
    return place(simulator, user, wanted, queued=truth(body.get("queueForApproval")))


def renew(simulator: Simulator, user: User, number: str, body: dict[str, Any]) -> Document:
    """A successor with a new end; not of what is younger than 30 days. Raises ApiError."""
    before = certificate_of(simulator, user, number)
    if before["status"] not in _LIVE:
        raise ApiError(400, f"A certificate that is {before['status']} cannot be renewed")
    if simulator.now().timestamp() - before["issued_at"] < _YOUNGEST_RENEWED.total_seconds():
        raise ApiError(400, "A certificate cannot be renewed within 30 days of its issuance")
    reading = Reading(simulator, user, _inherited(before, body))
    if inventory_for(simulator, user.account_id, before["cert_type"]) is None:
        reading.wrong.append(f"No inventory is available for {before['cert_type']}")
    wanted = reading.whole(before["cert_type"], body.get("csr") or before["csr"], None)
    queued = truth(body.get("queueForApproval"))
    return place(simulator, user, wanted, queued=queued, follows=("renewal", before))


def reissue(simulator: Simulator, user: User, number: str, body: dict[str, Any]) -> Document:
    """A successor with the same end, which has the certificate before revoked. Raises ApiError."""
    before = certificate_of(simulator, user, number)
    if before["status"] not in _LIVE:
        raise ApiError(400, f"A certificate that is {before['status']} cannot be reissued")
    expires: date = datetime.fromisoformat(before["expires"]).date()
    reading = Reading(simulator, user, _inherited(before, body))
    wanted = reading.whole(before["cert_type"], body.get("csr") or before["csr"], expires)
    queued = truth(body.get("queueForApproval"))
    return place(simulator, user, wanted, queued=queued, follows=("reissue", before))


def operate(simulator: Simulator, user: User, number: str, body: dict[str, Any]) -> Document:
    """Approve or decline what is pending, suspend what is in use. Raises ApiError."""
    certificate = certificate_of(simulator, user, number)
    operation, status = body.get("operation"), certificate["status"]
    allowed = {
        "APPROVE": ("PENDING",),
        "DECLINE": ("PENDING",),
        "SUSPEND": _LIVE,
        "UNSUSPEND": ("SUSPENDED",),
    }.get(str(operation))
    if allowed is None:
        raise ApiError(400, f"Invalid operation: {operation}")
    if status not in allowed:
        raise ApiError(400, f"{operation} is not allowed for a certificate that is {status}")
    match operation:
        case "APPROVE":
            if user.is_queued:
                raise ApiError(403, "This API user may not approve requests")
            certificate["approved"] = True
        case "DECLINE":
            certificate |= {"status": "DECLINED", "decline_reason": body.get("declineReason")}
            simulator.ledger.append({"kind": "cancellation", "tracking_id": certificate["id"]})
            _give_back(simulator, certificate)
        case "SUSPEND":
            certificate["status"] = "SUSPENDED"
        case _:
            certificate["status"] = "ACTIVE"
    simulator.documents.put("certificate", certificate)
    return settle(simulator, certificate)


def revoke(simulator: Simulator, user: User, number: str, body: dict[str, Any]) -> None:
    """Raises ApiError, also for what is revoked already."""
    certificate = certificate_of(simulator, user, number)
    reason = body.get("crlReason", "unspecified")
    if reason not in simulator.behaviour.crl_reasons:
        raise ApiError(400, f"Invalid CRL reason: {reason}")
    if certificate["status"] not in (*_LIVE, "RENEWED", "SUSPENDED"):
        raise ApiError(400, f"A certificate that is {certificate['status']} cannot be revoked")
    certificate["status"] = "REVOKED"
    revoked(simulator, certificate, reason)
    simulator.documents.put("certificate", certificate)


def deactivate(simulator: Simulator, user: User, number: str) -> None:
    """Hand a unit back to a pooled inventory; nothing is revoked. Raises ApiError."""
    certificate = certificate_of(simulator, user, number)
    if certificate["status"] != "ACTIVE" or not simulator.behaviour.pooling:
        raise ApiError(400, f"A certificate that is {certificate['status']} cannot be deactivated")
    certificate["status"] = "DEACTIVATED"
    simulator.ledger.append({"kind": "deactivation", "tracking_id": certificate["id"]})
    simulator.documents.put("certificate", certificate)
    _give_back(simulator, certificate)


def add_domain(simulator: Simulator, user: User, client_id: str, body: dict[str, Any]) -> Document:
    """A new domain of a client, to be verified by one of the methods. Raises ApiError."""
    name = str(body.get("domainName") or "").lower()
    wrong = [] if "." in name else [f"Invalid domain name: {name}"]
    if body.get("verificationMethod") not in _METHODS:
        wrong.append(f"Invalid verification method: {body.get('verificationMethod')}")
    if wrong:
        raise ApiError(400, *wrong)
    if any(each["domainName"] == name for each in domains_of(simulator, user, client_id)):
        raise ApiError(400, f"The domain {name} exists already")
    domain: Document = {
        "id": simulator.documents.next_number("domain", 100),
        "account_id": user.account_id,
        "clientId": int(client_id),
        "domainName": name,
        "until": "2099-05-01T00:00:00Z",
    }
    return _verify(simulator, domain, body)


def reverify_domain(
    simulator: Simulator, user: User, client_id: str, name: str, body: dict[str, Any]
) -> Document:
    """Begin the verification of a domain once more. Raises ApiError."""
    if body.get("verificationMethod") not in _METHODS:
        raise ApiError(400, f"Invalid verification method: {body.get('verificationMethod')}")
    return _verify(simulator, domain_of(simulator, user, client_id, name), body)


def domains_of(simulator: Simulator, user: User, client_id: str) -> list[Document]:
    """Raises ApiError for an unknown client."""
    clients = [
        each["clientId"]
        for each in simulator.documents.of("client")
        if each["account_id"] == user.account_id
    ]
    if not client_id.isdecimal() or int(client_id) not in clients:
        raise not_found("client")
    return [
        each
        for each in simulator.documents.of("domain")
        if (each["account_id"], each["clientId"]) == (user.account_id, int(client_id))
    ]


def domain_of(simulator: Simulator, user: User, client_id: str, name: str) -> Document:
    for each in domains_of(simulator, user, client_id):
        if each["domainName"] == name.lower():
            return each
    raise not_found("domain")


def _verify(simulator: Simulator, domain: Document, body: dict[str, Any]) -> Document:
    pause = simulator.behaviour.random_value_seconds
    domain |= {
        "verificationStatus": "INITIAL_VERIFICATION",
        "verificationMethod": body["verificationMethod"],
        "emailMethod": body.get("emailMethod"),
        "value": f"{domain['id']:032X}",
        "value_ready_at": simulator.now().timestamp() + pause,
    }
    simulator.documents.put("domain", domain)
    return domain


def _inherited(before: Document, body: dict[str, Any]) -> dict[str, Any]:
    """What is left out is as it was. SANs are those given, else those of the certificate before
    unless there is a new CSR."""
    inherited: dict[str, Any] = {
        "clientId": before["client_id"],
        "tracking": before["tracking"],
        "cn": before["common_name"],
        "eku": before["eku"],
        "endUserKeyStorageAgreement": True,
    }
    if before["client_id"] == 1:
        inherited["org"] = before["org"]
    if not body.get("csr"):
        inherited["subjectAltName"] = before["names"]
    return inherited | body


def _give_back(simulator: Simulator, certificate: Document) -> None:
    for each in simulator.documents.of("inventory"):
        mine = (each["account_id"], each["productType"])
        if mine == (certificate["account_id"], certificate["cert_type"]) and each["used"]:
            each["used"] -= 1
            simulator.documents.put("inventory", each)
