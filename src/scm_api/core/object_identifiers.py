"""Names of object identifiers, for people."""

from typing import Final

from cryptography import x509
from cryptography.x509 import oid

_LISTS: Final = (
    oid.NameOID,
    oid.ExtensionOID,
    oid.ExtendedKeyUsageOID,
    oid.AttributeOID,
    oid.PublicKeyAlgorithmOID,
    oid.SignatureAlgorithmOID,
)


def _camel_case(constant: str) -> str:
    first, *others = constant.lower().strip("_").split("_")
    return first + "".join(map(str.capitalize, others))


_NAMES: Final = {
    identifier.dotted_string: _camel_case(constant)
    for each in _LISTS
    for constant, identifier in vars(each).items()
    if isinstance(identifier, x509.ObjectIdentifier)
} | {
    oid.ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string: "subjectAltName",
    "1.2.840.113549.1.3.1": "dhKeyAgreement",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.3.6.1.4.1.311.20.2": "enrollCertType",  # this and the next: [MS-WCCE] section 2.2.2.7.7
    "1.3.6.1.4.1.311.21.10": "applicationPolicies",
    "1.3.6.1.4.1.311.25.2": "ntdsCaSecurity",
    "2.16.840.1.113730.1.1": "nsCertType",
}


def named(dotted: str) -> str:
    """The identifier with its name before it, where it is known: `codeSigning (1.3.6.1.5.5.7.3.3)`.

    Names are those of RFC 5280 and OpenSSL as far as the library's own are like them.
    """
    name = _NAMES.get(dotted)
    return f"{name} ({dotted})" if name else dotted
