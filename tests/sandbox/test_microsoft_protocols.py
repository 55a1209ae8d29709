"""The whole simulator over RPC and LDAP: the same CA and the same directory as the web site."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from ldap_client import Found, Ldap, equal
from microsoft_agents import Agent, on_behalf
from microsoft_client import Adcs, der
from rpc_client import EPM, ICPR, Faulted, Rpc, answered, map_stub, mapped, request_stub

from csrs import csr_for
from scm_api.sandbox.microsoft import catalogue
from scm_api.sandbox.microsoft.catalogue import CA_NAME, ENROLLER, NAMING_CONTEXT, READER, USER

WWW = "www.corp.example"
DENIED_BY_TEMPLATE, NOT_PUBLISHED, NO_REQUEST = 0x80094012, 0x80094800, 0x80094004
TEMPLATES = (
    f"CN=Certificate Templates,CN=Public Key Services,CN=Services,CN=Configuration,{NAMING_CONTEXT}"
)


class Windows:
    """Connections to one simulator."""

    def __init__(self, adcs: Adcs) -> None:
        self.adcs = adcs
        self.beside = adcs.server.beside
        self.open: list[Rpc | Ldap] = []

    def mapped(self) -> tuple[int | None, int]:
        mapper = Rpc(self.beside.rpc.epm_port)
        self.open.append(mapper)
        mapper.bind(EPM)
        return mapped(mapper.call(3, map_stub(ICPR)))

    def icpr(self, sam: str = ENROLLER.sam) -> Rpc:
        port, _ = self.mapped()
        assert port
        client = Rpc(port)
        self.open.append(client)
        account = self.adcs.simulator.domain.account(sam)
        assert account
        user, password = f"CORP\\{account.sam}", account.password
        assert client.bind(ICPR, level=6, user=user, password=password) == (0, 0)
        return client

    def directory(self) -> Ldap:
        client = Ldap(self.beside.ldaps.port, str(self.adcs.simulator.transport.trust))
        self.open.append(client)
        assert client.simple(f"CORP\\{READER.sam}", READER.password) == (0, "")
        return client

    def template(self, name: str) -> Found:
        return self.directory().search(TEMPLATES, equal("cn", name), scope=1)


@pytest.fixture
def windows(adcs: Adcs) -> Iterator[Windows]:
    opened = Windows(adcs)
    yield opened
    for each in opened.open:
        each.close()


def submitted(client: Rpc, template: str, authority: str = CA_NAME) -> dict[str, Any]:
    stub = request_stub(authority, f"CertificateTemplate:{template}", der(csr_for(WWW)))
    return answered(client.call(0, stub))


def retrieved(client: Rpc, number: int) -> dict[str, Any]:
    return answered(client.call(0, request_stub(CA_NAME, "", b"", request_id=number)))


def test_a_certificate_of_rpc_is_fetched_from_the_site_too(windows: Windows) -> None:
    answer = submitted(windows.icpr(), "CorpWeb")
    assert (answer["disposition"], answer["code"]) == (3, 0)
    leaf = x509.load_der_x509_certificate(answer["leaf"])
    assert windows.adcs.fetch(answer["id"]) == leaf
    assert [each["account"] for each in windows.adcs.calls("rpc.submit")] == [ENROLLER.sam]


def test_a_pending_request_is_issued_once_a_manager_said_so(windows: Windows) -> None:
    client = windows.icpr()
    number = submitted(client, "CorpWebApproved")["id"]
    assert retrieved(client, number)["disposition"] == 5
    windows.adcs.control("POST", f"/requests/{number}", {"action": "issue"})
    answer = retrieved(client, number)
    assert answer["disposition"] == 3
    assert x509.load_der_x509_certificate(answer["leaf"])


@pytest.mark.parametrize(
    ("template", "hresult"),
    [("CorpAdmins", DENIED_BY_TEMPLATE), (catalogue.UNPUBLISHED, NOT_PUBLISHED)],
)
def test_a_denial_is_a_disposition_and_no_failed_call(
    windows: Windows, template: str, hresult: int
) -> None:
    answer = submitted(windows.icpr(), template)
    assert (answer["disposition"], answer["code"], answer["leaf"]) == (hresult, 0, b"")
    assert answer["message"].decode("utf-16-le").endswith("\0")


def test_an_agent_enrolls_for_somebody_over_rpc(windows: Windows) -> None:
    agent = Agent(windows.adcs.simulator.agents.path("rsa"))
    request = on_behalf(agent, der(csr_for(WWW)), f"CORP\\{USER.sam}")
    stub = request_stub(CA_NAME, "CertificateTemplate:CorpLogon", request)
    answer = answered(windows.icpr().call(0, stub))
    assert answer["disposition"] == 3, answer["message"].decode("utf-16-le")
    leaf = x509.load_der_x509_certificate(answer["leaf"])
    (name,) = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "Ada Lovelace"


def test_a_wrong_ca_fails_the_call(windows: Windows) -> None:
    answer = submitted(windows.icpr(), "CorpWeb", authority=catalogue.OTHER_CA_NAME)
    assert (answer["code"], answer["id"]) == (0x80070057, 0)
    assert windows.adcs.ledger("request") == []


def test_a_connection_lost_after_issuance_leaves_one_certificate(windows: Windows) -> None:
    fault = {"operation": "rpc.submit", "action": "reset", "when": "after"}
    windows.adcs.control("POST", "/faults", fault)
    with pytest.raises((EOFError, ConnectionError)):
        submitted(windows.icpr(), "CorpWeb")
    assert len(windows.adcs.control("GET", "/requests")["entries"]) == 1
    assert retrieved(windows.icpr(), 1)["disposition"] == 3
    assert windows.adcs.calls("rpc.submit")[0]["status"] == "severed"


def test_a_scripted_fault_of_rpc_has_the_status_it_was_given(windows: Windows) -> None:
    fault = {"operation": "rpc.submit", "action": "error", "code": "0x1c010014"}
    windows.adcs.control("POST", "/faults", fault)
    with pytest.raises(Faulted) as raised:
        submitted(windows.icpr(), "CorpWeb")
    assert raised.value.status == 0x1C010014
    assert windows.adcs.control("GET", "/requests")["entries"] == []


def test_a_certificate_for_another_key(windows: Windows) -> None:
    windows.adcs.control("POST", "/faults", {"operation": "rpc.submit", "action": "other_key"})
    answer = submitted(windows.icpr(), "CorpWeb")
    leaf = x509.load_der_x509_certificate(answer["leaf"])
    assert leaf.public_key() != windows.adcs.fetch(answer["id"]).public_key()


def test_the_interface_is_switched_off_and_comes_back(windows: Windows) -> None:
    windows.adcs.behave(icpr_offered=False)
    assert windows.mapped() == (None, 0x16C9A0D6)
    windows.adcs.control("POST", "/reset")
    assert submitted(windows.icpr(), "CorpWeb")["disposition"] == 3


def test_the_rpc_server_is_unavailable_and_comes_back(windows: Windows) -> None:
    windows.adcs.behave(icpr_listens=False)
    port, status = windows.mapped()
    assert status == 0
    with pytest.raises(ConnectionRefusedError):
        Rpc(port or 0)
    windows.adcs.behave(icpr_listens=True)
    assert submitted(windows.icpr(), "CorpWeb")["disposition"] == 3


def test_a_domain_without_ntlm(windows: Windows) -> None:
    windows.adcs.behave(ntlm_allowed=False)
    client = Rpc(windows.beside.rpc.icpr_port)
    windows.open.append(client)
    assert client.bind(ICPR, level=6) == (-1, 8)


def test_the_directory_shows_the_changes_of_the_control_interface(windows: Windows) -> None:
    assert windows.template("CorpWeb").only["msPKI-Enrollment-Flag"] == [b"0"]
    windows.adcs.control("PATCH", "/templates/CorpWeb", {"enrollment_flags": 2})
    assert windows.template("CorpWeb").only["msPKI-Enrollment-Flag"] == [b"2"]


def test_searches_are_written_down_with_their_filter(windows: Windows) -> None:
    windows.directory().search(NAMING_CONTEXT, equal("cn", "*)(cn=*"), "cn")
    (call,) = windows.adcs.calls("ldap.search")
    assert call["filter"] == "(cn=\\2a\\29\\28cn=\\2a)"
    assert (call["account"], call["entries"]) == (READER.sam, 0)


def test_scripted_faults_of_ldap(windows: Windows) -> None:
    client = windows.directory()
    busy = {"operation": "ldap.search", "action": "error", "code": "BUSY"}
    windows.adcs.control("POST", "/faults", busy)
    assert client.search(NAMING_CONTEXT).code == 51
    windows.adcs.control("POST", "/faults", {"operation": "ldap.search", "action": "hide"})
    assert client.search(NAMING_CONTEXT).entries == {}
    windows.adcs.control("POST", "/faults", {"operation": "ldap.search", "action": "close"})
    with pytest.raises((EOFError, ConnectionError)):
        client.search(NAMING_CONTEXT)


def test_memberships_are_those_that_rights_are_given_to(windows: Windows) -> None:
    found = windows.directory().search(NAMING_CONTEXT, equal("sAMAccountName", ENROLLER.sam))
    assert found.only["memberOf"] == [catalogue.ENROLLERS.distinguished_name.encode()]
