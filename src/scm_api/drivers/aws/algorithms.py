"""Which signatures the key of a private CA can make.

Source: AWS Private CA API reference, IssueCertificate and CertificateAuthorityConfiguration.
Kept as data and not taken from the SDK: the service accepts names that the SDK's model does not
list yet, and the SDK sends any name unchecked.
"""

from collections.abc import Mapping
from typing import Final

_RSA = (
    "SHA256WITHRSA",
    "SHA384WITHRSA",
    "SHA512WITHRSA",
    "SHA256WITHRSA_PSS",
    "SHA384WITHRSA_PSS",
    "SHA512WITHRSA_PSS",
)
_ECDSA = ("SHA256WITHECDSA", "SHA384WITHECDSA", "SHA512WITHECDSA")

SIGNING_ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA_2048": _RSA,
    "RSA_3072": _RSA,
    "RSA_4096": _RSA,
    "EC_prime256v1": _ECDSA,
    "EC_secp384r1": _ECDSA,
    "EC_secp521r1": _ECDSA,
    "SM2": ("SM3WITHSM2",),
    "ML_DSA_44": ("ML_DSA_44",),
    "ML_DSA_65": ("ML_DSA_65",),
    "ML_DSA_87": ("ML_DSA_87",),
}
"""Signing algorithms by the CA's KeyAlgorithm. The key in a CSR has no part in this."""

EVERY_SIGNING_ALGORITHM: Final = tuple(
    dict.fromkeys(name for names in SIGNING_ALGORITHMS.values() for name in names)
)

SUBJECT_KEY_TYPES: Final = frozenset(
    {"rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "ec-p521"}
)
"""Keys in a CSR that AWS Private CA certifies, whatever the family of the CA's own key."""
