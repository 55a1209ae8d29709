"""From a judged request to a stored intent: enrollment, audit event and job in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, require_privilege
from scm_api.core.csr import CsrFacts, read_csr
from scm_api.core.errors import Fault, Invalid
from scm_api.core.granted_term import ordering
from scm_api.core.names import names_as_json
from scm_api.core.quota import people_of
from scm_api.core.subjects import Subject
from scm_api.core.succession import is_reissued
from scm_api.core.vocabulary import CertificateType, EnrollmentState, Privilege, RevocationReason
from scm_api.core.weak_keys import KeyChecks
from scm_api.correlation import request_id
from scm_api.db.audit import event_row
from scm_api.db.base import Base, new_id
from scm_api.db.jobs import Job, job_row
from scm_api.db.models import Enrollment
from scm_api.db.rows import NewRow, insert_together
from scm_api.db.statements import Single
from scm_api.issuance.facts import Facts, load_facts
from scm_api.issuance.judgement import Asked, Judgement, judge
from scm_api.issuance.quota import take_room

# A client that asks again after this many seconds asks neither too often nor too late.
_POLL_SECONDS: Final = 2
_ENROLLMENTS: Final = Base.metadata.tables[Enrollment.__tablename__]


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a certificate, from wherever it came.

    With `replace_reason` the certificate it renews is revoked once the new one is issued.
    `requires_approval` asks for approval where the profile alone would not. `requester_id` is for
    what the service asks for by itself: the admin in whose name, and `requester_known_to` who else
    knew the key they had asked with. `key_made` is whether the service
    made the key of the CSR, `key_type` of what type that will be where the CSR only stands in for
    one with it. `subject` is the account it is made for, or why there is none.
    """

    organization_id: UUID
    certificate_profile_id: UUID
    csr: str | bytes
    asked: Asked
    comment: str = ""
    renews_certificate_id: UUID | None = None
    replace_reason: RevocationReason | None = None
    requires_approval: bool = False
    requester_id: UUID | None = None
    requester_known_to: Sequence[UUID] = ()
    key_made: bool = False
    key_type: str | None = None
    bulk_renewal_id: UUID | None = None
    order_options: Mapping[str, Any] | None = None
    subject: Subject | Fault | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A request with everything found about it. Facts or CSR are None where `faults` say why."""

    request: Request
    facts: Facts | None
    csr: CsrFacts | None
    judgement: Judgement | None
    faults: Sequence[Fault]

    @property
    def key_in_use(self) -> bool:
        """Whether another organization has the key."""
        return self.facts is not None and self.facts.key_in_use


async def judge_request(
    session: AsyncSession | Single,
    caller: Principal | None,
    request: Request,
    checks: KeyChecks,
) -> Judged:
    """Find every fault of a request; nothing is written and no CA is called.

    `caller` is None for the service itself, which sees everything. Raises Forbidden for who enrolls
    on behalf of an account without the privilege.
    """
    if request.subject is not None and caller is not None:
        require_privilege(caller, Privilege.ENROLL_ON_BEHALF, "enroll on behalf of an account")
    csr, csr_faults = read_csr(request.csr)
    if csr is not None and request.key_type is not None:
        csr = replace(csr, key_type=request.key_type)
    facts, missing = await load_facts(
        session,
        caller,
        organization_id=request.organization_id,
        certificate_profile_id=request.certificate_profile_id,
        spki_sha256=csr.spki_sha256 if csr else "",
    )
    faults = [*missing, *csr_faults]
    if facts is None or csr is None:
        return Judged(request, facts, csr, None, faults)
    judgement = judge(facts, csr, _asked(request, facts), checks, request.subject)
    faults += facts.rules.judge_order_options(request.order_options)
    return Judged(request, facts, csr, judgement, [*faults, *judgement.faults])


def _asked(request: Request, facts: Facts) -> Asked:
    """What is asked for; a replacement ends with what it replaces only where orders can say so, or
    where a reissue does by itself."""
    capabilities = facts.rules.kind.capabilities
    if request.replace_reason is None:
        return request.asked
    if not capabilities.chooses_term:
        return replace(request.asked, not_after=None)
    reissued = is_reissued(request.replace_reason, revokes=capabilities.reissue_revokes)
    return replace(request.asked, keeps_end=reissued)


async def accept(
    session: AsyncSession, caller: Principal | None, judged: Judged, approval_within: timedelta
) -> dict[str, Any]:
    """Store the intent of a request without faults; returns the enrollment's columns.

    Raises Invalid with all faults otherwise, Conflict where a person has too many certificates.
    """
    values = intent(caller, judged, approval_within)
    await take_room(session, limit_of(judged), values)
    await store(session, caller, values, key_in_use=judged.key_in_use)
    return values


def intent(caller: Principal | None, judged: Judged, approval_within: timedelta) -> dict[str, Any]:
    """The columns of the enrollment a request without faults becomes.

    Where profile or request require approval it waits for that, at most `approval_within`. Raises
    Invalid with all faults otherwise.
    """
    if judged.faults:
        raise Invalid(judged.faults)
    values = _columns(caller, judged)
    asked = judged.request.requires_approval
    if judged.facts is not None and (asked or judged.facts.rules.requires_approval):
        values |= {
            "state": EnrollmentState.PENDING_APPROVAL.value,
            "due_at": None,
            "approval_expires_at": judged.facts.now + approval_within,
        }
    return values


async def store(
    session: AsyncSession | Single,
    caller: Principal | None,
    values: Mapping[str, Any],
    *also: NewRow,
    key_in_use: bool,
) -> None:
    """Store enrollment, audit event and job, and what else belongs to them, in one statement.

    The CA is called only after the commit, by a worker; for what waits for approval there is no
    job. `key_in_use` has the event say that another organization has the key.
    """
    event = event_row(
        caller,
        "enrollment.created",
        ("enrollment", values["id"]),
        organization_id=values["organization_id"],
        details=_audit_details(values) | ({"key_in_use": True} if key_in_use else {}),
    )
    rows = [NewRow(_ENROLLMENTS, values), event, *also]
    if values["state"] == EnrollmentState.APPROVED:
        rows.append(job_row(Job.ADVANCE_ENROLLMENT, values["id"], values["organization_id"]))
    await insert_together(session, *rows)


def retry_after(state: str) -> str:
    """The header of that name: people take longer than CAs."""
    return str(60 if state == EnrollmentState.PENDING_APPROVAL else _POLL_SECONDS)


def _columns(caller: Principal | None, judged: Judged) -> dict[str, Any]:
    request, facts, csr, judgement = judged.request, judged.facts, judged.csr, judged.judgement
    assert facts is not None
    assert csr is not None
    assert judgement is not None
    assert judgement.term is not None
    return {
        "id": new_id(),
        "organization_id": facts.organization_id,
        "certificate_profile_id": facts.certificate_profile_id,
        "profile_version": facts.profile_version,
        "ca_backend_id": facts.rules.ca_backend_id,
        "certificate_type": facts.rules.certificate_type.value,
        "requester_id": caller.admin_id if caller else request.requester_id,
        "requester_known_to": sorted(caller.known_to if caller else request.requester_known_to),
        "renews_certificate_id": request.renews_certificate_id,
        "replace_reason": request.replace_reason.value if request.replace_reason else None,
        "bulk_renewal_id": request.bulk_renewal_id,
        "external_organization_id": external_organization(facts),
        "csr_der": csr.der,
        "spki_sha256": csr.spki_sha256,
        "key_type": csr.key_type,
        "key_made": request.key_made,
        "common_name": csr.common_names[0] if csr.common_names else None,
        "names": names_as_json(judgement.names),
        "people": _people(judged),
        "term_days": judgement.term.days,
        "not_after": judgement.term.not_after,
        "term": shown_term(judged),
        "comment": request.comment,
        "order_options": request.order_options,
        "subject": _subject(request),
        "state": EnrollmentState.APPROVED.value,
        "created_at": facts.now,
        "updated_at": facts.now,
        "approval_expires_at": None,
        "self_approved": False,
        "request_id": request_id.get(),
        "due_at": facts.now,
        "version": 1,
        "lease_generation": 0,
        "steps": 0,
        "failures": 0,
    }


def _subject(request: Request) -> dict[str, Any] | None:
    return request.subject.as_json() if isinstance(request.subject, Subject) else None


def limit_of(judged: Judged) -> int | None:
    """How many certificates a person may have, at which a request is refused; None: any number."""
    rules = judged.facts.rules if judged.facts else None
    return None if rules is None or rules.auto_revoke else rules.max_valid_certificates


def external_organization(facts: Facts) -> str | None:
    """For whom it is ordered, at CAs that want to know."""
    needed = facts.rules.kind.needs_organization(facts.rules.typed_options)
    return facts.external.id if needed and facts.external else None


def _people(judged: Judged) -> list[str] | None:
    assert judged.facts is not None
    assert judged.judgement is not None
    is_client = judged.facts.rules.certificate_type is CertificateType.CLIENT
    return list(people_of(judged.judgement.names)) if is_client else None


def shown_term(judged: Judged) -> dict[str, Any] | None:
    """What was asked and would be ordered; None where there are faults of it."""
    facts, judgement, asked = judged.facts, judged.judgement, judged.request.asked
    if facts is None or judgement is None or judgement.term is None:
        return None
    default_days = facts.rules.term.default_days
    return ordering(judgement.term, asked.term_days, asked.not_after, default_days)


def on_behalf(subject: Mapping[str, Any] | None) -> dict[str, Any]:
    """What audit events say of the account an enrollment is made for; nothing where it is none."""
    if subject is None:
        return {}
    told = ("account", "distinguished_name", "sid")
    return {"on_behalf_of": {name: subject[name] for name in told}}


def _audit_details(values: Mapping[str, Any]) -> dict[str, Any]:
    waits = values["state"] == EnrollmentState.PENDING_APPROVAL
    said = {name: values[name] for name in ("comment", "replace_reason") if values[name]}
    return (
        said
        | ({"waits_for_approval": True} if waits else {})
        | ({"key_made": True} if values["key_made"] else {})
        | on_behalf(values["subject"])
        | {
            "certificate_profile_id": str(values["certificate_profile_id"]),
            "profile_version": values["profile_version"],
            "names": values["names"],
            "spki_sha256": values["spki_sha256"],
        }
    )
