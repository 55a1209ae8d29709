"""AWS Private CA for the tests: the simulator, behind its socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from contract import RecordingLimiter

from plain_http import NO_TRUST
from scm_api.drivers.aws.driver import open_driver
from scm_api.drivers.aws.kind import AWS
from scm_api.drivers.aws.options import AwsConnection, AwsProfileOptions, AwsSecrets
from scm_api.drivers.base import Driver
from scm_api.sandbox import aws

EC_ISSUING = aws.authority_arn(aws.EC_ISSUING_ID, aws.REGION)
RSA_ROOT = aws.authority_arn(aws.RSA_ROOT_ID, aws.REGION)
SHORT_LIVED = aws.authority_arn(aws.SHORT_LIVED_ID, aws.REGION)
DISABLED = aws.authority_arn(aws.DISABLED_ID, aws.REGION)
SHARED = aws.authority_arn(aws.SHARED_ID, aws.REGION)
OTHER_REGION = aws.authority_arn(aws.OTHER_REGION_ID, aws.REGION)

OPERATIONS = {
    "submit": "IssueCertificate",
    "poll": "GetCertificate",
    "revoke": "RevokeCertificate",
}


def connection_to(url: str, **changes: Any) -> AwsConnection:
    return AwsConnection.model_validate(
        {"backend_type": "aws", "region": aws.REGION, "endpoint_url": url, **changes}
    )


def keys(access_key_id: str, secret_access_key: str) -> AwsSecrets:
    return AwsSecrets.model_validate(
        {
            "backend_type": "aws",
            "access_key_id": access_key_id,
            "secret_access_key": secret_access_key,
        }
    )


def profile(private_ca: str = EC_ISSUING, **changes: Any) -> AwsProfileOptions:
    return AwsProfileOptions.model_validate(
        {"backend_type": "aws", "private_ca": private_ca, **changes}
    )


def template_arn(name: str) -> str:
    return f"arn:aws:acm-pca:::template/{name}/V1"


@asynccontextmanager
async def opened(
    connection: AwsConnection, secrets: AwsSecrets, limiter: RecordingLimiter | None = None
) -> AsyncIterator[Driver]:
    """An open driver that is closed with the block."""
    driver = await open_driver(connection, secrets, limiter or RecordingLimiter())
    try:
        yield driver
    finally:
        await driver.aclose()


ADMIN = keys(aws.ACCESS_KEY_ID, aws.SECRET_ACCESS_KEY)


class AwsHarness:
    """Fulfils `contract.Harness` on a simulator that runs at `url`."""

    kind = AWS
    product = ""
    organization: str | None = None
    confidential = "a/secret/that/must/not/be/repeated"

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = connection_to(url)
        self.unreachable = connection_to("http://127.0.0.1:1")
        self.secrets = ADMIN
        self.wrong_secrets = keys(aws.ACCESS_KEY_ID, self.confidential)
        self.other_secrets = keys(aws.READER_ACCESS_KEY_ID, aws.READER_SECRET_ACCESS_KEY)
        self.options = profile()
        self.wrong_options = profile(signature_algorithm="SHA256WITHRSA")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = httpx.request(method, f"{self.url}/_sandbox{path}", json=body, verify=NO_TRUST)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def reset(self) -> None:
        self.control("POST", "/reset", {"issued": True})

    def fault(self, operation: str, action: str, **details: Any) -> None:
        self.control("POST", "/faults", {"operation": operation, "action": action, **details})

    def lose_answer(self, verb: str) -> None:
        self.fault(OPERATIONS[verb], "close", when="before" if verb == "poll" else "after")

    def fail(self, verb: str) -> None:
        self.fault(OPERATIONS[verb], "error", status=503)

    def throttle(self, verb: str) -> None:
        self.fault(OPERATIONS[verb], "throttle")

    def ledger(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.control("GET", "/ledger")["entries"]
        return entries

    def calls(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.control("GET", "/calls")["entries"]
        return entries

    def hold(self) -> None:
        raise AssertionError("AWS Private CA cancels no orders")

    def orders(self) -> int:
        return sum(entry["kind"] == "certificate" for entry in self.ledger())

    def revocations(self) -> list[int]:
        return [
            int(entry["serial"].replace(":", ""), 16)
            for entry in self.ledger()
            if entry["kind"] == "revocation"
        ]

    def callers(self) -> list[str]:
        return [call["access_key_id"] for call in self.calls()]

    def name_of(self, secrets: Any) -> str:
        return str(secrets.access_key_id)
