"""What the CA signs: certificates and CRLs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.sandbox.microsoft import catalogue as C  # noqa: N812 -- a table of flags
from scm_api.sandbox.microsoft.domain import Template
from scm_api.sandbox.microsoft.hierarchy import Authority, crl_address
from scm_api.sandbox.microsoft.subjects import Names

_CLOCK_SKEW: Final = timedelta(minutes=10)
_CRL_LIFE: Final = timedelta(days=7)
_SECURITY: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.25.2")
_SID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.25.2.1")
_TEMPLATE_NAME: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2")
_POLICIES: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.21.10")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a certificate is to be. `sid` is that of the account, None without the extension."""

    template: Template
    names: Names
    csr: x509.CertificateSigningRequest
    sid: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    """An entry of a CRL; `reason` is a CRLReason by number."""

    serial: int
    reason: int
    at: datetime


def sign(authority: Authority, wanted: Wanted) -> x509.Certificate:
    """A certificate as the template has it, which ends no later than its CA."""
    template, key = wanted.template, wanted.csr.public_key()
    not_before = wanted.now.replace(microsecond=0) - _CLOCK_SKEW
    not_after = not_before + timedelta(days=template.validity_days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(wanted.names.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(min(not_after, authority.certificate.not_valid_after_utc))
    )
    subject_empty = not list(wanted.names.subject)
    for extension, critical in _extensions(authority, wanted):
        is_names = isinstance(extension, x509.SubjectAlternativeName)
        builder = builder.add_extension(extension, critical or (is_names and subject_empty))
    return builder.sign(authority.key, hashes.SHA256())


def crl(authority: Authority, number: int, revoked: Iterable[Revoked], now: datetime) -> bytes:
    """A base CRL in DER."""
    now = now.replace(microsecond=0)
    key = authority.key.public_key()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - _CLOCK_SKEW)
        .next_update(now + _CRL_LIFE)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for each in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(each.serial)
            .revocation_date(each.at.replace(microsecond=0))
        )
        if each.reason:
            reason = x509.CRLReason(_REASONS[each.reason])
            entry = entry.add_extension(reason, critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _extensions(authority: Authority, wanted: Wanted) -> Sequence[tuple[x509.ExtensionType, bool]]:
    template, key = wanted.template, wanted.csr.public_key()
    issuer = authority.key.public_key()
    point = x509.DistributionPoint(
        [x509.UniformResourceIdentifier(crl_address(authority))], None, None, None
    )
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), False),
        (x509.CRLDistributionPoints([point]), False),
        (_key_usage(template, is_rsa=isinstance(key, rsa.RSAPublicKey)), True),
    ]
    if template.schema_version == 1:
        name = core.BMPString(template.name).dump()
        found.append((x509.UnrecognizedExtension(_TEMPLATE_NAME, name), False))
    else:
        oid = x509.ObjectIdentifier(template.oid)
        version = (C.TEMPLATE_MAJOR, C.TEMPLATE_MINOR)
        found.append((x509.MSCertificateTemplate(oid, *version), False))
    usages = [x509.ObjectIdentifier(each) for each in template.extended_key_usages]
    if usages:
        found.append((x509.ExtendedKeyUsage(usages), False))
        if template.schema_version > 1:
            policies = x509.CertificatePolicies(
                [x509.PolicyInformation(each, None) for each in usages]
            )
            found.append((x509.UnrecognizedExtension(_POLICIES, policies.public_bytes()), False))
    if wanted.names.alternative:
        found.append((x509.SubjectAlternativeName(wanted.names.alternative), False))
    if wanted.sid is not None:
        sid = x509.OtherName(_SID, core.OctetString(wanted.sid.encode()).dump())
        content = x509.SubjectAlternativeName([sid]).public_bytes()  # GeneralNames, as it wants
        found.append((x509.UnrecognizedExtension(_SECURITY, content), False))
    return found


def _key_usage(template: Template, *, is_rsa: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=is_rsa and C.CODE_SIGNING not in template.extended_key_usages,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


_REASONS: Final = {
    1: x509.ReasonFlags.key_compromise,
    2: x509.ReasonFlags.ca_compromise,
    3: x509.ReasonFlags.affiliation_changed,
    4: x509.ReasonFlags.superseded,
    5: x509.ReasonFlags.cessation_of_operation,
    6: x509.ReasonFlags.certificate_hold,
    8: x509.ReasonFlags.remove_from_crl,
}


def signed_again(
    authority: Authority, leaf: x509.Certificate, key: rsa.RSAPublicKey
) -> x509.Certificate:
    """The same certificate for another key."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(leaf.serial_number)
        .not_valid_before(leaf.not_valid_before_utc)
        .not_valid_after(leaf.not_valid_after_utc)
    )
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(key)
        builder = builder.add_extension(value, extension.critical)
    return builder.sign(authority.key, hashes.SHA256())
