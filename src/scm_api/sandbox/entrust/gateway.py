"""CA Gateway API v1 for the private CA: enrolling, revoking, the feed of events."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from scm_api.sandbox.authority import Wanted
from scm_api.sandbox.documents import Document
from scm_api.sandbox.entrust.errors import GatewayError, no_such
from scm_api.sandbox.entrust.simulator import Simulator

CA_ID: Final = "umbra~ca1"
ROOT_ID: Final = "umbra~root"
REASONS: Final = (
    "unspecified",
    "keyCompromise",
    "caCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "privilegeWithdrawn",
)
_PROFILES: Final = {
    "privatessl-tls-server": (ExtendedKeyUsageOID.SERVER_AUTH, False),
    "privatessl-tls-server-supply-san": (ExtendedKeyUsageOID.SERVER_AUTH, True),
    "privatessl-tls-client": (ExtendedKeyUsageOID.CLIENT_AUTH, False),
}
_SAN_TYPES: Final[dict[str, Callable[[str], x509.GeneralName]]] = {
    "dNSName": x509.DNSName,
    "rfc822Name": x509.RFC822Name,
    "uniformResourceIdentifier": x509.UniformResourceIdentifier,
    "iPAddress": lambda text: x509.IPAddress(ip_address(text)),
}
_DEFAULT_DAYS: Final = 3 * 365
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """One call; who calls was told by the client certificate."""

    simulator: Simulator
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]


def list_cas(asked: Asked) -> dict[str, Any]:
    """The issuing CA and its root."""
    hierarchy = asked.simulator.gateway
    return {
        "type": "CAsResponse",
        "caList": [
            _ca(CA_ID, "Umbra Issuing CA", hierarchy.issuing),
            _ca(ROOT_ID, "Umbra Root CA", hierarchy.root),
        ],
    }


def list_profiles(asked: Asked) -> dict[str, Any]:
    _require_ca(asked)
    return {"type": "ProfilesResponse", "profiles": [_profile(each) for each in _PROFILES]}


def get_profile(asked: Asked) -> dict[str, Any]:
    _require_ca(asked)
    if asked.path["profile"] not in _PROFILES:
        raise no_such("profile", "profileId")
    return {"type": "ProfileResponse", "profile": _profile(asked.path["profile"])}


def enroll(asked: Asked) -> dict[str, Any]:
    """Issue at once; names come from the body, from the CSR only with a supply-san profile."""
    _require_ca(asked)
    body, simulator = asked.body, asked.simulator
    chosen = _PROFILES.get(str(body.get("profileId")))
    if chosen is None:
        raise no_such("profile", "profileId")
    usage, from_csr = chosen
    form = (body.get("requiredFormat") or {}).get("format")
    if form not in ("X509", "PEM"):
        raise GatewayError(400, "invalid_format", "The format is not supported.", "requiredFormat")
    csr = _csr(body.get("csr"))
    details = body.get("optionalCertificateRequestDetails") or {}
    now = simulator.now().replace(microsecond=0)
    names = _names(body.get("subjectAltNames") or [])
    if from_csr:
        names = list(csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    end = now + _duration(details.get("validityPeriod"))
    leaf = simulator.gateway.sign(
        Wanted(
            public_key=csr.public_key(),
            subject=_subject(details.get("subjectDn"), body.get("subjectVariables") or []),
            names=names,
            signature_hash="sha256",
            not_before=now,
            # Never past the CA's own end.
            not_after=min(end, simulator.gateway.issuing.not_valid_after_utc),
            usages=(usage,),
        )
    )
    der = leaf.public_bytes(Encoding.DER)
    document: Document = {
        "id": simulator.documents.next_number("gateway_certificate", 1),
        "serial_number": f"{leaf.serial_number:x}",
        "der": base64.b64encode(der).decode(),
        "events": [{"action": "issued", "at": simulator.now().timestamp()}],
        "revoked": False,
    }
    simulator.ledger.append(
        {"kind": "certificate", "gateway": CA_ID, "serial_number": document["serial_number"]}
    )
    simulator.documents.put("gateway_certificate", document)
    shown = document["der"] if form == "X509" else leaf.public_bytes(Encoding.PEM).decode()
    enrollment = {"id": f"e-{document['id']}", "status": "ACCEPTED"}
    if not simulator.behaviour.gateway_acknowledges:
        enrollment["body"] = shown
    return {"type": "EnrollmentResponse", "enrollment": enrollment, "message": {"details": []}}


def act(asked: Asked) -> dict[str, Any]:
    """Revoke, hold or unhold one certificate."""
    _require_ca(asked)
    simulator, serial = asked.simulator, asked.path["serial"].lower().lstrip("0")
    found = [
        each
        for each in simulator.documents.of("gateway_certificate")
        if each["serial_number"] == serial
    ]
    if not found:
        raise no_such("certificate", "serialNumber")
    action = asked.body.get("action") or {}
    if action.get("type") != "RevokeAction":
        raise GatewayError(400, "invalid_action", "The action is not supported.", "action.type")
    if action.get("reason") not in REASONS:
        raise GatewayError(400, "invalid_reason", "The reason is not supported.", "action.reason")
    if found[0]["revoked"]:
        raise GatewayError(409, "already_revoked", "The certificate is revoked already.", "action")
    found[0]["revoked"] = True
    found[0]["events"].append({"action": "revoked", "at": simulator.now().timestamp()})
    simulator.ledger.append(
        {
            "kind": "revocation",
            "gateway": CA_ID,
            "serial_number": serial,
            "reason": action["reason"],
        }
    )
    simulator.documents.put("gateway_certificate", found[0])
    return {"type": "ActionResponse", "action": {"status": "COMPLETED"}}


def list_events(asked: Asked) -> dict[str, Any]:
    """The audit feed, oldest first, in pages."""
    _require_ca(asked)
    begin = _moment(asked.query.get("startDate"))
    newest = asked.simulator.now().timestamp() - asked.simulator.behaviour.lookup_delay_seconds
    events = sorted(
        (
            (event["at"], event["action"], document)
            for document in asked.simulator.documents.of("gateway_certificate")
            for event in document["events"]
            if begin <= event["at"] <= newest
        ),
        key=lambda entry: (entry[0], entry[2]["id"]),
    )
    first = int(asked.query.get("nextPageIndex") or 0)
    size = min(int(asked.query.get("preferredPageSize") or _PAGE), _PAGE)
    page = [
        {
            "action": action,
            "eventDate": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.00Z"),
            "serialNumber": document["serial_number"],
            "certificate": document["der"],
        }
        for at, action, document in events[first : first + size]
    ]
    more = first + size < len(events)
    answer = {"type": "CertificateEventsResponse", "events": page, "morePages": more}
    return answer | ({"nextPageIndex": str(first + size)} if more else {})


def _require_ca(asked: Asked) -> None:
    if asked.path["ca"] != CA_ID:
        raise no_such("certificate authority", "caId")


def _ca(number: str, name: str, certificate: x509.Certificate) -> dict[str, Any]:
    data = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return {"id": number, "name": name, "certificate": {"certificateData": data}}


def _profile(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "subjectVariableRequirements": [{"name": "cn", "required": True}],
        "subjectAltNameRequirements": [{"type": "dNSName", "required": "client" not in name}],
    }


def _csr(text: Any) -> x509.CertificateSigningRequest:
    """Base64 of DER, without armour; possession of the key is always checked."""
    try:
        csr = x509.load_der_x509_csr(base64.b64decode(str(text), validate=True))
    except ValueError as error:
        raise GatewayError(400, "invalid_csr", "The CSR cannot be read.", "csr") from error
    key = csr.public_key()
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size in (2048, 3072, 4096)) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES
    )
    if not strong or not csr.is_signature_valid:
        raise GatewayError(400, "invalid_csr", "The key or signature is not accepted.", "csr")
    return csr


def _names(entries: list[Any]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for entry in entries:
        kind, value = str(entry.get("type")), str(entry.get("value"))
        try:
            names.append(_SAN_TYPES[kind](value))
        except (KeyError, ValueError) as error:
            detail = f"{kind} {value} is not supported."
            raise GatewayError(400, "invalid_san", detail, "subjectAltNames") from error
    return names


def _subject(dn: Any, variables: list[Any]) -> x509.Name:
    """`subjectDn`, else the variables; never the subject of the CSR."""
    if dn:
        try:
            return x509.Name.from_rfc4514_string(str(dn))
        except ValueError as error:
            raise GatewayError(400, "invalid_dn", "The DN cannot be read.", "subjectDn") from error
    common = [str(each["value"]) for each in variables if each.get("type") == "cn"]
    if not common:
        raise GatewayError(400, "missing_subject", "There is no subject.", "subjectVariables")
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common[0])])


def _duration(text: Any) -> timedelta:
    if text is None:
        return timedelta(days=_DEFAULT_DAYS)
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)M)?)?", str(text))
    if found is None or not any(found.groups()):
        raise GatewayError(400, "invalid_validity", "The period is not valid.", "validityPeriod")
    days, minutes = (int(each or 0) for each in found.groups())
    return timedelta(days=days, minutes=minutes)


def _moment(text: str | None) -> float:
    if text is None:
        return 0
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise GatewayError(400, "invalid_date", "The date is not valid.", "startDate") from error


_CA: Final = "/v1/certificate-authorities"
OPERATIONS: Final[tuple[tuple[str, str, Callable[[Asked], dict[str, Any]]], ...]] = (
    ("GET", _CA, list_cas),
    ("GET", _CA + "/{ca}/profiles", list_profiles),
    ("GET", _CA + "/{ca}/profiles/{profile}", get_profile),
    ("POST", _CA + "/{ca}/enrollments", enroll),
    ("POST", _CA + "/{ca}/certificates/{serial}/actions", act),
    ("GET", _CA + "/{ca}/certificate-events", list_events),
)
