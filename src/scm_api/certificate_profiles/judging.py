"""Whether a certificate profile can work, said when it is saved and not when it is used."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select

from scm_api.certificate_profiles.domain_policies import policy_faults
from scm_api.certificate_profiles.schemas import CertificateProfileCreate, Term
from scm_api.core.access import Principal
from scm_api.core.approval import judge_approvable
from scm_api.core.browser_rules import max_days_at
from scm_api.core.errors import Fault
from scm_api.core.key_types import KEY_TYPES
from scm_api.core.names import Name
from scm_api.core.profile_rule import RuleContext, rule_faults
from scm_api.core.quota import judge_quota
from scm_api.core.term import one_day_too_short
from scm_api.core.vocabulary import CertificateType, NameKind, RevocationReason
from scm_api.db.models import CaBackend
from scm_api.db.scope import visible_ca_backends
from scm_api.drivers.base import IssuingCa, Template
from scm_api.drivers.errors import DriverError
from scm_api.drivers.kinds import BackendKind, ProfileFacts
from scm_api.gateway.choices import issuing_cas, templates
from scm_api.gateway.connections import Connection, connection_of
from scm_api.issuance.comparison import all_known
from scm_api.web.deps import Resources
from scm_api.web.references import unknown_reference

# Fields whose change is judged against the CA.
CONCERNS_CA = frozenset(
    {
        "ca_backend_id",
        "certificate_type",
        "key_types",
        "options",
        "term",
        "max_valid_certificates",
        "auto_revoke",
    }
)


@dataclass(frozen=True, slots=True)
class KnownBackend:
    """What is known of the CA backend a profile refers to.

    `connection` is None when the change does not concern the CA: then nothing is judged against
    it, so that a profile can be disabled whatever became of its CA. Lists are None when the CA
    cannot be asked and was not asked before, or has no such list.
    """

    kind: BackendKind
    connection: Any = None
    issuing_cas: Sequence[IssuingCa] | None = None
    templates: Sequence[Template] | None = None

    @property
    def is_compared(self) -> bool | None:
        """Whether all that the CA offers is known; None when the change does not concern the CA."""
        if self.connection is None:
            return None
        return all_known(self.kind, self.issuing_cas, self.templates)

    def judge(self, draft: CertificateProfileCreate) -> list[Fault]:
        """What the backend type has against the draft, whose options are of that type."""
        facts = ProfileFacts(
            draft.certificate_type,
            frozenset(key_types_of(draft, self.kind)),
            self.issuing_cas,
            self.templates,
            tuple(draft.term.allowed_days),
        )
        return self.kind.judge_profile(draft.options, self.connection, facts)

    def judge_terms(self, draft: CertificateProfileCreate) -> list[Fault]:
        """Terms that the CA does not give may stay beside one that it does."""
        if max(draft.term.allowed_days) < 2 and self.kind.ends_with_day(self.connection):
            return [one_day_too_short("/term/allowed_days", "a term from 2 days")]
        wanted = self.kind.issuing_ca_id(draft.options)
        ca = next((each for each in self.issuing_cas or () if each.id == wanted), None)
        most = self.kind.max_term_days(ca) if ca else None
        if most is None or min(draft.term.allowed_days) <= most:
            return []
        detail = f"Every term is longer than the CA's mode allows, which is {most:,} days."
        return [Fault("/term/allowed_days", "term-too-long", detail, f"a term up to {most:,} days")]


async def survey(
    app: Resources, caller: Principal, draft: CertificateProfileCreate
) -> KnownBackend | None:
    """Look at the CA backend the draft refers to; None when there is none the caller may see.

    Opens its own transactions, and none while the CA is asked. Kept lists that speak against the
    draft are read again before they are believed.
    """
    async with app.database.transaction() as session:
        visible = visible_ca_backends(caller)
        if not await session.scalar(
            select(exists().where(CaBackend.id == draft.ca_backend_id, visible))
        ):
            return None
        connection = await connection_of(session, draft.ca_backend_id)
    known = await _known(app, connection, refresh=False)
    is_known = known.issuing_cas is not None or known.templates is not None
    is_fitting = draft.options.backend_type == known.kind.type
    if is_fitting and is_known and [*known.judge(draft), *known.judge_terms(draft)]:
        known = await _known(app, connection, refresh=True)
    return known


async def _known(app: Resources, connection: Connection, *, refresh: bool) -> KnownBackend:
    kind, capabilities = connection.kind, connection.kind.capabilities
    cas = known_templates = None
    with suppress(DriverError):
        if capabilities.lists_issuing_cas:
            cas = await issuing_cas(app.database, app.gateway, connection, refresh=refresh)
        if capabilities.lists_templates:
            known_templates = await templates(
                app.database, app.gateway, connection, refresh=refresh
            )
    return KnownBackend(kind, connection.parsed_options, cas, known_templates)


def judge_draft(
    draft: CertificateProfileCreate, backend: KnownBackend | None, now: datetime
) -> list[Fault]:
    """Every fault of a draft that can be told without asking anybody. Pure."""
    faults = [
        *_term_faults(draft.term),
        *policy_faults(draft.domain_policy, draft.certificate_type),
        *_rule_faults(draft),
    ]
    faults += judge_approvable(draft.certificate_type, requires_approval=draft.requires_approval)
    faults += _auto_renew_faults(draft)
    if backend is None:
        return [unknown_reference("/ca_backend_id", "CA backend"), *faults]
    if backend.connection is None:
        return faults
    return [*faults, *_backend_faults(draft, backend, now)]


def key_types_of(draft: CertificateProfileCreate, kind: BackendKind) -> list[str]:
    """The key types the profile allows, in the order they are shown."""
    wanted = kind.capabilities.key_types if draft.key_types is None else draft.key_types
    return [each for each in KEY_TYPES if each in wanted]


def _term_faults(term: Term) -> Iterator[Fault]:
    if term.default_days not in term.allowed_days:
        yield Fault(
            "/term/default_days",
            "default-not-allowed",
            "The default term is not among the allowed terms.",
            ", ".join(map(str, sorted(set(term.allowed_days)))),
        )


def _auto_renew_faults(draft: CertificateProfileCreate) -> Iterator[Fault]:
    if draft.auto_renew and not (draft.allow_renew and draft.renew_with_same_key):
        detail = "Renewing by itself takes renewals, and the CSR that is there with its key."
        accepted = "false, or allow_renew and renew_with_same_key as well"
        yield Fault("/auto_renew", "auto-renew-not-possible", detail, accepted)
    if draft.auto_renew and draft.max_valid_certificates == 1 and not draft.auto_revoke:
        detail = "A person may have one certificate, and it leaves no room for its successor."
        accepted = "false, or auto_revoke as well, or a larger max_valid_certificates"
        yield Fault("/auto_renew", "auto-renew-not-possible", detail, accepted)


def _rule_faults(draft: CertificateProfileCreate) -> list[Fault]:
    if draft.rule is None:
        return []
    names = [Name(NameKind.DNS, f"host-{number}.example.com") for number in range(3)]
    sample = RuleContext(
        names=names,
        subject=[("CN", names[0].value)],
        common_name=names[0].value,
        key_type=next(iter(KEY_TYPES)),
        term_days=draft.term.default_days,
        certificate_type=draft.certificate_type.value,
        organization_id="018f0000-0000-7000-8000-000000000000",
    )
    return rule_faults(draft.rule.expression, sample, "/rule/expression")


def _browser_faults(term: Term, now: datetime) -> Iterator[Fault]:
    """Terms beyond the limit of today may stay as long as one of them is within it."""
    most = max_days_at(now)
    if min(term.allowed_days) > most:
        detail = (
            "Every term is longer than browsers accept of a publicly trusted certificate issued "
            f"today, which is {most} days (CA/Browser Forum, ballot SC-081v3)."
        )
        yield Fault("/term/allowed_days", "term-too-long", detail, f"a term up to {most} days")


def _revokes_superseded(draft: CertificateProfileCreate, backend: KnownBackend) -> bool:
    kind = backend.kind
    if RevocationReason.SUPERSEDED not in kind.capabilities.revocation_reasons:
        return False
    if draft.options.backend_type != kind.type:
        return True
    return not kind.revocation_objection(draft.options, backend.connection, backend.issuing_cas)


def _backend_faults(
    draft: CertificateProfileCreate, backend: KnownBackend, now: datetime
) -> Iterator[Fault]:
    kind = backend.kind
    supported = kind.capabilities.certificate_types
    yield from judge_quota(
        draft.certificate_type,
        draft.max_valid_certificates,
        auto_revoke=draft.auto_revoke,
        can_revoke=_revokes_superseded(draft, backend),
    )
    if draft.certificate_type not in supported:
        yield Fault(
            "/certificate_type",
            "certificate-type-not-supported",
            f"{kind.title} issues no certificates of type {draft.certificate_type}.",
            ", ".join(sorted(supported)),
        )
    for index, key_type in enumerate(draft.key_types or ()):
        if key_type not in kind.capabilities.key_types:
            yield Fault(
                f"/key_types/{index}",
                "key-type-not-supported",
                f"{kind.title} does not certify keys of type {key_type}.",
                ", ".join(each for each in KEY_TYPES if each in kind.capabilities.key_types),
            )
    if draft.options.backend_type != kind.type:
        yield Fault(
            "/options/backend_type",
            "backend-type-differs",
            f"The options are for another type than the CA backend, which is {kind.type}.",
            str(kind.type),
        )
        return
    if draft.certificate_type is CertificateType.SSL and kind.publicly_trusted(draft.options):
        yield from _browser_faults(draft.term, now)
    yield from backend.judge_terms(draft)
    for fault in backend.judge(draft):
        yield Fault(f"/options{fault.pointer}", fault.code, fault.detail, fault.accepted)
