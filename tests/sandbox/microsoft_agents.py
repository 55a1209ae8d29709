"""Requests signed by enrollment agents, built by hand from RFC 5652, RFC 5272 and MS-WCCE."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asn1crypto import algos, cms, core
from asn1crypto import pem as apem
from asn1crypto import x509 as ax
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.serialization import load_pem_private_key

NAME_VALUE = "1.3.6.1.4.1.311.13.2.1"


def tlv(tag: int, *parts: bytes) -> bytes:
    """DER by hand."""
    content = b"".join(parts)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    size = (len(content).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(content).to_bytes(size, "big") + content


def bmp(text: str) -> bytes:
    return tlv(0x1E, text.encode("utf-16-be"))


def oid(dotted: str) -> bytes:
    encoded: bytes = core.ObjectIdentifier(dotted).dump()
    return encoded


class Agent:
    """Certificate and key of a PEM file."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        _, _, self.der = apem.unarmor(content)
        pem = content[content.index(b"-----BEGIN PRIV") :]
        self.key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        self.certificate = ax.Certificate.load(self.der)

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(data, ECDSA(hashes.SHA256()))  # type: ignore[union-attr,call-arg]

    @property
    def algorithm(self) -> str:
        return "sha256_rsa" if isinstance(self.key, rsa.RSAPrivateKey) else "sha256_ecdsa"


def on_behalf(
    agent: Agent,
    content: bytes,
    requester: str | None,
    *,
    name: str = "requestername",
    content_type: str = "1.2.840.113549.1.7.1",
    states_content_type: bool = True,
    stated_type: str | None = None,
    digest: bytes | None = None,
    bag: tuple[bytes, ...] = (),
) -> bytes:
    """CMS SignedData around a request; every deviation is a keyword."""
    attributes = [
        tlv(0x30, oid("1.2.840.113549.1.9.4"),
            tlv(0x31, tlv(0x04, digest or hashlib.sha256(content).digest()))),
    ]  # fmt: skip
    if states_content_type:
        kind = tlv(0x30, oid("1.2.840.113549.1.9.3"), tlv(0x31, oid(stated_type or content_type)))
        attributes.append(kind)
    if requester is not None:
        pair = tlv(0x30, bmp(name), bmp(requester))
        attributes.append(tlv(0x30, oid(NAME_VALUE), tlv(0x31, pair)))
    signed = b"".join(sorted(attributes))
    signer: Any = cms.IssuerAndSerialNumber(
        {"issuer": agent.certificate.issuer, "serial_number": agent.certificate.serial_number}
    )
    sha256 = tlv(0x30, oid("2.16.840.1.101.3.4.2.1"))
    algorithm = algos.SignedDigestAlgorithm({"algorithm": agent.algorithm}).dump()
    info = tlv(
        0x30,
        tlv(0x02, b"\x01"),
        signer.dump(),
        sha256,
        tlv(0xA0, signed),
        algorithm,
        tlv(0x04, agent.sign(tlv(0x31, signed))),
    )
    data = tlv(
        0x30,
        tlv(0x02, b"\x01" if content_type.endswith("7.1") else b"\x03"),
        tlv(0x31, sha256),
        tlv(0x30, oid(content_type), tlv(0xA0, tlv(0x04, content))),
        tlv(0xA0, agent.der, *bag),
        tlv(0x31, info),
    )
    return tlv(0x30, oid("1.2.840.113549.1.7.2"), tlv(0xA0, data))


def cmc(agent: Agent, csr: bytes, **pairs: str) -> bytes:
    """The same as CMC: PKIData with a regInfo control."""
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs.items())
    control = tlv(
        0x30,
        tlv(0x02, b"\x01"),
        oid("1.3.6.1.5.5.7.7.18"),
        tlv(0x31, tlv(0x04, text.encode())),
    )
    request = tlv(0xA0, tlv(0x02, b"\x02"), csr)
    data = tlv(0x30, tlv(0x30, control), tlv(0x30, request), tlv(0x30), tlv(0x30))
    return on_behalf(agent, data, None, content_type="1.3.6.1.5.5.7.12.2")
