"""The simulator of ECS for the contract suite."""

import ssl
from typing import Any

import httpx

from scm_api.drivers.entrust.kind import ENTRUST
from scm_api.drivers.entrust.options import (
    EntrustConnection,
    EntrustProfileOptions,
    EntrustSecrets,
)
from scm_api.sandbox import entrust

_OPERATIONS = {
    "submit": "enroll",
    "poll": "get_certificate",
    "recover": "list_certificates",
    "cancel": "operate",
    "revoke": "revoke",
}
REQUESTER = {"name": "PKI Desk", "email": "pki@example.com", "phone": "+35315550100"}


def secrets_of(user: str, key: str) -> EntrustSecrets:
    return EntrustSecrets.model_validate(
        {"backend_type": "entrust", "username": user, "api_key": key}
    )


def credential(server: entrust.RunningServer, user: str) -> dict[str, str]:
    """Client certificate and key of a user, as secrets."""
    text = server.simulator.transport.credential(user).read_text()
    certificate, key = text.split("-----BEGIN PRIV")
    return {"client_certificate": certificate, "client_key": f"-----BEGIN PRIV{key}"}


class EntrustHarness:
    """Fulfils `contract.Harness` on a running simulator."""

    kind = ENTRUST
    product = "ADVANTAGE_SSL"
    organization: str | None = f"1/{entrust.VALIDATED_ORGANIZATION}"
    confidential = "KEYTHATMUSTNOTBEREPEATED"

    def __init__(self, server: entrust.RunningServer) -> None:
        self.trust = server.simulator.transport.trust.read_text()
        context = ssl.create_default_context(cadata=self.trust)
        self._http = httpx.Client(
            base_url=f"{server.url}/_sandbox", verify=context, trust_env=False
        )
        self.connection = self.reaching(server.url)
        self.unreachable = self.reaching("https://127.0.0.1:9")
        user, other = entrust.API_USER, entrust.QUEUED_USER
        self.secrets = secrets_of(user.name, user.api_key)
        self.other_secrets = secrets_of(other.name, other.api_key)
        self.wrong_secrets = secrets_of(user.name, self.confidential)
        self.options = self.ordering("ADVANTAGE_SSL")
        self.wrong_options = self.ordering("QWAC_SSL")

    def reaching(self, url: str) -> EntrustConnection:
        return EntrustConnection.model_validate(
            {
                "backend_type": "entrust",
                "endpoint_url": url,
                "trusted_certificates": self.trust,
                "requester": REQUESTER,
            }
        )

    def ordering(self, cert_type: str) -> EntrustProfileOptions:
        return EntrustProfileOptions.model_validate(
            {"backend_type": "entrust", "ecs": {"cert_type": cert_type}}
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def reset(self) -> None:
        self.control("POST", "/reset")

    def fault(self, verb: str, action: str, **details: Any) -> None:
        body = {"operation": _OPERATIONS.get(verb, verb), "action": action} | details
        self.control("POST", "/faults", body)

    def lose_answer(self, verb: str) -> None:
        self.fault(verb, "reset", when="after")

    def fail(self, verb: str) -> None:
        self.fault(verb, "error", status=500)

    def throttle(self, verb: str) -> None:
        self.fault(verb, "error", status=429)

    def hold(self) -> None:
        self.control("PATCH", "/domains/example.com", {"status": "INITIAL_VERIFICATION"})

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
        return str(secrets.username)
