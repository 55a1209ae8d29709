"""What may be done to CA backends, and what is checked before."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.ca_backends import repository
from scm_api.ca_backends.schemas import CaBackendCreate, CaBackendUpdate
from scm_api.core.access import Principal, require_account_wide, require_privilege
from scm_api.core.errors import Conflict, Invalid, NotFound
from scm_api.core.vocabulary import BackendStatus, Privilege
from scm_api.db.audit import record
from scm_api.db.changes import changed_fields
from scm_api.db.models import CaBackend
from scm_api.drivers.base import CheckReport
from scm_api.drivers.errors import BackendRefused, DriverError
from scm_api.gateway.choices import PATIENCE, Choice, Listing, choices, learn
from scm_api.gateway.connections import Connection, Gateway, connection_of
from scm_api.gateway.health import record_health
from scm_api.web.concurrency import Expected
from scm_api.web.deps import Resources
from scm_api.web.references import unknown_reference
from scm_api.web.replies import created


async def create_ca_backend(
    session: AsyncSession, caller: Principal, body: CaBackendCreate
) -> Response:
    """Make a CA backend. The CA is not called: that is a check."""
    require_account_wide(caller, "create CA backends")
    backend_type = await repository.backend_type_of(session, caller, body.local_ca_backend_id)
    if backend_type is None:
        raise Invalid([unknown_reference("/local_ca_backend_id", "local CA backend")])
    backend = CaBackend(
        name=body.name,
        backend_type=backend_type,
        local_ca_backend_id=body.local_ca_backend_id,
        description=body.description,
    )
    session.add(backend)
    await session.flush()
    record(session, caller, "ca_backend.created", ("ca_backend", backend.id))
    content = await repository.content(session, caller, backend.id)
    return created(content, f"/ca-backends/{backend.id}")


async def update_ca_backend(
    session: AsyncSession,
    caller: Principal,
    ca_backend_id: UUID,
    body: CaBackendUpdate,
    expected: Expected,
) -> Mapping[str, Any]:
    """Change a CA backend's name or description."""
    backend = await repository.ca_backend(session, caller, ca_backend_id)
    require_account_wide(caller, "change CA backends")
    expected.check(backend.version)
    for field, value in body.model_dump(exclude_none=True).items():
        setattr(backend, field, value)
    if changed := changed_fields(backend):
        await session.flush()
        subject = ("ca_backend", backend.id)
        record(session, caller, "ca_backend.updated", subject, details={"changed": changed})
    return await repository.content(session, caller, backend.id)


async def delete_ca_backend(
    session: AsyncSession, caller: Principal, ca_backend_id: UUID, expected: Expected
) -> None:
    """Delete a CA backend nothing was issued through and no profile refers to."""
    backend = await repository.ca_backend(session, caller, ca_backend_id)
    require_account_wide(caller, "delete CA backends")
    expected.check(backend.version)
    if uses := await repository.uses_of_ca_backend(session, caller, ca_backend_id):
        raise Conflict(
            "Certificate profiles refer to this CA backend, or certificates were asked for "
            "through it. Delete the profiles; a CA backend with enrollments is kept.",
            code="in-use",
            used_by=uses,
        )
    await session.delete(backend)
    record(session, caller, "ca_backend.deleted", ("ca_backend", ca_backend_id))


async def check_ca_backend(
    app: Resources, caller: Principal, ca_backend_id: UUID
) -> Mapping[str, Any]:
    """Ask the CA, with no transaction open, and keep what came of it."""
    async with app.database.transaction() as session:
        await repository.ca_backend(session, caller, ca_backend_id)
        require_account_wide(caller, "check CA backends")
        connection = await connection_of(session, ca_backend_id)
    status, detail, report = await _ask(app.gateway, connection)
    if status is BackendStatus.AVAILABLE:
        with suppress(DriverError, NotFound):  # what was asked first says how the CA is
            await learn(app.database, app.gateway, connection, refresh=True)
    async with app.database.transaction() as session:
        await repository.ca_backend(session, caller, ca_backend_id)
        await record_health(
            session,
            ca_backend_id,
            status,
            detail,
            local_version=connection.version,
            principal=caller,
            visible_cas=report.visible_cas if report else None,
            findings=report.findings if report else (),
        )
    async with app.database.transaction() as session:
        return await repository.content(session, caller, ca_backend_id)


async def _ask(
    gateway: Gateway, connection: Connection
) -> tuple[BackendStatus, str, CheckReport | None]:
    """What a check says: a CA that fails is an outcome, not an error."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            driver = await gateway.driver(connection)
            report = await driver.check()
    except BackendRefused as error:
        return BackendStatus.REFUSED, error.detail, None
    except DriverError as error:
        return BackendStatus.OFFLINE, error.detail, None
    except TimeoutError:
        seconds = int(PATIENCE.total_seconds())
        return BackendStatus.OFFLINE, f"The CA did not answer within {seconds} seconds.", None
    return BackendStatus.AVAILABLE, "The CA answers and accepts the credentials.", report


async def list_choices(
    app: Resources, caller: Principal, ca_backend_id: UUID, kind: Choice, *, refresh: bool
) -> Listing:
    """What the CA offers, kept or read anew; see `gateway.choices`."""
    async with app.database.transaction() as session:
        await repository.ca_backend(session, caller, ca_backend_id)
        if kind is Choice.EXTERNAL_ORGANIZATIONS:  # they may be those of other tenants
            require_account_wide(caller, "see the organizations of a CA's account")
        require_privilege(caller, Privilege.MANAGE_PROFILES, "see what a CA offers")
        connection = await connection_of(session, ca_backend_id)
    return await choices(app.database, app.gateway, connection, kind, refresh=refresh)
