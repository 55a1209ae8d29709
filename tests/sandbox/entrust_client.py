"""ECS and CA Gateway as plain HTTP clients see them, and the simulator's controls."""

import base64
import ssl
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from scm_api.sandbox import entrust
from scm_api.sandbox.entrust.catalogue import User
from scm_api.sandbox.entrust.transport import Transport

Json = dict[str, Any]
KEY = ec.generate_private_key(ec.SECP256R1())
TRACKING = {
    "requesterName": "PKI Desk",
    "requesterEmail": "pki@umbra.example",
    "requesterPhone": "+35315550100",
    "trackingInfo": "req-7f3c",
}


def csr(*names: str) -> x509.CertificateSigningRequest:
    """A request with the first name as common name and all of them as SANs."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    sans = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.add_extension(sans, critical=False).sign(KEY, hashes.SHA256())


def request_body(*names: str, **changes: Any) -> Json:
    """A request as an administrator's script sends it."""
    return {
        "certType": "ADVANTAGE_SSL",
        "csr": csr(*names).public_bytes(Encoding.PEM).decode(),
        "clientId": 1,
        "certExpiryDate": "2027-05-30",
        "eku": "SERVER_AUTH",
        "signingAlg": "SHA-2",
        "queueForApproval": False,
        "tracking": TRACKING,
    } | changes


def gateway_body(*names: str, **changes: Any) -> Json:
    """An enrollment as Entrust's own plug-in sends it."""
    return {
        "profileId": "privatessl-tls-server",
        "requiredFormat": {"format": "X509"},
        "csr": base64.b64encode(csr(*names).public_bytes(Encoding.DER)).decode(),
        "subjectVariables": [{"type": "cn", "value": names[0]}],
        "subjectAltNames": [{"type": "dNSName", "value": each} for each in names],
        "optionalCertificateRequestDetails": {
            "subjectDn": f"CN={names[0]},O=Umbra",
            "validityPeriod": "PT129600M",
        },
    } | changes


class Entrust:
    """Calls as one API user, or with a client certificate."""

    def __init__(self, url: str, transport: Transport) -> None:
        self.url = url
        self.transport = transport

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: User | None = entrust.API_USER,
        credential: str | None = None,
    ) -> httpx.Response:
        """One call; `credential` is the user whose client certificate the connection brings."""
        context = ssl.create_default_context(cafile=str(self.transport.trust))
        if credential is not None:
            context.load_cert_chain(self.transport.credential(credential))
        auth = (user.name, user.api_key) if user else None
        with httpx.Client(base_url=self.url, verify=context, trust_env=False, auth=auth) as http:
            return http.request(method, path, json=body)

    def call(self, method: str, path: str, status: int, body: Any = None, **how: Any) -> Any:
        """JSON of a call to ECS that ends with this status."""
        response = self.send(method, f"/enterprise/v2{path}", body, **how)
        assert response.status_code == status, response.text
        return response.json()

    def refusal(
        self, method: str, path: str, status: int, body: Any = None, **how: Any
    ) -> list[str]:
        """The messages of a refusal of ECS."""
        content = self.call(method, path, status, body, **how)
        assert content["status"] == status
        return [each["message"] for each in content["errors"]]

    def enroll(self, body: Json, status: int = 201, **how: Any) -> Json:
        made: Json = self.call("POST", "/certificates", status, body, **how)
        return made

    def status(self, made: Json) -> str:
        return str(self.call("GET", f"/certificates/{made['trackingId']}", 200)["status"])

    def cagw(self, method: str, path: str, status: int, body: Any = None) -> Json:
        """JSON of a call to CA Gateway."""
        response = self.send(
            method,
            f"/cagw/v1/certificate-authorities{path}",
            body,
            user=None,
            credential=entrust.GATEWAY_USER,
        )
        assert response.status_code == status, response.text
        content: Json = response.json()
        return content

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self.send(method, f"/_sandbox{path}", body, user=None)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def ledger(self, kind: str) -> list[Json]:
        entries: list[Json] = self.control("GET", f"/ledger?kind={kind}")["entries"]
        return entries

    def behave(self, **changes: Any) -> None:
        self.control("PATCH", "/settings", changes)
