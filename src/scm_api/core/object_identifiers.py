"""Names of object identifiers, for people."""

from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.x509 import oid

_PARTS: Final = (oid.NameOID, oid.ExtensionOID, oid.ExtendedKeyUsageOID, oid.AttributeOID)
_ALGORITHMS: Final = (oid.PublicKeyAlgorithmOID, oid.SignatureAlgorithmOID)
_MORE_NAMES: Final = {
    "2.5.29.17": "subjectAltName",
    "2.5.29.18": "issuerAltName",
    "1.2.840.113549.1.3.1": "dhKeyAgreement",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "1.2.840.113549.1.9.14": "extensionRequest",
    "1.3.6.1.4.1.311.2.1.14": "certExtensions",
    "1.3.6.1.4.1.311.10.3.12": "documentSigning",
    "1.3.6.1.4.1.311.13.2.1": "enrollmentNameValuePair",
    "1.3.6.1.4.1.311.13.2.2": "enrollmentCspProvider",
    "1.3.6.1.4.1.311.13.2.3": "osVersion",
    "1.3.6.1.4.1.311.20.2": "enrollCertType",
    "1.3.6.1.4.1.311.20.2.1": "enrollmentAgent",
    "1.3.6.1.4.1.311.21.10": "applicationCertPolicies",
    "1.3.6.1.4.1.311.21.20": "requestClientInfo",
    "1.3.6.1.4.1.311.25.2": "ntdsCaSecurityExt",
    "2.16.840.1.113730.1.1": "nsCertType",
}
"""Where the library has none or another than RFC 5280: PKCS#9, Netscape, and Microsoft's, whose
names are those in wincrypt.h without `szOID_`."""


def _constants(*lists: type) -> Iterator[tuple[str, str]]:
    for each in lists:
        for constant, value in vars(each).items():
            if isinstance(value, x509.ObjectIdentifier):
                yield value.dotted_string, constant.lower().strip("_")


def _camel_case(constant: str) -> str:
    first, *others = constant.split("_")
    return first + "".join(map(str.capitalize, others))


_NAMES: Final = {
    **{dotted: name.replace("_", "-") for dotted, name in _constants(*_ALGORITHMS)},
    **{dotted: _camel_case(name) for dotted, name in _constants(*_PARTS)},
    **_MORE_NAMES,
}


def named(dotted: str) -> str:
    """The identifier after its name, such as `codeSigning (1.3.6.1.5.5.7.3.3)`, if it has one."""
    name = _NAMES.get(dotted)
    return f"{name} ({dotted})" if name else dotted
