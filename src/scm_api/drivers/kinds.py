"""What the service knows about one backend type, as data and pure functions."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from scm_api.core.errors import Fault
from scm_api.core.vocabulary import CertificateType
from scm_api.drivers.base import Capabilities, Driver, IssuingCa, Template
from scm_api.drivers.pacing import Limiter


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a backend type may judge about one request before the CA is called.

    `term_days` is None where nothing could be ordered, or where an end was asked for, which the
    order has to say if `says_end`.
    """

    certificate_type: CertificateType
    key_type: str
    subject_is_empty: bool
    san_is_critical: bool
    term_days: int | None = None
    says_end: bool = False


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """What a profile's options are judged with. Lists are the last known ones, None where the CA
    could not be asked or has no such list. `terms_days` are the terms requesters may choose."""

    certificate_type: CertificateType
    key_types: frozenset[str]
    issuing_cas: Sequence[IssuingCa] | None = None
    templates: Sequence[Template] | None = None
    terms_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing a CA backend does or does not do, because of how it is set up. `detail` says what
    it is done with, or what is missing and how to add it."""

    name: str
    available: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a CA may take to answer an order and a revocation; None: as long as the service
    gives every CA."""

    order: timedelta | None = None
    revocation: timedelta | None = None


_Model = type[BaseModel]
_Cas = Sequence[IssuingCa] | None


@dataclass(frozen=True, slots=True)
class OrderOptions:
    """What an enrollment may add to the options of its profile.

    `added(options, extra)` are the options of the one order; None: such a profile takes none.
    `account(extra)` is the account of the directory the order is made for, None for nobody's.
    """

    model: _Model
    added: Callable[[Any, Any], Any | None]
    account: Callable[[Any], str | None] = lambda _extra: None


@dataclass(frozen=True, slots=True)
class BackendKind:
    """Everything the service knows about one backend type; `drivers.registry` holds one each.

    `type` is a `BackendType`, except of a kind that tests bring along.

    `judge_connection(connection, secrets)` is pure too; its pointers are relative to a body with
    the members `options` and `secrets`.

    `judge_profile(options, connection, facts)` and `judge_request(options, connection,
    issuing_cas, facts)` are pure and return faults; `issuing_cas` is the last known list or None
    when the CA could not be asked. Pointers are relative to the options (`/private_ca`) for a
    profile and to the enrollment body (`/csr`) for a request. `issuing_ca_id(options)` is the
    `IssuingCa.id` a profile issues from. `max_term_days(ca)` is the most days that CA gives a
    certificate by its mode, None without such a limit. `publicly_trusted(options)` says whether
    browsers trust what a profile issues, so that their rules apply (`core.browser_rules`).
    `needs_organization(options)` says whether it is ordered for an external organization.
    `validations_for(options)` are the types of validation of which that organization must have one
    in force; none: any will do. `order_options` is None where an order consists of nothing but what
    every enrollment has. `acknowledged(options)` are codes of risks that a profile accepts, which
    only an MRAO may let it. `needs_subject(options)` says whether each enrollment names an account
    of the directory.

    `abilities(connection, issuing_cas)` is what a backend set up like this does, beyond the
    capabilities of its type; `revocation_objection(options, connection, issuing_cas)` why what a
    profile issued is not revoked through it, and what to do instead, None where it is.
    `where_to_look(options, connection, csr_der)` tells a person how to find an order at the CA
    whose answer was lost, `judge_reference(options, ca_ref)` whether what was found there can be of
    such a profile; its pointers are relative to a body with the member `ca_ref`.
    `reissued(connection)` tells a person what became of the certificate before, where the CA
    revokes it by itself and nobody can use the one that replaces it.
    `machine_identity(connection)` is what this machine's own identity would be used for, as
    `SCM_MACHINE_IDENTITIES` allows it, None where it is not used. `patience(connection)` is how
    long the CA may take to answer. `look_ups(connection)` is for how long an order whose answer was
    lost is looked for before a person is asked, where the CA may have orders that a look-up does
    not find; None where what is not found is not there and is ordered again (`Guard.LOOKUP`).
    `term_excess(connection)` is by how much a certificate may outlast the days that were ordered,
    because the CA counts in larger units, `ends_with_day(connection)` whether an end is ordered as
    the last whole day before it (UTC), which cannot be today. Days are then counted from today on.

    `drops_names` says that a policy of the CA may leave names out without a word; a certificate
    that lacks names is of no use to anybody then, and the service has it revoked.
    """

    type: str
    title: str
    capabilities: Capabilities
    connection_options: _Model
    secrets: _Model
    profile_options: _Model
    open: Callable[[Any, Any, Limiter], Awaitable[Driver]]
    judge_connection: Callable[[Any, Any], list[Fault]]
    judge_profile: Callable[[Any, Any, ProfileFacts], list[Fault]]
    judge_request: Callable[[Any, Any, _Cas, RequestFacts], list[Fault]]
    issuing_ca_id: Callable[[Any], str]
    publicly_trusted: Callable[[Any], bool]
    max_term_days: Callable[[IssuingCa], int | None] = lambda *_: None
    needs_organization: Callable[[Any], bool] = lambda *_: False
    validations_for: Callable[[Any], frozenset[str]] = lambda *_: frozenset()
    order_options: OrderOptions | None = None
    needs_subject: Callable[[Any], bool] = lambda *_: False
    acknowledged: Callable[[Any], frozenset[str]] = lambda *_: frozenset()
    abilities: Callable[[Any, _Cas], tuple[Ability, ...]] = lambda *_: ()
    revocation_objection: Callable[[Any, Any, _Cas], str | None] = lambda *_: None
    where_to_look: Callable[[Any, Any, bytes], str] = lambda *_: ""
    judge_reference: Callable[[Any, str], list[Fault]] = lambda *_: []
    reissued: Callable[[Any], str] = lambda *_: ""
    machine_identity: Callable[[Any], str | None] = lambda *_: None
    patience: Callable[[Any], Patience] = lambda *_: Patience()
    look_ups: Callable[[Any], timedelta | None] = lambda *_: None
    term_excess: Callable[[Any], timedelta] = lambda *_: timedelta(0)
    ends_with_day: Callable[[Any], bool] = lambda *_: False
    drops_names: bool = False
