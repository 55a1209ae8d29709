"""Right before an order is sent: has anything changed since the request was accepted?"""

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.csr import read_csr
from scm_api.core.errors import Fault
from scm_api.core.key_policy import judge_key_in_use
from scm_api.core.subjects import subject_from
from scm_api.core.term import Term, judge_ordered_term
from scm_api.db.models import Enrollment
from scm_api.db.statements import Single
from scm_api.issuance.approval import approval_faults
from scm_api.issuance.facts import CasUnknown, facts_of
from scm_api.issuance.judgement import judged_names, term_rules, usability_faults
from scm_api.issuance.renewal import is_given_up

_WHAT_TO_DO = "Put it right and retry this enrollment, or cancel it."


async def objections(
    session: AsyncSession | Single, enrollment: Enrollment
) -> tuple[str, str] | None:
    """Reason (code, sentence) not to order any more; None when it may be ordered.

    Judged by the rules the enrollment was accepted under, by what was approved, and by profile
    switch, delegation, domains, keys, the limits of terms and, where the service renews unasked,
    the certificate before as they are now. Raises CasUnknown where the CA's limits cannot be told
    without asking it.
    """
    facts, missing = await facts_of(session, enrollment)
    if facts is None:
        return _reason(missing[0])
    if facts.issuing_cas is None and facts.rules.kind.capabilities.lists_issuing_cas:
        raise CasUnknown
    ordered_for = enrollment.external_organization_id
    usable = usability_faults(facts, ordered_for)
    faults = [*approval_faults(enrollment, facts.rules), *usable]
    if await is_given_up(session, enrollment):
        detail = (
            "Nobody but the service asked for this renewal, and the certificate before was revoked "
            "or given back meanwhile, or is about to be, or somebody renewed it."
        )
        faults.append(Fault("", "renewal-given-up", detail))
    if facts.key_blocked:
        faults.append(Fault("/csr", "key-blocked", "The key was blocked meanwhile."))
    faults += judge_key_in_use(in_use=facts.key_in_use, refused=facts.refuses_keys_in_use)
    term = Term(enrollment.term_days, enrollment.not_after)
    faults += judge_ordered_term(term, term_rules(facts), facts.now)
    csr, unreadable = read_csr(enrollment.csr_der)
    faults += unreadable
    if csr is not None:
        subject = subject_from(enrollment.subject) if enrollment.subject else None
        _, name_faults = judged_names(facts, csr, None, subject)
        faults += name_faults
    return _reason(faults[0]) if faults else None


def _reason(fault: Fault) -> tuple[str, str]:
    return fault.code, f"Accepted, but no longer allowed: {fault.detail} {_WHAT_TO_DO}"
