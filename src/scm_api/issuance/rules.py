"""A certificate profile's rules as kept with each version of it."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from scm_api.core.domain_policy import DomainPolicy
from scm_api.core.profile_rule import ProfileRule
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers.base import BackendKind
from scm_api.drivers.registry import REGISTRY


class TermRule(BaseModel):
    """Terms a requester may choose, in days, and the one taken when nothing is chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allowed_days: tuple[int, ...]
    default_days: int


class ProfileRules(BaseModel):
    """Everything an enrollment is judged and carried out by.

    Stored as JSON in `certificate_profile_versions.rules`; `options` are those of the backend
    type and are read with `typed_options`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    certificate_type: CertificateType
    ca_backend_id: UUID
    backend_type: BackendType
    term: TermRule
    key_types: frozenset[str]
    domain_policy: DomainPolicy
    allow_renew: bool
    renew_with_same_key: bool = True  # versions kept before this was asked allowed it
    auto_renew: bool = False
    max_valid_certificates: int | None = None
    auto_revoke: bool = False
    server_side_keys: bool = False
    rule: ProfileRule | None = None
    requires_approval: bool = False
    revocation_requires_approval: bool = False
    options: dict[str, Any]

    @property
    def kind(self) -> BackendKind:
        """What the service knows about the backend type."""
        return REGISTRY[self.backend_type]

    @property
    def typed_options(self) -> Any:
        """The options as the backend type's own model."""
        return self.kind.profile_options.model_validate(self.options)
