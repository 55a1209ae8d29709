"""What the CA sent, compared with what was asked of it."""

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.csr import read_csr
from scm_api.core.csr_policy import EXTENDED_KEY_USAGES
from scm_api.core.issued import LOGON, IssuedVerdict, Issuer, Wanted, judge_issued
from scm_api.core.names import names_from
from scm_api.core.subjects import subject_from
from scm_api.core.term import Term
from scm_api.db.models import Enrollment
from scm_api.db.statements import Single
from scm_api.drivers.base import Issued
from scm_api.issuance.facts import CasUnknown, Facts, facts_of
from scm_api.issuance.judgement import issuing_ca, term_rules


async def verdict_of(
    session: AsyncSession | Single,
    enrollment: Enrollment,
    outcome: Issued,
    now: datetime,
) -> tuple[IssuedVerdict, bool]:
    """Judge one issued certificate by its enrollment. `now` is the database's clock.

    The second part is whether the service should have it revoked by itself: it lacks names by a
    policy of the CA, is nothing else than that, and the CA revokes. Raises CasUnknown where it
    should build to a CA whose certificate is not known.
    """
    csr, _ = read_csr(enrollment.csr_der)
    if csr is None:
        raise ValueError("the stored CSR cannot be read any more")
    facts, _ = await facts_of(session, enrollment)
    if facts is None:
        raise ValueError("the profile of the enrollment is gone")
    anchors = _anchors(facts, outcome)
    if not anchors and facts.rules.kind.capabilities.lists_issuing_cas:
        raise CasUnknown
    names = frozenset(names_from(enrollment.names))
    term = Term(enrollment.term_days, enrollment.not_after)
    account = subject_from(enrollment.subject) if enrollment.subject else None
    subject, purposes = None if account else csr.subject, _purposes(facts)
    verdict = judge_issued(
        Wanted(csr.spki_der, names, term, subject, account, purposes, facts.key_blocked),
        Issuer(
            certificate_ders=anchors,
            backdating=facts.rules.kind.capabilities.backdating,
            term_rules=term_rules(facts),
        ),
        outcome.leaf_der,
        outcome.chain_ders,
        now,
    )
    return verdict, _is_waste(facts, verdict)


def _purposes(facts: Facts) -> frozenset[str]:
    """What a CSR may ask for is what such certificates are for; those of accounts log on."""
    rules = facts.rules
    logon = {LOGON} if rules.kind.needs_subject(rules.typed_options) else set()
    return EXTENDED_KEY_USAGES[rules.certificate_type] | logon


def _is_waste(facts: Facts, verdict: IssuedVerdict) -> bool:
    kind = facts.rules.kind
    found = {each.code for each in verdict.discrepancies}
    if not kind.drops_names or found != {"names-dropped"}:
        return False
    options = facts.rules.typed_options
    return not kind.revocation_objection(options, facts.connection, facts.issuing_cas)


def _anchors(facts: Facts, outcome: Issued) -> list[bytes]:
    """The CAs it may build to: those the driver read just now, or else those that are kept."""
    ca = issuing_ca(facts)
    pems = outcome.issuer_pems or ((ca.certificate_pem or "",) if ca else ())
    text = "".join(pems).encode()
    certificates = x509.load_pem_x509_certificates(text) if text else []
    return [each.public_bytes(Encoding.DER) for each in certificates]
