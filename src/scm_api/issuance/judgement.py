"""Whether a request may become a certificate: every fault at once, before any CA hears of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scm_api.core.browser_rules import judge_public_usages, max_days_at
from scm_api.core.csr import CsrFacts
from scm_api.core.csr_policy import judge_csr, subject_attributes
from scm_api.core.domain_policy import for_public_trust
from scm_api.core.errors import Fault
from scm_api.core.external_organizations import judge_assignment
from scm_api.core.key_policy import judge_key, judge_key_in_use
from scm_api.core.name_constraints import constraints_of
from scm_api.core.names import Name
from scm_api.core.profile_rule import RuleContext, judge_rule
from scm_api.core.quota import judge_people, people_of
from scm_api.core.requested_names import judge_names
from scm_api.core.subjects import Subject
from scm_api.core.term import Term, TermRules, judge_term
from scm_api.core.vocabulary import CertificateType
from scm_api.core.weak_keys import KeyChecks
from scm_api.drivers.base import IssuingCa
from scm_api.drivers.kinds import RequestFacts
from scm_api.issuance.comparison import late_faults
from scm_api.issuance.facts import Facts
from scm_api.issuance.rules import ProfileRules


@dataclass(frozen=True, slots=True)
class Asked:
    """What a requester asks for beside the CSR; None leaves it to the CSR or the profile.

    `keeps_end` is whether a reissue is asked for: `not_after` is then the end it has by itself.
    """

    names: Sequence[Name] | None = None
    term_days: int | None = None
    not_after: datetime | None = None
    keeps_end: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What would be ordered. `term` is None only where there are faults."""

    names: Sequence[Name]
    term: Term | None
    faults: Sequence[Fault]


def judge(
    facts: Facts,
    csr: CsrFacts,
    asked: Asked,
    checks: KeyChecks,
    subject: Subject | Fault | None = None,
) -> Judgement:
    """Judge one request by the facts. Pure, about a millisecond of CPU.

    `subject` is the account it is made for, or why there is none.
    """
    rules, kind = facts.rules, facts.rules.kind
    faults = [*usability_faults(facts), *judge_csr(csr, rules.certificate_type)]
    names, name_faults = judged_names(facts, csr, asked.names, subject)
    faults += name_faults
    faults += judge_people(rules.max_valid_certificates, people_of(names))
    faults += judge_key(
        csr, rules.key_types, kind.capabilities.key_types, checks, blocked=facts.key_blocked
    )
    faults += judge_key_in_use(in_use=facts.key_in_use, refused=facts.refuses_keys_in_use)
    term, term_faults = judge_term(asked.term_days, asked.not_after, term_rules(facts), facts.now)
    faults += term_faults
    if asked.not_after is not None and not kind.capabilities.chooses_term:
        detail = (
            f"{kind.title} decides how long certificates live; an order cannot say when it ends."
        )
        faults.append(Fault("/not_after", "term-not-allowed", detail, "an enrollment without it"))
    if publicly_trusted(facts.rules):
        faults += judge_public_usages(csr, facts.now)
    request = RequestFacts(
        certificate_type=rules.certificate_type,
        key_type=csr.key_type,
        subject_is_empty=not csr.subject,
        san_is_critical=csr.san_critical,
        term_days=term.days if term and not asked.not_after else None,
        says_end=asked.not_after is not None and not asked.keeps_end,
    )
    faults += kind.judge_request(rules.typed_options, facts.connection, facts.issuing_cas, request)
    if rules.rule is not None and term is not None and not name_faults:
        faults += judge_rule(rules.rule, _rule_context(facts, csr, names, term.days))
    return Judgement(names, term, _distinct(faults))


def _rule_context(
    facts: Facts, csr: CsrFacts, names: Sequence[Name], term_days: int
) -> RuleContext:
    return RuleContext(
        names=names,
        subject=subject_attributes(csr),
        common_name=csr.common_names[0] if csr.common_names else "",
        key_type=csr.key_type,
        term_days=term_days,
        certificate_type=facts.rules.certificate_type.value,
        organization_id=str(facts.organization_id),
    )


def judged_names(
    facts: Facts,
    csr: CsrFacts,
    asked: Sequence[Name] | None,
    subject: Subject | Fault | None,
) -> tuple[list[Name], list[Fault]]:
    """The names the certificate would carry, and their faults by profile, domains and CA.

    Where the CA takes them from a directory they are those of `subject`; without one there are
    none to judge, and the fault of that.
    """
    if isinstance(subject, Fault):
        return [], [subject]
    if subject is None and facts.rules.kind.needs_subject(facts.rules.typed_options):
        return [], []
    ca = issuing_ca(facts)
    constraints = constraints_of(ca.certificate_pem) if ca and ca.certificate_pem else ()
    policy = facts.rules.domain_policy
    names, faults = judge_names(
        for_public_trust(policy) if publicly_trusted(facts.rules) else policy,
        facts.owned_domains,
        csr,
        asked,
        certificate_type=facts.rules.certificate_type,
        constraints=constraints or (),
        directory_names=subject.names if subject else None,
    )
    if constraints is None:
        detail = "The CA's certificate cannot be read, so nobody knows which names it may sign."
        faults.append(Fault("/certificate_profile_id", "ca-not-usable", detail))
    return names, faults


def usability_faults(facts: Facts, ordered_for: str | None = None) -> list[Fault]:
    """Whether this organization may use this profile at all, now.

    `ordered_for` is the external organization that an enrollment was accepted for.
    """
    pointer = "/certificate_profile_id"
    faults = []
    if not facts.profile_enabled:
        detail = "The certificate profile is disabled."
        faults.append(Fault(pointer, "profile-disabled", detail, "an enabled certificate profile"))
    if not facts.delegated:
        detail = "The certificate profile is not delegated to this organization."
        accepted = "a profile that lists this organization in organization_ids"
        faults.append(Fault(pointer, "profile-not-delegated", detail, accepted))
    faults += [
        Fault(pointer, late.code, late.detail, late.accepted)
        for late in late_faults(facts.rules, facts.connection, facts.issuing_cas, facts.templates)
    ]
    external = facts.external
    faults += judge_assignment(
        needed=facts.rules.kind.needs_organization(facts.rules.typed_options),
        assigned=external.id if external else None,
        usable=bool(external and external.usable),
        in_force=external.in_force if external else frozenset(),
        wanted=facts.rules.kind.validations_for(facts.rules.typed_options),
        ordered_for=ordered_for,
    )
    return faults


def issuing_ca(facts: Facts) -> IssuingCa | None:
    """The CA the profile issues from, if it is known what CAs there are."""
    wanted = facts.rules.kind.issuing_ca_id(facts.rules.typed_options)
    return next((ca for ca in facts.issuing_cas or () if ca.id == wanted), None)


def term_rules(facts: Facts) -> TermRules:
    """What limits a term, now: the profile, the CA's mode and end, and browsers."""
    ca, rules = issuing_ca(facts), facts.rules
    return TermRules(
        allowed_terms=rules.term.allowed_days,
        default_days=rules.term.default_days,
        ca_max_days=rules.kind.max_term_days(ca) if ca else None,
        ca_not_after=ca.not_after if ca else None,
        browser_days=max_days_at(facts.now) if publicly_trusted(rules) else None,
        excess=rules.kind.term_excess(facts.connection),
        ends_with_day=rules.kind.ends_with_day(facts.connection),
    )


def publicly_trusted(rules: ProfileRules) -> bool:
    """Whether browsers' rules apply: they are about TLS certificates that browsers trust."""
    is_tls = rules.certificate_type is CertificateType.SSL
    return is_tls and rules.kind.publicly_trusted(rules.typed_options)


def _distinct(faults: Sequence[Fault]) -> list[Fault]:
    """Two rules may refuse the same thing for the same reason; it is said once."""
    return list({(fault.pointer, fault.code, fault.detail): fault for fault in faults}.values())
