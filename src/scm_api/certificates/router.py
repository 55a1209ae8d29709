"""`/certificates`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.certificates import (
    approving,
    deactivating,
    renewal_info,
    renewing,
    repository,
    service,
)
from scm_api.certificates.schemas import (
    ApprovalOrNone,
    CertificateOut,
    CertificatePage,
    Renewal,
    RenewalAccepted,
    RenewalInfoOut,
    Replacement,
    Revocation,
    RevocationRefusal,
)
from scm_api.core.vocabulary import CertificateStatus
from scm_api.db.models import Certificate
from scm_api.issuance.waiting import Wait, making
from scm_api.web.auth import Caller
from scm_api.web.concurrency import IfMatch, IfMatchOptional
from scm_api.web.deps import App, Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.parameters import (
    HEX,
    OfCaBackend,
    OfOrganization,
    OfProfile,
    OfSerialNumber,
    OfType,
    SearchText,
    Sha256,
)
from scm_api.web.replies import reply
from scm_api.web.schemas import Instant

router = APIRouter(prefix="/certificates", tags=["Certificates"], route_class=Operation)

_OfKey = Annotated[Sha256 | None, Query(description=f"Of the SubjectPublicKeyInfo. {HEX}")]
_OfCertificate = Annotated[Sha256 | None, Query(description=f"Of the certificate. {HEX}")]
_OfBulkRevocation = Annotated[UUID | None, Query(description="In this bulk revocation.")]
_RenewalDue = Annotated[
    bool | None, Query(description="Valid, not renewed, and its renewal window is open.")
]


@router.get(
    "",
    operation_id="list_certificates",
    summary="List certificates",
    response_model=CertificatePage,
    responses=problems(400),
)
async def index(
    caller: Caller,
    database: Db,
    page: Paged,
    organization_id: OfOrganization = None,
    certificate_profile_id: OfProfile = None,
    ca_backend_id: OfCaBackend = None,
    certificate_type: OfType = None,
    status: Annotated[CertificateStatus | None, Query(description="Status as of now.")] = None,
    serial_number: OfSerialNumber = None,
    name: Annotated[
        SearchText | None, Query(description="Exactly this name, in whatever spelling.")
    ] = None,
    spki_sha256: _OfKey = None,
    fingerprint_sha256: _OfCertificate = None,
    expires_before: Annotated[Instant | None, Query(description="Ends before this time.")] = None,
    expires_after: Annotated[
        Instant | None, Query(description="Ends at this time or later.")
    ] = None,
    renewal_due: _RenewalDue = None,
    bulk_revocation_id: _OfBulkRevocation = None,
) -> Response:
    """Newest first. `renewal_due=true` finds what has to be renewed now."""
    wanted = {
        Certificate.organization_id: organization_id,
        Certificate.certificate_profile_id: certificate_profile_id,
        Certificate.ca_backend_id: ca_backend_id,
        Certificate.certificate_type: certificate_type,
        Certificate.serial_number: serial_number,
        Certificate.spki_sha256: spki_sha256,
        Certificate.fingerprint_sha256: fingerprint_sha256,
    }
    conditions = [column == value for column, value in wanted.items() if value is not None]
    if status is not None:
        conditions.append(repository.status() == status)
    if expires_before is not None:
        conditions.append(Certificate.not_after < expires_before)
    if expires_after is not None:
        conditions.append(Certificate.not_after >= expires_after)
    if renewal_due is not None:
        conditions.append(renewal_info.is_due() == renewal_due)
    if bulk_revocation_id is not None:
        conditions.append(repository.is_in_bulk(bulk_revocation_id))
    query = repository.certificates(caller).where(*conditions)
    if name is not None:
        query = query.where(repository.has_name(name))
    async with database.transaction() as session:
        rows = await page.fetch(session, query, Certificate.id)
    return page.reply([repository.content(row) for row in rows])


@router.get(
    "/{certificate_id}",
    operation_id="get_certificate",
    summary="Read a certificate's facts",
    response_model=CertificateOut,
    responses=problems(404),
)
async def read(certificate_id: UUID, caller: Caller, database: Db) -> Response:
    """Facts, status as of now, revocation, and what it renews or was renewed by."""
    async with database.transaction() as session:
        return reply(await repository.certificate(session, caller, certificate_id))


@router.get(
    "/{certificate_id}/renewal-info",
    operation_id="get_renewal_info",
    summary="When to renew a certificate",
    response_model=RenewalInfoOut,
    responses={
        200: {
            "headers": {
                "Retry-After": {
                    "description": "Seconds after which to ask again.",
                    "schema": {"type": "integer"},
                }
            }
        },
        **problems(404, 409),
    },
)
async def read_renewal_info(certificate_id: UUID, caller: Caller, database: Db) -> Response:
    """Whichever CA issued it: a window in the last third of its life (the last half, for lives
    under 10 days). Pick a random instant inside and renew then; where the window has passed, renew
    at once. Ask again after `Retry-After` seconds, as the window may move."""
    async with database.transaction() as session:
        return await renewal_info.renewal_info(session, caller, certificate_id)


@router.get(
    "/{certificate_id}/content",
    operation_id="download_certificate",
    summary="Download a certificate",
    response_class=Response,
    responses={
        200: {
            "description": "The certificate in the form asked for.",
            "content": {
                media: {"schema": {"type": "string", "format": "binary"}}
                for media in service.MEDIA_TYPES
            },
        },
        **problems(400, 404, 409),
    },
)
async def download(
    certificate_id: UUID,
    caller: Caller,
    database: Db,
    form: Annotated[
        service.Format,
        Query(
            alias="format",
            description="`pem`: the certificate; `chain`: and its issuers upwards; `issuers`: "
            "these alone; `der`: the certificate in DER; `pkcs7`: all as certs-only PKCS#7 in DER.",
        ),
    ] = service.Format.CHAIN,
) -> Response:
    """The certificate itself as a file, alone or with its chain.

    A quarantined certificate is not handed out (409).
    """
    async with database.transaction() as session:
        serial, leaf, chain = await repository.text_of(session, caller, certificate_id)
    return service.download(serial, leaf, chain, form)


@router.post(
    "/{certificate_id}/renew",
    operation_id="renew_certificate",
    summary="Renew a certificate",
    **making(RenewalAccepted, 400, 403, 404, 409, 413, 422),
)
async def renew(
    certificate_id: UUID, body: Renewal, caller: Caller, app: App, once: OnceOnly, wait: Wait
) -> Response:
    """A new enrollment for the same names through the same profile, from a new CSR.

    Judged by today's rules. The old certificate stays valid until it ends or is revoked. The answer
    is 202 with the enrollment's address, or 201 with the new certificate's address when it was
    issued within `Prefer: wait=N`.
    """
    answer = await once.create(
        lambda session: renewing.renew(session, caller, app, certificate_id, body)
    )
    return await renewing.settled(app.database, caller, answer, wait)


@router.post(
    "/{certificate_id}/replace",
    operation_id="replace_certificate",
    summary="Replace a certificate",
    **making(RenewalAccepted, 400, 403, 404, 409, 413, 422),
)
async def replace(
    certificate_id: UUID, body: Replacement, caller: Caller, app: App, once: OnceOnly, wait: Wait
) -> Response:
    """A new enrollment for the same names until the same end, from a new CSR.

    Once the new certificate is issued, and not before, the old one is revoked with the reason
    given here. Where the profile has enrollments or revocations approved, one approval is for
    both. Takes the privileges to enroll and to revoke. `Prefer: wait=N` as for renewing.
    """
    answer = await once.create(
        lambda session: renewing.replace_certificate(session, caller, app, certificate_id, body)
    )
    return await renewing.settled(app.database, caller, answer, wait)


@router.post(
    "/{certificate_id}/revoke",
    operation_id="revoke_certificate",
    summary="Revoke a certificate",
    response_model=CertificateOut,
    responses={
        202: {"model": CertificateOut, "description": "Stored; a worker has the CA do it."},
        **problems(400, 403, 404, 409, 412, 422),
    },
)
async def revoke(
    certificate_id: UUID,
    body: Revocation,
    caller: Caller,
    app: App,
    once: OnceOnly,
    expected: IfMatchOptional,
) -> Response:
    """202 and `revocation.state` `requested` until the CA did it; then `done`.

    Where the profile requires approval, the state is `pending_approval` before that. With an
    `effective_at` that lies ahead it is `scheduled` until then, and can be taken back or asked for
    anew, with another time or none. Repeating it is safe: a certificate is revoked once. One that
    is on hold at the CA is revoked there for good when another reason is given.
    """
    within = app.settings.approval_within

    async def work(session: AsyncSession) -> Response:
        content = await service.revoke(session, caller, certificate_id, body, expected, within)
        return reply(content, status=service.state_of(content))

    return await once.create(work)


@router.post(
    "/{certificate_id}/deactivate",
    operation_id="deactivate_certificate",
    summary="Give a certificate back to the CA's inventory",
    response_model=CertificateOut,
    responses=problems(403, 404, 409, 502),
)
async def deactivate(certificate_id: UUID, caller: Caller, app: App) -> Response:
    """For certificates that are in use no more, at CAs that count them (Entrust, pooling).

    It is not revoked, and whoever has its key can go on with it: revoke it if that matters. The CA
    is asked at once; repeating is safe. Takes the privilege to revoke.
    """
    return reply(await deactivating.deactivate(app, caller, certificate_id))


@router.post(
    "/{certificate_id}/revocation/approve",
    operation_id="approve_revocation",
    summary="Approve a revocation",
    status_code=202,
    response_model=CertificateOut,
    responses=problems(403, 404, 409, 412, 422, 428),
)
async def approve(
    certificate_id: UUID,
    body: ApprovalOrNone,
    caller: Caller,
    database: Db,
    expected: IfMatch,
) -> Response:
    """By another admin than the one who asked for it. A worker has the CA do it then.

    Of several decisions the first counts; the others get 409.
    """
    async with database.transaction() as session:
        content = await approving.approve(session, caller, certificate_id, body.comment, expected)
    return reply(content, status=202)


@router.post(
    "/{certificate_id}/revocation/decline",
    operation_id="decline_revocation",
    summary="Decline a revocation",
    response_model=CertificateOut,
    responses=problems(403, 404, 409, 412, 422, 428),
)
async def decline(
    certificate_id: UUID,
    body: RevocationRefusal,
    caller: Caller,
    database: Db,
    expected: IfMatch,
) -> Response:
    """By another admin than the one who asked for it. The certificate stays as it is."""
    async with database.transaction() as session:
        content = await approving.decline(session, caller, certificate_id, body.comment, expected)
    return reply(content)


@router.post(
    "/{certificate_id}/revocation/cancel",
    operation_id="cancel_revocation",
    summary="Take a revocation back",
    response_model=CertificateOut,
    responses=problems(403, 404, 409, 412, 422, 428),
)
async def cancel(
    certificate_id: UUID,
    body: ApprovalOrNone,
    caller: Caller,
    database: Db,
    expected: IfMatch,
) -> Response:
    """While it is `scheduled` or `pending_approval`. What went to the CA cannot be taken back."""
    async with database.transaction() as session:
        content = await approving.cancel(session, caller, certificate_id, body.comment, expected)
    return reply(content)
