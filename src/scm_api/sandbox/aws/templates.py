"""The certificate templates of AWS Private CA as data (user guide, "template definitions").

A template fixes some extensions. What it leaves open may come from the API call, then from the
CSR, if its variant passes them through; subject and SAN always come from the CSR at least.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from scm_api.sandbox.aws.errors import ApiError, invalid_args

DEFAULT_TEMPLATE_ARN = "arn:aws:acm-pca:::template/EndEntityCertificate/V1"
Variant = Literal["", "CSR", "API", "APICSR"]
_ARN = re.compile(r"arn:(aws[\w-]*):acm-pca:::template/([A-Za-z0-9_]+)/V1")


@dataclass(frozen=True, slots=True)
class Template:
    """What one template fixes. An empty `key_usage` or no `extended_key_usage` leaves it open."""

    name: str
    authority: bool = False
    root: bool = False
    path_length: int | None = None
    constraints_critical: bool = False
    key_usage: frozenset[str] = frozenset()
    extended_key_usage: tuple[ObjectIdentifier, ...] = ()
    extended_key_usage_critical: bool = False
    api_passthrough: bool = False
    csr_passthrough: bool = False

    def fixed_extensions(self) -> Iterator[tuple[x509.ExtensionType, bool]]:
        """The extensions the template itself sets, each with its critical flag."""
        constraints = x509.BasicConstraints(ca=self.authority, path_length=self.path_length)
        yield constraints, self.constraints_critical
        if self.key_usage:
            yield key_usage(self.key_usage), True
        if self.extended_key_usage:
            usages = x509.ExtendedKeyUsage(self.extended_key_usage)
            yield usages, self.extended_key_usage_critical


def key_usage(bits: frozenset[str]) -> x509.KeyUsage:
    """A KeyUsage extension from the names of its set bits, spelled as `x509.KeyUsage` does."""
    return x509.KeyUsage(**{name: name in bits for name in KEY_USAGE_BITS})


KEY_USAGE_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

_SIGN = frozenset({"digital_signature"})
_SIGN_AND_ENCIPHER = frozenset({"digital_signature", "key_encipherment"})
_AUTHORITY = frozenset({"digital_signature", "key_cert_sign", "crl_sign"})
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH
_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH

_ALL: tuple[Variant, ...] = ("", "CSR", "API", "APICSR")
_BLANK: tuple[Variant, ...] = ("CSR", "API", "APICSR")


def _end_entity(name: str, *usages: ObjectIdentifier) -> Template:
    return Template(name, key_usage=_SIGN_AND_ENCIPHER, extended_key_usage=usages)


def _signer(name: str, usage: ObjectIdentifier) -> Template:
    return Template(
        name,
        key_usage=_SIGN,
        extended_key_usage=(usage,),
        extended_key_usage_critical=True,
    )


def _ca(name: str, *, root: bool = False, path_length: int | None = None) -> Template:
    return Template(
        name,
        authority=True,
        root=root,
        path_length=path_length,
        constraints_critical=True,
        key_usage=frozenset() if name.startswith("Blank") else _AUTHORITY,
    )


def _families() -> Iterator[tuple[Template, tuple[Variant, ...]]]:
    yield _end_entity("EndEntityCertificate", _SERVER, _CLIENT), _ALL
    yield _end_entity("EndEntityServerAuthCertificate", _SERVER), _ALL
    yield _end_entity("EndEntityClientAuthCertificate", _CLIENT), _ALL
    yield _signer("CodeSigningCertificate", ExtendedKeyUsageOID.CODE_SIGNING), _ALL
    yield _signer("OCSPSigningCertificate", ExtendedKeyUsageOID.OCSP_SIGNING), _ALL
    yield Template("BlankEndEntityCertificate"), _BLANK
    critical = "BlankEndEntityCertificate_CriticalBasicConstraints"
    yield Template(critical, constraints_critical=True), _BLANK
    yield _ca("RootCACertificate", root=True), ("", "API")
    yield _ca("BlankRootCACertificate", root=True), ("API",)
    for length in range(4):
        suffix = f"_PathLen{length}"
        yield _ca(f"BlankRootCACertificate{suffix}", root=True, path_length=length), ("API",)
        yield _ca(f"SubordinateCACertificate{suffix}", path_length=length), _ALL
        yield _ca(f"BlankSubordinateCACertificate{suffix}", path_length=length), _BLANK


def _variants() -> Iterator[Template]:
    for family, variants in _families():
        for variant in variants:
            yield replace(
                family,
                name=f"{family.name}_{variant}Passthrough" if variant else family.name,
                api_passthrough=variant.startswith("API"),
                csr_passthrough=variant.endswith("CSR"),
            )


TEMPLATES: Mapping[str, Template] = {template.name: template for template in _variants()}
"""Every template by its name without the version, e.g. `EndEntityCertificate_CSRPassthrough`."""


def find_template(arn: str, authority_arn: str) -> Template:
    """The template an ARN names; its partition must be that of the CA.

    Raises ApiError InvalidArnException or InvalidArgsException.
    """
    match = _ARN.fullmatch(arn)
    if match is None:
        raise ApiError("InvalidArnException", f"{arn} is not a valid template ARN")
    partition, name = match.groups()
    template = TEMPLATES.get(name)
    if template is None or partition != authority_arn.split(":", 2)[1]:
        raise invalid_args(f"The template {arn} does not exist")
    return template
