"""Chains through Entrust's simulator: ECS with an assignment, or CA Gateway without one."""

import ssl
from typing import Any

import httpx

from digicert_estate import assign
from estate import Chain, Estate, Json
from scm_api.sandbox import entrust

VALIDATED = f"1/{entrust.VALIDATED_ORGANIZATION}"
REQUESTER = {"name": "PKI Desk", "email": "pki@example.com", "phone": "+35315550100"}
OWN = {
    "backend_type": "entrust",
    "requester": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+35315550101"},
    "custom_fields": [{"name": "text1", "value": "shop"}],
    "additional_emails": ["web@example.com"],
}
"""What an enrollment may say to ECS in its own words."""


class Entrust:
    """The simulator as tests see it: an address to point a CA backend at, and its controls."""

    def __init__(self, server: entrust.RunningServer) -> None:
        self.url = server.url
        self.transport = server.simulator.transport
        self.trust = self.transport.trust.read_text()
        context = ssl.create_default_context(cadata=self.trust)
        self._http = httpx.Client(
            base_url=f"{server.url}/_sandbox", verify=context, trust_env=False
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def behave(self, **changes: Any) -> None:
        self.control("PATCH", "/settings", changes)

    def fault(self, operation: str, action: str, **details: Any) -> None:
        self.control("POST", "/faults", {"operation": operation, "action": action} | details)

    def ledger(self, kind: str) -> list[Json]:
        entries: list[Json] = self.control("GET", f"/ledger?kind={kind}")["entries"]
        return entries

    def calls(self, operation: str) -> list[Json]:
        entries: list[Json] = self.control("GET", f"/calls?operation={operation}")["entries"]
        return entries

    def domain(self, name: str, status: str) -> None:
        self.control("PATCH", f"/domains/{name}", {"status": status})

    def organization(self, name: str, status: str) -> None:
        self.control("PATCH", f"/organizations/{name}", {"status": status})

    def certificate(self, tracking_id: str) -> Json:
        """A certificate as the API user sees it."""
        path = f"{self.url}/enterprise/v2/certificates/{tracking_id}"
        auth = (entrust.API_USER.name, entrust.API_USER.api_key)
        found: Json = self._http.get(path, auth=auth).raise_for_status().json()
        return found

    def decline(self, tracking_id: str) -> None:
        """What an administrator of the account does."""
        path = f"{self.url}/enterprise/v2/certificates/{tracking_id}"
        auth = (entrust.API_USER.name, entrust.API_USER.api_key)
        body = {"operation": "DECLINE", "declineReason": "not wanted"}
        self._http.patch(path, auth=auth, json=body).raise_for_status()

    def suspend(self, tracking_id: str) -> None:
        """What an administrator of the account does."""
        path = f"{self.url}/enterprise/v2/certificates/{tracking_id}"
        auth = (entrust.API_USER.name, entrust.API_USER.api_key)
        self._http.patch(path, auth=auth, json={"operation": "SUSPEND"}).raise_for_status()

    def credential(self, user: str) -> Json:
        """Client certificate and key of a user, as secrets."""
        certificate, key = self.transport.credential(user).read_text().split("-----BEGIN PRIV")
        return {"client_certificate": certificate, "client_key": f"-----BEGIN PRIV{key}"}


def connection(ca: Entrust, user: Any = entrust.API_USER, **options: Any) -> Json:
    """Options and secrets that reach ECS in the simulator."""
    return {
        "options": {
            "backend_type": "entrust",
            "endpoint_url": ca.url,
            "trusted_certificates": ca.trust,
            "requester": REQUESTER,
        }
        | options,
        "secrets": {"backend_type": "entrust", "username": user.name, "api_key": user.api_key},
    }


def gateway_connection(ca: Entrust) -> Json:
    """Options and secrets that reach CA Gateway in the simulator."""
    made = connection(ca, api="ca_gateway", requester=None)
    credential = ca.credential(entrust.GATEWAY_USER)
    return made | {"secrets": {"backend_type": "entrust"} | credential}


async def entrust_chain(
    estate: Estate,
    ca: Entrust,
    *,
    assigned: str | None = VALIDATED,
    reaching: Json | None = None,
    **profile: Any,
) -> Chain:
    """Everything from the connector to the profile, and the assignment unless it is None."""
    connector, organization = await estate.ground()
    local = await estate.local_ca_backend(connector["id"], **(reaching or connection(ca)))
    backend = await estate.ca_backend(local["id"])
    wanted = {
        "options": {"backend_type": "entrust", "ecs": {"cert_type": "ADVANTAGE_SSL"}},
        "term": {"allowed_days": [90, 199], "default_days": 90},
        "organization_ids": [organization["id"]],
    }
    made = await estate.profile(backend["id"], **(wanted | profile))
    chain = Chain(connector, local, backend, organization, made)
    if assigned is not None:
        await assign(estate.api, chain, assigned)
    return chain
