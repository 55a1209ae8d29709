"""Enrollment agents: whether the signatures around a request let it be made for somebody else."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from scm_api.sandbox.microsoft import hresults as H  # noqa: N812 -- a table of codes
from scm_api.sandbox.microsoft.hierarchy import Authority
from scm_api.sandbox.microsoft.hresults import Refusal
from scm_api.sandbox.microsoft.submission import signed_content

VERIFYING: Final = "verifying"
_NO_SIGNATURE: Final = "1.3.6.1.5.5.7.6.2"
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 -- what Windows takes
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class Trust:
    """`authorities` are those in NTAuth; `is_revoked` knows serial numbers of theirs."""

    authorities: Sequence[Authority]
    is_revoked: Callable[[int], bool]
    is_offline: bool
    now: datetime


def agents_of(signed: Any, csr: x509.CertificateSigningRequest, trust: Trust) -> list[Any]:
    """The certificates that signed, each of them checked but for its key usage.

    The primary signature of CMC, with the key of the request or none, is nobody's. Raises Refusal.
    """
    bag = [each.chosen for each in signed["certificates"]]
    certificates = [x509.load_der_x509_certificate(each.dump()) for each in bag]
    found: list[x509.Certificate] = []
    for signer in signed["signer_infos"]:
        if signer["signature_algorithm"]["algorithm"].dotted == _NO_SIGNATURE:
            continue
        agent = _signer_certificate(signer, bag, certificates)
        if agent is None:
            if signer["sid"].name == "subject_key_identifier":
                _verify(signed, signer, csr.public_key())
                continue
            raise Refusal(H.CHAINING, VERIFYING)
        _verify(signed, signer, agent.public_key())
        _check(agent, certificates, trust)
        found.append(agent)
    return found


def usages_of(certificate: x509.Certificate) -> frozenset[str]:
    """Its extended key usages."""
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(each.dotted_string for each in usages)


def _signer_certificate(
    signer: Any, bag: Sequence[asn1_x509.Certificate], certificates: Sequence[x509.Certificate]
) -> x509.Certificate | None:
    identity = signer["sid"]
    for each, certificate in zip(bag, certificates, strict=True):
        if identity.name == "issuer_and_serial_number":
            known = identity.chosen
            if (known["issuer"], known["serial_number"].native) == (
                each.issuer,
                each.serial_number,
            ):
                return certificate
        elif identity.chosen.native == each.key_identifier:
            return certificate
    return None


def _verify(signed: Any, signer: Any, key: Any) -> None:
    """The signature over the signed attributes as SET OF, and the digest in them."""
    content = signed_content(signed)
    digest = signer["digest_algorithm"]["algorithm"].native
    attributes = signer["signed_attrs"]
    if digest not in _HASHES:
        raise Refusal(H.BAD_SIGNATURE, VERIFYING)
    signed_bytes = content
    if attributes.native is not None:
        named = {each["type"].native: each["values"] for each in attributes}
        kind = signed["encap_content_info"]["content_type"].native
        if "content_type" in named and named["content_type"][0].native != kind:
            raise Refusal(H.BAD_SIGNATURE, VERIFYING)  # Windows takes a message without it
        told = named["message_digest"][0].native if "message_digest" in named else b""
        if told != hashlib.new(digest, content).digest():
            raise Refusal(H.HASH_VALUE, VERIFYING)
        signed_bytes = attributes.untag().dump()
    signature = signer["signature"].native
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed_bytes, padding.PKCS1v15(), _HASHES[digest])
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed_bytes, ec.ECDSA(_HASHES[digest]))
        else:
            raise Refusal(H.BAD_SIGNATURE, VERIFYING)
    except InvalidSignature as error:
        raise Refusal(H.BAD_SIGNATURE, VERIFYING) from error


def _check(agent: x509.Certificate, bag: Sequence[x509.Certificate], trust: Trust) -> None:
    """Its chain to a CA in NTAuth, its dates and its revocation."""
    for authority in trust.authorities:
        if agent.issuer == authority.certificate.subject:
            try:
                agent.verify_directly_issued_by(authority.certificate)
            except (InvalidSignature, ValueError, TypeError):
                continue
            break
    else:
        roots = {each.subject for each in bag if each.subject == each.issuer}
        raise Refusal(H.UNTRUSTED_ROOT if agent.issuer in roots else H.CHAINING, VERIFYING)
    if not agent.not_valid_before_utc <= trust.now <= agent.not_valid_after_utc:
        raise Refusal(H.EXPIRED, VERIFYING)
    if trust.is_offline:
        raise Refusal(H.REVOCATION_OFFLINE, VERIFYING)
    if trust.is_revoked(agent.serial_number):
        raise Refusal(H.REVOKED, VERIFYING)
