"""The simulator of CA Service as tests see it: how to reach it, and its controls."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from estate import Chain, Estate, Json
from loop_thread import LoopThread
from scm_api.sandbox import gcp

WEB, FAST, STRICT = gcp.WEB_POOL, gcp.FAST_POOL, gcp.STRICT_POOL
SERVER = f"{gcp.LOCATION}/certificateTemplates/server"
NAMELESS = f"{gcp.LOCATION}/certificateTemplates/nameless"


class GoogleCas:
    """A running simulator; `reset` puts it back to its start."""

    def __init__(self, server: gcp.RunningServer) -> None:
        self.url = f"https://{server.endpoint}"
        identity = server.simulator.identity
        self.trust = identity.trust.read_text()
        self.key_file = identity.service_account.read_text()
        self.other_key_file = identity.other_account.read_text()
        self._http = httpx.Client(base_url=server.control_url, trust_env=False)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def behave(self, **changes: Any) -> None:
        self.control("PATCH", "/settings", changes)

    def fault(self, operation: str, action: str, **details: Any) -> None:
        self.control("POST", "/faults", {"operation": operation, "action": action} | details)

    def state(self, pool: str, authority: str, state: str) -> None:
        name = f"{pool}/certificateAuthorities/{authority}"
        self.control("POST", "/authorities", {"name": name, "state": state})

    def right(self, permission: str, *, granted: bool) -> None:
        body = {"permission": f"privateca.{permission}", "granted": granted}
        self.control("POST", "/rights", body)

    def ledger(self, kind: str | None = None) -> list[Json]:
        query = f"?kind={kind}" if kind else ""
        entries: list[Json] = self.control("GET", f"/ledger{query}")["entries"]
        return entries

    def calls(self, operation: str | None = None) -> list[Json]:
        query = f"?operation={operation}" if operation else ""
        entries: list[Json] = self.control("GET", f"/calls{query}")["entries"]
        return entries


@contextmanager
def running_cas(state: Path, behaviour: gcp.Behaviour | None = None) -> Iterator[GoogleCas]:
    """A simulator in a thread of its own, without quotas unless `behaviour` has some."""
    settings = gcp.Settings(state, behaviour=behaviour or gcp.Behaviour(per_second=None))
    with LoopThread() as loop:
        server = loop.run(gcp.serve(settings))
        yield GoogleCas(server)
        loop.run(server.aclose())


def connection(cas: GoogleCas, **options: Any) -> Json:
    """Options and secrets that reach the simulator."""
    return {
        "options": {
            "backend_type": "gcp",
            "project": "umbra-pki",
            "location": "europe-west1",
            "endpoint_url": cas.url,
            "trusted_certificates": cas.trust,
        }
        | options,
        "secrets": {"backend_type": "gcp", "service_account": cas.key_file},
    }


async def gcp_chain(
    estate: Estate, cas: GoogleCas, pool: str = WEB, *, template: str | None = None, **profile: Any
) -> Chain:
    """Everything from the connector to the profile."""
    connector = await estate.connector()
    local = await estate.local_ca_backend(connector["id"], **connection(cas))
    backend = await estate.ca_backend(local["id"])
    organization = await estate.organization("example.com", "*.example.com")
    wanted = {
        "options": {"backend_type": "gcp", "certificate_authority": pool, "template": template},
        "term": {"allowed_days": [30, 90], "default_days": 30},
        "organization_ids": [organization["id"]],
    }
    made = await estate.profile(backend["id"], **(wanted | profile))
    return Chain(connector, local, backend, organization, made)
