"""Giving a certificate that is used no more back to the inventory of the CA's account."""

from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.certificates import repository
from scm_api.core.access import Principal, require_privilege
from scm_api.core.errors import Conflict
from scm_api.core.vocabulary import Privilege
from scm_api.db.audit import record
from scm_api.db.models import Certificate
from scm_api.drivers.base import Deactivates
from scm_api.drivers.errors import OrderRefused
from scm_api.gateway.connections import Connection, connection_of
from scm_api.web.deps import Resources


async def deactivate(app: Resources, caller: Principal, certificate_id: UUID) -> dict[str, Any]:
    """Have the CA take it back, with no transaction open meanwhile; done before, nothing happens.

    A crash in between is mended by asking again: the CA takes it back once. Raises Conflict for
    what is revoked or being revoked, and where the CA counts nothing or refuses; DriverError.
    """
    async with app.database.transaction() as session:
        row = await repository.locked(session, caller, certificate_id)
        require_privilege(caller, Privilege.REVOKE, "deactivate certificates")
        if row.deactivated_at is not None:
            return await repository.certificate(session, caller, certificate_id)
        connection = await _connection(session, row)
        _record(session, caller, row, "deactivation_requested")
    driver = await app.gateway.driver(connection)
    if not isinstance(driver, Deactivates):
        raise _not_supported(connection)
    try:
        await driver.deactivate(row.ca_ref, int(row.serial_number, 16))
    except OrderRefused as error:
        detail = f"The CA refused: {error.detail}"
        raise Conflict(detail, code="deactivation-refused") from error
    async with app.database.transaction() as session:
        row = await repository.locked(session, caller, certificate_id)
        if row.deactivated_at is None:
            row.deactivated_at = func.now()
            row.version += 1
            _record(session, caller, row, "deactivated")
            await session.flush()
        return await repository.certificate(session, caller, certificate_id)


async def _connection(session: AsyncSession, row: Certificate) -> Connection:
    connection = await connection_of(session, row.ca_backend_id)
    if not connection.kind.capabilities.can_deactivate:
        raise _not_supported(connection)
    if row.revocation_state is not None or row.quarantined:
        detail = (
            "It is revoked, about to be, or not what was asked for; only others are given back."
        )
        raise Conflict(detail, code="wrong-state")
    return connection


def _not_supported(connection: Connection) -> Conflict:
    title = connection.kind.title
    return Conflict(f"{title} counts no certificates in use here.", code="not-supported")


def _record(session: AsyncSession, caller: Principal, row: Certificate, verb: str) -> None:
    subject = ("certificate", row.id)
    record(session, caller, f"certificate.{verb}", subject, organization_id=row.organization_id)
