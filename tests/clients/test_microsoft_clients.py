"""The AD CS simulator, driven by clients that know nothing of us."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from csrs import csr_for
from loop_thread import LoopThread
from scm_api.sandbox import microsoft
from scm_api.sandbox.microsoft.catalogue import ENROLLER, REVOKER
from scm_api.sandbox.microsoft.domain import Account

HERE = Path(__file__).parent
CLIENTS = HERE.parents[1] / ".venv-clients/bin/python"
WWW = "www.corp.example"


class Simulated:
    """A running simulator and the programs that call it."""

    def __init__(self, server: microsoft.RunningServer) -> None:
        self.server = server
        self.trust = str(server.simulator.transport.trust)

    def driven(
        self, command: str, account: Account, environment: dict[str, str] | None = None, **told: Any
    ) -> Any:
        told |= {
            "server": self.server.url.removeprefix("https://"),
            "user": f"CORP\\{account.sam}",
            "password": account.password,
            "trust": self.trust,
        }
        done = subprocess.run(
            [CLIENTS, HERE / "microsoft_clients.py", command],
            env={"PATH": os.environ["PATH"]} | (environment or {}),
            input=json.dumps(told),
            capture_output=True,
            timeout=60,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def certutil(self, arguments: str, account: Account, auth: str) -> Any:
        host, port = (
            self.server.winrm_url.removeprefix("https://").removesuffix("/wsman").split(":")
        )
        line = f'certutil -config "ca.corp.example\\CORP Issuing CA 1" {arguments}'
        return self.driven("pypsrp", account, host=host, port=int(port), auth=auth, line=line)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        url = self.server.control_url + path
        answer = httpx.request(method, url, json=body, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Simulated]:
    assert CLIENTS.exists(), "make test-clients installs them"
    with LoopThread() as loop:
        server = loop.run(microsoft.serve(microsoft.Settings(tmp_path / "state")))
        yield Simulated(server)
        loop.run(server.aclose())


def names_of(pem: str) -> list[str]:
    leaf = x509.load_pem_x509_certificate(pem.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_certsrv_enrolls_and_reads_the_chain(simulated: Simulated, auth: str) -> None:
    if auth == "basic":
        simulated.control("PATCH", "/settings", {"schemes": ["Basic"]})
    said = simulated.driven("certsrv", ENROLLER, auth=auth, csr=csr_for(WWW), template="CorpWeb")
    assert names_of(said["leaf"]) == [WWW]
    ca = x509.load_pem_x509_certificate(said["ca"].encode())
    assert ca == simulated.server.simulator.hierarchy.issuing.certificate
    assert said["chain_size"] > 1000


def test_certsrv_waits_for_a_manager(simulated: Simulated) -> None:
    wanted = {"auth": "ntlm", "csr": csr_for(WWW), "template": "CorpWebApproved"}
    number = simulated.driven("certsrv", ENROLLER, **wanted)["pending"]
    assert simulated.driven("fetch", ENROLLER, number=number) == {"error": "Taken Under Submission"}
    simulated.control("POST", f"/requests/{number}", {"action": "issue"})
    assert names_of(simulated.driven("fetch", ENROLLER, number=number)["leaf"]) == [WWW]


def test_certsrv_is_told_why_not(simulated: Simulated) -> None:
    said = simulated.driven("certsrv", ENROLLER, auth="ntlm", csr=csr_for(WWW), template="Nope")
    assert said["denied"].startswith("Denied by Policy Module ")
    assert "0x80094800" in said["denied"]


def test_certsrv_with_a_wrong_password(simulated: Simulated) -> None:
    stranger = Account(ENROLLER.sam, "wrong", "", "")
    said = simulated.driven("certsrv", stranger, auth="ntlm", csr="", template="")
    assert said == {"error": "credentials"}


def test_a_handler_of_acme2certifier_enrolls(simulated: Simulated, tmp_path: Path) -> None:
    settings = {
        "url": f"{simulated.server.url}/certsrv",
        "user": f"CORP\\{ENROLLER.sam}",
        "password": ENROLLER.password,
        "template": "CorpWeb",
        "auth_method": "ntlm",
        "ca_bundle": simulated.trust,
    }
    configuration = tmp_path / "acme_srv.cfg"
    lines = [f"{name}: {value}" for name, value in settings.items()]
    configuration.write_text("\n".join(["[CAhandler]", *lines, ""]))
    der = x509.load_pem_x509_csr(csr_for(WWW).encode()).public_bytes(Encoding.DER)
    csr = base64.b64encode(der).decode()
    environment = {"ACME_SRV_CONFIGFILE": str(configuration)}
    said = simulated.driven("handler", ENROLLER, environment, csr=csr)
    assert said["error"] is None, said
    assert names_of(said["bundle"]) == [WWW]


@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
def test_pypsrp_revokes_with_certutil(simulated: Simulated, auth: str) -> None:
    simulated.driven("certsrv", ENROLLER, auth="ntlm", csr=csr_for(WWW), template="CorpWeb")
    serial = simulated.control("GET", "/ledger?kind=certificate")["entries"][0]["serial"]
    refused = simulated.certutil(f"-revoke {serial} 1", ENROLLER, auth)
    assert "0x80070005" in refused["output"]
    assert refused["code"] != 0
    said = simulated.certutil(f"-revoke {serial} 1", REVOKER, auth)
    assert (said["code"], said["error"][:9]) == (0, "#< CLIXML")
    (entry,) = simulated.control("GET", "/ledger?kind=revocation")["entries"]
    assert (entry["serial"], entry["reason"]) == (serial, 1)
