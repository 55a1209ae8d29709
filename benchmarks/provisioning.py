"""What an enrollment refers to, made through the REST API as a customer would."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from scm_api.sandbox.aws import (
    ACCESS_KEY_ID,
    EC_ISSUING_ID,
    REGION,
    SECRET_ACCESS_KEY,
    authority_arn,
)

DOMAIN = "bench.example.com"
# The simulator has no quota here; our own pacing is set to the most it takes, so that it is in
# the path, as in production, and holds nobody up.
_QUOTAS = {
    f"{name}_per_second": 1000
    for name in ("issue", "get", "revoke", "describe", "get_ca_certificate", "list")
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """Ids to enroll with, the API key to do it, and the simulator's address."""

    api_key: str
    organization_id: str
    certificate_profile_id: str
    simulator: str


def prepare(address: str, api_key: str, simulator: str) -> Prepared:
    """Connector, local CA backend, CA backend, organization with a domain, profile."""
    authorization = {"Authorization": f"Bearer {api_key}"}
    with httpx.Client(base_url=address, headers=authorization, timeout=60) as client:
        connector = _post(client, "/connectors", {"name": "bench"})
        local = _post(
            client,
            f"/connectors/{connector['id']}/local-ca-backends",
            {
                "name": "aws",
                "options": {
                    "backend_type": "aws",
                    "region": REGION,
                    "endpoint_url": simulator,
                    "credentials": {"mode": "static_keys"},
                    "quotas": _QUOTAS,
                },
                "secrets": {
                    "backend_type": "aws",
                    "access_key_id": ACCESS_KEY_ID,
                    "secret_access_key": SECRET_ACCESS_KEY,
                },
            },
        )
        backend = _post(client, "/ca-backends", {"name": "aws", "local_ca_backend_id": local["id"]})
        _post(client, f"/ca-backends/{backend['id']}/check", None, status=200)
        cas = client.get(f"/ca-backends/{backend['id']}/issuing-cas").raise_for_status()
        assert cas.json()["items"], "the simulator has CAs"
        organization = _post(client, "/organizations", {"name": "Bench"})
        domains = f"/organizations/{organization['id']}/domains"
        _post(client, domains, {"name": f"*.{DOMAIN}"})
        profile = _post(
            client,
            "/certificate-profiles",
            {
                "name": "bench",
                "ca_backend_id": backend["id"],
                "certificate_type": "ssl",
                "term": {"allowed_days": [30, 90], "default_days": 90},
                "key_types": ["ec-p256"],
                "domain_policy": {"fqdn": True},
                "options": {
                    "backend_type": "aws",
                    "private_ca": authority_arn(EC_ISSUING_ID, REGION),
                    "signature_algorithm": "SHA256WITHECDSA",
                },
                "organization_ids": [organization["id"]],
            },
        )
    return Prepared(api_key, organization["id"], profile["id"], simulator)


def _post(
    client: httpx.Client, path: str, body: Mapping[str, Any] | None, *, status: int = 201
) -> dict[str, Any]:
    answer = client.post(path, json=body)
    if answer.status_code != status:
        raise RuntimeError(f"POST {path}: {answer.status_code} {answer.text}")
    content: dict[str, Any] = answer.json()
    return content
