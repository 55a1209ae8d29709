"""The AD CS simulator, driven by impacket and ldap3: clients that know nothing of us."""

import base64
import json
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from csrs import csr_for
from loop_thread import LoopThread
from scm_api.sandbox import microsoft
from scm_api.sandbox.microsoft.catalogue import CA_HOST, CA_NAME, ENROLLER, NAMING_CONTEXT, NETBIOS

HERE = Path(__file__).parent
CLIENTS = HERE.parents[1] / ".venv-clients/bin/python"
PRIVACY, INTEGRITY = "6", "5"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[microsoft.RunningServer]:
    assert CLIENTS.exists(), "make test-clients installs them"
    with LoopThread() as loop:
        running = loop.run(microsoft.serve(microsoft.Settings(tmp_path / "state")))
        yield running
        loop.run(running.aclose())


def said(script: str, *arguments: str) -> Any:
    done = subprocess.run(
        [CLIENTS, HERE / script, *arguments],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=60,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def enrolled(
    server: microsoft.RunningServer, directory: Path, level: str, password: str, *names: str
) -> Any:
    csr = directory / "csr.der"
    request = x509.load_pem_x509_csr(csr_for(*names).encode())
    csr.write_bytes(request.public_bytes(Encoding.DER))
    port = str(server.beside.rpc.epm_port)
    who = (ENROLLER.sam, password, NETBIOS)
    return said("icpr_enrollment.py", "127.0.0.1", port, CA_NAME, *who, level, str(csr))


def test_impacket_finds_icpr_and_gets_a_certificate(
    server: microsoft.RunningServer, tmp_path: Path
) -> None:
    names = [f"host{number:03}.corp.example" for number in range(300)]
    answer = enrolled(server, tmp_path, PRIVACY, ENROLLER.password, *names)
    assert answer["disposition"] == 3, answer
    leaf = x509.load_der_x509_certificate(base64.b64decode(answer["leaf"]))
    alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert alternative.get_values_for_type(x509.DNSName) == names
    chain = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer["chain"]))
    assert leaf in chain
    assert len(chain) == 3


def test_impacket_is_denied_without_packet_privacy(
    server: microsoft.RunningServer, tmp_path: Path
) -> None:
    answer = enrolled(server, tmp_path, INTEGRITY, ENROLLER.password, "www.corp.example")
    assert answer == {"error": "rpc_s_access_denied"}


def test_impacket_is_denied_with_a_wrong_password(
    server: microsoft.RunningServer, tmp_path: Path
) -> None:
    answer = enrolled(server, tmp_path, PRIVACY, "wrong", "www.corp.example")
    assert answer == {"error": "rpc_s_access_denied"}


@pytest.mark.parametrize("way", ["simple", "ntlm"])
def test_ldap3_reads_the_pki_containers(server: microsoft.RunningServer, way: str) -> None:
    port, trust = str(server.beside.ldaps.port), str(server.simulator.transport.trust)
    user = f"{NETBIOS}\\{ENROLLER.sam}"
    answer = said("ldap_reading.py", "localhost", port, trust, user, ENROLLER.password, way)
    domain = server.simulator.domain
    assert answer["who"] == f"u:{user}"
    period, descriptor = (base64.b64decode(each) for each in answer["templates"]["CorpWeb"])
    assert -struct.unpack("<q", period)[0] / 864e9 == 365
    assert descriptor[0] == 1
    assert set(answer["templates"]) == {each.name for each in domain.templates}
    certificate = base64.b64encode(domain.services[0].certificate_der).decode()
    assert [CA_NAME, CA_HOST, certificate] in answer["authorities"]


def test_ldap3_is_refused_with_a_wrong_password(server: microsoft.RunningServer) -> None:
    """Its NTLM sends no integrity code: the proof of the password stands alone."""
    port, trust = str(server.beside.ldaps.port), str(server.simulator.transport.trust)
    user = f"{NETBIOS}\\{ENROLLER.sam}"
    answer = said("ldap_reading.py", "localhost", port, trust, user, "wrong", "ntlm")
    assert "data 52e" in answer["error"]


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_impacket_binds_with_a_sealed_layer_or_channel_bindings(
    server: microsoft.RunningServer, scheme: str
) -> None:
    changed = server.simulator.behaviour.model_copy(update={"ldap_channel_binding": "required"})
    server.simulator.behaviour = changed
    listener = server.beside.ldaps if scheme == "ldaps" else server.beside.ldap
    who = (ENROLLER.sam, ENROLLER.password, NETBIOS)
    where = (scheme, "127.0.0.1", str(listener.port), NAMING_CONTEXT)
    assert said("sealed_directory.py", *where, *who) == {"names": [ENROLLER.distinguished_name]}
