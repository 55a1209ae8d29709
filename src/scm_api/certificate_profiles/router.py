"""`/certificate-profiles`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from scm_api.certificate_profiles import repository, service
from scm_api.certificate_profiles.judging import survey
from scm_api.certificate_profiles.schemas import (
    CertificateProfileCreate,
    CertificateProfileDetail,
    CertificateProfilePage,
    CertificateProfileUpdate,
)
from scm_api.core.vocabulary import CertificateType
from scm_api.db.models import CertificateProfile
from scm_api.db.scope import delegated_to
from scm_api.web.auth import Caller
from scm_api.web.concurrency import IfMatch, IfMatchOptional
from scm_api.web.deps import App, Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.replies import reply
from scm_api.web.schemas import Name

router = APIRouter(
    prefix="/certificate-profiles", tags=["Certificate profiles"], route_class=Operation
)


@router.post(
    "",
    operation_id="create_certificate_profile",
    summary="Create a certificate profile",
    status_code=201,
    response_model=CertificateProfileDetail,
    responses=problems(403, 409),
)
async def create(
    body: CertificateProfileCreate, caller: Caller, app: App, once: OnceOnly
) -> Response:
    """What may be issued, through which CA, and for whom.

    The options are compared with what the CA offers. While the CA is away, what can be told
    without it is checked, and `checked_against_ca` is false. `organization_ids` lists who may use
    the profile; without any, nobody. Who is no MRAO needs the privilege `manage_profiles` and lists
    at least one of its own.
    """
    service.require_may_manage(caller, body.certificate_type, "create certificate profiles")
    backend = await survey(app, caller, body)
    return await once.create(lambda session: service.create_profile(session, caller, body, backend))


@router.get(
    "",
    operation_id="list_certificate_profiles",
    summary="List certificate profiles",
    response_model=CertificateProfilePage,
    responses=problems(),
)
async def index(
    caller: Caller,
    database: Db,
    page: Paged,
    name: Annotated[Name | None, Query(description="Exactly this name.")] = None,
    ca_backend_id: Annotated[UUID | None, Query(description="Of this CA backend.")] = None,
    organization_id: Annotated[
        UUID | None, Query(description="That this organization or department may use.")
    ] = None,
    certificate_type: Annotated[
        CertificateType | None, Query(description="For certificates of this type.")
    ] = None,
    enabled: Annotated[bool | None, Query(description="Enabled, or disabled.")] = None,
) -> Response:
    """Newest first."""
    query = repository.certificate_profiles(caller)
    if name is not None:
        query = query.where(CertificateProfile.name == name)
    if ca_backend_id is not None:
        query = query.where(CertificateProfile.ca_backend_id == ca_backend_id)
    if organization_id is not None:
        query = query.where(delegated_to([organization_id]))
    if certificate_type is not None:
        query = query.where(CertificateProfile.certificate_type == certificate_type.value)
    if enabled is not None:
        query = query.where(CertificateProfile.enabled.is_(enabled))
    async with database.transaction() as session:
        rows = await page.fetch(session, query, CertificateProfile.id)
    return page.reply([dict(row) for row in rows])


@router.get(
    "/{certificate_profile_id}",
    operation_id="get_certificate_profile",
    summary="Read a certificate profile",
    response_model=CertificateProfileDetail,
    responses=problems(404),
)
async def read(certificate_profile_id: UUID, caller: Caller, database: Db) -> Response:
    """One profile; its version is part of every enrollment that was judged by it."""
    async with database.transaction() as session:
        return reply(await repository.content(session, caller, certificate_profile_id))


@router.patch(
    "/{certificate_profile_id}",
    operation_id="update_certificate_profile",
    summary="Change a certificate profile",
    response_model=CertificateProfileDetail,
    responses=problems(403, 404, 409, 412, 428),
)
async def update(
    certificate_profile_id: UUID,
    body: CertificateProfileUpdate,
    caller: Caller,
    app: App,
    expected: IfMatch,
) -> Response:
    """Fields left out stay as they are. A change that concerns the CA is compared with it.

    Enrollments already accepted are carried out by the rules they were judged by, unless the
    profile is disabled or no longer delegated. A profile that other organizations use as well
    is changed by an MRAO only.
    """
    content = await service.update_profile(app, caller, certificate_profile_id, body, expected)
    return reply(content)


@router.delete(
    "/{certificate_profile_id}",
    operation_id="delete_certificate_profile",
    summary="Delete a certificate profile",
    status_code=204,
    responses=problems(403, 404, 409, 412),
)
async def delete(
    certificate_profile_id: UUID, caller: Caller, database: Db, expected: IfMatchOptional
) -> Response:
    """409 names enrollments that were made by it; disable such a profile instead."""
    async with database.transaction() as session:
        await service.delete_profile(session, caller, certificate_profile_id, expected)
    return Response(status_code=204)
