"""The spelling of subject key types, the same in profiles, capabilities and answers."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import PublicKeyAlgorithmOID

KEY_TYPES: Final = (
    "rsa-2048",
    "rsa-3072",
    "rsa-4096",
    "rsa-8192",
    "ec-p256",
    "ec-p384",
    "ec-p521",
    "ed25519",
    "ml-dsa-44",
    "ml-dsa-65",
    "ml-dsa-87",
)
"""Every key type a profile may allow, in the order they are shown. What is not here is never
accepted: the smallest are RSA with 2,048 bits and curve P-256 (NIST SP 800-57, 112 bits)."""

KEY_ALGORITHMS: Final = frozenset(
    {
        PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5,
        PublicKeyAlgorithmOID.RSASSA_PSS,
        PublicKeyAlgorithmOID.EC_PUBLIC_KEY,
        PublicKeyAlgorithmOID.ED25519,
        PublicKeyAlgorithmOID.ML_DSA_44,
        PublicKeyAlgorithmOID.ML_DSA_65,
        PublicKeyAlgorithmOID.ML_DSA_87,
    }
)
"""Those of KEY_TYPES. Other keys are not even read: the library tests a Diffie-Hellman modulus for
primality, which takes seconds for one of 4,096 bits."""

MAX_RSA_BITS: Final = 8192
"""Larger moduli are refused unseen: checking one signature could cost whole milliseconds."""

_CURVES = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}
_PLAIN: dict[type, str] = {
    ed25519.Ed25519PublicKey: "ed25519",
    ed448.Ed448PublicKey: "ed448",
    mldsa.MLDSA44PublicKey: "ml-dsa-44",
    mldsa.MLDSA65PublicKey: "ml-dsa-65",
    mldsa.MLDSA87PublicKey: "ml-dsa-87",
}


def key_type_of(key: CertificatePublicKeyTypes | None) -> str:
    """How this key's type is spelled, also when it is none of KEY_TYPES (`rsa-2047`) or was not
    read (None)."""
    match key:
        case rsa.RSAPublicKey():
            return f"rsa-{key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"ec-{_CURVES.get(key.curve.name, key.curve.name.lower())}"
        case dsa.DSAPublicKey():
            return f"dsa-{key.key_size}"
    for kind, spelled in _PLAIN.items():
        if isinstance(key, kind):
            return spelled
    return "unknown"
