"""The endpoint mapper and ICPR, over plain sockets: what is answered, and what is cut off."""

import struct
from collections.abc import Iterator
from uuid import UUID

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from microsoft_domain import CA_NAME, INVALID_ARGUMENT, NO_REQUEST
from rpc_client import EPM, ICPR, NTLM, SPNEGO, Faulted, answered, map_stub, mapped, request_stub
from rpc_server import ATTRIBUTES, Server, csr, serving

from scm_api.sandbox.microsoft.around import Severed
from scm_api.sandbox.microsoft.rpc import RpcBehaviour, RpcFault

UNKNOWN = UUID("12345678-1234-1234-1234-123456789abc"), 1
NOT_REGISTERED = 0x16C9A0D6
BAD_STUB = 0x6F7


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


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
