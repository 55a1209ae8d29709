"""The demo does what it says, twice, and says in a sentence why it cannot."""

import fcntl
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from demo_process import PATIENCE, Demo, environment
from processes import command, finished

pytestmark = pytest.mark.xdist_group("demo")

CHILDREN = (
    "AWS simulator",
    "DigiCert simulator",
    "Entrust simulator",
    "Google Cloud CA Service simulator",
    "Microsoft AD CS simulator",
    "API",
    "worker",
    "PostgreSQL's keeper",
    "the process they are forked from",
    "its resource tracker",
)


def _ports_are_free(demo: Demo) -> bool:
    for port in (demo.port, demo.sandbox_port):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return False
    return True


def test_the_first_start_does_the_whole_job(
    first_start: tuple[Demo, subprocess.CompletedProcess[str]],
) -> None:
    demo, done = first_start
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in (
        "POST /connectors",
        "SCM Sandbox EC Issuing",
        "name-not-allowed",
        "Prefer: wait → 201",
        "✓ cryptography: a path of 3",
        "the old one is revoked",
        "certificate.revoked",
        "DigiCert CertCentral",
        "Entrust Certificate Services",
        "Google Cloud CA Service",
        "Microsoft AD CS",
        "One certificate of each CA",
        "waits for: Proof of control over example.com",
        "revoked, revoked, valid",
        "/docs",
        demo.key,
    ):
        assert shown in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_files_belong_together_and_secrets_are_private(
    first_start: tuple[Demo, subprocess.CompletedProcess[str]],
) -> None:
    demo, _ = first_start
    certificate = x509.load_pem_x509_certificate((demo.folder / "certificate.pem").read_bytes())
    chain = x509.load_pem_x509_certificates((demo.folder / "chain.pem").read_bytes())
    key = serialization.load_pem_private_key((demo.folder / "key.pem").read_bytes(), None)
    request = x509.load_pem_x509_csr((demo.folder / "request.csr").read_bytes())
    assert chain[0] == certificate
    assert key.public_key() == certificate.public_key() == request.public_key()
    assert (demo.folder / "root.pem").read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
    for secret in ("key.pem", "request.csr", "api-key"):
        assert (demo.folder / secret).stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("second_start")  # which waits meanwhile
def test_a_second_demo_in_the_same_directory_touches_nothing(tmp_path: Path) -> None:
    demo = Demo.in_directory(tmp_path)
    log = demo.folder / "logs" / "api.log"
    log.parent.mkdir(parents=True)
    log.write_text("what the running one logged")
    running = os.open(demo.folder, os.O_RDONLY)
    fcntl.flock(running, fcntl.LOCK_EX)
    done = demo.once()
    os.close(running)
    said = " ".join(done.stdout.split())
    assert f"A demo is running in {demo.folder} already." in said
    assert "--directory" in said
    assert (done.returncode, log.read_text()) == (1, "what the running one logged")


@pytest.mark.usefixtures("second_start")  # which waits meanwhile
@pytest.mark.parametrize("variable", ["PORT", "SANDBOX_PORT"])
def test_a_taken_port_is_said_in_a_sentence(tmp_path: Path, variable: str) -> None:
    demo = Demo.in_directory(tmp_path)
    taken = demo.port if variable == "PORT" else demo.sandbox_port
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", taken))
        listener.listen()
        start = command("demo", *demo.ports, "--directory", str(demo.folder))
        done = finished(start, environment())
    assert done.returncode == 1
    assert f"127.0.0.1 port {taken} cannot be used: Address already in use." in done.stdout
    assert f"make demo {variable}={taken + 1}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not demo.folder.exists()


@pytest.mark.parametrize(
    ("number", "during", "status"),
    [
        (signal.SIGKILL, "ready after", -signal.SIGKILL),
        (signal.SIGTERM, "Starting PostgreSQL", 130),
    ],
)
def test_no_process_outlives_the_demo(
    tmp_path: Path, number: signal.Signals, during: str, status: int
) -> None:
    demo = Demo.in_directory(tmp_path)
    with demo.staying() as process:
        demo.wait_for(during, process)
        itself = psutil.Process(process.pid)
        children = itself.children(recursive=True)
        while len(children) < len(CHILDREN):
            assert process.exit_code is None, demo.output
            time.sleep(0.02)
            children = itself.children(recursive=True)
        process.send(number)
        assert process.wait(PATIENCE) == status
        _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert not alive
    assert _ports_are_free(demo)


def test_a_second_start_finds_its_data_again(demo: Demo) -> None:
    for found in ("found demo", "found aws-simulator", "found demo-aws", "found Demo Corp"):
        assert found in demo.output
    with httpx.Client(
        base_url=demo.url, headers={"Authorization": f"Bearer {demo.key}"}, trust_env=False
    ) as client:
        names = [item["name"] for item in client.get("/organizations").json()["items"]]
        certificates = client.get("/certificates").json()["items"]
    assert names.count("Demo Corp") == 1
    # Two starts, each with a certificate and its renewal at AWS, and at each of the others one
    # that was renewed and whose renewal was replaced.
    renewed = [item for item in certificates if item["renewed_by_certificate_ids"]]
    assert [item["status"] for item in renewed] == ["revoked"] * 10
