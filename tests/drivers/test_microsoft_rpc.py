"""Requests handed in by RPC at a simulated CA, over sockets."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from microsoft_forest import CA_HOST, CA_NAME, DENIED_BY_MANAGER, PASSWORD, Forest

from csrs import csr_for
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused, OutcomeUnknown
from scm_api.drivers.microsoft.enrolling import chain_in
from scm_api.drivers.microsoft.icpr import IcprEnroller, call_stub, read_answer
from scm_api.drivers.microsoft.ports import Disposition
from scm_api.drivers.windows.logon import Logon
from scm_api.drivers.windows.rpc_pdus import map_response
from scm_api.sandbox.microsoft.around import Severed
from scm_api.sandbox.microsoft.rpc import RpcBehaviour, RpcFault, RunningRpc, serve_rpc

ACCESS_DENIED, TOO_BUSY, OUT_OF_MEMORY = 0x5, 0x1C010014, 0x1C00001B


def csr(*names: str) -> bytes:
    made = x509.load_pem_x509_csr(csr_for(*(names or ("www.corp.example",))).encode())
    return made.public_bytes(Encoding.DER)


class Server:
    """A CA with its endpoint mapper, and what is to happen to the next call."""

    def __init__(self) -> None:
        self.forest = Forest()
        self.behaviour = RpcBehaviour()
        self.script: dict[str, Exception | float] = {}
        self.rpc: RunningRpc

    async def open(self) -> None:
        self.rpc = await serve_rpc(
            self.forest.desk,
            lambda: self.forest.domain,
            "127.0.0.1",
            dns_host_name=CA_HOST,
            behaviour=lambda: self.behaviour,
            around=self._around,
        )

    async def _around(self, operation: str, _account: str, act: Callable[[], Any], /) -> Any:
        await self._happens(f"before {operation}")
        answer = act()
        await self._happens(f"after {operation}")
        return answer

    async def _happens(self, moment: str) -> None:
        what = self.script.pop(moment, 0.0)
        if isinstance(what, Exception):
            raise what
        await asyncio.sleep(what)

    def enroller(self, **changes: object) -> IcprEnroller:
        password = changes.pop("password", PASSWORD)
        sign_in = Logon("ntlm", "CORP\\svc-enroll", str(password))
        ports = {"port": None, "mapper_port": self.rpc.epm_port} | changes
        ca_name = str(ports.pop("ca_name", CA_NAME))
        return IcprEnroller("localhost", ca_name, sign_in, **ports)  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    running = Server()
    await running.open()
    yield running
    await running.rpc.aclose()


async def test_a_request_is_issued_with_its_chain(server: Server) -> None:
    asked = csr()
    answer = await server.enroller().submit(asked, "WebServer")
    assert answer.disposition is Disposition.ISSUED
    assert (answer.request_id, answer.leaf_der) == ("7", server.forest.desk.leaf)
    assert answer.chain_ders == (server.forest.desk.certificate.public_bytes(Encoding.DER),)


async def test_t26_the_ca_gets_the_template_and_nothing_else(server: Server) -> None:
    asked = csr()
    await server.enroller().submit(asked, "WebServer")
    ((caller, attributes, request),) = server.forest.desk.received
    assert (caller, request) == ("svc-enroll", asked)
    assert attributes.rstrip("\0") == "CertificateTemplate:WebServer"


@pytest.mark.parametrize("template", ["Web\nSAN:upn=root@corp.example", "Web\r\nx:y", "A:B"])
async def test_t26_a_template_cannot_carry_another_attribute(server: Server, template: str) -> None:
    with pytest.raises(OrderRefused, match="template"):
        await server.enroller().submit(csr(), template)
    assert server.forest.desk.received == []


async def test_what_is_longer_than_a_fragment_goes_and_comes_whole(server: Server) -> None:
    asked = csr(*(f"host-{number:04}.corp.example" for number in range(1500)))
    answer = await server.enroller().submit(asked, "WebServer")
    assert server.forest.desk.received[0][2] == asked
    assert len(asked) > 30_000
    assert answer.leaf_der == server.forest.desk.leaf


async def test_what_waits_for_a_manager_is_polled(server: Server) -> None:
    server.forest.desk.pends = True
    enroller = server.enroller()
    answer = await enroller.submit(csr(), "WebServer")
    assert (answer.disposition, answer.request_id) == (Disposition.PENDING, "7")
    assert (await enroller.poll("7")).leaf_der == server.forest.desk.leaf


async def test_a_denial_has_its_code_and_words(server: Server) -> None:
    server.forest.desk.denies = True
    answer = await server.enroller().submit(csr(), "WebServer")
    assert answer.disposition is Disposition.DENIED
    assert (answer.hresult, answer.message) == (DENIED_BY_MANAGER, "Denied by a manager")


async def test_the_name_of_another_ca_is_said(server: Server) -> None:
    with pytest.raises(BackendRefused, match="common name"):
        await server.enroller(ca_name="Other CA").submit(csr(), "WebServer")


async def test_a_wrong_password_is_refused_before_anything_is_asked(server: Server) -> None:
    with pytest.raises(BackendRefused, match=r"password is wrong.*Service DCOM Access"):
        await server.enroller(password="wrong").submit(csr(), "WebServer")
    assert server.forest.desk.received == []


async def test_ntlm_switched_off_is_refused(server: Server) -> None:
    server.behaviour = replace(server.behaviour, allows_ntlm=False)
    with pytest.raises(BackendRefused):
        await server.enroller().submit(csr(), "WebServer")


async def test_an_interface_that_is_switched_off_names_the_flag(server: Server) -> None:
    server.behaviour = replace(server.behaviour, offers_icpr=False)
    with pytest.raises(BackendUnavailable, match="IF_NORPCICERTREQUEST"):
        await server.enroller().submit(csr(), "WebServer")


async def test_nobody_listens(server: Server) -> None:
    await server.rpc.aclose()
    with pytest.raises(BackendUnavailable, match="cannot be reached"):
        await server.enroller().submit(csr(), "WebServer")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("with_reset", [False, True])
async def test_a_request_without_an_answer_has_an_unknown_outcome(
    server: Server, moment: str, with_reset: bool
) -> None:
    server.script[f"{moment} submit"] = Severed(with_reset=with_reset)
    with pytest.raises(OutcomeUnknown):
        await server.enroller().submit(csr(), "WebServer")


async def test_an_answer_that_takes_too_long_has_an_unknown_outcome(server: Server) -> None:
    server.script["after submit"] = 5.0
    with pytest.raises(OutcomeUnknown, match="within"):
        await server.enroller(seconds=0.5).submit(csr(), "WebServer")


async def test_a_question_without_an_answer_may_be_asked_again(server: Server) -> None:
    server.script["after retrieve"] = Severed()
    with pytest.raises(BackendUnavailable):
        await server.enroller().poll("7")


async def test_a_look_up_that_is_cut_off_did_nothing(server: Server) -> None:
    server.script["before ept_map"] = Severed()
    with pytest.raises(BackendUnavailable):
        await server.enroller().submit(csr(), "WebServer")
    assert server.forest.desk.received == []


@pytest.mark.parametrize(
    ("moment", "status", "kind"),
    [
        ("before retrieve", ACCESS_DENIED, BackendRefused),
        ("before retrieve", TOO_BUSY, BackendUnavailable),
        ("before retrieve", OUT_OF_MEMORY, BackendUnavailable),
        ("before submit", ACCESS_DENIED, OutcomeUnknown),
        ("before submit", TOO_BUSY, OutcomeUnknown),
        ("after submit", OUT_OF_MEMORY, OutcomeUnknown),
    ],
)
async def test_a_fault_is_believed_until_the_request_is_sent(
    server: Server, moment: str, status: int, kind: type[Exception]
) -> None:
    server.script[moment] = RpcFault(status)
    with pytest.raises(kind):
        await server.enroller().submit(csr(), "WebServer")
    assert server.forest.desk.received == [] or "submit" in moment


class Meddler:
    """Stands between and changes one byte of what the CA answers, to the call of this number."""

    def __init__(self, port: int, offset: int, number: int) -> None:
        self._target, self._offset, self._left = port, offset, number
        self._server: asyncio.Server

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", self._target)
        forth = asyncio.create_task(self._copy(reader, onward, meddle=False))
        await self._copy(there, writer, meddle=True)
        forth.cancel()

    async def _copy(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, meddle: bool
    ) -> None:
        try:
            while True:
                head = await source.readexactly(16)
                (length,) = struct.unpack_from("<H", head, 8)
                raw = bytearray(head + await source.readexactly(length - 16))
                if meddle and raw[2] == 2:
                    self._left -= 1
                    raw[self._offset] ^= self._left == 0
                sink.write(raw)
        except (asyncio.IncompleteReadError, OSError):
            sink.close()


@pytest.mark.parametrize("offset", [16, 40, -1], ids=["header", "stub", "signature"])
@pytest.mark.parametrize(
    ("number", "kind"), [(1, BackendUnavailable), (2, OutcomeUnknown)], ids=["look", "request"]
)
async def test_a_changed_answer_is_not_believed(
    server: Server, offset: int, number: int, kind: type[Exception]
) -> None:
    async with Meddler(server.rpc.icpr_port, offset, number) as port:
        with pytest.raises(kind, match="seal"):
            await server.enroller(port=port).submit(csr(), "WebServer")
    assert len(server.forest.desk.received) == number - 1


async def test_an_answer_without_seal_is_not_believed(server: Server) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", server.rpc.icpr_port)
        for _ in range(2):  # bind, and its answer
            head = await reader.readexactly(16)
            (length,) = struct.unpack_from("<H", head, 8)
            onward.write(head + await reader.readexactly(length - 16))
            if head[2] == 11:
                writer.write(await there.read(4096))
        await reader.readexactly(24)
        body = struct.pack("<IHBB", 8, 0, 0, 0) + bytes(40)
        writer.write(struct.pack("<BBBBIHHI", 5, 0, 2, 3, 0x10, 16 + len(body), 0, 2) + body)
        await writer.drain()
        await asyncio.sleep(5)

    meddler = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with meddler:
        port = int(meddler.sockets[0].getsockname()[1])
        with pytest.raises(BackendUnavailable, match="not sealed"):
            await server.enroller(port=port).submit(csr(), "WebServer")
    assert server.forest.desk.received == []


async def test_an_address_of_instance_metadata_is_not_called() -> None:
    enroller = IcprEnroller("169.254.169.254", CA_NAME, Logon("ntlm", "a", "b"))
    with pytest.raises(BackendRefused, match="does not use"):
        await enroller.submit(csr(), "WebServer")


def test_the_arguments_are_those_of_the_specification() -> None:
    stub = call_stub("CA", 0, b"", b"\x30")
    name = struct.pack("<IIIII", 0, 0x20000, 3, 0, 3) + "CA\0".encode("utf-16-le") + bytes(2)
    blob = struct.pack("<III", 1, 0x20004, 1) + b"\x30" + bytes(3)
    assert stub == name + bytes(4) + bytes(8) + blob


def test_a_blob_that_is_cut_off_is_no_answer() -> None:
    with pytest.raises((ValueError, struct.error)):
        read_answer(struct.pack("<IIIII", 7, 3, 100, 0x20000, 100) + bytes(20))


def test_a_bag_of_another_kind_holds_no_chain() -> None:
    data = bytes.fromhex("300f06092a864886f70d010701a0020400")  # id-data, not id-signedData
    with pytest.raises(ValueError, match="bag"):
        chain_in(data, b"")


def test_nonsense_of_an_endpoint_mapper_is_no_port() -> None:
    with pytest.raises(ValueError, match="endpoint mapper"):
        map_response(bytes(20) + struct.pack("<IIIIII", 1, 4, 0, 1, 3, 0xFFFF))
