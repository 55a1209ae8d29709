"""Payloads of the AWS Private CA API and the values they stand for. No I/O.

Source: AWS Private CA API reference, version 2017-08-22, in the shapes the SDK gives them.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.aws.algorithms import SIGNING_ALGORITHMS
from scm_api.drivers.aws.arns import TemplateArn, ca_of_certificate, parse_ca_arn
from scm_api.drivers.aws.options import AwsProfileOptions
from scm_api.drivers.aws.templates import AWS_TEMPLATES, DEFAULT_TEMPLATE
from scm_api.drivers.base import Issued, IssuingCa, Order, Template

SHORT_LIVED: Final = "SHORT_LIVED_CERTIFICATE"
ACTIVE: Final = "ACTIVE"
_CERTIFICATE_ARN: Final = re.compile(r"arn:[A-Za-z0-9_+=/,.@:-]+/certificate/[A-Za-z0-9_+=,.@-]+")
_LONGEST_CHAIN: Final = 20
_LONGEST_ARN: Final = 512
_LONGEST_PAGE: Final = 1000  # API reference, ListCertificateAuthorities, MaxResults

REVOCATION_REASONS: Final[Mapping[RevocationReason, str]] = {
    RevocationReason.UNSPECIFIED: "UNSPECIFIED",
    RevocationReason.KEY_COMPROMISE: "KEY_COMPROMISE",
    RevocationReason.CA_COMPROMISE: "CERTIFICATE_AUTHORITY_COMPROMISE",
    RevocationReason.AFFILIATION_CHANGED: "AFFILIATION_CHANGED",
    RevocationReason.SUPERSEDED: "SUPERSEDED",
    RevocationReason.CESSATION_OF_OPERATION: "CESSATION_OF_OPERATION",
    RevocationReason.PRIVILEGE_WITHDRAWN: "PRIVILEGE_WITHDRAWN",
    RevocationReason.AA_COMPROMISE: "A_A_COMPROMISE",
}
"""AWS cannot put a certificate on hold, so `certificate_hold` has no entry."""


class Unreadable(Exception):
    """The reply is not what the API promises; the text says what is missing."""


def issue_request(
    order: Order, options: AwsProfileOptions, signing_algorithm: str
) -> dict[str, Any]:
    """Parameters of IssueCertificate; the same order always gives the same request."""
    csr = x509.load_der_x509_csr(order.csr_der)
    return {
        "CertificateAuthorityArn": options.private_ca,
        "Csr": csr.public_bytes(Encoding.PEM),
        "SigningAlgorithm": signing_algorithm,
        "TemplateArn": template_arn(options),
        "Validity": _validity(order),
        "IdempotencyToken": order.token,
    }


def template_arn(options: AwsProfileOptions) -> str:
    """The profile's template, or the default one in the partition of the profile's CA."""
    if options.aws_template is not None:
        return options.aws_template
    ca = parse_ca_arn(options.private_ca)
    return str(TemplateArn(ca.partition if ca else "aws", DEFAULT_TEMPLATE))


def _validity(order: Order) -> dict[str, str | int]:
    if order.not_after is not None:
        return {"Type": "ABSOLUTE", "Value": int(order.not_after.timestamp())}
    return {"Type": "DAYS", "Value": order.term_days}


def revoke_request(
    certificate_arn: str, serial_number: int, reason: RevocationReason
) -> dict[str, str]:
    """Parameters of RevokeCertificate. Raises KeyError for a reason AWS does not know."""
    return {
        "CertificateAuthorityArn": ca_of_certificate(certificate_arn),
        "CertificateSerial": colon_hex(serial_number),
        "RevocationReason": REVOCATION_REASONS[reason],
    }


def revoked(reply: Mapping[str, Any]) -> None:
    """Make sure that an empty reply of RevokeCertificate is one of AWS. Raises Unreadable.

    The reply has no content, so any page with status 200 would pass for it; only AWS puts a
    request id (x-amzn-RequestId) on it.
    """
    if not reply.get("ResponseMetadata", {}).get("RequestId"):
        raise Unreadable("it has no request id")


def colon_hex(serial_number: int) -> str:
    """A serial number as AWS writes it: lower-case bytes, leading zero kept, `0a:1b`."""
    length = max(1, (serial_number.bit_length() + 7) // 8)
    return serial_number.to_bytes(length, "big").hex(":")


def certificate_arn(ca_arn: str, reply: Mapping[str, Any]) -> str:
    """The reference IssueCertificate answers with, a certificate of that CA. Raises Unreadable."""
    arn = reply.get("CertificateArn")
    if not isinstance(arn, str) or not _CERTIFICATE_ARN.fullmatch(arn) or len(arn) > _LONGEST_ARN:
        raise Unreadable("it names no certificate ARN")
    if ca_of_certificate(arn) != ca_arn:
        raise Unreadable("it names a certificate of another private CA")
    return arn


def issued(certificate_arn: str, reply: Mapping[str, Any]) -> Issued:
    """The certificate and chain in a reply of GetCertificate. Raises Unreadable."""
    (leaf,) = _exactly_one(reply.get("Certificate"))
    chain = _ders(reply["CertificateChain"]) if reply.get("CertificateChain") else ()
    return Issued(ca_ref=certificate_arn, leaf_der=leaf, chain_ders=chain)


def _exactly_one(pem: Any) -> tuple[bytes]:
    found = _ders(pem)
    if len(found) != 1:
        raise Unreadable(f"it holds {len(found)} certificates in place of one")
    return (found[0],)


def _ders(pem: Any) -> tuple[bytes, ...]:
    if not isinstance(pem, str):
        raise Unreadable("it holds no certificate")
    if pem.count("-----BEGIN") > _LONGEST_CHAIN:
        raise Unreadable(f"it holds more than {_LONGEST_CHAIN} certificates")
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise Unreadable("it holds a certificate that cannot be read") from error
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)


def issuing_ca(entry: Mapping[str, Any]) -> IssuingCa:
    """One private CA as List and Describe show it. Raises Unreadable."""
    arn_text, status = entry.get("Arn"), entry.get("Status")
    arn = parse_ca_arn(arn_text) if isinstance(arn_text, str) else None
    if arn is None or not isinstance(arn_text, str) or not isinstance(status, str):
        raise Unreadable("it describes a private CA without ARN or status")
    configuration = entry.get("CertificateAuthorityConfiguration") or {}
    subject = configuration.get("Subject") or {}
    key_algorithm = configuration.get("KeyAlgorithm")
    return IssuingCa(
        id=arn_text,
        name=f"{subject.get('CommonName') or subject.get('Organization') or 'unnamed'} ({arn.id})",
        status=status,
        usable=status == ACTIVE,
        key_algorithm=key_algorithm,
        not_after=_instant(entry.get("NotAfter")),
        facts={
            "type": entry.get("Type"),
            "serial": entry.get("Serial", ""),
            "owner_account": entry.get("OwnerAccount") or arn.account,
            "usage_mode": entry.get("UsageMode", "GENERAL_PURPOSE"),
            "signing_algorithm": configuration.get("SigningAlgorithm"),
            "signing_algorithms": list(SIGNING_ALGORITHMS.get(key_algorithm or "", ())),
            "publishes_revocations": _publishes(entry.get("RevocationConfiguration") or {}),
        },
    )


def page_of_cas(reply: Mapping[str, Any]) -> tuple[list[IssuingCa], str | None]:
    """The private CAs in a reply of ListCertificateAuthorities, and how to ask for the next."""
    entries = reply["CertificateAuthorities"]
    if len(entries) > _LONGEST_PAGE:
        raise Unreadable(f"it lists more than {_LONGEST_PAGE} private CAs")
    return [issuing_ca(entry) for entry in entries], reply.get("NextToken")


def ca_certificate(reply: Mapping[str, Any]) -> str:
    """A CA's own certificate as PEM, from GetCertificateAuthorityCertificate."""
    (der,) = _exactly_one(reply.get("Certificate"))
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def default_signing_algorithm(reply: Mapping[str, Any]) -> str:
    """The algorithm a CA signs with unless told otherwise, from DescribeCertificateAuthority."""
    algorithm = issuing_ca(reply["CertificateAuthority"]).facts["signing_algorithm"]
    if not isinstance(algorithm, str):
        raise Unreadable("it names no signing algorithm")
    return algorithm


def _publishes(configuration: Mapping[str, Any]) -> bool:
    ways = (configuration.get("CrlConfiguration"), configuration.get("OcspConfiguration"))
    return any(way.get("Enabled", False) for way in ways if way)


def _instant(value: Any) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def templates(partition: str) -> list[Template]:
    """Every end-entity template, with ARNs of the given partition."""
    return [
        Template(
            id=str(TemplateArn(partition, name)),
            name=name,
            usable=True,
            allows=template.allows,
            facts={
                "extended_key_usages": list(template.family.usages or ()),
                "extensions_from_csr": template.passthrough.takes_from_csr,
            },
        )
        for name, template in AWS_TEMPLATES.items()
    ]
