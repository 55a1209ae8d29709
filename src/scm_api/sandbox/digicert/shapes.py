"""What answers look like: documents as CertCentral shows them."""

from datetime import UTC, datetime
from typing import Any

from scm_api.sandbox.digicert import catalogue
from scm_api.sandbox.digicert.changes import certificates_of
from scm_api.sandbox.digicert.orders import TOKEN_LIFE, product_of, stamp
from scm_api.sandbox.digicert.simulator import Simulator
from scm_api.sandbox.documents import Document


def created(simulator: Simulator, order: Document) -> dict[str, Any]:
    """The answer to an order; which members it has tells its state, there is no status."""
    answer: dict[str, Any] = {
        "id": order["id"],
        "requests": [
            {"id": each["id"], "status": each["status"]}
            for each in simulator.documents.of("request")
            if each["order_id"] == order["id"] and each["type"] == "new_request"
        ],
    }
    if order["status"] == "needs_approval":
        return answer
    if order["status"] == "issued":
        [certificate] = certificates_of(simulator, order)
        shown = {"certificate_id": certificate["id"], "certificate_chain": chain(certificate)}
        return answer | shown
    answer["certificate_id"] = order["reserved_certificate_id"]
    waiting = [simulator.documents.get("domain", each) for each in order["waiting_domains"]]
    domains = [_waiting_domain(simulator, each) for each in waiting if each is not None]
    if not domains:
        return answer
    if product_of(order["product"])["validation_type"] == "dv":
        return answer | {"dcv_random_value": domains[0]["dcv_token"]["token"]}
    return answer | {"domains": domains}


def chain(certificate: Document) -> list[dict[str, str]]:
    """Leaf, issuing CA and root, each with its common name."""
    pems = [certificate["pem"], *certificate["chain"]]
    names = [certificate["common_name"], "Fake Issuing CA", "Fake Root"]
    return [
        {"subject_common_name": name, "pem": text} for name, text in zip(names, pems, strict=True)
    ]


def order_info(simulator: Simulator, order: Document) -> dict[str, Any]:
    """`GET /order/certificate/{id}`."""
    product = product_of(order["product"])
    issued = certificates_of(simulator, order)
    placed = datetime.fromtimestamp(order["placed_at"], UTC)
    certificate: dict[str, Any] = {
        "common_name": order["common_name"],
        "dns_names": order["dns_names"],
        "date_created": stamp(placed),
        "csr": order["csr"],
        "signature_hash": order["signature_hash"],
        "server_platform": {"id": order["server_platform"]},
    }
    if issued:
        certificate |= _issued_part(issued[-1])
    requests = [
        {name: each.get(name) for name in ("id", "date", "type", "status", "comments")}
        for each in simulator.documents.of("request")
        if each["order_id"] == order["id"]
    ]
    info = {
        "id": order["id"],
        "status": order["status"],
        "is_renewal": order["renewal_of_order_id"] is not None,
        "is_renewed": "renewed_by" in order,
        "renewed_order_id": order["renewal_of_order_id"] or 0,
        "date_created": stamp(placed),
        "order_valid_till": order["order_valid_till"],
        "certificate": certificate,
        "product": {name: product[name] for name in ("name_id", "name", "type", "validation_type")},
        "container": {"id": catalogue.CONTAINER_ID, "name": "Main"},
        "requests": requests,
        "notes": order["notes"],
        "custom_fields": order["custom_fields"],
        "user": {"id": order["user_id"]},
        "payment_method": "balance",
    }
    if order["alternative_order_id"] is not None:
        info["alternative_order_id"] = order["alternative_order_id"]
    if order["organization_id"] is not None:
        info["organization"] = {"id": order["organization_id"]}
    return info


def listed_order(order: Document, product: Document) -> dict[str, Any]:
    """One line of `GET /order/certificate`."""
    return {
        "id": order["id"],
        "status": order["status"],
        "certificate": {
            "common_name": order["common_name"],
            "dns_names": order["dns_names"],
            "signature_hash": order["signature_hash"],
        },
        "date_created": stamp(datetime.fromtimestamp(order["placed_at"], UTC)),
        "organization": {"id": order["organization_id"]},
        "product": {"name_id": product["name_id"], "name": product["name"]},
    }


def status_line(order: Document) -> dict[str, Any]:
    """One line of status-changes and of the look-up by alternative id."""
    line = {"order_id": order["id"], "status": order["status"]}
    numbers = order["certificates"] or [order["reserved_certificate_id"]]
    return line if numbers == [None] else line | {"certificate_id": numbers[-1]}


def listed_certificate(certificate: Document) -> dict[str, Any]:
    """One line of the lists of reissues."""
    hidden = ("order_id", "account_id", "pem", "chain")
    return {name: value for name, value in certificate.items() if name not in hidden}


def organization(document: Document, *, with_validation: bool) -> dict[str, Any]:
    """One organization; its validations only where they are asked for."""
    hidden = {"account_id"} | (set() if with_validation else {"validations"})
    return {name: value for name, value in document.items() if name not in hidden}


def domain(simulator: Simulator, document: Document) -> dict[str, Any]:
    """One line of `GET /domain`."""
    owner = simulator.documents.get("organization", document["organization_id"] or 0)
    return {
        "id": document["id"],
        "is_active": True,
        "name": document["name"],
        "date_created": document["date_created"],
        "organization": {"id": document["organization_id"], "name": owner and owner["name"]},
        "validations": [{"type": "ov", "status": "active", "dcv_status": document["status"]}],
        "dcv_method": "dns-txt-token",
        "container": {"id": catalogue.CONTAINER_ID},
    }


def request(document: Document) -> dict[str, Any]:
    """One request, as in lists and in answers to revocations."""
    shown = ("id", "date", "type", "status", "comments", "processor_comment")
    return {name: document.get(name) for name in shown} | {
        "requester": {"id": document["user_id"]},
        "order": {"id": document["order_id"]},
    }


def _issued_part(certificate: Document) -> dict[str, Any]:
    return {
        "id": certificate["id"],
        "serial_number": certificate["serial_number"],
        "date_issued": certificate["date_created"],
        "valid_from": certificate["valid_from"],
        "valid_till": certificate["valid_till"],
    }


def _waiting_domain(simulator: Simulator, document: Document) -> dict[str, Any]:
    token = {
        "token": document["token"],
        "status": "pending",
        "expiration_date": stamp(simulator.now() + TOKEN_LIFE),
    }
    return {"id": document["id"], "name": document["name"], "dcv_token": token}
