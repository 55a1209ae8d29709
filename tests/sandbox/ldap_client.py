"""An LDAP client on a plain or TLS socket, with its own BER; its NTLM is pyspnego's."""

import hashlib
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any

import spnego
from microsoft_domain import PASSWORD
from spnego.channel_bindings import GssChannelBindings

PAGED, SD_FLAGS = "1.2.840.113556.1.4.319", "1.2.840.113556.1.4.801"


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def text(value: str, tag: int = 4) -> bytes:
    return tlv(tag, value.encode())


def number(value: int, tag: int = 2) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def parts(content: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(content):
        tag, length = content[at], content[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(content[at : at + size], "big")
            at += size
        found.append((tag, content[at : at + length]))
        at += length
    return found


def equal(attribute: str, value: str) -> bytes:
    return tlv(0xA3, text(attribute), text(value))


def present(attribute: str = "objectClass") -> bytes:
    return text(attribute, 0x87)


def both(*filters: bytes) -> bytes:
    return tlv(0xA0, *filters)


def either(*filters: bytes) -> bytes:
    return tlv(0xA1, *filters)


def no(inner: bytes) -> bytes:
    return tlv(0xA2, inner)


def rule(attribute: str, oid: str, value: str) -> bytes:
    return tlv(0xA9, text(oid, 0x81), text(attribute, 0x82), text(value, 0x83))


def substrings(attribute: str, start: str = "", middle: str = "", end: str = "") -> bytes:
    pieces = [text(one, tag) for tag, one in ((0x80, start), (0x81, middle), (0x82, end)) if one]
    return tlv(0xA4, text(attribute), tlv(0x30, *pieces))


@dataclass
class Found:
    """What a search brought."""

    code: int
    diagnostic: str
    entries: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)
    referrals: list[str] = field(default_factory=list)
    cookie: bytes = b""

    @property
    def only(self) -> dict[str, list[bytes]]:
        (entry,) = self.entries.values()
        return entry


class Ldap:
    """One connection; TLS where there is a certificate to trust."""

    def __init__(self, port: int, trust: str | None = None) -> None:
        raw = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket: Any = raw
        if trust:
            context = ssl.create_default_context(cafile=trust)
            self.socket = context.wrap_socket(raw, server_hostname="localhost")
        self.numbers = 0
        self.layer: Any = None
        self.clear: list[tuple[int, bytes]] = []

    def close(self) -> None:
        self.socket.close()

    def send(self, operation: bytes, controls: bytes = b"") -> None:
        self.numbers += 1
        listed = tlv(0xA0, controls) if controls else b""
        message = tlv(0x30, number(self.numbers), operation, listed)
        if self.layer:
            message = self.layer.wrap(message).data
            message = len(message).to_bytes(4, "big") + message
        self.socket.sendall(message)

    def receive(self) -> list[tuple[int, bytes]]:
        """Number, operation and controls of the next message."""
        if self.layer:
            if not self.clear:
                frame = self._exactly(int.from_bytes(self._exactly(4), "big"))
                self.clear = parts(self.layer.unwrap(frame).data)
            return parts(self.clear.pop(0)[1])
        head = self._exactly(2)
        length = head[1]
        if length & 0x80:
            length = int.from_bytes(self._exactly(length & 0x7F), "big")
        return parts(self._exactly(length))

    def _exactly(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            part = self.socket.recv(size - len(content))
            if not part:
                raise EOFError
            content += part
        return content

    def simple(self, name: str, password: str = PASSWORD) -> tuple[int, str]:
        """Result code and diagnostic."""
        self.send(tlv(0x60, number(3), text(name), text(password, 0x80)))
        code, diagnostic, _ = self._bound()
        return code, diagnostic

    def _bound(self) -> tuple[int, str, bytes]:
        fields = parts(self.receive()[1][1])
        token = next((content for tag, content in fields if tag == 0x87), b"")
        return fields[0][1][0], fields[2][1].decode(), token

    def sasl(
        self,
        user: str = "CORP\\svc-enroll",
        password: str = PASSWORD,
        *,
        bindings: bytes | None = None,
        integrity: bool = False,
        bare: bool = False,
    ) -> tuple[int, str]:
        """GSS-SPNEGO with NTLM; `bindings` are the application data of the channel."""
        flags = spnego.ContextReq.none
        if integrity:
            flags = spnego.ContextReq.integrity | spnego.ContextReq.confidentiality
        context = spnego.client(
            user,
            password,
            "dc1.corp.example",
            "ldap",
            protocol="ntlm" if bare else "negotiate",
            options=spnego.NegotiateOptions.use_ntlm
            if bare
            else spnego.NegotiateOptions.use_negotiate,
            context_req=flags,
            channel_bindings=GssChannelBindings(application_data=bindings) if bindings else None,
        )
        token = context.step()
        while True:
            credentials = (text("GSS-SPNEGO"), tlv(4, token or b""))
            self.send(tlv(0x60, number(3), text(""), tlv(0xA3, *credentials)))
            code, diagnostic, answer = self._bound()
            if code != 14:
                if answer and not context.complete:
                    context.step(answer)
                if code == 0 and integrity:
                    self.layer = context
                return code, diagnostic
            token = context.step(answer)

    def end_point(self) -> bytes:
        """tls-server-end-point of a certificate signed with SHA-256."""
        certificate = self.socket.getpeercert(binary_form=True)
        return b"tls-server-end-point:" + hashlib.sha256(certificate).digest()

    def search(
        self,
        base: str,
        wanted: bytes | None = None,
        *attributes: str,
        scope: int = 2,
        limit: int = 0,
        page: tuple[int, bytes] | None = None,
        sd_flags: int | None = None,
        control: tuple[str, bool] | None = None,
        types_only: bool = False,
    ) -> Found:
        """Whatever comes until the search is done."""
        operation = tlv(
            0x63,
            text(base),
            number(scope, 10),
            number(0, 10),
            number(limit),
            number(0),
            tlv(1, b"\xff" if types_only else b"\0"),
            wanted if wanted is not None else present(),
            tlv(0x30, *(text(each) for each in attributes)),
        )
        controls = []
        if page:
            value = tlv(0x30, number(page[0]), tlv(4, page[1]))
            controls.append(tlv(0x30, text(PAGED), tlv(1, b"\xff"), tlv(4, value)))
        if sd_flags is not None:
            controls.append(tlv(0x30, text(SD_FLAGS), tlv(4, tlv(0x30, number(sd_flags)))))
        if control:
            flag = tlv(1, b"\xff") if control[1] else b""
            controls.append(tlv(0x30, text(control[0]), flag))
        self.send(operation, b"".join(controls))
        return self._found()

    def _found(self) -> Found:
        entries: dict[str, dict[str, list[bytes]]] = {}
        references: list[str] = []
        while True:
            message = self.receive()
            tag, content = message[1]
            fields = parts(content)
            if tag == 0x64:
                attributes = {}
                for _, one in parts(fields[1][1]):
                    (_, name), (_, values) = parts(one)
                    attributes[name.decode()] = [value for _, value in parts(values)]
                entries[fields[0][1].decode()] = attributes
            elif tag == 0x73:
                references += [value.decode() for _, value in fields]
            else:
                assert tag == 0x65
                found = Found(fields[0][1][0], fields[2][1].decode(), entries, references)
                if len(fields) > 3:
                    found.referrals = [value.decode() for _, value in parts(fields[3][1])]
                if len(message) > 2:
                    (_, one), *_ = parts(message[2][1])
                    found.cookie = parts(parts(parts(one)[1][1])[0][1])[1][1]
                return found
