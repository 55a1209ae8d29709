"""From a CSR to a certificate: checks, template, passthrough, validity and signature."""

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier

from scm_api.sandbox.aws.authorities import Authority
from scm_api.sandbox.aws.catalogue import NAMED_IN_REFUSALS, SIGNING_ALGORITHMS
from scm_api.sandbox.aws.errors import invalid_args, malformed_csr
from scm_api.sandbox.aws.members import decode_blob
from scm_api.sandbox.aws.passthrough import Extension, api_extensions, api_subject
from scm_api.sandbox.aws.templates import Template
from scm_api.sandbox.aws.validity import check_limits, validity_period

SubjectKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_PEM = re.compile(
    rb"\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+"
    rb"-----END (NEW )?CERTIFICATE REQUEST-----\s*"
)
_HASHES: Mapping[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}


@dataclass
class Draft:
    """A certificate before it is signed; faults may change it."""

    subject: x509.Name
    public_key: SubjectKey
    not_before: datetime
    not_after: datetime
    extensions: dict[ObjectIdentifier, Extension]


def draft_certificate(
    authority: Authority, template: Template, parameters: Mapping[str, Any], now: float
) -> Draft:
    """What IssueCertificate with these parameters has to contain.

    Raises ApiError: InvalidArgsException, MalformedCSRException or ValidationException.
    """
    check_signing_algorithm(authority, parameters["SigningAlgorithm"])
    instant = datetime.fromtimestamp(now, UTC)
    not_before, not_after = validity_period(
        parameters["Validity"], parameters.get("ValidityNotBefore"), instant
    )
    short_lived = authority.spec.usage_mode == "SHORT_LIVED_CERTIFICATE"
    check_limits(not_after, authority.not_after, short_lived=short_lived, now=instant)
    csr = read_csr(decode_blob(parameters["Csr"]))
    key = _subject_key(csr)
    _check_authority_template(authority, template, key)
    passthrough = parameters.get("ApiPassthrough") if template.api_passthrough else None
    subject = api_subject(passthrough) if passthrough else None
    draft = Draft(
        subject=csr.subject if subject is None else subject,
        public_key=key,
        not_before=not_before,
        not_after=not_after,
        extensions=_extensions(authority, template, passthrough or {}, csr, key),
    )
    _check_names(draft)
    return draft


def sign(authority: Authority, draft: Draft, signing_algorithm: str) -> x509.Certificate:
    """The certificate, with a random serial of up to 128 bits.

    Raises ApiError InvalidArgsException for what has no encoding.
    """
    builder = (
        x509.CertificateBuilder()
        .subject_name(draft.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(draft.public_key)
        .serial_number(secrets.randbits(128) or 1)
        .not_valid_before(draft.not_before)
        .not_valid_after(draft.not_after)
    )
    for value, critical in draft.extensions.values():
        builder = builder.add_extension(value, critical)
    digest = _HASHES[signing_algorithm[:6]]()
    pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
    try:
        if signing_algorithm.endswith("_PSS"):
            return builder.sign(authority.key, digest, rsa_padding=pss)
        return builder.sign(authority.key, digest)
    except ValueError as error:
        raise invalid_args(f"The certificate cannot be encoded: {error}") from error


def check_signing_algorithm(authority: Authority, algorithm: str) -> None:
    """Raises ApiError InvalidArgsException in the service's words if the CA's key cannot."""
    key_algorithm = authority.spec.key_algorithm
    if algorithm not in SIGNING_ALGORITHMS[key_algorithm]:
        raise invalid_args(
            f"Signing algorithm {algorithm} cannot be used with key type {key_algorithm}. "
            f"Valid signing algorithms are: {', '.join(NAMED_IN_REFUSALS[key_algorithm])}."
        )


def read_csr(data: bytes) -> x509.CertificateSigningRequest:
    """Exactly one CSR in PEM, signed by its own key. Raises ApiError MalformedCSRException."""
    if not _PEM.fullmatch(data):
        raise malformed_csr("The CSR must be one PEM-encoded PKCS#10 request")
    try:
        csr = x509.load_pem_x509_csr(data)
        valid = csr.is_signature_valid
        _ = csr.subject, csr.extensions
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise malformed_csr(f"The CSR cannot be read: {error}") from error
    except x509.UnsupportedGeneralNameType as error:
        raise malformed_csr(f"The CSR has a name of an unsupported kind: {error}") from error
    if not valid:
        raise malformed_csr("The signature of the CSR is not valid")
    return csr


def _subject_key(csr: x509.CertificateSigningRequest) -> SubjectKey:
    key = csr.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise malformed_csr("The CSR has a public key that is neither RSA nor EC")
    return key


def _extensions(
    authority: Authority,
    template: Template,
    passthrough: Mapping[str, Any],
    csr: x509.CertificateSigningRequest,
    key: SubjectKey,
) -> dict[ObjectIdentifier, Extension]:
    """Per extension the template comes first, then the call, then the CSR."""
    chosen: dict[ObjectIdentifier, Extension] = {}
    for value, critical in (
        *template.fixed_extensions(),
        *_key_identifiers(authority, template, key),
        *api_extensions(passthrough),
        *_csr_extensions(template, csr),
    ):
        chosen.setdefault(value.oid, (value, critical))
    return chosen


def _key_identifiers(
    authority: Authority, template: Template, key: SubjectKey
) -> Iterator[Extension]:
    yield x509.SubjectKeyIdentifier.from_public_key(key), False
    if not template.root:
        yield authority.authority_key_identifier, False


def _csr_extensions(template: Template, csr: x509.CertificateSigningRequest) -> Iterator[Extension]:
    """All of the CSR's extensions if the template passes them through, else only its SAN."""
    for extension in csr.extensions:
        if template.csr_passthrough or extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
            yield extension.value, extension.critical


def _check_authority_template(authority: Authority, template: Template, key: SubjectKey) -> None:
    """A root template only signs the CA's own key; a subordinate must fit below the CA."""
    if template.root and (authority.chain or key != authority.key.public_key()):
        raise invalid_args(
            f"{template.name} can only be used with the CSR of the root certificate authority"
        )
    below = authority.path_length
    if template.authority and not template.root and below is not None:
        length = template.path_length
        if length is None or length >= below:
            raise invalid_args(
                f"{template.name} does not fit below a certificate authority "
                f"with path length {below}"
            )


def _check_names(draft: Draft) -> None:
    if draft.subject.rdns:
        return
    _, critical = draft.extensions.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, (None, None))
    if critical is None:
        raise malformed_csr("CSR must have a subject or a SAN extension")
    if not critical:
        raise malformed_csr("CSR must mark the SAN extension critical when it has an empty subject")
