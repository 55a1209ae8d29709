"""Chains through the simulator of AD CS: Web Enrollment, certutil and, if wanted, a directory."""

from typing import Any

import httpx

from estate import Chain, Estate, Json
from plain_http import NO_TRUST
from scm_api.sandbox.microsoft.catalogue import (
    CA_HOST,
    CA_NAME,
    ENROLLER,
    READER,
    REVOKER,
)
from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.server import RunningServer


class AdCs:
    """The simulator as tests see it: an address to point a CA backend at, and its controls."""

    def __init__(self, server: RunningServer, ldap_port: int | None = None) -> None:
        self.url = server.url
        self.winrm_url = server.winrm_url.removesuffix("/wsman")
        self.trust = server.simulator.transport.trust.read_text()
        self.ldap_port = ldap_port
        self._http = httpx.Client(base_url=server.control_url, verify=NO_TRUST, trust_env=False)

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
        """What the CA knows of every request, as its console shows it."""
        entries: list[Json] = self.control("GET", "/requests")["entries"]
        return entries


def connection(
    ca: AdCs, enroller: Account = ENROLLER, *, answer_seconds: float = 2, **options: Any
) -> Json:
    """Options and secrets that reach the simulator, which has little time to answer so that what
    is lost is not waited for."""
    known: Json = {
        "backend_type": "microsoft",
        "issuing_ca": CA_NAME,
        "enroller": {
            "transport": "certsrv",
            "base_url": ca.url,
            "auth": "ntlm",
            "wait_seconds": 1,
            "answer_seconds": answer_seconds,
        },
        "revoker": {
            "base_url": ca.winrm_url,
            "ca_config": f"{CA_HOST}\\{CA_NAME}",
            "auth": "ntlm",
        },
        "trusted_certificates": ca.trust,
        "calls_per_second": 500.0,
    }
    if ca.ldap_port is not None:
        known["directory"] = {"url": f"ldaps://127.0.0.1:{ca.ldap_port}", "auth": "ntlm"}
    secrets: Json = {
        name: {"username": f"CORP\\{each.sam}", "password": each.password}
        for name, each in (("enroller", enroller), ("directory", READER), ("revoker", REVOKER))
    }
    return {"options": known | options, "secrets": {"backend_type": "microsoft"} | secrets}


async def microsoft_chain(
    estate: Estate,
    ca: AdCs,
    *,
    template: str = "CorpWeb",
    answer_seconds: float = 2,
    **profile: Any,
) -> Chain:
    """Everything from the connector to the profile."""
    connector, organization = await estate.ground()
    reaching = connection(ca, answer_seconds=answer_seconds)
    local = await estate.local_ca_backend(connector["id"], **reaching)
    backend = await estate.ca_backend(local["id"])
    wanted = {
        "options": {"backend_type": "microsoft", "issuing_ca": CA_NAME, "ms_template": template},
        "term": {"allowed_days": [365], "default_days": 365},
        "organization_ids": [organization["id"]],
    }
    made = await estate.profile(backend["id"], **(wanted | profile))
    return Chain(connector, local, backend, organization, made)
