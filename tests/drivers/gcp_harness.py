"""The simulator of CA Service for the contract suite."""

import json
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from csrs import RSA_KEY
from gcp_service import STRICT, WEB, GoogleCas, connection
from scm_api.drivers.gcp.kind import GCP
from scm_api.drivers.gcp.options import GcpConnection, GcpProfileOptions, GcpSecrets

_OPERATIONS = {
    "submit": "CreateCertificate",
    "poll": "GetCertificate",
    "revoke": "RevokeCertificate",
}


def choosing(certificate_authority: str = WEB, **more: Any) -> GcpProfileOptions:
    return GcpProfileOptions.model_validate(
        {"backend_type": "gcp", "certificate_authority": certificate_authority} | more
    )


def secrets_of(key_file: str) -> GcpSecrets:
    return GcpSecrets.model_validate({"backend_type": "gcp", "service_account": key_file})


class GcpHarness(GoogleCas):
    """Fulfils `contract.Harness` on a running simulator."""

    kind = GCP
    product = ""
    organization: str | None = None

    def __init__(self, cas: GoogleCas) -> None:
        self.__dict__ |= vars(cas)
        self.connection = self.reaching(self.url)
        self.unreachable = self.reaching("https://127.0.0.1:9")
        self.secrets = secrets_of(self.key_file)
        self.other_secrets = secrets_of(self.other_key_file)
        pem = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.confidential = pem.splitlines()[1]
        self.wrong_secrets = secrets_of(
            json.dumps(json.loads(self.key_file) | {"private_key": pem})
        )
        self.options = choosing()
        self.wrong_options = choosing(STRICT)  # takes no key on a curve

    def reaching(self, url: str, **more: Any) -> GcpConnection:
        return GcpConnection.model_validate(connection(self, endpoint_url=url, **more)["options"])

    def lose_answer(self, verb: str) -> None:
        self.fault(_OPERATIONS[verb], "close", when="after")

    def fail(self, verb: str) -> None:
        self.fault(_OPERATIONS[verb], "error", code="INTERNAL")

    def throttle(self, verb: str) -> None:
        self.fault(_OPERATIONS[verb], "error", code="RESOURCE_EXHAUSTED")

    def hold(self) -> None:
        raise AssertionError("CA Service issues at once")

    def orders(self) -> int:
        return len(self.ledger("certificate"))

    def revocations(self) -> list[int]:
        serials = {each["name"]: each["serial_number"] for each in self.ledger("certificate")}
        return [int(serials[each["name"]], 16) for each in self.ledger("revocation")]

    def callers(self) -> list[str]:
        return [each["caller"] for each in self.calls()]

    def name_of(self, secrets: Any) -> str:
        return str(json.loads(secrets.service_account.get_secret_value())["client_email"])
