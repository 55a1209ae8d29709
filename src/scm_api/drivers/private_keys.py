"""Private keys that operators gave, each found to be good once."""

import base64
import hashlib
import re
from contextlib import suppress
from typing import Annotated, Final

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509.oid import PublicKeyAlgorithmOID

ACCEPTED: Final = (
    "an RSA key of at most 4,096 bits, an EC key or an Ed25519 key, in PEM without a password"
)
_BEGIN: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_PEM: Final = re.compile(
    r"-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----([A-Za-z0-9+/=\s]+)-----END \1-----", re.ASCII
)
_RSA: Final = (PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5, PublicKeyAlgorithmOID.RSASSA_PSS)
_CHEAP: Final = (PublicKeyAlgorithmOID.EC_PUBLIC_KEY, PublicKeyAlgorithmOID.ED25519)
_MOST_BITS: Final = 4_096
_MOST: Final = 1_000
_sound: Final[set[bytes]] = set()


@asn1.sequence
class _EcPrivateKey:
    """RFC 5915 section 3."""

    version: int
    key: bytes
    curve: Annotated[x509.ObjectIdentifier | None, asn1.Explicit(0)]
    public_key: Annotated[asn1.BitString | None, asn1.Explicit(1)]


@asn1.sequence
class _PrivateKeyInfo:
    """RFC 5958 section 2."""

    version: int
    algorithm: list[asn1.TLV]
    key: bytes
    attributes: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(0)]
    public_key: Annotated[asn1.BitString | None, asn1.Implicit(1)]


@asn1.sequence
class _RsaPrivateKey:
    """RFC 8017 appendix A.1.2, without further primes; p and q are those."""

    version: int
    n: int
    e: int
    d: int
    p: int
    q: int
    d_p: int
    d_q: int
    q_inverse: int


def private_key(pem: str) -> PrivateKeyTypes:
    """The key in a PEM, if it is one of ACCEPTED. Raises ValueError or TypeError for all others.

    That the parts of an RSA key fit takes 50 ms of CPU to find out, in which nothing else runs. So
    that is done once in a process for each key, of which the SHA-256 is kept, not the key. What
    would take longer is not even read: seconds for larger RSA keys, for DSA and Diffie-Hellman.
    """
    block = _PEM.search(pem)
    if block is None or len(_BEGIN.findall(pem)) != 1:
        raise ValueError("not one private key in PEM")
    der = base64.b64decode("".join(block[2].split()), validate=True)
    digest = hashlib.sha256(der).digest()
    if digest not in _sound:
        _require_cheap(der)
    key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=digest in _sound)
    if len(_sound) >= _MOST:
        _sound.clear()
    _sound.add(digest)
    return key


def _require_cheap(der: bytes) -> None:
    """Whether looking at the key takes milliseconds, by its own word. Raises ValueError."""
    with suppress(ValueError):
        asn1.decode_der(_EcPrivateKey, der)
        return
    if (info := _pkcs8(der)) is not None:
        algorithm, *_ = info.algorithm
        kind = algorithm.parse(x509.ObjectIdentifier)
        if kind in _CHEAP:
            return
        if kind not in _RSA:
            raise ValueError("a key of a type that is not taken")
        der = info.key
    key = asn1.decode_der(_RsaPrivateKey, der)
    primes = max(key.p.bit_length(), key.q.bit_length())
    if key.n.bit_length() > _MOST_BITS or primes > _MOST_BITS // 2:
        raise ValueError("a larger RSA key than is taken")


def _pkcs8(der: bytes) -> _PrivateKeyInfo | None:
    with suppress(ValueError):
        return asn1.decode_der(_PrivateKeyInfo, der)
    return None
