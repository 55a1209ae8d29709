"""What a request for a certificate says, judged by the rules of ECS; every fault is listed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from scm_api.sandbox.documents import Document
from scm_api.sandbox.entrust.catalogue import User
from scm_api.sandbox.entrust.errors import ApiError
from scm_api.sandbox.entrust.simulator import Simulator

PUBLIC_SSL: Final = ("STANDARD_SSL", "ADVANTAGE_SSL", "UC_SSL", "WILDCARD_SSL", "EV_SSL")
TYPES: Final = (*PUBLIC_SSL, "PRIVATE_SSL", "CODE_SIGNING")
EKUS: Final = ("SERVER_AUTH", "CLIENT_AUTH", "SERVER_AND_CLIENT_AUTH")
_LIFETIMES: Final = {"P1Y": 1, "P2Y": 2, "P3Y": 3}
_EASTERN: Final = timezone(timedelta(hours=-5))
_BEGIN: Final = "-----BEGIN CERTIFICATE REQUEST-----"
_END: Final = "-----END CERTIFICATE REQUEST-----"
_ELIGIBLE: Final = ("APPROVED", "EXPIRING")
_WAITING: Final = ("INITIAL_VERIFICATION", "RE_VERIFICATION")
_ADVANTAGE_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that holds; `waiting` are the domains whose control is to be shown first."""

    cert_type: str
    csr: str
    common_name: str
    names: list[str]
    client_id: int
    org: str | None
    eku: str
    expires: str
    tracking: dict[str, Any]
    waiting: list[int]


class Reading:
    """One request being read, with what is wrong so far."""

    def __init__(self, simulator: Simulator, user: User, body: dict[str, Any]) -> None:
        self._simulator = simulator
        self._user = user
        self._body = body
        self.wrong: list[str] = []

    def whole(self, cert_type: Any, csr_text: Any, expires: date | None) -> Wanted:
        """Raises ApiError with every message."""
        if cert_type not in TYPES:
            self.wrong.append(f"Invalid certificate type: {cert_type}")
        csr = self._csr(csr_text)
        client = self._client()
        org = self._org(client)
        self._options(cert_type)
        tracking = self._tracking()
        if expires is None:
            expires = self.expiry(cert_type)
        common_name = ""
        names: list[str] = []
        waiting: list[int] = []
        if csr is not None and client is not None:
            common_name, names = self._names(csr)
            waiting = self._domains(cert_type, client, names)
            self._rules(cert_type, common_name, names)
        if self.wrong:
            raise ApiError(400, *self.wrong)
        assert client is not None
        assert expires is not None
        return Wanted(
            cert_type=cert_type,
            csr=str(csr_text),
            common_name=common_name,
            names=names,
            client_id=client["clientId"],
            org=client["clientName"] if org is None else org,
            eku=self._body.get("eku") or "SERVER_AUTH",
            expires=datetime(
                expires.year, expires.month, expires.day, 23, 59, 59, tzinfo=UTC
            ).isoformat(),
            tracking=tracking,
            waiting=waiting,
        )

    def expiry(self, cert_type: Any) -> date | None:
        """The last day, from `certLifetime` or `certExpiryDate`, whichever the account has."""
        lifetime, given = self._body.get("certLifetime"), self._body.get("certExpiryDate")
        today = self._simulator.now().date()
        pooling = self._simulator.behaviour.pooling
        if not pooling or lifetime:
            if lifetime not in _LIFETIMES:
                self.wrong.append("Certificate lifetime must be one of P1Y, P2Y, P3Y")
                return None
            if pooling:
                self.wrong.append("Certificate lifetime is not allowed for pooling accounts")
                return None
            return today + timedelta(days=365 * _LIFETIMES[lifetime])
        last_day = _day(given)
        if last_day is None or last_day <= today:
            self.wrong.append("Certificate expiry date is invalid")
            return None
        cap = self._simulator.behaviour.cap_days
        if cap and cert_type in PUBLIC_SSL and last_day > today + timedelta(days=cap):
            self.wrong.append(f"Certificate expiry date must be within {cap} days")
        return last_day

    def _csr(self, text: Any) -> x509.CertificateSigningRequest | None:
        csr = load_csr(text)
        if csr is None:
            self.wrong.append("Invalid CSR")
            return None
        key = csr.public_key()
        strong = (isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= 8192) or (
            isinstance(key, ec.EllipticCurvePublicKey)
            and key.curve.name in ("secp256r1", "secp384r1")
        )
        if not strong:
            self.wrong.append("Invalid CSR: the key is not supported")
        return csr

    def _client(self) -> Document | None:
        number = self._body.get("clientId", 1)
        for client in self._simulator.documents.of("client"):
            if (client["account_id"], client["clientId"]) == (self._user.account_id, number):
                if client["verificationStatus"] not in _ELIGIBLE:
                    self.wrong.append(f"Client {number} is not approved")
                return client
        self.wrong.append(f"Invalid client id: {number}")
        return None

    def _org(self, client: Document | None) -> str | None:
        org = self._body.get("org")
        if org is None or client is None:
            return None
        if client["clientId"] != 1:
            self.wrong.append("Organization can only be given for client 1")
            return None
        for each in self._simulator.documents.of("organization"):
            if (each["account_id"], each["clientId"], each["name"]) == (
                self._user.account_id,
                1,
                org,
            ):
                if each["status"] not in _ELIGIBLE:
                    self.wrong.append(f"Organization {org} is not approved")
                return str(org)
        if org != "":
            self.wrong.append(f"Unapproved organization: {org}")
        return str(org)

    def _options(self, cert_type: Any) -> None:
        body = self._body
        if (body.get("eku") or "SERVER_AUTH") not in EKUS:
            self.wrong.append(f"Invalid eku: {body['eku']}")
        if body.get("signingAlg", "SHA-2") != "SHA-2":
            self.wrong.append("Invalid signing algorithm")
        if len(body.get("ou") or []) > 1:
            self.wrong.append("Only one organizational unit is allowed")
        if cert_type == "CODE_SIGNING" and not truth(body.get("endUserKeyStorageAgreement")):
            self.wrong.append("The end user key storage agreement must be accepted")

    def _tracking(self) -> dict[str, Any]:
        tracking = self._body.get("tracking") or {}
        wanted = ("requesterName", "requesterEmail", "requesterPhone")
        for field in wanted if self._simulator.behaviour.requires_requester else ():
            if not tracking.get(field):
                self.wrong.append(f"Tracking information is missing: {field}")
        for name, text in (tracking.get("customFields") or {}).items():
            if name.rstrip("0123456789") not in ("text", "number", "date", "email", "dropdown"):
                self.wrong.append(f"Unknown custom field: {name}")
            elif len(str(text)) > 500:
                self.wrong.append(f"Custom field is too long: {name}")
        return dict(tracking)

    def _names(self, csr: x509.CertificateSigningRequest) -> tuple[str, list[str]]:
        found = csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        common_name = str(self._body.get("cn") or (found[0].value if found else ""))
        given = self._body.get("subjectAltName")
        if given is None:
            try:
                extension = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
                given = extension.value.get_values_for_type(x509.DNSName)
            except x509.ExtensionNotFound:
                given = []
        names = [str(each).lower() for each in given]
        common_name = common_name or (names[0] if names else "")
        if not common_name:
            self.wrong.append("The common name is missing")
        return common_name, list(dict.fromkeys([common_name.lower(), *names]))

    def _domains(self, cert_type: Any, client: Document, names: list[str]) -> list[int]:
        """Domains that still wait for their owner; a name under none is refused."""
        if cert_type in ("PRIVATE_SSL", "CODE_SIGNING"):
            return []
        waiting = []
        for name in names:
            host = name.removeprefix("*.")
            known = [
                each
                for each in self._simulator.documents.of("domain")
                if (each["account_id"], each["clientId"])
                == (self._user.account_id, client["clientId"])
                and (host == each["domainName"] or host.endswith("." + each["domainName"]))
            ]
            if known and known[0]["verificationStatus"] in _WAITING:
                waiting.append(known[0]["id"])
            elif not known or known[0]["verificationStatus"] not in _ELIGIBLE:
                number = client["clientId"]
                self.wrong.append(f"The domain {host} is not approved for client {number}")
        return list(dict.fromkeys(waiting))

    def _rules(self, cert_type: Any, common_name: str, names: list[str]) -> None:
        twins = {
            common_name.lower(),
            "www." + common_name.lower(),
            common_name.lower().removeprefix("www."),
        }
        if cert_type == "STANDARD_SSL" and not set(names) <= twins:
            self.wrong.append("STANDARD_SSL allows the common name and its www name only")
        if cert_type == "ADVANTAGE_SSL" and len(names) > _ADVANTAGE_NAMES:
            self.wrong.append(f"ADVANTAGE_SSL allows {_ADVANTAGE_NAMES} names")
        if cert_type in PUBLIC_SSL and cert_type != "WILDCARD_SSL":
            self.wrong += [
                f"{cert_type} allows no wildcard: {each}" for each in names if "*" in each
            ]


def truth(value: Any) -> bool:
    """Booleans, also as the strings that Entrust's own Ansible module sends."""
    return value is True or value == "true"


def load_csr(text: Any) -> x509.CertificateSigningRequest | None:
    """Base64 with or without armour; None for what is no request or not signed by its key."""
    bare = "".join(str(text).replace(_BEGIN, "").replace(_END, "").split())
    try:
        csr = x509.load_pem_x509_csr(f"{_BEGIN}\n{bare}\n{_END}\n".encode())
    except ValueError:
        return None
    return csr if csr.is_signature_valid else None


def _day(given: Any) -> date | None:
    """The day alone counts; one with a time is moved to Eastern time, maybe a day back."""
    try:
        if len(str(given)) == 10:
            return date.fromisoformat(given)
        return datetime.fromisoformat(str(given)).astimezone(_EASTERN).date()
    except (TypeError, ValueError):
        return None
