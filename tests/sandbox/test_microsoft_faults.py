"""What goes wrong on command, and what the ledger then knows."""

import os
import re
import signal
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from microsoft_client import Adcs, Windows, issued

from csrs import csr_for
from processes import command, finished, started
from scm_api.sandbox import microsoft
from scm_api.sandbox.microsoft import catalogue

WWW = "www.corp.example"
OTHER_PORTS = ("winrm", "control", "epm", "rpc", "ldap", "clear-ldap")
SUBMIT = "certfnsh.asp"


def simulator(state: Path, port: str = "0") -> Callable[[], None]:
    """Work for a process: the simulator, on free ports unless one is named."""
    others = [word for name in OTHER_PORTS for word in (f"--{name}-port", "0")]
    return command("sandbox", "microsoft", "--state", str(state), "--port", port, *others)


def fault(adcs: Adcs, operation: str, action: str, **members: object) -> None:
    adcs.control("POST", "/faults", {"operation": operation, "action": action, **members})


@pytest.mark.parametrize("action", ["close", "reset"])
@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
def test_an_answer_that_does_not_come(adcs: Adcs, action: str, when: str, count: int) -> None:
    fault(adcs, SUBMIT, action, when=when)
    with pytest.raises(httpx.TransportError):
        adcs.submit(csr_for(WWW), "CorpWeb")
    assert len(adcs.ledger("certificate")) == count
    assert len(adcs.ledger("request")) == count


def test_the_legs_of_an_exchange_do_not_use_a_fault_up(adcs: Adcs) -> None:
    fault(adcs, "*", "error", status=503)
    with adcs.session() as client:
        assert client.get("/certsrv/certcarc.asp").status_code == 503
        assert client.get("/certsrv/certcarc.asp").status_code == 200


def test_an_exchange_can_be_cut(adcs: Adcs) -> None:
    fault(adcs, "authenticate", "close", skip=1)
    with pytest.raises(httpx.TransportError):
        adcs.get("certcarc.asp")


def test_an_error_page_with_the_status_of_success(adcs: Adcs) -> None:
    fault(adcs, SUBMIT, "html", status=200)
    page = adcs.submit(csr_for(WWW), "CorpWeb")
    assert "500 - Internal server error." in page
    assert "ID=" not in page


def test_a_page_that_ends_early(adcs: Adcs) -> None:
    whole = adcs.submit(csr_for(WWW), "CorpWeb")
    fault(adcs, SUBMIT, "truncate")
    half = adcs.submit(csr_for(WWW), "CorpWeb")
    assert half == whole[: len(half)]
    assert 0 < len(half) < len(whole)
    assert len(adcs.ledger("certificate")) == 2


def test_a_certificate_for_another_key(adcs: Adcs) -> None:
    number = issued(adcs.submit(csr_for(WWW), "CorpWeb"))
    right = adcs.fetch(number)
    fault(adcs, "certnew.cer", "other_key")
    wrong = adcs.fetch(number)
    assert wrong.serial_number == right.serial_number
    assert wrong.public_key() != right.public_key()
    fault(adcs, "certnew.p7b", "other_key")
    bag = pkcs7.load_der_pkcs7_certificates(adcs.get(f"certnew.p7b?ReqID={number}").content)
    assert right not in bag
    assert len(bag) == 3


def test_answers_can_be_slow(adcs: Adcs) -> None:
    adcs.behave(latency_seconds=0.3)
    began = time.monotonic()
    adcs.get("certcarc.asp", auth=httpx.Auth())
    assert time.monotonic() - began >= 0.3


def test_the_clock_can_be_moved(adcs: Adcs) -> None:
    plain = adcs.issue(csr_for(WWW), "CorpWeb").not_valid_before_utc
    adcs.behave(clock_offset_seconds=86_400)
    moved = adcs.issue(csr_for(WWW), "CorpWeb").not_valid_before_utc
    assert 86_300 < (moved - plain).total_seconds() < 86_700


def test_a_reset_brings_back_the_directory_and_forgets_the_requests(adcs: Adcs) -> None:
    number = issued(adcs.submit(csr_for(WWW), "CorpWeb"))
    adcs.control("PATCH", "/templates/CorpWeb", {"published": False})
    adcs.behave(language="de", schemes=["Basic"])
    adcs.control("POST", "/reset")
    assert "0x80094004" in adcs.get(f"certnew.cer?ReqID={number}").text
    assert issued(adcs.submit(csr_for(WWW), "CorpWeb")) == number


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/faults", {"action": "nonsense"}, 422),
        ("PATCH", "/settings", {"language": "it"}, 422),
        ("PATCH", "/settings", {"unknown": 1}, 422),
        ("PATCH", "/templates/Nope", {"published": False}, 404),
        ("PATCH", "/templates/CorpWeb", {"colour": "red"}, 404),
        ("PATCH", "/templates/CorpWeb", {"validity_days": "long"}, 422),
        ("PATCH", "/accounts/nobody", {"disabled": True}, 404),
        ("POST", "/requests/77", {"action": "issue"}, 404),
        ("POST", "/requests/77", {"action": "burn"}, 422),
    ],
)
def test_what_the_control_interface_refuses(
    adcs: Adcs, method: str, path: str, body: object, status: int
) -> None:
    assert "error" in adcs.control(method, path, body, status=status)


def test_a_path_that_is_no_page(adcs: Adcs) -> None:
    assert adcs.get("nothing.asp").status_code == 404
    with adcs.session() as client:
        assert client.get("/").status_code == 404


def test_a_state_directory_is_used_by_one_process(adcs: Adcs) -> None:
    import asyncio

    settings = microsoft.Settings(adcs.simulator.settings.state)
    with pytest.raises(microsoft.StateError, match="used by another simulator"):
        asyncio.run(microsoft.serve(settings))


def test_the_command_says_where_it_listens_and_ends_by_a_signal(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with started(simulator(state), os.environ) as process:
        line = process.first_line()
        found = re.search(r"(https://\S+?)/certsrv .* WinRM at (https://\S+),", line)
        assert found, line or process.errors.read_text()
        account = (f"CORP\\{catalogue.ENROLLER.sam}", catalogue.ENROLLER.password)
        assert account[1] in line
        trust = state / "tls" / "trust.pem"
        context = ssl.create_default_context(cafile=str(trust))
        answer = httpx.get(f"{found[1]}/certsrv/", verify=context, trust_env=False)
        assert answer.status_code == 401
        process.send(signal.SIGTERM)
        assert process.wait(20) == 0
    agents = {each.name for each in (state / "agents").iterdir()}
    assert agents == {"rsa.pem", "ecdsa.pem", "expired.pem", "wrong-eku.pem", "foreign.pem"}
    for name in agents:
        assert (state / "agents" / name).stat().st_mode & 0o077 == 0
        x509.load_pem_x509_certificate((state / "agents" / name).read_bytes())


def test_a_port_that_is_taken_ends_the_command_with_a_sentence(adcs: Adcs, tmp_path: Path) -> None:
    port = adcs.server.url.rpartition(":")[2]
    done = finished(simulator(tmp_path / "state", port), os.environ)
    assert done.returncode == 1
    assert done.stderr.startswith("The simulator cannot listen on 127.0.0.1 port")
    assert "Traceback" not in done.stderr


def test_two_accounts_over_one_client_are_told_apart(adcs: Adcs) -> None:
    with adcs.session() as client:
        client.get("/certsrv/certcarc.asp")
    with adcs.session(Windows(catalogue.MANAGER)) as client:
        client.get("/certsrv/certcarc.asp")
    calls = adcs.calls("certcarc.asp")
    assert [each["account"] for each in calls] == ["svc-enroll", "camanager"]
    assert len({each["connection"] for each in calls}) == 2
