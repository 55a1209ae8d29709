"""CertCentral's simulator for the contract suite."""

from typing import Any

import httpx

from plain_http import NO_TRUST
from scm_api.drivers.digicert.kind import DIGICERT
from scm_api.drivers.digicert.options import (
    DigiCertConnection,
    DigiCertProfileOptions,
    DigiCertSecrets,
)
from scm_api.sandbox import digicert

_OPERATIONS = {
    "submit": "place_order",
    "poll": "get_order",
    "recover": "by_alternative_id",
    "cancel": "cancel_order",
    "revoke": "revoke_certificate",
}


def secrets_of(key: str) -> DigiCertSecrets:
    return DigiCertSecrets.model_validate({"backend_type": "digicert", "api_key": key})


class DigiCertHarness:
    """Fulfils `contract.Harness` on a running simulator."""

    kind = DIGICERT
    product = "ssl_basic"
    organization: str | None = "700123"
    confidential = "KEYTHATMUSTNOTBEREPEATED"

    def __init__(self, url: str) -> None:
        root = url.removesuffix("/services/v2")
        self._http = httpx.Client(base_url=f"{root}/_sandbox", verify=NO_TRUST, trust_env=False)
        self.connection = DigiCertConnection(backend_type="digicert", endpoint_url=root)
        self.unreachable = DigiCertConnection(
            backend_type="digicert", endpoint_url="http://127.0.0.1:9"
        )
        self.secrets = secrets_of(digicert.ADMIN_KEY)
        self.other_secrets = secrets_of(digicert.STANDARD_KEY)
        self.wrong_secrets = secrets_of(self.confidential)
        self.options = DigiCertProfileOptions(backend_type="digicert", product="ssl_basic")
        self.wrong_options = DigiCertProfileOptions(backend_type="digicert", product="ssl_plus")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def reset(self) -> None:
        self.control("POST", "/reset")

    def fault(self, verb: str, action: str, **details: Any) -> None:
        body = {"operation": _OPERATIONS[verb], "action": action} | details
        self.control("POST", "/faults", body)

    def lose_answer(self, verb: str) -> None:
        self.fault(verb, "reset", when="after")

    def fail(self, verb: str) -> None:
        self.fault(verb, "error", status=500)

    def throttle(self, verb: str) -> None:
        self.fault(verb, "error", status=429, code="request_limit_exceeded")

    def hold(self) -> None:
        self.control("PATCH", "/domains/example.com", {"complete": False})

    def entries(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"/ledger?kind={kind}")["entries"]
        return found

    def orders(self) -> int:
        return len(self.entries("certificate"))

    def revocations(self) -> list[int]:
        return [int(each["serial_number"], 16) for each in self.entries("revocation")]

    def callers(self) -> list[str]:
        return [each["user"] for each in self.control("GET", "/calls")["entries"]]

    def name_of(self, secrets: Any) -> str:
        keys = {digicert.ADMIN_KEY: "9001", digicert.STANDARD_KEY: "9002"}
        return keys[secrets.api_key.get_secret_value()]
