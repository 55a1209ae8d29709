"""Every example of the contract, sent to the demo as it stands, as Swagger UI would send it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from demo_process import Demo

pytestmark = pytest.mark.xdist_group("demo")

# What is in use cannot be deleted, and what is issued can be neither decided about nor retried nor
# canceled: there the example shows the refusal, which a reader gets as well.
REFUSED = {
    "retry_enrollment": "wrong-state",
    "adopt_enrollment": "wrong-state",
    "cancel_enrollment": "wrong-state",
    "approve_enrollment": "wrong-state",
    "decline_enrollment": "wrong-state",
    "approve_revocation": "wrong-state",
    "decline_revocation": "wrong-state",
    "cancel_revocation": "wrong-state",  # it is on the way to the CA
    "delete_certificate_profile": "in-use",
    "delete_ca_backend": "in-use",
    "delete_connector": "in-use",
    "delete_local_ca_backend": "in-use",
    "delete_organization": "in-use",
    "delete_admin": "last-mrao",
    "deactivate_certificate": "not-supported",  # AWS counts no certificates in use
    # AWS has no products and validates no organizations.
    "list_products": "not-supported",
    "list_external_organizations": "not-supported",
    "create_external_assignment": "not-supported",
    "get_bulk_renewal": "not-found",
    "get_bulk_revocation": "not-found",  # there is none before the first
}
# Deletions come last, so that what they delete has been read before.
ORDER = {"get": 0, "post": 1, "put": 2, "patch": 2, "delete": 3}


@pytest.fixture(scope="module")
def client(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=demo.url,
        headers={"Authorization": f"Bearer {demo.key}"},
        timeout=30,
        trust_env=False,
        follow_redirects=True,
    ) as opened:
        yield opened


def test_every_example_works_as_it_stands(client: httpx.Client) -> None:
    contract = client.get("/openapi.json").json()
    operations = [
        (method, path, operation)
        for path, methods in contract["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) > 50
    surprises = []
    for method, path, operation in sorted(operations, key=lambda each: ORDER[each[0]]):
        answer = _send(client, contract, method, path, operation)
        refused = REFUSED.get(operation["operationId"])
        if refused is None:
            held = answer.is_success
        else:
            held = answer.status_code in (403, 404, 409) and answer.json()["type"].endswith(refused)
        if not held:
            surprises.append(f"{method} {path}: {answer.status_code} {answer.text}")
    assert not surprises, "\n".join(surprises)


def _send(
    client: httpx.Client, contract: Any, method: str, path: str, operation: Any
) -> httpx.Response:
    places: dict[str, dict[str, str]] = {"header": {}, "query": {}}
    for parameter in operation.get("parameters", []):
        if "example" not in parameter:
            assert not parameter.get("required"), f"{path} needs an example for {parameter['name']}"
        elif parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", parameter["example"])
        else:
            places[parameter["in"]][parameter["name"]] = parameter["example"]
    body = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        body = contract["components"]["schemas"][name]["examples"][0]
    return client.request(method, path, headers=places["header"], params=places["query"], json=body)


def test_the_committed_contract_keeps_its_placeholders(client: httpx.Client) -> None:
    live = client.get("/openapi.json").text
    committed = client.get("/openapi.yaml").text
    assert "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e" in committed
    assert "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e" not in live
