"""CertCentral as a plain HTTP client sees it, and the simulator's controls."""

from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from plain_http import NO_TRUST
from scm_api.sandbox import digicert

Json = dict[str, Any]
KEY = ec.generate_private_key(ec.SECP256R1())


def csr_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = KEY) -> str:
    """A request with an empty subject: CertCentral reads the names from JSON."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def order_body(*names: str, **changes: Any) -> Json:
    """An order as an administrator's script sends it."""
    certificate = {"common_name": names[0], "csr": csr_pem(), "signature_hash": "sha256"}
    return {
        "certificate": certificate | {"dns_names": list(names[1:])},
        "order_validity": {"years": 1},
        "organization": {"id": digicert.VALIDATED_ORGANIZATION},
        "skip_approval": True,
    } | changes


class CertCentral:
    """Calls with one API key."""

    def __init__(self, url: str, key: str = digicert.ADMIN_KEY) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url,
            headers={"X-DC-DEVKEY": key, "Content-Type": "application/json"},
            timeout=10,
            verify=NO_TRUST,
            trust_env=False,
        )

    def call(self, method: str, path: str, status: int, body: Any = None) -> Any:
        """The JSON of an answer with this status."""
        response = self.raw(method, path, body)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def raw(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Whatever comes back."""
        return self._http.request(method, path, json=body)

    def refusal(self, method: str, path: str, status: int, body: Any = None) -> str:
        """The code of a refusal."""
        [error] = self.call(method, path, status, body)["errors"]
        assert error["message"]
        return str(error["code"])

    def order(self, body: Json, product: str = "ssl_basic") -> Json:
        placed: Json = self.call("POST", f"/order/certificate/{product}", 201, body)
        return placed

    def status(self, order: Json) -> str:
        return str(self.call("GET", f"/order/certificate/{order['id']}", 200)["status"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control interface."""
        root = self.url.removesuffix("/services/v2")
        response = self._http.request(method, f"{root}/_sandbox{path}", json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def ledger(self, kind: str) -> list[Json]:
        entries: list[Json] = self.control("GET", f"/ledger?kind={kind}")["entries"]
        return entries
