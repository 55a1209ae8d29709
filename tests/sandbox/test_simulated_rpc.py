"""The endpoint mapper and ICPR, called over plain sockets."""

import asyncio
import struct
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from microsoft_domain import CA_HOST, CA_NAME, INVALID_ARGUMENT, NO_REQUEST, PASSWORD, Estate
from rpc_client import (
    EPM,
    ICPR,
    NTLM,
    SPNEGO,
    Faulted,
    Rpc,
    answered,
    map_stub,
    mapped,
    request_stub,
)

from csrs import csr_for
from loop_thread import LoopThread
from scm_api.sandbox.microsoft.around import Severed
from scm_api.sandbox.microsoft.rpc import RpcBehaviour, RpcFault, RunningRpc, serve_rpc

WWW = "www.corp.example"
ATTRIBUTES = "CertificateTemplate:WebServer"
UNKNOWN = UUID("12345678-1234-1234-1234-123456789abc"), 1
ACCESS_DENIED, BAD_STUB, BAD_SIGNATURE = 5, 0x6F7, 0x721
NOT_REGISTERED = 0x16C9A0D6


class Server:
    """A running server and what a test may do to it."""

    def __init__(self, loop: LoopThread) -> None:
        self.loop = loop
        self.estate = Estate()
        self.behaviour = RpcBehaviour()
        self.called: list[tuple[str, str]] = []
        self.script: dict[str, Exception] = {}
        self.rpc: RunningRpc = loop.run(
            serve_rpc(
                self.estate.desk,
                lambda: self.estate.domain,
                "127.0.0.1",
                dns_host_name=CA_HOST,
                behaviour=lambda: self.behaviour,
                around=self._around,
            )
        )
        self.clients: list[Rpc] = []

    async def _around(self, operation: str, account: str, act: Callable[[], Any], /) -> Any:
        await asyncio.sleep(0)
        self.called.append((operation, account))
        if error := self.script.pop(f"before {operation}", None):
            raise error
        answer = act()
        if error := self.script.pop(f"after {operation}", None):
            raise error
        return answer

    def client(self, port: int | None = None) -> Rpc:
        client = Rpc(port or self.rpc.icpr_port)
        self.clients.append(client)
        return client

    def bound(self, **how: object) -> Rpc:
        client = self.client()
        assert client.bind(ICPR, **({"level": 6} | how)) == (0, 0)  # type: ignore[arg-type]
        return client

    def close(self) -> None:
        for each in self.clients:
            each.close()
        self.loop.run(self.rpc.aclose())


@pytest.fixture
def server() -> Iterator[Server]:
    with LoopThread() as loop:
        running = Server(loop)
        yield running
        running.close()


def csr(*names: str) -> bytes:
    request = x509.load_pem_x509_csr(csr_for(*(names or (WWW,))).encode())
    return request.public_bytes(Encoding.DER)


def test_the_mapper_tells_the_port_of_icpr(server: Server) -> None:
    mapper = server.client(server.rpc.epm_port)
    assert mapper.bind(EPM) == (0, 0)
    assert mapped(mapper.call(3, map_stub(ICPR))) == (server.rpc.icpr_port, 0)
    assert server.called == [("ept_map", "")]


def test_the_mapper_knows_no_other_interface_and_no_other_transport(server: Server) -> None:
    mapper = server.client(server.rpc.epm_port)
    mapper.bind(EPM)
    assert mapped(mapper.call(3, map_stub(UNKNOWN))) == (None, NOT_REGISTERED)
    assert mapped(mapper.call(3, map_stub(ICPR, protocol=0x0A))) == (None, NOT_REGISTERED)


def test_a_ca_with_its_interface_off_is_not_registered_and_not_bound_to(server: Server) -> None:
    server.behaviour = RpcBehaviour(offers_icpr=False)
    mapper = server.client(server.rpc.epm_port)
    mapper.bind(EPM)
    assert mapped(mapper.call(3, map_stub(ICPR))) == (None, NOT_REGISTERED)
    assert server.client().bind(ICPR) == (2, 1)


@pytest.mark.parametrize("mechanism", [NTLM, SPNEGO])
def test_a_certificate_is_issued_with_its_chain(server: Server, mechanism: int) -> None:
    client = server.bound(mechanism=mechanism)
    request = csr()
    answer = answered(client.call(0, request_stub(CA_NAME, ATTRIBUTES, request)))
    assert (answer["id"], answer["disposition"], answer["code"]) == (1, 3, 0)
    assert answer["message"] == "Issued\0".encode("utf-16-le")
    leaf = x509.load_der_x509_certificate(answer["leaf"])
    leaf.verify_directly_issued_by(server.estate.desk.certificate)
    bag = cms.ContentInfo.load(answer["chain"])["content"]["certificates"]
    ca = server.estate.desk.certificate.public_bytes(Encoding.DER)
    assert {each.chosen.dump() for each in bag} == {answer["leaf"], ca}
    assert server.estate.desk.received == [("svc-enroll", CA_NAME, ATTRIBUTES, request)]


def test_the_request_arrives_as_it_was_sent_in_fragments(server: Server) -> None:
    request = csr(*(f"host{number:04}.corp.example" for number in range(900)))
    assert len(request) > 4 * 4000
    client = server.bound()
    answer = answered(client.call(0, request_stub(CA_NAME, ATTRIBUTES, request)))
    assert server.estate.desk.received[0][3] == request
    assert client.fragments_of_last_answer > 4
    names = x509.load_der_x509_certificate(answer["leaf"]).extensions
    assert len(names.get_extension_for_class(x509.SubjectAlternativeName).value) == 900


def test_calls_follow_each_other_on_one_connection(server: Server) -> None:
    client = server.bound()
    for number in (1, 2, 3):
        answer = answered(client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr())))
        assert answer["id"] == number


def test_a_pending_request_is_retrieved_later(server: Server) -> None:
    server.estate.desk.pends = True
    client = server.bound()
    answer = answered(client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr())))
    assert (answer["id"], answer["disposition"], answer["leaf"]) == (1, 5, b"")
    assert (answer["chain"], answer["code"]) == (b"", 0)
    answer = answered(client.call(0, request_stub(CA_NAME, "", b"", request_id=1)))
    assert (answer["id"], answer["disposition"]) == (1, 5)
    answer = answered(client.call(0, request_stub(CA_NAME, "", b"", request_id=7)))
    assert (answer["disposition"], answer["code"]) == (NO_REQUEST, 0)


def test_another_ca_fails_the_call(server: Server) -> None:
    answer = answered(server.bound().call(0, request_stub("Other CA", ATTRIBUTES, csr())))
    assert (answer["code"], answer["id"], answer["leaf"]) == (INVALID_ARGUMENT, 0, b"")


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


def test_an_unknown_operation_context_and_stub_have_faults_of_their_own(server: Server) -> None:
    client = server.bound()
    statuses = []
    for operation, presentation, stub in (
        (9, 0, b""),
        (0, 4, request_stub(CA_NAME, ATTRIBUTES, csr())),
        (0, 0, request_stub(CA_NAME, ATTRIBUTES, csr())[:-40]),
    ):
        with pytest.raises(Faulted) as raised:
            client.call(operation, stub, presentation=presentation)
        statuses.append(raised.value.status)
    assert statuses == [0x1C010002, 0x1C010003, BAD_STUB]
    assert answered(client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr())))["disposition"] == 3


def test_binds_to_what_is_not_there_are_rejected(server: Server) -> None:
    assert server.client().bind(UNKNOWN) == (2, 1)
    ndr64 = UUID("71710533-beba-4937-8319-b5dbef9ccc36"), 1
    assert server.client().bind(ICPR, transfer=ndr64) == (2, 2)
    features = UUID("6cb71c2c-9812-4540-0300-000000000000"), 1
    assert server.client().bind(ICPR, transfer=features) == (3, 0)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: ca.corp.example\r\n\r\n",
        struct.pack("<BBBBIHHI", 5, 0, 11, 3, 0x10, 60000, 0, 1),
        struct.pack("<BBBBIHHI", 5, 0, 11, 3, 0x10, 16, 200, 1),
        struct.pack("<BBBBIHHI", 5, 0, 11, 3, 0x10, 20, 0, 1) + bytes(4),
        struct.pack("<BBBBIHHI", 5, 0, 0, 3, 0x10, 24, 0, 1) + bytes(8),
    ],
)
def test_what_is_no_pdu_ends_the_connection(server: Server, sent: bytes) -> None:
    client = server.client()
    client.socket.sendall(sent)
    with pytest.raises((EOFError, ConnectionError)):
        client.receive()


def test_more_than_four_megabytes_are_not_taken(server: Server) -> None:
    client = server.bound()
    with pytest.raises((Faulted, ConnectionError, EOFError)):
        client.call(0, request_stub(CA_NAME, ATTRIBUTES, bytes(5 * 1024 * 1024)))
    assert server.estate.desk.received == []


@pytest.mark.parametrize(("moment", "received"), [("before", 0), ("after", 1)])
def test_a_connection_is_cut_before_or_after_the_desk_acted(
    server: Server, moment: str, received: int
) -> None:
    client = server.bound()
    server.script[f"{moment} submit"] = Severed(with_reset=True)
    with pytest.raises((EOFError, ConnectionError)):
        client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr()))
    assert len(server.estate.desk.received) == received


def test_a_scripted_fault_is_answered(server: Server) -> None:
    client = server.bound()
    server.script["before retrieve"] = RpcFault(0x1C010014)
    with pytest.raises(Faulted) as raised:
        client.call(0, request_stub(CA_NAME, "", b"", request_id=1))
    assert raised.value.status == 0x1C010014


def test_an_rpc_server_is_unavailable_while_its_mapper_answers(server: Server) -> None:
    client = server.bound()
    server.loop.run(server.rpc.stop_icpr())
    with pytest.raises((EOFError, ConnectionError)):
        client.call(0, request_stub(CA_NAME, ATTRIBUTES, csr()))
    with pytest.raises(ConnectionRefusedError):
        server.client()
    mapper = server.client(server.rpc.epm_port)
    mapper.bind(EPM)
    assert mapped(mapper.call(3, map_stub(ICPR)))[0] == server.rpc.icpr_port
    server.loop.run(server.rpc.start_icpr())
    server.bound()
