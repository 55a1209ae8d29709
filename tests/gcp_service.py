"""The simulator of CA Service as tests see it: how to reach it, and its controls.

It is a process of its own: gRPC's event loops of several threads disturb each other.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from estate import Chain, Estate, Json
from made_states import made_state
from plain_http import NO_TRUST
from processes import started

LOCATION = "projects/umbra-pki/locations/europe-west1"
WEB, FAST, STRICT = (f"{LOCATION}/caPools/{each}" for each in ("web", "fast", "strict"))
SERVER = f"{LOCATION}/certificateTemplates/server"
NAMELESS = f"{LOCATION}/certificateTemplates/nameless"
_LISTENS = re.compile(r"listening on (\S+) \(trust .*\), control at (\S+)")


class GoogleCas:
    """A running simulator; `reset` puts it back to its start."""

    def __init__(self, state: Path, address: str, control_url: str) -> None:
        self.url = f"https://{address}"
        self.trust = (state / "server.pem").read_text()
        self.key_file = (state / "service-account.json").read_text()
        self.other_key_file = (state / "other-account.json").read_text()
        self._http = httpx.Client(base_url=control_url, verify=NO_TRUST, trust_env=False)

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

    def template(self, name: str, *, passes_names: bool) -> None:
        self.control("POST", "/templates", {"name": name, "passes_names": passes_names})

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
def running_cas(state: Path) -> Iterator[GoogleCas]:
    """A simulator without quotas; `behave` sets some."""
    made_state("gcp", state)
    with started(partial(_serve, state), os.environ) as process:
        found = _LISTENS.search(process.first_line())
        assert found, process.errors.read_text()
        yield GoogleCas(state, found[1], found[2])


def _serve(state: Path) -> None:
    from scm_api.sandbox.gcp import run

    run("127.0.0.1", 0, 0, state, limits=False)


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
    estate: Estate,
    cas: GoogleCas,
    pool: str = WEB,
    *,
    template: str | None = None,
    away: bool = False,
    **profile: Any,
) -> Chain:
    """Everything from the connector to the profile; `away`, to where no CA is."""
    connector, organization = await estate.ground()
    to = connection(cas, endpoint_url="https://127.0.0.1:1") if away else connection(cas)
    local = await estate.local_ca_backend(connector["id"], **to)
    backend = await estate.ca_backend(local["id"])
    wanted = {
        "options": {"backend_type": "gcp", "certificate_authority": pool, "template": template},
        "term": {"allowed_days": [30, 90], "default_days": 30},
        "organization_ids": [organization["id"]],
    }
    made = await estate.profile(backend["id"], **(wanted | profile))
    return Chain(connector, local, backend, organization, made)
