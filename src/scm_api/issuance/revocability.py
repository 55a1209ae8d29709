"""Whether what was issued is revoked through us, and for which reasons."""

from typing import Any, Final

from sqlalchemy import Row

from scm_api.core.errors import Fault
from scm_api.core.vocabulary import RevocationReason
from scm_api.db.models import (
    CaBackend,
    CaChoices,
    Certificate,
    CertificateProfileVersion,
    Enrollment,
    LocalCaBackend,
)
from scm_api.db.statements import AnySelect
from scm_api.drivers.registry import REGISTRY
from scm_api.gateway.choices import ISSUING_CAS

ISSUER_COLUMNS: Final = (
    CaBackend.backend_type,
    LocalCaBackend.options.label("connection_options"),
    CertificateProfileVersion.rules["options"].label("profile_options"),
    CaChoices.items.label("issuing_cas"),
)
"""What `judge_reason` reads; to be selected from certificates joined by `with_issuer`."""


def with_issuer(query: AnySelect) -> AnySelect:
    """Certificates with what they were issued through: profile as it was, connection as it is."""
    return (
        query.join(Enrollment, Enrollment.id == Certificate.enrollment_id)
        .join(
            CertificateProfileVersion,
            (CertificateProfileVersion.certificate_profile_id == Enrollment.certificate_profile_id)
            & (CertificateProfileVersion.version == Enrollment.profile_version),
        )
        .join(CaBackend, CaBackend.id == Certificate.ca_backend_id)
        .join(LocalCaBackend, LocalCaBackend.id == CaBackend.local_ca_backend_id)
        .outerjoin(
            CaChoices,
            (CaChoices.ca_backend_id == CaBackend.id) & (CaChoices.kind == "issuing_cas"),
        )
    )


def judge_reason(issuer: Row[Any], reason: RevocationReason, pointer: str) -> list[Fault]:
    """Whether the certificate of a row with ISSUER_COLUMNS is revoked through us, for this reason.

    Codes: `not-supported`, `reason-not-supported`.
    """
    kind = REGISTRY[issuer.backend_type]
    capabilities = kind.capabilities
    objection: str | None = "This CA backend cannot revoke; it has to be done at the CA."
    if capabilities.can_revoke:
        objection = kind.revocation_objection(
            kind.profile_options.model_validate(issuer.profile_options),
            kind.connection_options.model_validate(issuer.connection_options),
            None if issuer.issuing_cas is None else ISSUING_CAS.validate_python(issuer.issuing_cas),
        )
    if objection is not None:
        return [Fault(pointer, "not-supported", objection)]
    if reason not in capabilities.revocation_reasons:
        accepted = ", ".join(sorted(capabilities.revocation_reasons))
        detail = f"The CA does not know the reason {reason.value}."
        return [Fault(pointer, "reason-not-supported", detail, accepted)]
    return []
