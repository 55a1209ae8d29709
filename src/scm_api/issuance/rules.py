"""A certificate profile's rules as kept with each version of it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from scm_api.core.domain_policy import DomainPolicy
from scm_api.core.errors import Fault
from scm_api.core.profile_rule import ProfileRule
from scm_api.core.vocabulary import CertificateType
from scm_api.drivers.kinds import BackendKind
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
    backend_type: str
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
    checked_against_ca: bool = True  # versions kept before this was noted count as such
    options: dict[str, Any]

    @property
    def kind(self) -> BackendKind:
        """What the service knows about the backend type."""
        return REGISTRY[self.backend_type]

    @cached_property
    def typed_options(self) -> Any:
        """The options as the backend type's own model."""
        return self.kind.profile_options.model_validate(self.options)

    def options_of(self, order_options: Mapping[str, Any] | None) -> Any:
        """The options of one order, with what its enrollment adds to them; None where nothing of
        the kind can be added."""
        extras = self.kind.order_options
        if order_options is None:
            return self.typed_options
        if extras is None or order_options["backend_type"] != self.backend_type:
            return None
        return extras.added(self.typed_options, extras.model.model_validate(order_options))

    def judge_order_options(self, order_options: Mapping[str, Any] | None) -> list[Fault]:
        """Codes: `order-options-not-supported`, `subject-missing`, `subject-not-expected`."""
        if self.options_of(order_options) is not None:
            return self._judge_account(order_options)
        detail = "Orders by this profile take no such options."
        accepted = "an enrollment without order_options"
        if self.kind.order_options is not None:
            accepted += f", or, where the profile has a place for them, those of {self.kind.type}"
        return [Fault("/order_options", "order-options-not-supported", detail, accepted)]

    def _judge_account(self, order_options: Mapping[str, Any] | None) -> list[Fault]:
        """Whether an account is named exactly where certificates are made for one."""
        extras = self.kind.order_options
        account = None
        if extras is not None and order_options is not None:
            account = extras.account(extras.model.model_validate(order_options))
        needed = self.kind.needs_subject(self.typed_options)
        if needed == (account is not None):
            return []
        pointer = "/order_options/on_behalf_of"
        if needed:
            detail = "Certificates of this profile are made for an account of the directory."
            accepted = "the account, as name@domain, DOMAIN\\name or distinguished name"
            return [Fault(pointer, "subject-missing", detail, accepted)]
        detail = "Certificates of this profile take their names from the CSR, not from a directory."
        accepted = "an enrollment without on_behalf_of"
        return [Fault(pointer, "subject-not-expected", detail, accepted)]
