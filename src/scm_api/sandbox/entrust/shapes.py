"""Documents as ECS shows them, and its lists: filters, order and pages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from scm_api.sandbox.documents import Document
from scm_api.sandbox.entrust.certificates import instant
from scm_api.sandbox.entrust.errors import ApiError
from scm_api.sandbox.entrust.simulator import Simulator

_LONGEST_PAGE: Final = 1000
_DEFAULT_PAGE: Final = 100
_FILTERS: Final = (
    "serialNumber",
    "status",
    "certType",
    "dn",
    "domainUsed",
    "org",
    "subjectAltName",
    "expiresAfter",
    "isThirdParty",
    "ovExpiry",
    "domainName",
    "verificationStatus",
)


def certificate(document: Document) -> dict[str, Any]:
    """`GET /certificates/{id}`: names are objects here, strings in requests."""
    shown: dict[str, Any] = {
        "trackingId": document["id"],
        "uri": f"/enterprise/v2/certificates/{document['id']}",
        "status": document["status"],
        "certType": document["cert_type"],
        "dn": f"cn={document['common_name']}, o={document['org']}, l=Dublin, c=IE",
        "signingAlg": "SHA-2",
        "eku": document["eku"],
        "org": document["org"],
        "ou": [],
        "domainUsed": ".".join(document["names"][0].split(".")[-2:]),
        "isThirdParty": False,
        "subjectAltName": [{"type": "DNS", "value": each} for each in document["names"]],
        "tracking": document["tracking"] | {"deactivated": document["status"] == "DEACTIVATED"},
        "csr": document["csr"],
        "creatorName": document["creator"],
    }
    if document["serial_number"]:
        issued = datetime.fromtimestamp(document["issued_at"], UTC)
        shown |= {
            "serialNumber": document["serial_number"],
            "issueDateTime": instant(issued),
            "expiresAfter": instant(datetime.fromisoformat(document["expires"])),
            "endEntityCert": document["pem"],
            "chainCerts": document["chain"],
        }
    return shown


def certificate_line(document: Document) -> dict[str, Any]:
    """One entry of `GET /certificates`, with what can be filtered by."""
    whole = certificate(document)
    left_out = ("csr", "endEntityCert", "chainCerts", "tracking", "creatorName")
    return {name: each for name, each in whole.items() if name not in left_out}


def domain(simulator: Simulator, document: Document) -> dict[str, Any]:
    """The value to prove control with is there only after a while."""
    approved = document["verificationStatus"] in ("APPROVED", "EXPIRING")
    shown: dict[str, Any] = {
        "clientId": document["clientId"],
        "domainName": document["domainName"],
        "verificationStatus": document["verificationStatus"],
        "verificationMethod": document["verificationMethod"],
        "ovEligible": approved,
        "evEligible": approved,
    }
    if approved:
        shown |= {"ovExpiry": document["until"], "evExpiry": document["until"]}
    if document["value_ready_at"] > simulator.now().timestamp():
        return shown
    name, value = document["domainName"], document["value"]
    match document["verificationMethod"]:
        case "DNS":
            record = {"recordDomain": f"_pki-validation.{name}", "recordType": "TXT"}
            shown["dnsMethod"] = record | {"recordValue": value}
        case "WEB_SERVER":
            place = f"http://{name}/.well-known/pki-validation/{value[:8].lower()}.txt"
            shown["webServerMethod"] = {"fileLocation": place, "fileContents": value}
        case "EMAIL":
            asked = document.get("emailMethod") or {}
            shown["emailMethod"] = [asked.get("email", f"admin@{name}")]
    return shown


def client(document: Document) -> dict[str, Any]:
    """Ends of validations appear only where they are approved."""
    shown = {
        "clientId": document["clientId"],
        "clientName": document["clientName"],
        "friendlyClientName": document["clientName"],
        "verificationStatus": document["verificationStatus"],
        "evVerificationStatus": document["evVerificationStatus"],
    }
    if document["verificationStatus"] in ("APPROVED", "EXPIRING"):
        shown["ovExpiryDate"] = document["until"]
    if document["evVerificationStatus"] in ("APPROVED", "EXPIRING"):
        shown["evExpiryDate"] = document["until"]
    return shown


def organization(document: Document) -> dict[str, Any]:
    """Without an id of its own."""
    return {
        "name": document["name"],
        "verificationStatus": document["status"],
        "clientId": document["clientId"],
    }


def inventory(document: Document) -> dict[str, Any]:
    """Units bought and left."""
    return {
        "productType": document["productType"],
        "totalCount": document["total"],
        "remainingCount": document["total"] - document["used"],
        "usedCount": document["used"],
    }


def listed(
    simulator: Simulator, member: str, entries: list[dict[str, Any]], query: Mapping[str, str]
) -> dict[str, Any]:
    """One page under `member` and the block `summary`. `offset` counts items. Raises ApiError."""
    offset, limit = _number(query, "offset", 0), _number(query, "limit", _DEFAULT_PAGE)
    if limit > _LONGEST_PAGE:
        raise ApiError(400, f"The limit may be {_LONGEST_PAGE} at most")
    for name in _FILTERS:
        if name in query:
            entries = [each for each in entries if _fits(each.get(name), query[name])]
    order = query.get("sort")
    if order:
        field, _, direction = order.partition(":")
        if direction not in ("", "asc", "desc"):
            raise ApiError(400, f"Invalid sort: {order}")
        entries.sort(key=lambda each: each.get(field) or 0, reverse=direction == "desc")
    summary: dict[str, Any] = {
        "timestamp": instant(simulator.now()),
        "elapsed": 7,
        "offset": offset,
        "limit": limit,
        "total": len(entries),
    }
    if order:
        summary["sort"] = order
    return {"summary": summary, member: entries[offset : offset + limit]}


def _fits(value: Any, wanted: str) -> bool:
    """Plain is equal, `con:` contains, `in:` one of, `lt:` and `gt:` for dates."""
    if isinstance(value, list):
        return any(_fits(each.get("value"), wanted) for each in value)
    operator, separator, rest = wanted.partition(":")
    text = str(value if value is not None else "").lower()
    if not separator or operator not in ("con", "in", "lt", "gt"):
        return text == wanted.lower()
    rest = rest.lower()
    match operator:
        case "con":
            return rest in text
        case "in":
            return text in rest.split(",")
        case "lt":
            return bool(text) and text < rest
        case _:
            return text > rest


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise ApiError(400, f"Invalid {name}: {text}")
    return int(text)
