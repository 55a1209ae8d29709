"""The simulator of AD CS for the contract suite: Web Enrollment with NTLM."""

from typing import Any

import httpx

from plain_http import NO_TRUST
from scm_api.drivers.microsoft.kind import MICROSOFT
from scm_api.drivers.microsoft.options import (
    MicrosoftConnection,
    MicrosoftProfileOptions,
    MicrosoftSecrets,
)
from scm_api.sandbox.microsoft.catalogue import CA_HOST, CA_NAME, ENROLLER, READER, REVOKER, USER
from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.server import RunningServer

_OPERATIONS = {"submit": "certfnsh.asp", "poll": "certnew.cer", "revoke": "winrm.command"}
# What a client does before it may ask for anything, which the CA does not count as a call.
KNOCKING = "authenticate"


class MicrosoftHarness:
    """Fulfils `contract.Harness` on a running simulator."""

    kind = MICROSOFT
    product = ""
    organization: str | None = None
    confidential = "a-password-that-must-not-be-repeated"

    def __init__(self, server: RunningServer, ldap_port: int, rpc_port: int) -> None:
        self.server = server
        self.rpc_port = rpc_port
        self.directory = {"url": f"ldaps://127.0.0.1:{ldap_port}", "auth": "ntlm"}
        self.trust = server.simulator.transport.trust.read_text()
        self._http = httpx.Client(base_url=server.control_url, verify=NO_TRUST, trust_env=False)
        # One connection, so that each driver makes the same number of calls.
        self.connection = self.reaching(server.url, max_connections=1, wait_seconds=30)
        self.unreachable = self.reaching("https://127.0.0.1:9")
        self.secrets = self.account(ENROLLER)
        self.other_secrets = self.account(USER)
        self.wrong_secrets = self.account(ENROLLER, self.confidential)
        self.options = self.ordering("CorpWeb")
        self.wrong_options = self.ordering("CorpStrong")

    def reaching(self, url: str, **enroller: Any) -> MicrosoftConnection:
        return MicrosoftConnection.model_validate(
            {
                "backend_type": "microsoft",
                "issuing_ca": CA_NAME,
                "enroller": {"transport": "certsrv", "base_url": url, "auth": "ntlm"} | enroller,
                "directory": self.directory,
                "revoker": {
                    "base_url": self.server.winrm_url.removesuffix("/wsman"),
                    "ca_config": f"{CA_HOST}\\{CA_NAME}",
                    "auth": "ntlm",
                },
                "trusted_certificates": self.trust,
            }
        )

    def account(self, of: Account, password: str | None = None) -> MicrosoftSecrets:
        credential = {"username": f"CORP\\{of.sam}", "password": password or of.password}
        return MicrosoftSecrets.model_validate(
            {
                "backend_type": "microsoft",
                "enroller": credential,
                "directory": {"username": f"CORP\\{READER.sam}", "password": READER.password},
                "revoker": {"username": f"CORP\\{REVOKER.sam}", "password": REVOKER.password},
            }
        )

    def ordering(self, template: str) -> MicrosoftProfileOptions:
        return MicrosoftProfileOptions.model_validate(
            {"backend_type": "microsoft", "issuing_ca": CA_NAME, "ms_template": template}
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def behave(self, **changes: Any) -> None:
        self.control("PATCH", "/settings", changes)

    def reset(self) -> None:
        self.control("POST", "/reset")
        # The orders of the suite have keys on a curve; one template minds their size.
        self.behave(size_counts_for_ecc=True)
        self.control("PATCH", "/templates/CorpWeb", {"minimal_key_size": 256})

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
        self.behave(pends_all=True)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"/ledger?kind={kind}")["entries"]
        return found

    def calls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "/calls")["entries"]
        return [each for each in found if each["operation"] != KNOCKING]

    def orders(self) -> int:
        return len(self.entries("certificate"))

    def revocations(self) -> list[int]:
        """Once each: the CA takes a repeat for another date."""
        numbers = (int(each["serial"], 16) for each in self.entries("revocation"))
        return list(dict.fromkeys(numbers))

    def callers(self) -> list[str]:
        """At Web Enrollment; the revoker is an account for all."""
        pages = [each for each in self.calls() if each["path"].startswith("/certsrv/")]
        return [each["account"] for each in pages]

    def name_of(self, secrets: Any) -> str:
        return str(secrets.enroller.username).removeprefix("CORP\\")
