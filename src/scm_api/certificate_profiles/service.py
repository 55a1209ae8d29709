"""What may be done to certificate profiles, and what is checked before."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.certificate_profiles import domain_policies, repository
from scm_api.certificate_profiles.judging import (
    CONCERNS_CA,
    KnownBackend,
    judge_draft,
    key_types_of,
    survey,
)
from scm_api.certificate_profiles.schemas import (
    CertificateProfileCreate,
    CertificateProfileUpdate,
)
from scm_api.core.access import (
    Principal,
    require_account_wide,
    require_certificate_type,
    require_delegations_within,
    require_privilege,
)
from scm_api.core.errors import Conflict, Fault, Invalid
from scm_api.core.vocabulary import CertificateType, Privilege
from scm_api.db.audit import record
from scm_api.db.changes import changed_fields
from scm_api.db.models import CertificateProfile, CertificateProfileVersion, Enrollment
from scm_api.db.uses import enrollments_using
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.registry import REGISTRY
from scm_api.issuance.rules import ProfileRules
from scm_api.web.concurrency import Expected
from scm_api.web.deps import Resources
from scm_api.web.references import unknown_reference
from scm_api.web.replies import created, etag, plain_json


async def create_profile(
    session: AsyncSession,
    caller: Principal,
    draft: CertificateProfileCreate,
    backend: KnownBackend | None,
) -> Response:
    """Make a profile that `survey` looked into."""
    require_may_manage(caller, draft.certificate_type, "create certificate profiles")
    known = await _require_sound(session, caller, draft, backend)
    accepted = _require_may_acknowledge(caller, known, draft, frozenset())
    profile = CertificateProfile(**_columns(draft, known))
    session.add(profile)
    await session.flush()
    await repository.delegate(
        session, profile.id, add=set(draft.organization_ids), remove=frozenset()
    )
    _keep_version(session, profile, checked=known.is_compared is not False)
    subject = ("certificate_profile", profile.id)
    record(session, caller, "certificate_profile.created", subject, details=accepted)
    content = await repository.content(session, caller, profile.id)
    return created(content, f"/certificate-profiles/{profile.id}")


async def update_profile(
    app: Resources,
    caller: Principal,
    profile_id: UUID,
    body: CertificateProfileUpdate,
    expected: Expected,
) -> Mapping[str, Any]:
    """Change a profile and judge it anew, with no transaction open while the CA is asked.

    What the first transaction read is still true in the second: the version says so.
    """
    async with app.database.transaction() as session:
        stored = await repository.content(session, caller, profile_id)
        await _require_may_change(session, caller, profile_id, "change certificate profiles")
        expected.check(stored["version"])
    draft = _merged(stored, body)
    require_may_manage(caller, draft.certificate_type, "change certificate profiles")
    backend: KnownBackend | None = KnownBackend(REGISTRY[stored["backend_type"]])
    if body.model_fields_set & CONCERNS_CA:
        backend = await survey(app, caller, draft)
    async with app.database.transaction() as session:
        profile = await repository.certificate_profile(session, caller, profile_id)
        await _require_may_change(session, caller, profile_id, "change certificate profiles")
        Expected([etag(stored["version"])]).check(profile.version)
        known = await _require_sound(session, caller, draft, backend)
        await _save(session, caller, profile, draft, known)
        return await repository.content(session, caller, profile_id)


async def delete_profile(
    session: AsyncSession, caller: Principal, profile_id: UUID, expected: Expected
) -> None:
    """Delete a profile nothing was ever asked for by; a used one can be disabled."""
    profile = await repository.certificate_profile(session, caller, profile_id)
    await _require_may_change(session, caller, profile_id, "delete certificate profiles")
    expected.check(profile.version)
    made_by_it = Enrollment.certificate_profile_id == profile_id
    uses, count = await enrollments_using(session, caller, made_by_it)
    if count:
        raise Conflict(
            f"Enrollments made by this profile are kept ({count}), so it stays readable too. "
            "Disable it instead: set enabled to false.",
            code="in-use",
            used_by=uses,
        )
    await session.delete(profile)
    record(session, caller, "certificate_profile.deleted", ("certificate_profile", profile_id))


def require_may_manage(caller: Principal, certificate_type: CertificateType, doing: str) -> None:
    """Whether the caller manages profiles of this type at all; raises Forbidden."""
    require_privilege(caller, Privilege.MANAGE_PROFILES, doing)
    require_certificate_type(caller, certificate_type, doing)


async def _require_may_change(
    session: AsyncSession, caller: Principal, profile_id: UUID, doing: str
) -> None:
    """Whether the caller may change a profile it sees; raises Forbidden."""
    require_privilege(caller, Privilege.MANAGE_PROFILES, doing)
    delegated_to = await repository.delegations(session, profile_id)
    require_delegations_within(caller, delegated_to, doing)


async def _require_sound(
    session: AsyncSession,
    caller: Principal,
    draft: CertificateProfileCreate,
    backend: KnownBackend | None,
) -> KnownBackend:
    """The backend of a draft without faults; raises Invalid with all of them otherwise."""
    now = (await session.execute(select(func.now()))).scalar_one()
    faults = judge_draft(draft, backend, now)
    unknown = await repository.unknown_organizations(session, caller, draft.organization_ids)
    faults += [
        unknown_reference(f"/organization_ids/{index}", "organization")
        for index, organization_id in enumerate(draft.organization_ids)
        if organization_id in unknown
    ]
    if caller.organization_ids is not None and not draft.organization_ids:
        detail = "Nobody could use the profile, and you would not see it any more."
        accepted = "at least one of your organizations or departments"
        faults.append(Fault("/organization_ids", "delegation-missing", detail, accepted))
    if faults or backend is None:
        raise Invalid(faults)
    return backend


async def _save(
    session: AsyncSession,
    caller: Principal,
    profile: CertificateProfile,
    draft: CertificateProfileCreate,
    backend: KnownBackend,
) -> None:
    """Write what differs, if anything does, as a new version."""
    kind_before = REGISTRY[profile.backend_type]
    risks_before = _acknowledged(kind_before, profile.options)
    checked = backend.is_compared
    if checked is None:
        checked = await repository.was_checked(session, profile)
    for name, value in _columns(draft, backend).items():
        setattr(profile, name, value)
    changed = changed_fields(profile)
    accepted = _require_may_acknowledge(caller, backend, draft, risks_before)
    before = await repository.delegations(session, profile.id)
    wanted = set(draft.organization_ids)
    if wanted != before:
        changed = sorted([*changed, "organization_ids"])
        # Who may use it is kept in rows of their own, but counts as a change of the profile.
        profile.updated_at = func.now()
    if not changed:
        return
    await session.flush()
    await repository.delegate(session, profile.id, add=wanted - before, remove=before - wanted)
    _keep_version(session, profile, checked=checked)
    subject = ("certificate_profile", profile.id)
    details = {"changed": changed, "version": profile.version} | accepted
    record(session, caller, "certificate_profile.updated", subject, details=details)


def _require_may_acknowledge(
    caller: Principal,
    backend: KnownBackend,
    draft: CertificateProfileCreate,
    before: frozenset[str],
) -> dict[str, Any]:
    """What the audit event says of risks that the draft accepts anew; raises Forbidden where the
    caller may not let it."""
    new = _acknowledged(backend.kind, draft.options.model_dump(mode="json")) - before
    if not new:
        return {}
    require_account_wide(caller, f"accept the risks {', '.join(sorted(new))}")
    return {"acknowledged_risks": sorted(new)}


def _acknowledged(kind: BackendKind, options: Mapping[str, Any]) -> frozenset[str]:
    return kind.acknowledged(kind.profile_options.model_validate(options))


def _merged(stored: Mapping[str, Any], body: CertificateProfileUpdate) -> CertificateProfileCreate:
    """The whole profile as it would be after the change."""
    fields = CertificateProfileCreate.model_fields
    kept = CertificateProfileCreate.model_validate_json(
        plain_json({name: stored[name] for name in fields})
    )
    return kept.model_copy(update={name: getattr(body, name) for name in body.model_fields_set})


def _columns(draft: CertificateProfileCreate, backend: KnownBackend) -> dict[str, Any]:
    return {
        "name": draft.name,
        "ca_backend_id": draft.ca_backend_id,
        "backend_type": str(backend.kind.type),
        "certificate_type": draft.certificate_type.value,
        "description": draft.description,
        "enabled": draft.enabled,
        "term": {
            "allowed_days": sorted(set(draft.term.allowed_days)),
            "default_days": draft.term.default_days,
        },
        "key_types": key_types_of(draft, backend.kind),
        "domain_policy": domain_policies.kept(draft.domain_policy),
        "allow_renew": draft.allow_renew,
        "renew_with_same_key": draft.renew_with_same_key,
        "auto_renew": draft.auto_renew,
        "max_valid_certificates": draft.max_valid_certificates,
        "auto_revoke": draft.auto_revoke,
        "server_side_keys": draft.server_side_keys,
        "rule": draft.rule.model_dump() if draft.rule else None,
        "requires_approval": draft.requires_approval,
        "revocation_requires_approval": draft.revocation_requires_approval,
        "options": draft.options.model_dump(mode="json"),
    }


def _keep_version(session: AsyncSession, profile: CertificateProfile, *, checked: bool) -> None:
    """Keep the rules as they stand now: enrollments are carried out by them from here on."""
    names = ProfileRules.model_fields.keys() - {"checked_against_ca"}
    rules = {name: getattr(profile, name) for name in names}
    rules |= {"ca_backend_id": str(profile.ca_backend_id), "checked_against_ca": checked}
    ProfileRules.model_validate(rules)  # what could not be read back must not be written
    session.add(
        CertificateProfileVersion(
            certificate_profile_id=profile.id, version=profile.version, rules=rules
        )
    )
