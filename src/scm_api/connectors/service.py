"""What may be done to connectors and local CA backends, and what is checked before."""

from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.connectors import repository
from scm_api.connectors.judging import require_same_place, require_sound, require_type
from scm_api.connectors.schemas import (
    ConnectorCreate,
    ConnectorUpdate,
    LocalCaBackendCreate,
    LocalCaBackendUpdate,
)
from scm_api.core.access import Principal, require_account_wide
from scm_api.core.errors import Conflict
from scm_api.core.sealing import KeyRing, Unsealable
from scm_api.db.audit import record
from scm_api.db.base import new_id
from scm_api.db.changes import changed_fields
from scm_api.db.models import Connector, LocalCaBackend
from scm_api.db.secrets import secrets_owner
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.options import ConnectionSecrets, plain_secrets
from scm_api.drivers.registry import REGISTRY
from scm_api.gateway.health import connection_changed
from scm_api.web.concurrency import Expected
from scm_api.web.deps import Resources
from scm_api.web.replies import created


def connector_content(connector: Connector) -> dict[str, Any]:
    """A connector as the contract shows it."""
    return {name: getattr(connector, name) for name in repository.CONNECTOR}


def local_ca_backend_content(local: LocalCaBackend) -> dict[str, Any]:
    """A local CA backend as the contract shows it: without secrets."""
    return {name: getattr(local, name) for name in repository.LOCAL_CA_BACKEND}


async def create_connector(
    session: AsyncSession, caller: Principal, body: ConnectorCreate
) -> Response:
    """Make a connector."""
    require_account_wide(caller, "create connectors")
    connector = Connector(name=body.name, kind=body.kind, description=body.description)
    session.add(connector)
    await session.flush()
    record(session, caller, "connector.created", ("connector", connector.id))
    return created(connector_content(connector), f"/connectors/{connector.id}")


async def update_connector(
    session: AsyncSession,
    caller: Principal,
    connector_id: UUID,
    body: ConnectorUpdate,
    expected: Expected,
) -> dict[str, Any]:
    """Change a connector's name or description."""
    connector = await repository.connector(session, caller, connector_id)
    require_account_wide(caller, "change connectors")
    expected.check(connector.version)
    for field, value in body.model_dump(exclude_none=True).items():
        setattr(connector, field, value)
    if changed := changed_fields(connector):
        await session.flush()
        subject = ("connector", connector.id)
        record(session, caller, "connector.updated", subject, details={"changed": changed})
    return connector_content(connector)


async def delete_connector(
    session: AsyncSession, caller: Principal, connector_id: UUID, expected: Expected
) -> None:
    """Delete a connector that holds no local CA backend."""
    connector = await repository.connector(session, caller, connector_id)
    require_account_wide(caller, "delete connectors")
    expected.check(connector.version)
    if uses := await repository.uses_of_connector(session, connector_id):
        raise Conflict(
            f"The connector holds {len(uses)} local CA backends; delete them first.",
            code="in-use",
            used_by=uses,
        )
    await session.delete(connector)
    record(session, caller, "connector.deleted", ("connector", connector_id))


async def create_local_ca_backend(
    session: AsyncSession,
    caller: Principal,
    app: Resources,
    connector_id: UUID,
    body: LocalCaBackendCreate,
) -> Response:
    """Store a connection and seal its credentials. The CA is not called: that is a check."""
    connector = await repository.connector(session, caller, connector_id)
    require_account_wide(caller, "create local CA backends")
    require_sound(body.options, body.secrets, **_walls(app))
    local_id = new_id()
    local = LocalCaBackend(
        id=local_id,
        connector_id=connector.id,
        name=body.name,
        backend_type=body.options.backend_type,
        options=body.options.model_dump(mode="json"),
        sealed_secrets=app.ring.seal(plain_secrets(body.secrets), secrets_owner(local_id)),
    )
    session.add(local)
    await session.flush()
    record(session, caller, "local_ca_backend.created", ("local_ca_backend", local.id))
    location = f"/connectors/{connector.id}/local-ca-backends/{local.id}"
    return created(local_ca_backend_content(local), location)


async def update_local_ca_backend(
    session: AsyncSession,
    caller: Principal,
    app: Resources,
    local: LocalCaBackend,
    body: LocalCaBackendUpdate,
    expected: Expected,
) -> dict[str, Any]:
    """Change name, options or all secrets; workers open the new version for their next call."""
    require_account_wide(caller, "change local CA backends")
    expected.check(local.version)
    if body.options is not None or body.secrets is not None:
        _change_connection(app, local, body)
    if body.name is not None:
        local.name = body.name
    if changed := changed_fields(local):
        await session.flush()
        if changed != ["name"]:
            await repository.forget_choices(session, local.id)
            await connection_changed(session, local.id)
        shown = sorted({"secrets" if each == "sealed_secrets" else each for each in changed})
        subject = ("local_ca_backend", local.id)
        record(session, caller, "local_ca_backend.updated", subject, details={"changed": shown})
    return local_ca_backend_content(local)


def _change_connection(app: Resources, local: LocalCaBackend, body: LocalCaBackendUpdate) -> None:
    """Judge the connection as it would be, whichever part of it was sent."""
    kind = REGISTRY[local.backend_type]
    options: Any = kind.connection_options.model_validate(local.options)
    secrets = body.secrets or _stored_secrets(app.ring, local, kind)
    if body.options is not None:
        require_type(body.options, "/options", local.backend_type)
        options = body.options
    if body.secrets is not None:
        require_type(body.secrets, "/secrets", local.backend_type)
    require_sound(options, secrets, **_walls(app))
    wanted = options.model_dump(mode="json")
    if body.secrets is None and _hold_any(secrets):
        require_same_place(local.options, wanted)
    local.options = wanted
    if body.secrets is not None:
        plain = plain_secrets(body.secrets)
        local.sealed_secrets = app.ring.seal(plain, secrets_owner(local.id))


def _hold_any(secrets: ConnectionSecrets | None) -> bool:
    """Whether there are secrets to be sent; those that cannot be read now may be."""
    return secrets is None or secrets.model_dump(exclude_none=True).keys() > {"backend_type"}


def _stored_secrets(ring: KeyRing, local: LocalCaBackend, kind: BackendKind) -> Any:
    """The secrets as the backend type's model; None when no key of the ring opens them."""
    try:
        plain = ring.open(local.sealed_secrets, secrets_owner(local.id))
    except Unsealable:
        return None
    return kind.secrets.model_validate_json(plain)


async def delete_local_ca_backend(
    session: AsyncSession, caller: Principal, local: LocalCaBackend, expected: Expected
) -> None:
    """Delete a local CA backend no CA backend refers to; its sealed secrets go with it."""
    require_account_wide(caller, "delete local CA backends")
    expected.check(local.version)
    if uses := await repository.uses_of_local_ca_backend(session, local.id):
        raise Conflict(
            f"{len(uses)} CA backends refer to this local CA backend; delete them first.",
            code="in-use",
            used_by=uses,
        )
    await session.delete(local)
    record(session, caller, "local_ca_backend.deleted", ("local_ca_backend", local.id))


def _walls(app: Resources) -> dict[str, Any]:
    """What the settings allow beyond what is right in production."""
    settings = app.settings
    return {
        "allow_loopback": settings.allow_loopback_endpoints,
        "machine_identities": settings.machine_identities,
    }
