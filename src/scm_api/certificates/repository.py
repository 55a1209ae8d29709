"""Rows of certificates, as the contract shows them."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from scm_api.core.access import Principal
from scm_api.core.errors import Conflict, NotFound
from scm_api.core.names import possible_comparables
from scm_api.core.vocabulary import CertificateStatus, RevocationState
from scm_api.db.models import (
    BlockedKey,
    BulkRevocationCertificate,
    Certificate,
    CertificateName,
    CertificateText,
    Enrollment,
)
from scm_api.db.scope import within
from scm_api.db.statements import AnySelect
from scm_api.issuance.approval import state_now as enrollment_state_now
from scm_api.issuance.revocation import state_now

_SHOWN = (
    "id",
    "enrollment_id",
    "organization_id",
    "certificate_profile_id",
    "ca_backend_id",
    "certificate_type",
    "serial_number",
    "issuer",
    "subject",
    "common_name",
    "not_before",
    "not_after",
    "term",
    "renewal_opens_at",
    "renewal_problem",
    "key_type",
    "signature_algorithm",
    "spki_sha256",
    "fingerprint_sha256",
    "chain_complete",
    "notes",
    "quarantined",
    "deactivated_at",
    "renews_certificate_id",
    "ca_ref",
    "created_at",
    "version",
)


def status() -> ColumnElement[str]:
    """A certificate's status as of the database's clock."""
    return case(
        (Certificate.revocation_state == RevocationState.DONE.value, CertificateStatus.REVOKED),
        (Certificate.quarantined.is_not(None), CertificateStatus.QUARANTINED),
        (Certificate.not_after <= func.now(), CertificateStatus.EXPIRED),
        else_=CertificateStatus.VALID,
    )


def key_is_blocked() -> ColumnElement[bool]:
    """Whether the certificate's key may not be certified again."""
    return exists().where(BlockedKey.spki_sha256 == Certificate.spki_sha256)


def certificates(principal: Principal) -> AnySelect:
    """Certificates of the organizations and types the caller may see."""
    return _all().where(visible(principal))


@cache
def _all() -> AnySelect:
    """Put together once: that takes longer than running it."""
    successor = aliased(Certificate)
    names = (
        select(
            func.json_agg(
                func.json_build_object("kind", CertificateName.kind, "value", CertificateName.value)
            )
        )
        .where(CertificateName.certificate_id == Certificate.id)
        .scalar_subquery()
    )
    successors = (
        select(func.array_agg(successor.id))
        .where(successor.renews_certificate_id == Certificate.id)
        .correlate(Certificate)
        .scalar_subquery()
    )
    return select(
        *(getattr(Certificate, name) for name in _SHOWN),
        status().label("status"),
        key_is_blocked().label("key_blocked"),
        func.coalesce(names, func.json_build_array()).label("names"),
        successors.label("successors"),
        state_now().label("revocation_state"),
        Certificate.revocation_reason,
        Certificate.revocation_detail,
        Certificate.revocation_requested_at,
        Certificate.revocation_requester_id,
        Certificate.revocation_expires_at,
        Certificate.revocation_effective_at,
        Certificate.revocation_self_approved,
        Certificate.revoked_at,
    )


def visible(principal: Principal) -> ColumnElement[bool]:
    """Certificates of the organizations and types the caller acts for."""
    return within(principal, Certificate.organization_id, Certificate.certificate_type)


def is_in_bulk(bulk_revocation_id: UUID) -> ColumnElement[bool]:
    """Certificates a bulk revocation is about."""
    return Certificate.id.in_(
        select(BulkRevocationCertificate.certificate_id).where(
            BulkRevocationCertificate.bulk_revocation_id == bulk_revocation_id
        )
    )


def has_name(name: str) -> ColumnElement[bool]:
    """Certificates with exactly this name, in whatever spelling; no kind is given, so any."""
    return exists().where(
        CertificateName.certificate_id == Certificate.id,
        CertificateName.comparable.in_(possible_comparables(name)),
    )


def content(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row as the contract shows it."""
    shown = {name: row[name] for name in _SHOWN}
    revocation = None
    if row["revocation_state"]:
        revocation = {
            "state": row["revocation_state"],
            "reason": row["revocation_reason"],
            "detail": row["revocation_detail"],
            "requested_at": row["revocation_requested_at"],
            "requester_id": row["revocation_requester_id"],
            "approval_expires_at": row["revocation_expires_at"],
            "effective_at": row["revocation_effective_at"],
            "self_approved": row["revocation_self_approved"],
            "revoked_at": row["revoked_at"],
        }
    return shown | {
        "status": row["status"],
        "key_blocked": row["key_blocked"],
        "names": row["names"],
        "revocation": revocation,
        "renewed_by_certificate_ids": row["successors"] or [],
    }


async def certificate(
    session: AsyncSession, principal: Principal, certificate_id: UUID
) -> dict[str, Any]:
    """One certificate as the contract shows it; raises NotFound."""
    query = certificates(principal).where(Certificate.id == certificate_id)
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("certificate")
    return content(dict(row))


async def successor(
    session: AsyncSession, principal: Principal, enrollment_id: UUID
) -> dict[str, Any]:
    """What became of an enrollment that follows a certificate; raises NotFound."""
    query = (
        select(
            Enrollment.id.label("enrollment_id"),
            enrollment_state_now().label("state"),
            Enrollment.version,
            Certificate.id.label("certificate_id"),
        )
        .outerjoin(Certificate, Certificate.enrollment_id == Enrollment.id)
        .where(
            Enrollment.id == enrollment_id,
            within(principal, Enrollment.organization_id, Enrollment.certificate_type),
        )
    )
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("enrollment")
    return dict(row)


async def locked(session: AsyncSession, principal: Principal, certificate_id: UUID) -> Certificate:
    """The row itself, locked for a change; raises NotFound."""
    query = (
        select(Certificate)
        .where(Certificate.id == certificate_id, visible(principal))
        .with_for_update(key_share=True)
    )
    row = await session.scalar(query)
    if row is None:
        raise NotFound("certificate")
    return row


async def text_of(
    session: AsyncSession, principal: Principal, certificate_id: UUID
) -> tuple[str, bytes, list[bytes]]:
    """A name for the file, the leaf and the chain; raises Conflict for a quarantined one."""
    query = (
        select(
            Certificate.serial_number,
            Certificate.quarantined,
            CertificateText.leaf_der,
            CertificateText.chain_ders,
        )
        .join(CertificateText, CertificateText.certificate_id == Certificate.id)
        .where(Certificate.id == certificate_id, visible(principal))
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("certificate")
    if row.quarantined:
        raise Conflict(
            "This certificate is not what was asked for and is not handed out: "
            + " ".join(row.quarantined),
            code="certificate-quarantined",
        )
    return row.serial_number, row.leaf_der, row.chain_ders
