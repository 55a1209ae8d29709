"""Hands requests in at a CA by RPC (MS-ICPR 3.1.4.1 and 3.2.4.1), without Web Enrollment."""

import struct
from contextlib import suppress
from functools import partial
from typing import Final
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.drivers.errors import OutcomeUnknown, only_asking
from scm_api.drivers.microsoft.enrolling import chain_in, request_attributes
from scm_api.drivers.microsoft.hresults import DENIED_BY_MANAGER, failure, hresult_in
from scm_api.drivers.microsoft.ports import Answer, Disposition
from scm_api.drivers.windows.logon import Logon
from scm_api.drivers.windows.room import Room
from scm_api.drivers.windows.rpc import EPM_PORT, connected
from scm_api.drivers.windows.rpc_pdus import Interface

INTERFACE: Final = Interface(
    UUID("91ae6020-9e3c-11cf-8d7c-00aa00c091be"),
    absent="the CA's service does not run, or its registry value InterfaceFlags has "
    "IF_NORPCICERTREQUEST (0x8) or IF_NOREMOTEICERTREQUEST; see "
    "certutil -getreg CA\\InterfaceFlags",
    needed="Request Certificates and membership in Certificate Service DCOM Access",
)
_CERT_SERVER_REQUEST: Final = 0
_DENIED, _ISSUED, _ISSUED_OUT_OF_BAND, _UNDER_SUBMISSION = 2, 3, 4, 5
_FAILED: Final = 0x80000000
_CONNECTIONS, _PATIENCE = 16, 10.0


class IcprEnroller:
    """Fulfils `ports.Enroller` for the CA `ca_name` on `host`; `port` None asks the endpoint
    mapper. Each call is one connection. An answer may take `seconds`."""

    def __init__(
        self,
        host: str,
        ca_name: str,
        logon: Logon,
        *,
        port: int | None = None,
        mapper_port: int = EPM_PORT,
        seconds: float = 30,
    ) -> None:
        self._host = host
        self._ca_name = ca_name
        self._connected = partial(connected, host, port, INTERFACE, logon, mapper_port=mapper_port)
        self._room = Room(_CONNECTIONS, _PATIENCE)
        self._seconds = seconds

    async def submit(self, request_der: bytes, template: str) -> Answer:
        """See `Enroller.submit`. A look at any request comes first, which shows whether we are let
        in while nothing is at stake."""
        attributes = f"{request_attributes(template)}\0".encode("utf-16-le")
        look = call_stub(self._ca_name, 1, b"", b"")
        return await self._ask(look, call_stub(self._ca_name, 0, attributes, request_der))

    async def poll(self, request_id: str) -> Answer:
        """See `Enroller.poll`."""
        with only_asking():
            return await self._ask(call_stub(self._ca_name, int(request_id), b"", b""))

    async def aclose(self) -> None:
        """Nothing is kept open."""

    async def _ask(self, *stubs: bytes) -> Answer:
        *before, last = stubs
        async with self._room.place(), self._connected() as connection:
            for stub in before:
                with only_asking():
                    await connection.call(_CERT_SERVER_REQUEST, stub, _PATIENCE)
            raw = await connection.call(_CERT_SERVER_REQUEST, last, self._seconds)
        try:
            return self._answer(raw)
        except (struct.error, ValueError) as error:
            raise OutcomeUnknown(f"The answer of {self._host} cannot be read.") from error

    def _answer(self, raw: bytes) -> Answer:
        request_id, disposition, chain, leaf, text, status = read_answer(raw)
        message = text.decode("utf-16-le", "replace").rstrip("\0").strip()
        number = str(request_id) if request_id else ""
        if not status and disposition in (_ISSUED, _ISSUED_OUT_OF_BAND):
            der = x509.load_der_x509_certificate(leaf).public_bytes(Encoding.DER)
            others: tuple[bytes, ...] = ()
            with suppress(ValueError):  # what is issued is not lost for want of a chain
                others = chain_in(chain, der)
            return Answer(Disposition.ISSUED, number, message, leaf_der=der, chain_ders=others)
        if not status and disposition == _UNDER_SUBMISSION:
            return Answer(Disposition.PENDING, number, message)
        code = next((each for each in (status, disposition) if each >= _FAILED), None)
        code = code or hresult_in(message)
        if code is not None and not number:
            said = f"{self._host} answered 0x{code:08X}: {message or 'nothing'}."
            raise failure(code, message) or OutcomeUnknown(said)
        is_decided = disposition == _DENIED or code == DENIED_BY_MANAGER
        decided = Disposition.DENIED if is_decided else Disposition.ERROR
        return Answer(decided, number, message, code)


def call_stub(ca_name: str, request_id: int, attributes: bytes, request: bytes) -> bytes:
    """The arguments of CertServerRequest in NDR32: flags 0, by which the CA tells the format of the
    request by itself."""
    name = (ca_name + "\0").encode("utf-16-le")
    count = len(name) // 2
    stub = struct.pack("<IIIII", 0, 0x20000, count, 0, count) + name + bytes(-len(name) % 4)
    return stub + struct.pack("<I", request_id) + _blob(attributes) + _blob(request)


def read_answer(stub: bytes) -> tuple[int, int, bytes, bytes, bytes, int]:
    """Request id, disposition, chain, certificate, message and the return value.

    Raises ValueError and struct.error for what is no answer.
    """
    request_id, disposition = struct.unpack_from("<II", stub)
    offset, blobs = 8, []
    for _ in range(3):
        size, pointer = struct.unpack_from("<II", stub, offset)
        offset += 8
        blob = b""
        if pointer:
            (held,) = struct.unpack_from("<I", stub, offset)
            blob = stub[offset + 4 : offset + 4 + size]
            if held != size or len(blob) != size:
                raise ValueError("a blob is cut off")
            offset += 4 + size + -size % 4
        blobs.append(blob)
    (status,) = struct.unpack_from("<I", stub, offset)
    return request_id, disposition, blobs[0], blobs[1], blobs[2], status


def _blob(content: bytes) -> bytes:
    """CERTTRANSBLOB: its size, and a pointer to what follows at once."""
    if not content:
        return struct.pack("<II", 0, 0)
    size = len(content)
    return struct.pack("<III", size, 0x20004, size) + content + bytes(-size % 4)
