"""Connections to the directory of the simulated domain: who may bind, and what is no LDAP."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ldap_client import equal, no, number, present, text, tlv
from ldap_server import BASE, CONFIGURATION, READER, SERVICES, Server, names, serving
from microsoft_domain import CA_NAME, CONTEXT, PASSWORD

from scm_api.sandbox.microsoft.ldap import LdapBehaviour


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


def test_the_root_names_the_contexts_to_strangers(server: Server) -> None:
    root = server.client(tls=False).search("", None, scope=BASE).only
    assert root["defaultNamingContext"] == [CONTEXT.encode()]
    assert root["configurationNamingContext"] == [CONFIGURATION.encode()]
    assert root["dnsHostName"] == [b"dc1.corp.example"]
    assert root["supportedSASLMechanisms"] == [b"GSS-SPNEGO"]
    assert b"1.2.840.113556.1.4.319" in root["supportedControl"]


def test_a_search_before_the_bind_is_an_operations_error(server: Server) -> None:
    found = server.client().search(CONTEXT)
    assert (found.code, found.entries) == (1, {})
    assert "a successful bind must be completed" in found.diagnostic


@pytest.mark.parametrize(
    "name",
    [
        READER,
        "corp\\SVC-ENROLL",
        "svc-enroll@corp.example",
        "SVC-ENROLL@CORP.EXAMPLE",
        f"cn=svc-enroll, cn=users, {CONTEXT.lower()}",
    ],
)
def test_an_account_binds_by_each_of_its_names(server: Server, name: str) -> None:
    assert server.client().simple(name) == (0, "")
    assert [(each.operation, each.account, each.result) for each in server.calls] == [
        ("bind", "svc-enroll", 0)
    ]


@pytest.mark.parametrize(
    ("name", "password", "data"),
    [
        (READER, "wrong", "52e"),
        ("CORP\\nobody", PASSWORD, "525"),
        ("svc-enroll", PASSWORD, "525"),
        ("CORP\\gone", PASSWORD, "533"),
    ],
)
def test_others_do_not(server: Server, name: str, password: str, data: str) -> None:
    client = server.client()
    code, diagnostic = client.simple(name, password)
    assert code == 49
    assert f"AcceptSecurityContext error, data {data}, " in diagnostic
    assert client.search(CONTEXT).code == 1


def test_a_bind_without_a_password_succeeds_as_nobody(server: Server) -> None:
    client = server.bound()
    assert client.simple(READER, "") == (0, "")
    assert client.search(CONTEXT).code == 1


def test_in_clear_a_simple_bind_is_refused(server: Server) -> None:
    code, diagnostic = server.client(tls=False).simple(READER)
    assert code == 8
    assert diagnostic.startswith("00002028:")


@pytest.mark.parametrize("bare", [False, True])
def test_ntlm_binds_over_tls_with_bindings(server: Server, bare: bool) -> None:
    server.behaviour = LdapBehaviour(channel_binding="required")
    client = server.client()
    assert client.sasl(bindings=client.end_point(), bare=bare) == (0, "")
    assert client.search(CONTEXT, scope=BASE).code == 0


@pytest.mark.parametrize(
    ("policy", "bindings", "code"),
    [
        ("required", None, 49),
        ("required", b"tls-server-end-point:other", 49),
        ("supported", None, 0),
        ("supported", b"tls-server-end-point:other", 49),
        ("none", b"tls-server-end-point:other", 0),
    ],
)
def test_bindings_are_held_against_the_policy(
    server: Server, policy: str, bindings: bytes | None, code: int
) -> None:
    server.behaviour = LdapBehaviour(channel_binding=policy)  # type: ignore[arg-type]
    told, diagnostic = server.client().sasl(bindings=bindings)
    assert told == code
    assert ("data 80090346" in diagnostic) == (code == 49)


def test_ntlm_with_a_wrong_password_is_refused(server: Server) -> None:
    code, diagnostic = server.client().sasl(password="wrong")
    assert (code, "data 52e" in diagnostic) == (49, True)


def test_a_layer_inside_of_tls_is_refused(server: Server) -> None:
    code, diagnostic = server.client().sasl(integrity=True)
    assert (code, diagnostic[:9]) == (53, "00002029:")


def test_in_clear_ntlm_has_to_bring_its_own_layer(server: Server) -> None:
    assert server.client(tls=False).sasl()[0] == 8
    client = server.client(tls=False)
    assert client.sasl(integrity=True) == (0, "")
    assert names(client.search(SERVICES, equal("cn", CA_NAME), "cn")) == [CA_NAME, CA_NAME]


def test_without_ntlm_there_is_no_sasl(server: Server) -> None:
    server.behaviour = LdapBehaviour(allows_ntlm=False)
    assert server.client().sasl()[0] == 7


def test_nothing_can_be_written(server: Server) -> None:
    client = server.bound()
    client.send(text(f"CN=ada,CN=Users,{CONTEXT}", 0x4A))
    tag, content = client.receive()[1]
    assert (tag, content[2]) == (0x6B, 50)


def test_who_am_i_tells_the_account(server: Server) -> None:
    client = server.bound()
    client.send(tlv(0x77, text("1.3.6.1.4.1.4203.1.11.3", 0x80)))
    assert b"u:CORP\\svc-enroll" in client.receive()[1][1]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes.fromhex("308400a00001"),
        bytes.fromhex("3080020101"),
        tlv(0x30, number(1)),
        tlv(0x30, number(1), tlv(0x63, text(CONTEXT))),
        tlv(0x30, number(1), tlv(0x7F, b"")),
        tlv(0x30, number(1), tlv(0x60, number(3), text("x"), tlv(0xA3, b""))),
    ],
)
def test_what_is_no_ldap_ends_the_connection(server: Server, sent: bytes) -> None:
    client = server.bound()
    client.socket.sendall(sent)
    with pytest.raises((EOFError, ConnectionError)):
        client.receive()


def test_a_filter_nested_without_end_ends_the_connection(server: Server) -> None:
    client = server.bound()
    nested = present()
    for _ in range(120):
        nested = no(nested)
    with pytest.raises((EOFError, ConnectionError)):
        client.search(CONTEXT, nested)
    assert server.bound().search(CONTEXT, scope=BASE).code == 0
