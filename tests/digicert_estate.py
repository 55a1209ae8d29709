"""A chain through CertCentral's simulator: connector, backend, profile and assignment."""

from typing import Any

import httpx

from api_client import Api
from estate import Chain, Estate, Json
from plain_http import NO_TRUST
from scm_api.sandbox import digicert

VALIDATED = str(digicert.VALIDATED_ORGANIZATION)


class CertCentral:
    """The simulator as tests see it: an address to point a CA backend at, and its controls."""

    def __init__(self, url: str) -> None:
        self.root = url.removesuffix("/services/v2")
        self._http = httpx.Client(
            base_url=f"{self.root}/_sandbox", verify=NO_TRUST, trust_env=False
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

    def requests(self) -> list[Json]:
        """Requests as an administrator of the account sees them."""
        found: list[Json] = self._as_administrator("GET", "/request").json()["requests"]
        return found

    def decide(self, request: Json, decision: str) -> None:
        path = f"/request/{request['id']}/status"
        response = self._as_administrator("PUT", path, {"status": decision})
        assert response.status_code == 204, response.text

    def call(self, method: str, path: str) -> Any:
        """JSON of a call of an administrator of the account."""
        return self._as_administrator(method, path).json()

    def _as_administrator(self, method: str, path: str, body: Any = None) -> httpx.Response:
        url = f"{self.root}/services/v2{path}"
        return self._http.request(
            method, url, json=body, headers={"X-DC-DEVKEY": digicert.ADMIN_KEY}
        )

    def prove(self, domain: str) -> None:
        """The owner of a domain did what DigiCert asked for."""
        self.control("PATCH", f"/domains/{domain}", {"complete": True})

    def unprove(self, domain: str) -> None:
        self.control("PATCH", f"/domains/{domain}", {"complete": False})

    def validate(self, organization_id: str, status: str) -> None:
        path = f"/organizations/{organization_id}"
        self.control("PATCH", path, {"validations": {"ov": status, "ev": status}})


def connection(certcentral: CertCentral, key: str = digicert.ADMIN_KEY) -> Json:
    """Options and secrets that reach the simulator."""
    return {
        "options": {"backend_type": "digicert", "endpoint_url": certcentral.root},
        "secrets": {"backend_type": "digicert", "api_key": key},
    }


async def digicert_chain(
    estate: Estate,
    certcentral: CertCentral,
    *,
    assigned: str | None = VALIDATED,
    key: str = digicert.ADMIN_KEY,
    **profile: Any,
) -> Chain:
    """Everything from the connector to the profile, and the assignment unless it is None."""
    connector, organization = await estate.ground()
    local = await estate.local_ca_backend(connector["id"], **connection(certcentral, key))
    backend = await estate.ca_backend(local["id"])
    wanted = {
        "options": {"backend_type": "digicert", "product": "ssl_basic"},
        "term": {"allowed_days": [90, 199], "default_days": 90},
        "organization_ids": [organization["id"]],
    }
    made = await estate.profile(backend["id"], **(wanted | profile))
    chain = Chain(connector, local, backend, organization, made)
    if assigned is not None:
        await assign(estate.api, chain, assigned)
    return chain


async def assign(api: Api, chain: Chain, external_id: str, status: int = 201) -> Json:
    """Assign an external organization to the chain's organization."""
    body = {"ca_backend_id": chain.ca_backend["id"], "external_organization_id": external_id}
    path = f"/organizations/{chain.organization['id']}/external-assignments"
    said: Json = await api.post(path, body, status)
    return said
