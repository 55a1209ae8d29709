"""Who may call ICPR: levels of authentication, strangers, and what was altered on its way."""

from collections.abc import Iterator

import pytest
from microsoft_domain import CA_NAME, PASSWORD
from rpc_client import ICPR, SPNEGO, Faulted, answered, request_stub
from rpc_server import ATTRIBUTES, Server, csr, serving

from scm_api.sandbox.microsoft.rpc import RpcBehaviour

ACCESS_DENIED, BAD_SIGNATURE = 5, 0x721


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.mark.parametrize("level", [1, 2, 5])
def test_less_than_packet_privacy_is_denied(server: Server, level: int) -> None:
    client = server.bound(level=level)
    with pytest.raises(Faulted) as raised:
        client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr()))
    assert raised.value.status == ACCESS_DENIED
    assert server.estate.desk.received == []


@pytest.mark.parametrize("level", [2, 5])
def test_a_ca_that_was_told_so_takes_less(server: Server, level: int) -> None:
    server.behaviour = RpcBehaviour(minimum_level=2)
    answer = answered(server.bound(level=level).call(0, request_stub(CA_NAME, ATTRIBUTES, csr())))
    assert answer["disposition"] == 3


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("CORP\\svc-enroll", "wrong"),
        ("CORP\\nobody", PASSWORD),
        ("CORP\\gone", PASSWORD),
        ("OTHER\\svc-enroll", PASSWORD),
    ],
)
def test_strangers_are_denied_at_their_first_call(server: Server, user: str, password: str) -> None:
    client = server.client()
    client.bind(ICPR, level=6, user=user, password=password)
    with pytest.raises(Faulted) as raised:
        client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr()))
    assert raised.value.status == ACCESS_DENIED
    assert server.estate.desk.received == []


def test_an_exchange_that_was_altered_on_its_way_is_denied(server: Server) -> None:
    def alter_mic(token: bytes) -> bytes:
        return token[:72] + bytes(16) + token[88:]

    client = server.client()
    client.bind(ICPR, level=6, tamper=alter_mic)
    with pytest.raises(Faulted) as raised:
        client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr()))
    assert raised.value.status == ACCESS_DENIED


def test_a_list_of_mechanisms_that_was_altered_on_its_way_is_denied(server: Server) -> None:
    def alter_mic(token: bytes) -> bytes:
        assert token[-16:-12] == b"\1\0\0\0"  # the mechListMIC is at the end
        return token[:-9] + bytes(5) + token[-4:]

    with pytest.raises(Faulted) as raised:
        server.client().bind(ICPR, level=6, mechanism=SPNEGO, tamper=alter_mic)
    assert raised.value.status == ACCESS_DENIED


def test_ntlm_is_not_proved_twice_on_one_challenge(server: Server) -> None:
    again: list[bytes] = []

    def keep(token: bytes) -> bytes:
        again.append(token)
        return token

    server.client().bind(ICPR, level=6, tamper=keep)
    client = server.client()
    client.bind(ICPR, level=6, tamper=lambda _: again[0])
    with pytest.raises(Faulted) as raised:
        client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr()))
    assert raised.value.status == ACCESS_DENIED


def test_strangers_are_denied_within_spnego(server: Server) -> None:
    with pytest.raises(Faulted) as raised:
        server.client().bind(ICPR, level=6, mechanism=SPNEGO, password="wrong")
    assert raised.value.status == ACCESS_DENIED


@pytest.mark.parametrize("user", ["svc-enroll@corp.example", "CORP.EXAMPLE\\SVC-ENROLL"])
def test_an_account_has_several_names(server: Server, user: str) -> None:
    client = server.bound(user=user)
    client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr()))
    assert server.estate.desk.received[0][0] == "svc-enroll"


def test_a_domain_without_ntlm_knows_no_such_authentication(server: Server) -> None:
    server.behaviour = RpcBehaviour(allows_ntlm=False)
    assert server.client().bind(ICPR, level=6) == (-1, 8)
    with pytest.raises(Faulted):
        server.client().bind(ICPR, level=6, mechanism=SPNEGO)


def test_an_altered_request_is_not_taken(server: Server) -> None:
    client = server.bound()
    stub = request_stub(CA_NAME, ATTRIBUTES, csr())
    client.context.sign(b"a message that never arrives")
    with pytest.raises(Faulted) as raised:
        client.call(0, stub)
    assert raised.value.status == BAD_SIGNATURE
    assert server.estate.desk.received == []
    with pytest.raises((EOFError, ConnectionError)):
        client.call(0, stub)


def test_a_request_in_clear_after_privacy_was_agreed_is_denied(server: Server) -> None:
    client = server.bound()
    client.level = 1
    with pytest.raises(Faulted) as raised:
        client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr()))
    assert raised.value.status == ACCESS_DENIED
