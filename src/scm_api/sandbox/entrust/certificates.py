"""Certificates from their request to their issuance; the ledger is written before any answer."""

from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from scm_api.sandbox import authority
from scm_api.sandbox.documents import Document
from scm_api.sandbox.entrust.catalogue import User
from scm_api.sandbox.entrust.errors import ApiError, not_found
from scm_api.sandbox.entrust.requests import Wanted, load_csr
from scm_api.sandbox.entrust.simulator import Simulator

FIRST_TRACKING_ID: Final = 2378901
_USAGES: Final = {
    "SERVER_AUTH": (ExtendedKeyUsageOID.SERVER_AUTH,),
    "CLIENT_AUTH": (ExtendedKeyUsageOID.CLIENT_AUTH,),
    "SERVER_AND_CLIENT_AUTH": (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
}


def place(
    simulator: Simulator,
    user: User,
    wanted: Wanted,
    *,
    queued: bool,
    follows: tuple[str, Document] | None = None,
) -> Document:
    """Take a request; `follows` is whether it renews or reissues another certificate, and which."""
    now = simulator.now().timestamp()
    certificate: Document = {
        "id": simulator.documents.next_number("certificate", FIRST_TRACKING_ID),
        "account_id": user.account_id,
        "creator": user.name,
        "status": "PENDING",
        "approved": not (queued or user.is_queued or simulator.behaviour.needs_approval),
        "cert_type": wanted.cert_type,
        "csr": wanted.csr,
        "common_name": wanted.common_name,
        "names": wanted.names,
        "client_id": wanted.client_id,
        "org": wanted.org,
        "eku": wanted.eku,
        "expires": wanted.expires,
        "tracking": wanted.tracking,
        "waiting": wanted.waiting,
        "placed_at": now,
        "ready_at": None,
        "follows": [follows[0], follows[1]["id"]] if follows else None,
        "serial_number": None,
    }
    simulator.ledger.append(
        {
            "kind": "order",
            "tracking_id": certificate["id"],
            "cert_type": wanted.cert_type,
            "tracking_info": wanted.tracking.get("trackingInfo"),
            "follows": certificate["follows"],
        }
    )
    if follows is None or follows[0] == "renewal":
        take_from_inventory(simulator, user.account_id, wanted.cert_type)
    if follows:
        follows[1]["status"] = {"renewal": "RENEWING", "reissue": "REISSUING"}[follows[0]]
        simulator.documents.put("certificate", follows[1])
    settle(simulator, certificate)
    return certificate


def settle(simulator: Simulator, certificate: Document) -> Document:
    """The certificate as it is now: what it waited for may have happened meanwhile."""
    if certificate["status"] not in ("PENDING", "APPROVED"):
        return certificate
    now = simulator.now().timestamp()
    domains = [simulator.documents.get("domain", each) for each in certificate["waiting"]]
    certificate["waiting"] = [
        each["id"] for each in domains if each and each["verificationStatus"] != "APPROVED"
    ]
    if certificate["approved"] and not certificate["waiting"]:
        if certificate["ready_at"] is None:
            pause = 0 if simulator.behaviour.immediate else simulator.behaviour.processing_seconds
            certificate |= {"ready_at": now + pause, "status": "APPROVED"}
        if certificate["ready_at"] <= now:
            _issue(simulator, certificate)
    simulator.documents.put("certificate", certificate)
    return certificate


def inventory_for(simulator: Simulator, account_id: int, cert_type: str) -> Document | None:
    """What pays for one more: units of the type, else FLEX, which is not for PD_SSL."""
    payers = [cert_type]
    if cert_type.endswith("_SSL") and cert_type != "PD_SSL":
        payers.append("FLEX")
    for payer in payers:
        for each in simulator.documents.of("inventory"):
            mine = (each["account_id"], each["productType"]) == (account_id, payer)
            if mine and each["used"] < each["total"]:
                return each
    return None


def take_from_inventory(simulator: Simulator, account_id: int, cert_type: str) -> None:
    """Raises ApiError where nothing is left."""
    payer = inventory_for(simulator, account_id, cert_type)
    if payer is None:
        raise ApiError(400, f"No inventory is available for {cert_type}")
    payer["used"] += 1
    simulator.documents.put("inventory", payer)


def certificate_of(simulator: Simulator, user: User, number: str) -> Document:
    """A certificate of the user's account as it is now; a foreign one is not found."""
    found = simulator.documents.get("certificate", int(number)) if number.isdecimal() else None
    if found is None or found["account_id"] != user.account_id:
        raise not_found("certificate")
    return settle(simulator, found)


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds: strict clients expect exactly this form."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _issue(simulator: Simulator, certificate: Document) -> None:
    is_private = certificate["cert_type"] == "PRIVATE_SSL"
    hierarchy = simulator.private if is_private else simulator.public
    csr = load_csr(certificate["csr"])
    assert csr is not None
    is_code = certificate["cert_type"] == "CODE_SIGNING"
    usages = (ExtendedKeyUsageOID.CODE_SIGNING,) if is_code else _USAGES[certificate["eku"]]
    organization = {"O": certificate["org"]} if certificate["org"] else {}
    now = simulator.now()
    leaf = hierarchy.sign(
        authority.Wanted(
            public_key=csr.public_key(),
            subject=authority.distinguished(
                C="IE", L="Dublin", **organization, CN=certificate["common_name"]
            ),
            names=[]
            if is_code
            else [authority.general_name(each) for each in certificate["names"]],
            signature_hash="sha256",
            not_before=now.replace(microsecond=0),
            not_after=datetime.fromisoformat(certificate["expires"]),
            usages=usages,
        )
    )
    certificate |= {
        "status": "ACTIVE",
        "issued_at": now.timestamp(),
        # Hexadecimal without leading zeros.
        "serial_number": f"{leaf.serial_number:X}",
        "pem": pem(leaf),
        "chain": [pem(leaf), pem(hierarchy.issuing), pem(hierarchy.root)],
    }
    simulator.ledger.append(
        {
            "kind": "certificate",
            "tracking_id": certificate["id"],
            "serial_number": certificate["serial_number"],
        }
    )
    if certificate["follows"]:
        _end_predecessor(simulator, *certificate["follows"])


def _end_predecessor(simulator: Simulator, how: str, number: int) -> None:
    """A renewal leaves the old certificate valid, a reissue revokes it."""
    before = simulator.documents.get("certificate", number)
    assert before is not None
    before["status"] = {"renewal": "RENEWED", "reissue": "REISSUED"}[how]
    if how == "reissue":
        revoked(simulator, before, "superseded")
    simulator.documents.put("certificate", before)


def revoked(simulator: Simulator, certificate: Document, reason: str) -> None:
    """Write a revocation down."""
    simulator.ledger.append(
        {
            "kind": "revocation",
            "tracking_id": certificate["id"],
            "serial_number": certificate["serial_number"],
            "reason": reason,
        }
    )


def issued_body(certificate: Document) -> dict[str, Any]:
    """What a request is answered with once there is a certificate."""
    number = certificate["id"]
    return {
        "trackingId": number,
        "serialNumber": certificate["serial_number"],
        "expiresAfter": instant(datetime.fromisoformat(certificate["expires"])),
        "endEntityCert": certificate["pem"],
        "chainCerts": certificate["chain"],
        "pickupUrl": f"https://www.entrust.net/ssl/certpickup.cfm?id={number}-SANDBOX",
    }
