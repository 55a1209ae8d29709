"""ICertPassage (MS-ICPR): CertServerRequest, which hands in a request or asks after one."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from asn1crypto import cms, x509

from scm_api.sandbox.microsoft.around import Around
from scm_api.sandbox.microsoft.desk import Desk, Reply
from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.rpc.faults import (
    ACCESS_DENIED,
    BAD_STUB_DATA,
    OPERATION_RANGE_ERROR,
    RpcFault,
)
from scm_api.sandbox.microsoft.rpc.interfaces import Caller, Syntax
from scm_api.sandbox.microsoft.rpc.ndr import NdrReader, NdrWriter
from scm_api.sandbox.microsoft.rpc.settings import RpcBehaviour

ICPR: Final = Syntax(UUID("91ae6020-9e3c-11cf-8d7c-00aa00c091be"), 0)
_CERT_SERVER_REQUEST: Final = 0
_FAILED: Final = 0x80000000
_INVALID_ARGUMENT: Final = 0x80070057


class CertificatePassage:
    """The interface in front of one desk."""

    syntax = ICPR

    def __init__(self, desk: Desk, behaviour: Callable[[], RpcBehaviour], around: Around) -> None:
        self._desk = desk
        self._behaviour = behaviour
        self._around = around

    @property
    def is_offered(self) -> bool:
        return self._behaviour().offers_icpr

    async def call(self, operation: int, stub: bytes, caller: Caller) -> bytes:
        if operation != _CERT_SERVER_REQUEST:
            raise RpcFault(OPERATION_RANGE_ERROR)
        if caller.account is None or caller.level < self._behaviour().minimum_level:
            raise RpcFault(ACCESS_DENIED)
        reader = NdrReader(stub)
        reader.u32()  # dwFlags; a CA finds out the format of the request by itself
        authority = reader.unique_text() or ""
        request_id = reader.u32()
        attributes, request = _text(reader.blob()), reader.blob()
        account = caller.account

        def act() -> Reply:
            if request:
                return self._desk.submit(account, authority, attributes, request)
            return self._retrieved(account, authority, request_id)

        reply = await self._around("submit" if request else "retrieve", account.sam, act)
        return _encode(reply)

    def _retrieved(self, caller: Account, authority: str, request_id: int) -> Reply:
        if not request_id:
            return Reply(0, _INVALID_ARGUMENT, "", hresult=_INVALID_ARGUMENT)
        return self._desk.retrieve(caller, authority, request_id)


def _text(content: bytes) -> str:
    """Attributes are UTF-16 with a final NUL, which some clients leave away."""
    try:
        return content.decode("utf-16-le").rstrip("\0")
    except UnicodeDecodeError:
        raise RpcFault(BAD_STUB_DATA) from None


def _encode(reply: Reply) -> bytes:
    """The return value fails where the call did, not where a request of the CA was refused."""
    writer = NdrWriter()
    writer.u32(reply.request_id)
    writer.u32(reply.disposition)
    writer.blob(_chain((reply.leaf_der, *reply.chain_ders)) if reply.leaf_der else b"")
    writer.blob(reply.leaf_der or b"")
    writer.blob(f"{reply.message}\0".encode("utf-16-le"))
    was_entered = reply.request_id != 0 or reply.disposition < _FAILED
    writer.u32(0 if was_entered else reply.disposition)
    return writer.encode()


def _chain(certificates: tuple[bytes, ...]) -> bytes:
    """A degenerate PKCS#7 (RFC 2315 9.1) of the leaf and the CAs above it."""
    chosen = [
        cms.CertificateChoices({"certificate": x509.Certificate.load(each)})
        for each in certificates
    ]
    signed = {
        "version": "v1",
        "digest_algorithms": [],
        "encap_content_info": {"content_type": "data"},
        "certificates": chosen,
        "signer_infos": [],
    }
    content = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
    return bytes(content.dump())
