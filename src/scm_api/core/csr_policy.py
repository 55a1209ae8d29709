"""What a CSR may hold besides its names and key: subject, extensions and attributes.

A CA may copy any of them into the certificate, so whatever is not known to be harmless is refused
instead of being trusted to be ignored.
"""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from scm_api.core.csr import EXTENSION_REQUESTS, CsrFacts
from scm_api.core.errors import Fault
from scm_api.core.explain import handful, quoted
from scm_api.core.object_identifiers import named
from scm_api.core.vocabulary import CertificateType
from scm_api.core.x509_names import COMMON_NAME

_X520: Final = MappingProxyType(
    {
        NameOID.COUNTRY_NAME.dotted_string: ("C", 2, 2),
        NameOID.STATE_OR_PROVINCE_NAME.dotted_string: ("ST", 1, 128),
        NameOID.LOCALITY_NAME.dotted_string: ("L", 1, 128),
        NameOID.STREET_ADDRESS.dotted_string: ("street", 1, 128),
        NameOID.POSTAL_CODE.dotted_string: ("postalCode", 1, 40),
        NameOID.ORGANIZATION_NAME.dotted_string: ("O", 1, 64),
        NameOID.ORGANIZATIONAL_UNIT_NAME.dotted_string: ("OU", 1, 64),
        COMMON_NAME: ("CN", 1, 64),
    }
)
"""Short name, least and most characters by RFC 5280 appendix A.1."""

_SHORT_NAMES: Final = ", ".join(short_name for short_name, _, _ in _X520.values())

_WINDOWS_ATTRIBUTES: Final = frozenset(
    {
        "1.3.6.1.4.1.311.13.2.2",  # which crypto provider made the key
        "1.3.6.1.4.1.311.13.2.3",  # version of Windows
        "1.3.6.1.4.1.311.21.20",  # machine, user and program that made the request
    }
)
"""What `certreq` always adds and no CA acts upon ([MS-WCCE] section 2.2.2.7)."""

_LEAF_KEY_USAGES: Final = frozenset(
    {
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    }
)
_KEY_USAGES: Final = (*sorted(_LEAF_KEY_USAGES), "key_cert_sign", "crl_sign")
_EXTENSIONS: Final = frozenset(
    {
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER.dotted_string,
        ExtensionOID.BASIC_CONSTRAINTS.dotted_string,
        ExtensionOID.KEY_USAGE.dotted_string,
        ExtensionOID.EXTENDED_KEY_USAGE.dotted_string,
    }
)
_ATTRIBUTES: Final = EXTENSION_REQUESTS | _WINDOWS_ATTRIBUTES
_SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string
_CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string

EXTENDED_KEY_USAGES: Final = {
    CertificateType.SSL: frozenset({_SERVER, _CLIENT}),
    CertificateType.CLIENT: frozenset(
        {_CLIENT, ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string}
    ),
    CertificateType.CODE_SIGNING: frozenset({ExtendedKeyUsageOID.CODE_SIGNING.dotted_string}),
    CertificateType.DEVICE: frozenset({_CLIENT, _SERVER}),
}
"""What certificates of a type may be for (RFC 5280 section 4.2.1.12), all in which the types
differ."""


def subject_attributes(facts: CsrFacts) -> list[tuple[str, str]]:
    """Type and value of each attribute of the subject: the short name, such as O, of those that a
    certificate may carry, the OID of others."""
    return [(_X520[oid][0] if oid in _X520 else oid, value) for oid, value in facts.subject]


def judge_csr(facts: CsrFacts, certificate_type: CertificateType) -> list[Fault]:
    """Every part of the CSR that is not known to be harmless.

    Codes: `subject-not-allowed`, `name-invalid` (control or invisible characters in the
    subject), `extension-not-allowed` and `attribute-not-allowed`, one fault for each OID.
    """
    return [
        *_subject_faults(facts),
        *_extension_faults(facts, EXTENDED_KEY_USAGES[certificate_type]),
        *_attribute_faults(facts),
    ]


def _subject_faults(facts: CsrFacts) -> Iterator[Fault]:
    accepted = f"the subject attributes {_SHORT_NAMES}, with at most one CN"
    if len(facts.common_names) > 1:
        listed = handful(quoted(name) for name in facts.common_names)
        detail = f"The subject holds {len(facts.common_names)} common names: {listed}."
        yield Fault("/csr", "subject-not-allowed", detail, accepted)
    for oid, value in facts.subject:
        if oid not in _X520:
            detail = f"The subject holds the attribute {named(oid)}, which this type may not carry."
            yield Fault("/csr", "subject-not-allowed", detail, accepted)
            continue
        short_name, least, most = _X520[oid]
        if not value.isprintable():
            detail = f"The {short_name} {quoted(value)} holds control or invisible characters."
            yield Fault("/csr", "name-invalid", detail, "printable characters")
        elif not least <= len(value) <= most:
            detail = f"The {short_name} of the subject has {len(value):,} characters."
            yield Fault("/csr", "subject-not-allowed", detail, f"{least} to {most} characters")


def _extension_faults(facts: CsrFacts, purposes: frozenset[str]) -> Iterator[Fault]:
    for extension in facts.extensions:
        oid = extension.oid.dotted_string
        if oid not in _EXTENSIONS:
            accepted = f"the extensions {_listed(_EXTENSIONS)}"
            detail = f"The CSR asks for the extension {named(oid)}."
            yield Fault("/csr", "extension-not-allowed", detail, accepted)
            continue
        match extension.value:
            case x509.BasicConstraints(ca=True):
                detail = f"The CSR asks for a CA certificate ({named(oid)}, CA:TRUE)."
                yield Fault("/csr", "extension-not-allowed", detail, "CA:FALSE")
            case x509.KeyUsage() as usage:
                wanted = {name for name in _KEY_USAGES if getattr(usage, name)}
                yield from _usage_faults(oid, wanted, _LEAF_KEY_USAGES)
            case x509.ExtendedKeyUsage() as usages:
                wanted = {usage.dotted_string for usage in usages}
                yield from _usage_faults(oid, wanted, purposes)


def _usage_faults(oid: str, wanted: set[str], allowed: frozenset[str]) -> Iterator[Fault]:
    if excess := sorted(wanted - allowed):
        detail = f"The CSR asks in the extension {named(oid)} for {handful(map(named, excess))}."
        yield Fault("/csr", "extension-not-allowed", detail, _listed(allowed))


def _attribute_faults(facts: CsrFacts) -> Iterator[Fault]:
    for oid in facts.attribute_oids:
        if oid not in _ATTRIBUTES:
            accepted = f"the attributes {_listed(_ATTRIBUTES)}"
            detail = f"The CSR holds the attribute {named(oid)}."
            yield Fault("/csr", "attribute-not-allowed", detail, accepted)


def _listed(oids: frozenset[str]) -> str:
    return ", ".join(map(named, sorted(oids)))
