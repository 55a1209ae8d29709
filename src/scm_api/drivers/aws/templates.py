"""The templates of AWS Private CA, a fixed list that no operation returns.

Source: AWS Private CA User Guide, "Understanding certificate templates" (template definitions
and order of operations). Subject and subjectAltName always come from the CSR. For any other
extension the template's own value wins over the CSR's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DEFAULT_TEMPLATE: Final = "EndEntityServerAuthCertificate"


class Passthrough(StrEnum):
    """Where extensions the template does not fix may come from."""

    NONE = ""
    CSR = "_CSRPassthrough"
    API = "_APIPassthrough"
    API_CSR = "_APICSRPassthrough"

    @property
    def takes_from_csr(self) -> bool:
        return self in {Passthrough.CSR, Passthrough.API_CSR}


@dataclass(frozen=True, slots=True)
class Family:
    """Templates that differ in nothing but what they let through.

    `usages` are the extendedKeyUsage values the template fixes; None means that the template
    fixes neither keyUsage nor extendedKeyUsage.
    """

    name: str
    content: str
    usages: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class AwsTemplate:
    """One end-entity template, without the partition that completes its ARN."""

    family: Family
    passthrough: Passthrough

    @property
    def name(self) -> str:
        return self.family.name + self.passthrough

    @property
    def allows(self) -> str:
        return f"{self.family.content} {self._extensions()}"

    def _extensions(self) -> str:
        if not self.passthrough.takes_from_csr:
            return "Subject and names come from the CSR; every other extension in it is dropped."
        if self.family.usages is None:
            return (
                "Subject, names and every other extension come from the CSR: whoever makes the "
                "CSR chooses the key usages."
            )
        return (
            "Subject, names and further extensions come from the CSR; those listed here cannot "
            "be changed by it."
        )


_LEAF = "Not a CA. Key usage (critical): digital signature, key encipherment. Extended key usage: "
_FAMILIES: Final = (
    Family("EndEntityCertificate", _LEAF + "server and client authentication.",
           ("serverAuth", "clientAuth")),
    Family("EndEntityServerAuthCertificate", _LEAF + "server authentication.", ("serverAuth",)),
    Family("EndEntityClientAuthCertificate", _LEAF + "client authentication.", ("clientAuth",)),
    Family("CodeSigningCertificate",
           "Not a CA. Key usage (critical): digital signature. Extended key usage (critical): "
           "code signing.", ("codeSigning",)),
    Family("OCSPSigningCertificate",
           "Not a CA. Key usage (critical): digital signature. Extended key usage (critical): "
           "OCSP signing. Its holder can answer for the CA which certificates are revoked.",
           ("OCSPSigning",)),
    Family("BlankEndEntityCertificate",
           "Not a CA (not critical). No key usage and no extended key usage of its own.", None),
    Family("BlankEndEntityCertificate_CriticalBasicConstraints",
           "Not a CA (critical). No key usage and no extended key usage of its own.", None),
)  # fmt: skip


def _end_entity_templates() -> dict[str, AwsTemplate]:
    listed = [
        AwsTemplate(family, passthrough)
        for family in _FAMILIES
        for passthrough in Passthrough
        if family.usages is not None or passthrough is not Passthrough.NONE
    ]
    return {template.name: template for template in listed}


AWS_TEMPLATES: Final[Mapping[str, AwsTemplate]] = _end_entity_templates()
"""Every end-entity template by its name, in the order they are shown."""


def makes_a_ca(name: str) -> bool:
    """Whether a template of this name issues CA certificates, which no profile may hand out."""
    return name.startswith(
        ("RootCACertificate", "BlankRootCACertificate",
         "SubordinateCACertificate", "BlankSubordinateCACertificate")
    )  # fmt: skip
