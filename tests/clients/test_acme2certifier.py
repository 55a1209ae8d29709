"""The simulators, driven by CA handlers of acme2certifier: a client that knows nothing of us."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from csrs import csr_for
from digicert_estate import CertCentral
from entrust_estate import Entrust
from loop_thread import LoopThread
from scm_api.sandbox import digicert, entrust

HERE = Path(__file__).parent
CLIENTS = HERE.parents[1] / ".venv-clients/bin/python"
WWW = "www.example.com"


@contextmanager
def running(sandbox: Any, directory: Path) -> Iterator[Any]:
    with LoopThread() as loop:
        server = loop.run(sandbox.serve(sandbox.Settings(directory / "state")))
        yield server
        loop.run(server.aclose())


def driven(vendor: str, directory: Path, settings: dict[str, str], **environment: str) -> Any:
    """What the handler says of one enrollment and one revocation."""
    lines = [f"{name}: {value}" for name, value in settings.items()]
    configuration = directory / "acme_srv.cfg"
    configuration.write_text("\n".join(["[CAhandler]", *lines, ""]))
    csr = directory / "csr.der"
    csr.write_bytes(x509.load_pem_x509_csr(csr_for(WWW).encode()).public_bytes(Encoding.DER))
    done = subprocess.run(
        [CLIENTS, HERE / "acme2certifier_handler.py", vendor, csr],
        env={"PATH": os.environ["PATH"], "ACME_SRV_CONFIGFILE": str(configuration)} | environment,
        capture_output=True,
        timeout=60,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_for_us(said: Any) -> bool:
    leaf = x509.load_der_x509_certificate(base64.b64decode(said["leaf"]))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName) == [WWW]


def test_a_handler_orders_from_certcentral_and_revokes(tmp_path: Path) -> None:
    with running(digicert, tmp_path) as server:
        certcentral = CertCentral(server.url)
        certcentral.behave(needs_approval=False)
        settings = {
            "api_url": f"{certcentral.root}/services/v2/",
            "api_key": digicert.ADMIN_KEY,
            "organization_name": "Umbra Works Ltd",
        }
        said = driven("digicert", tmp_path, settings)
        assert said["error"] is None, said
        assert is_for_us(said)
        assert said["revoked"][0] == 200, said["revoked"]
        assert [each["order_id"] for each in certcentral.ledger("order")] == [said["reference"]]
        assert len(certcentral.ledger("revocation")) == 1


def test_a_handler_is_refused_with_a_wrong_key(tmp_path: Path) -> None:
    with running(digicert, tmp_path) as server:
        settings = {
            "api_url": f"{CertCentral(server.url).root}/services/v2/",
            "api_key": "WRONGKEY",
            "organization_id": str(digicert.VALIDATED_ORGANIZATION),
            "organization_name": "Umbra Works Ltd",
        }
        said = driven("digicert", tmp_path, settings)
        assert "access_denied|access_denied_invalid_key" in said["error"]


def test_a_handler_orders_from_ecs_over_tls_and_revokes(tmp_path: Path) -> None:
    with running(entrust, tmp_path) as server:
        ca = Entrust(server)
        ca.behave(requires_requester=False)  # the handler names none
        settings = {
            "api_url": f"{ca.url}/enterprise/v2",
            "username": entrust.API_USER.name,
            "password": entrust.API_USER.api_key,
            "organization_name": entrust.VALIDATED_ORGANIZATION,
            "cert_validity_days": "90",
            "allowed_domainlist": '["*.example.com"]',
        }
        trust = str(ca.transport.trust)
        said = driven("entrust", tmp_path, settings, REQUESTS_CA_BUNDLE=trust)
        assert said["error"] is None, said
        assert is_for_us(said)
        assert said["revoked"][0] == 200, said["revoked"]
        assert [each["tracking_id"] for each in ca.ledger("order")] == [said["reference"]]
        assert len(ca.ledger("revocation")) == 1


@pytest.fixture(autouse=True)
def _clients() -> None:
    assert CLIENTS.exists(), "make test-clients installs them"
