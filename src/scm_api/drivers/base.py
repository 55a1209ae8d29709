"""The contract every CA driver fulfils: a typed protocol, capabilities as data, four errors.

A driver speaks to one local CA backend with one set of credentials. It keeps no state about
orders; everything it needs to go on is in the arguments. It raises only `drivers.errors`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from scm_api.core.names import Name
from scm_api.core.recovery import Guard
from scm_api.core.subjects import Subject
from scm_api.core.vocabulary import CertificateType, NameKind, RevocationReason
from scm_api.drivers.errors import OrderRefused


class Issuance(StrEnum):
    """Whether the CA answers an order with the certificate, later, or sometimes either."""

    IMMEDIATE = "immediate"
    DEFERRED = "deferred"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend type can do; served as data by `/ca-backends/types`.

    `token_validity` is how long after the *first* send the same token surely yields the same
    order (only with `Guard.TOKEN`). `backdating` is how long before issuance its certificates may
    begin. `key_types` are the subject key types the CA signs, spelled as in `core.key_types`.
    `can_cancel` is whether the CA takes back an order that it has not issued yet (`Cancels`).
    `reissue_revokes` is whether a replacement has the CA itself revoke the certificate before, as
    soon as the new one is there.
    `checks_orders` is whether the CA judges an order without taking it (`ChecksOrders`),
    `can_deactivate` whether it takes a unit of inventory back without revoking (`Deactivates`).
    `chooses_term` is whether an order says how long its certificate lives; otherwise the CA has
    that fixed, and a profile's term is what it has.
    """

    certificate_types: frozenset[CertificateType]
    needs_external_organization: bool
    issuance: Issuance
    duplicate_guard: Guard
    token_validity: timedelta | None
    can_revoke: bool
    revocation_reasons: frozenset[RevocationReason]
    can_cancel: bool
    key_types: frozenset[str]
    backdating: timedelta
    lists_issuing_cas: bool
    lists_templates: bool
    lists_external_organizations: bool = False
    lists_products: bool = False
    reissue_revokes: bool = False
    checks_orders: bool = False
    can_deactivate: bool = False
    chooses_term: bool = True


@dataclass(frozen=True, slots=True)
class Order:
    """One certificate to be ordered, fixed when the attempt was stored.

    `token` identifies the attempt and is at most 36 characters of `[0-9a-f-]`; it is the same
    for every send of the attempt. Validity is `term_days` from issuance or, when `not_after`
    is set, until that instant (UTC). `names` are what the certificate is to carry, for CAs that
    do not read them from the CSR, `external_organization` for whom, for CAs that validate
    organizations, `subject` on whose behalf, for CAs that build names from a directory.
    `renews_ca_ref` is the CA's reference of the certificate before, if it is of the same CA
    backend, `reissues_ca_ref` that of one it replaces. `now` is when it is sent and `sent_since`
    when first, by the clock that judged it, the database's: a worker's own may be hours off.
    """

    enrollment_id: UUID
    token: str
    csr_der: bytes
    term_days: int
    now: datetime
    not_after: datetime | None = None
    common_name: str | None = None
    names: tuple[Name, ...] = ()
    external_organization: str | None = None
    renews_ca_ref: str | None = None
    reissues_ca_ref: str | None = None
    sent_since: datetime | None = None
    comment: str = ""
    subject: Subject | None = None

    def subject_name(self) -> str:
        """The common name, for CAs that want one: where the CSR has none, the first DNS name or
        address that fits. Raises OrderRefused."""
        if self.common_name:
            return self.common_name
        for name in self.names:
            if name.kind in (NameKind.DNS, NameKind.IP) and len(name.value) <= 64:  # RFC 5280 A.1
                return name.value
        detail = "The CA wants a common name: in the CSR, or a DNS name of at most 64 characters."
        raise OrderRefused(detail, code="name")


@dataclass(frozen=True, slots=True)
class Issued:
    """The certificate is here. `chain_ders` is what the CA sent, in the CA's order.

    `issuer_pems` are the CAs that may have issued it, where the CA backend was asked just now; None
    leaves that to `IssuingCa.certificate_pem`.
    """

    ca_ref: str
    leaf_der: bytes
    chain_ders: tuple[bytes, ...]
    issuer_pems: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The CA accepted the order under `ca_ref`; look again not before `poll_after`.

    `waits_for` is what for, in words; None: what it was before.
    """

    ca_ref: str
    poll_after: timedelta
    waits_for: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The CA decided against the order for good, in its own words."""

    ca_ref: str | None
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Untraced:
    """Recovery looked and found no trace of the order at the CA, or the CA knows no order under the
    reference it was asked for; `detail` has the CA's words."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Canceled:
    """The CA took the order back: it will never issue it."""


@dataclass(frozen=True, slots=True)
class RevocationPending:
    """The CA has the revocation and waits; look again not before `poll_after`."""

    poll_after: timedelta
    waits_for: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Result of a successful `check`: findings are warnings an administrator should read.

    `visible_cas` is how many CAs the credentials see, None where the account has none of its own.
    """

    visible_cas: int | None = None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IssuingCa:
    """One CA a profile may issue from. `facts` are backend-specific and JSON-ready.

    `id` is what a profile's options refer to (for AWS the CA's ARN). `certificate_pem` is the
    CA's own certificate where it could be read: what is issued must build to it. Where several CAs
    take turns under one id, it holds all of theirs, and what is issued builds to one of them.
    """

    id: str
    name: str
    status: str
    usable: bool
    key_algorithm: str | None
    not_after: datetime | None
    facts: Mapping[str, Any]
    certificate_pem: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalValidation:
    """One validation of an organization at the CA; `until` is when it ends, if that is known."""

    type: str
    status: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ExternalOrganization:
    """An organization in the CA's account. `usable` is whether it has a validation in force."""

    id: str
    name: str
    address: str
    status: str
    usable: bool
    validations: tuple[ExternalValidation, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """One product of the CA's account that a profile may name, and what it allows.

    `terms_years` are the years an order may be for, `signature_hashes` what it signs with.
    """

    id: str
    name: str
    validation_type: str
    terms_years: tuple[int, ...]
    signature_hashes: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """One template a profile may name; `allows` says in words what it puts in certificates."""

    id: str
    name: str
    usable: bool
    allows: str
    facts: Mapping[str, Any]


class Driver(Protocol):
    """One open connection to one CA account. Safe for concurrent use within one event loop."""

    async def check(self) -> CheckReport:
        """Prove that the CA answers and our credentials work, without changing anything."""

    async def submit(self, order: Order, options: Any) -> Issued | Pending | Rejected:
        """Send the order once. `options` is the backend type's profile options model."""

    async def poll(self, ca_ref: str, options: Any) -> Issued | Pending | Rejected | Untraced:
        """Ask for the outcome of an accepted order. Rejected is what the CA decided about it;
        raises OrderRefused where it refuses to say."""

    async def recover(self, order: Order, options: Any) -> Issued | Pending | Rejected | Untraced:
        """Find what a submit without an answer did, without causing a second order."""

    async def revoke(
        self,
        ca_ref: str,
        serial_number: int,
        reason: RevocationReason,
        options: Any,
        *,
        pending: bool = False,
    ) -> "RevocationPending | None":
        """Revoke at the CA; None once the CA did it, also if it had done so before.

        Where the CA waits for something first, asking again with `pending` tells how far it is;
        raises OrderRefused once it decided against it.
        """

    async def aclose(self) -> None:
        """Close every socket."""


@runtime_checkable
class Cancels(Protocol):
    """Optional: the CA takes back an order that it has not issued yet."""

    async def cancel(self, ca_ref: str, options: Any) -> Canceled:
        """Have the order taken back; succeeds also if it was before.

        Raises OrderRefused where the CA does not, or not any more.
        """


@runtime_checkable
class Deactivates(Protocol):
    """Optional: the CA counts certificates in use, and one that is used no more can be given back
    without being revoked."""

    async def deactivate(self, ca_ref: str, serial_number: int) -> None:
        """Give it back; succeeds also if it was before. Raises OrderRefused."""


@runtime_checkable
class ChecksOrders(Protocol):
    """Optional: the CA judges an order without taking it."""

    async def check_order(self, order: Order, options: Any) -> None:
        """Return when the CA would take the order; raises OrderRefused with its words if not."""


@runtime_checkable
class FindsSubjects(Protocol):
    """Optional: the CA builds subjects from a directory, which the driver can read."""

    async def find_subject(self, account: str, options: Any) -> Subject:
        """The account as it is now, with the names the CA would give it.

        Raises OrderRefused with the code `person-unknown`, `person-disabled`, `person-incomplete`
        (an attribute is missing that the certificate needs) or `subject-not-allowed` (an account
        nobody enrolls for).
        """


@runtime_checkable
class FollowsMany(Protocol):
    """Optional: one call tells what became of many orders."""

    async def poll_since(
        self, ca_ref: str, options: Any, since: datetime
    ) -> Issued | Pending | Rejected:
        """Like `poll`, for an order that itself was seen pending at `since` (by our clock)."""


@runtime_checkable
class ListsExternalOrganizations(Protocol):
    """Optional: the CA validates organizations, and can tell which there are."""

    async def external_organizations(self) -> "Sequence[ExternalOrganization]": ...


@runtime_checkable
class ListsProducts(Protocol):
    """Optional: the CA can tell which products the account may order."""

    async def products(self) -> "Sequence[Product]": ...


@runtime_checkable
class ListsIssuingCas(Protocol):
    """Optional: the CA can tell which CAs there are."""

    async def issuing_cas(self) -> Sequence[IssuingCa]: ...


@runtime_checkable
class ListsTemplates(Protocol):
    """Optional: the CA can tell which templates there are."""

    async def templates(self) -> Sequence[Template]: ...
