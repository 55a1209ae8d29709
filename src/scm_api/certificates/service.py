"""What may be done to certificates."""

from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.certificates import repository
from scm_api.certificates.schemas import Revocation
from scm_api.core.access import Principal, require_privilege
from scm_api.core.errors import Conflict, Invalid
from scm_api.core.formats import to_pem, to_pem_chain, to_pkcs7
from scm_api.core.revocation import judge_effective_at, judge_taking_place
from scm_api.core.succession import UNDER_WAY
from scm_api.core.vocabulary import (
    Privilege,
    RevocationReason,
    RevocationState,
)
from scm_api.db.models import Certificate, CertificateProfile
from scm_api.issuance.approval import clock
from scm_api.issuance.revocability import ISSUER_COLUMNS, judge_reason, with_issuer
from scm_api.issuance.revocation import (
    ask,
    block_keys,
    changes_nothing,
    is_held,
    state_at,
)
from scm_api.web.concurrency import Expected


class Format(StrEnum):
    """Forms a certificate can be downloaded in."""

    PEM = "pem"
    CHAIN = "chain"
    ISSUERS = "issuers"
    DER = "der"
    PKCS7 = "pkcs7"


# format -> media type (RFC 8555 section 9.1, RFC 2585, RFC 8551) and file ending
_FILES = {
    Format.PEM: ("application/pem-certificate-chain", "pem"),
    Format.CHAIN: ("application/pem-certificate-chain", "chain.pem"),
    Format.ISSUERS: ("application/pem-certificate-chain", "issuers.pem"),
    Format.DER: ("application/pkix-cert", "cer"),
    Format.PKCS7: ("application/pkcs7-mime; smime-type=certs-only", "p7c"),
}
MEDIA_TYPES = sorted({media.partition(";")[0] for media, _ in _FILES.values()})


def download(serial: str, leaf: bytes, chain: list[bytes], form: Format) -> Response:
    """The certificate as a file. Raises Conflict for its issuers, where the CA told none."""
    body: bytes
    match form:
        case Format.PEM:
            body = to_pem(leaf).encode()
        case Format.CHAIN:
            body = to_pem_chain(leaf, chain).encode()
        case Format.ISSUERS:
            if not chain:
                raise Conflict("The CA gave no certificates of its own with this one.")
            body = to_pem_chain(chain[0], chain[1:]).encode()
        case Format.DER:
            body = leaf
        case Format.PKCS7:
            body = to_pkcs7(leaf, chain)
    media, ending = _FILES[form]
    disposition = f'attachment; filename="{serial}.{ending}"'
    return Response(body, media_type=media, headers={"Content-Disposition": disposition})


async def revoke(
    session: AsyncSession,
    caller: Principal,
    certificate_id: UUID,
    body: Revocation,
    expected: Expected,
    approval_within: timedelta,
) -> dict[str, Any]:
    """Store the wish to revoke and its job; the CA does it, and only then it is done.

    Where today's profile requires approval, it waits for that instead, at most `approval_within`.
    A repeat while one is under way, or after it is done, changes nothing, except that a key said to
    be compromised is blocked, for a certificate that is revoked without anybody's approval; the CA
    keeps the reason it was told. A hold gives way to what is for good, without another approval.
    What is scheduled gives way, unless the new one waits for approval. Raises Conflict for that,
    and when the backend cannot revoke, Invalid for a reason its CA does not know, or a time that is
    not possible.
    """
    row = await repository.locked(session, caller, certificate_id)
    require_privilege(caller, Privilege.REVOKE, "revoke certificates")
    expected.check(row.version)
    now = await clock(session)
    held = is_held(row, now)
    waits = not held and await requires_approval(session, row)
    if changes_nothing(row, body.reason, now, body.effective_at):
        revoked = state_at(row, now) is RevocationState.DONE
        if body.reason is RevocationReason.KEY_COMPROMISE and (revoked or not waits):
            if await block_keys(session, caller, [row], {"comment": body.comment}):
                row.version += 1
            await session.flush()
        return await repository.certificate(session, caller, certificate_id)
    for fault in judge_taking_place(state_at(row, now), body.reason, waits=waits):
        raise Conflict(fault.detail, code=fault.code)
    await must_be_revocable(session, row, body.reason)
    if faults := judge_effective_at(body.effective_at, body.reason, now, row.not_after, held=held):
        raise Invalid(faults)
    until = now + approval_within if waits else None
    await ask(
        session,
        caller,
        row,
        body.reason,
        approve_until=until,
        told={"comment": body.comment},
        effective_at=body.effective_at,
    )
    return await repository.certificate(session, caller, certificate_id)


async def requires_approval(session: AsyncSession, row: Certificate) -> bool:
    """Whether today's profile has revocations of the certificate approved."""
    query = select(CertificateProfile.revocation_requires_approval).where(
        CertificateProfile.id == row.certificate_profile_id
    )
    return bool(await session.scalar(query))


async def must_be_revocable(
    session: AsyncSession, row: Certificate, reason: RevocationReason
) -> None:
    """Raises Conflict when the backend cannot revoke, Invalid for a reason its CA does not know."""
    query = with_issuer(select(*ISSUER_COLUMNS).select_from(Certificate))
    issuer = (await session.execute(query.where(Certificate.id == row.id))).one()
    for fault in judge_reason(issuer, reason, "/reason"):
        if fault.code == "not-supported":
            raise Conflict(fault.detail, code=fault.code)
        raise Invalid([fault])


def state_of(certificate: dict[str, Any]) -> int:
    """202 while a revocation is under way, 200 when nothing is left to do."""
    revocation = certificate["revocation"]
    under_way = (UNDER_WAY | {RevocationState.SCHEDULED}) - {RevocationState.DONE}
    return 202 if revocation and revocation["state"] in under_way else 200
