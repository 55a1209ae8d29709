"""certutil over WinRM: what is run, what is refused, and what the CRL then says."""

import base64
import uuid
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import httpx
import pytest
from cryptography import x509
from microsoft_client import Adcs, Windows

from csrs import csr_for
from scm_api.sandbox.microsoft import catalogue
from scm_api.sandbox.microsoft.domain import Account

CONFIG = '"ca.corp.example\\CORP Issuing CA 1"'
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
HEAD = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    f'xmlns:r="{SHELL}"><s:Header><a:Action>%s</a:Action><a:MessageID>uuid:%s</a:MessageID>'
    f"<w:ResourceURI>{SHELL}/cmd</w:ResourceURI>%s</s:Header><s:Body>%s</s:Body></s:Envelope>"
)


@dataclass
class Ended:
    output: str
    error: str
    code: int


class WinRm:
    """One connection with one shell."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        self._url = url
        self._selectors = (
            '<w:OptionSet><w:Option Name="WINRS_CODEPAGE">65001</w:Option></w:OptionSet>'
        )

    def send(self, action: str, body: str = "") -> httpx.Response:
        content = HEAD % (action, uuid.uuid4(), self._selectors, body)
        kind = {"Content-Type": "application/soap+xml;charset=UTF-8"}
        return self._client.post(self._url, content=content.encode(), headers=kind)

    def open(self) -> None:
        answer = self.send(f"{TRANSFER}/Create", "<r:Shell/>")
        assert answer.status_code == 200, answer.text
        shell = ET.fromstring(answer.content).findtext(f".//{{{SHELL}}}ShellId")
        self._selectors = (
            f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet>'
        )

    def run(self, line: str, *arguments: str) -> Ended:
        said = "".join(f"<r:Arguments>{each}</r:Arguments>" for each in arguments)
        body = f"<r:CommandLine><r:Command>{line}</r:Command>{said}</r:CommandLine>"
        answer = self.send(f"{SHELL}/Command", body)
        assert answer.status_code == 200, answer.text
        number = ET.fromstring(answer.content).findtext(f".//{{{SHELL}}}CommandId")
        wanted = (
            f'<r:Receive><r:DesiredStream CommandId="{number}">stdout</r:DesiredStream></r:Receive>'
        )
        answer = self.send(f"{SHELL}/Receive", wanted)
        assert answer.status_code == 200, answer.text
        told = ET.fromstring(answer.content)
        texts = {"stdout": "", "stderr": ""}
        for stream in told.iter(f"{{{SHELL}}}Stream"):
            texts[stream.get("Name", "")] += base64.b64decode(stream.text or "").decode()
        code = told.findtext(f".//{{{SHELL}}}ExitCode")
        assert code is not None
        return Ended(texts["stdout"], texts["stderr"], int(code))


def certutil(adcs: Adcs, arguments: str, account: Account = catalogue.REVOKER) -> Ended:
    with adcs.session(Windows(account, protocol="negotiate")) as client:
        shell = WinRm(client, adcs.server.winrm_url)
        shell.open()
        return shell.run("certutil " + arguments)


@pytest.fixture
def serial(adcs: Adcs) -> str:
    return f"{adcs.issue(csr_for('www.corp.example'), 'CorpWeb').serial_number:x}"


def listed(adcs: Adcs, serial: str) -> x509.RevokedCertificate | None:
    crl = x509.load_der_x509_crl(adcs.get("certcrl.crl").content)
    return crl.get_revoked_certificate_by_serial_number(int(serial, 16))


def test_a_certificate_is_revoked_with_its_reason(adcs: Adcs, serial: str) -> None:
    ended = certutil(adcs, f"-config {CONFIG} -revoke {serial} 1")
    assert ended.code == 0
    assert "command completed successfully" in ended.output
    assert ended.error.startswith("#&lt; CLIXML") or ended.error.startswith("#< CLIXML")
    entry = listed(adcs, serial)
    assert entry is not None
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value
    assert reason.reason is x509.ReasonFlags.key_compromise
    (noted,) = adcs.ledger("revocation")
    assert (noted["caller"], noted["serial"], noted["reason"]) == ("CORP\\svc-revoke", serial, 1)


def test_a_hold_is_released_and_nothing_else_is(adcs: Adcs, serial: str) -> None:
    assert certutil(adcs, f"-config {CONFIG} -revoke {serial} 6").code == 0
    assert listed(adcs, serial) is not None
    assert certutil(adcs, f"-config {CONFIG} -revoke {serial} -1").code == 0
    assert listed(adcs, serial) is None
    assert certutil(adcs, f"-config {CONFIG} -revoke {serial} 4").code == 0
    ended = certutil(adcs, f"-config {CONFIG} -revoke {serial} -1")
    assert "0x80070057" in ended.output
    assert listed(adcs, serial) is not None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (f"-config {CONFIG} -revoke 0badc0de 1", 0x80094004),
        (f"-config {CONFIG} -revoke nothex 1", 0x80094004),
        (f"-config {CONFIG} -revoke %s 9", 0x80070057),
        ('-config "ca.corp.example\\Other CA" -revoke %s 1', 0x80070057),
        ('-config "elsewhere\\CORP Issuing CA 1" -revoke %s 1', 0x800706BA),
        ("-view", 0x80070057),
    ],
)
def test_what_certutil_refuses(adcs: Adcs, serial: str, arguments: str, code: int) -> None:
    ended = certutil(adcs, arguments.replace("%s", serial))
    assert ended.code == code - (1 << 32)
    assert f"0x{code:x}" in ended.output
    assert adcs.ledger("revocation") == []


def test_an_account_without_the_right(adcs: Adcs, serial: str) -> None:
    ended = certutil(adcs, f"-config {CONFIG} -revoke {serial} 1", catalogue.ENROLLER)
    assert ended.code == 0x80070005 - (1 << 32)
    assert adcs.ledger("revocation") == []


def test_a_manager_who_is_restricted(adcs: Adcs, serial: str) -> None:
    adcs.behave(officer_denied=["CorpWeb"])
    ended = certutil(adcs, f"-config {CONFIG} -revoke {serial} 1")
    assert ended.code == 0x80094009 - (1 << 32)


def test_words_follow_the_language_and_codes_do_not(adcs: Adcs, serial: str) -> None:
    adcs.behave(language="de", winrm_noise=False)
    ended = certutil(adcs, f"-config {CONFIG} -revoke {serial} 1")
    assert (ended.code, ended.error) == (0, "")
    assert "wurde erfolgreich ausgeführt" in ended.output
    ended = certutil(adcs, f"-config {CONFIG} -revoke {serial} 1", catalogue.ENROLLER)
    assert "0x80070005" in ended.output
    assert "Zugriff verweigert" in ended.output


def test_ping(adcs: Adcs) -> None:
    assert certutil(adcs, f"-config {CONFIG} -ping").code == 0


def test_nothing_but_certutil_is_there(adcs: Adcs) -> None:
    with adcs.session(Windows(catalogue.REVOKER, protocol="negotiate")) as client:
        shell = WinRm(client, adcs.server.winrm_url)
        shell.open()
        ended = shell.run("powershell", "-EncodedCommand", "AAAA")
        assert ended.code == 1
        assert "is not recognized" in ended.error
        assert shell.send(f"{TRANSFER}/Delete").status_code == 200
        gone = shell.send(f"{SHELL}/Command", "<r:CommandLine/>")
        assert gone.status_code == 500
        assert 'Code="2150858843"' in gone.text


def test_an_account_that_may_not_log_on(adcs: Adcs) -> None:
    with adcs.session(Windows(catalogue.NOBODY, protocol="negotiate")) as client:
        answer = WinRm(client, adcs.server.winrm_url).send(f"{TRANSFER}/Create", "<r:Shell/>")
    assert answer.status_code == 500
    assert "w:AccessDenied" in answer.text


def test_what_winrm_offers(adcs: Adcs) -> None:
    with adcs.session(httpx.Auth()) as client:
        answer = client.post(adcs.server.winrm_url)
    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == ["Negotiate"]
    assert answer.content == b""


def test_output_that_is_not_there_in_time(adcs: Adcs) -> None:
    adcs.behave(winrm_waits=1)
    with pytest.raises(AssertionError, match="2150858793"):
        certutil(adcs, f"-config {CONFIG} -ping")


@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
def test_an_answer_that_does_not_come(adcs: Adcs, serial: str, when: str, count: int) -> None:
    body = {"operation": "winrm.command", "action": "close", "when": when}
    adcs.control("POST", "/faults", body)
    with pytest.raises(httpx.TransportError):
        certutil(adcs, f"-config {CONFIG} -revoke {serial} 1")
    assert len(adcs.ledger("revocation")) == count


def test_an_agent_whose_certificate_is_revoked_is_none_any_more(adcs: Adcs) -> None:
    from microsoft_agents import Agent, on_behalf
    from microsoft_client import denial, der, issued

    agent = Agent(adcs.simulator.agents.path("ecdsa"))
    message = on_behalf(agent, der(csr_for("x")), "CORP\\alovelace")
    issued(adcs.submit(message, "CorpLogon"))
    revoked = f"{agent.certificate.serial_number:x}"
    assert certutil(adcs, f"-config {CONFIG} -revoke {revoked} 1").code == 0
    assert denial(adcs.submit(message, "CorpLogon"))[1] == 0x80092010
