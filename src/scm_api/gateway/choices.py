"""What a CA offers a profile form, read from the CA and kept for a while."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from scm_api.core.errors import Conflict, NotFound
from scm_api.core.explain import storable_json
from scm_api.db.models import CaChoices, LocalCaBackend
from scm_api.db.session import Database
from scm_api.drivers.base import (
    Driver,
    ExternalOrganization,
    IssuingCa,
    ListsExternalOrganizations,
    ListsIssuingCas,
    ListsProducts,
    ListsTemplates,
    Product,
    Template,
)
from scm_api.drivers.errors import BackendUnavailable
from scm_api.gateway.connections import Connection, Gateway

FRESH = timedelta(minutes=5)
# A person waits for the answer; a CA with a list longer than this takes is of no help to them.
PATIENCE = timedelta(seconds=30)

_Item = TypeVar("_Item")

ISSUING_CAS: TypeAdapter[list[IssuingCa]] = TypeAdapter(list[IssuingCa])
EXTERNAL_ORGANIZATIONS: TypeAdapter[list[ExternalOrganization]] = TypeAdapter(
    list[ExternalOrganization]
)
_PRODUCTS: TypeAdapter[list[Product]] = TypeAdapter(list[Product])
TEMPLATES: TypeAdapter[list[Template]] = TypeAdapter(list[Template])


class Choice(StrEnum):
    """What may be listed; also `ca_choices.kind`."""

    ISSUING_CAS = "issuing_cas"
    TEMPLATES = "templates"
    EXTERNAL_ORGANIZATIONS = "external_organizations"
    PRODUCTS = "products"


@dataclass(frozen=True, slots=True)
class Listing:
    """JSON-ready items as the CA gave them at `fetched_at`.

    `stale` says that the CA could not be asked again and the items are older than FRESH.
    """

    items: list[dict[str, Any]]
    fetched_at: datetime
    stale: bool


async def choices(
    database: Database,
    gateway: Gateway,
    connection: Connection,
    kind: Choice,
    *,
    refresh: bool = False,
) -> Listing:
    """The kept list while it is fresh, otherwise read anew; `refresh` reads anew in any case.

    Opens its own transactions, none while the CA is asked. A CA that is away is stood in for by
    the kept list. Raises Conflict (`not-supported`) when the backend type has no such list and
    DriverError when the CA gives none and none is kept.
    """
    if not _is_listed(connection, kind):
        listed = kind.replace("_cas", " CAs").replace("_", " ")
        raise Conflict(f"{connection.kind.title} has no list of {listed}.", code="not-supported")
    kept, fresh = await _kept(database, connection, kind)
    if kept is not None and fresh and not refresh:
        return kept
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            items = storable_json(await _read(await gateway.driver(connection), kind))
    except (BackendUnavailable, TimeoutError) as error:
        if kept is not None:
            return Listing(kept.items, kept.fetched_at, stale=True)
        if isinstance(error, BackendUnavailable):
            raise
        raise BackendUnavailable("The CA did not send its list in time.") from error
    return await _keep(database, connection, kind, items)


async def issuing_cas(
    database: Database, gateway: Gateway, connection: Connection, *, refresh: bool
) -> Sequence[IssuingCa]:
    """The issuing CAs as `choices` has them, typed."""
    listing = await choices(database, gateway, connection, Choice.ISSUING_CAS, refresh=refresh)
    return ISSUING_CAS.validate_python(listing.items)


async def templates(
    database: Database, gateway: Gateway, connection: Connection, *, refresh: bool
) -> Sequence[Template]:
    """The templates as `choices` has them, typed."""
    listing = await choices(database, gateway, connection, Choice.TEMPLATES, refresh=refresh)
    return TEMPLATES.validate_python(listing.items)


async def external_organizations(
    database: Database, gateway: Gateway, connection: Connection
) -> Sequence[ExternalOrganization]:
    """The organizations of the CA's account, read anew as by `choices`, typed."""
    kind = Choice.EXTERNAL_ORGANIZATIONS
    listing = await choices(database, gateway, connection, kind, refresh=True)
    return EXTERNAL_ORGANIZATIONS.validate_python(listing.items)


async def learn(
    database: Database, gateway: Gateway, connection: Connection, *, refresh: bool = False
) -> bool:
    """Read the lists that profiles and requests are judged by, where they are not fresh, with
    `refresh` in any case; whether one was.

    Raises what `choices` raises.
    """
    learned = False
    for kind in (Choice.ISSUING_CAS, Choice.TEMPLATES):
        if not _is_listed(connection, kind):
            continue
        _, fresh = await _kept(database, connection, kind)
        if refresh or not fresh:
            await choices(database, gateway, connection, kind, refresh=refresh)
            learned = True
    return learned


def _is_listed(connection: Connection, kind: Choice) -> bool:
    capabilities = connection.kind.capabilities
    match kind:
        case Choice.ISSUING_CAS:
            return capabilities.lists_issuing_cas
        case Choice.TEMPLATES:
            return capabilities.lists_templates
        case Choice.EXTERNAL_ORGANIZATIONS:
            return capabilities.lists_external_organizations
        case Choice.PRODUCTS:
            return capabilities.lists_products


async def _read(driver: Driver, kind: Choice) -> list[dict[str, Any]]:
    match kind:
        case Choice.ISSUING_CAS if isinstance(driver, ListsIssuingCas):
            return _json(ISSUING_CAS, await driver.issuing_cas())
        case Choice.TEMPLATES if isinstance(driver, ListsTemplates):
            return _json(TEMPLATES, await driver.templates())
        case Choice.EXTERNAL_ORGANIZATIONS if isinstance(driver, ListsExternalOrganizations):
            return _json(EXTERNAL_ORGANIZATIONS, await driver.external_organizations())
        case Choice.PRODUCTS if isinstance(driver, ListsProducts):
            return _json(_PRODUCTS, await driver.products())
    raise TypeError(f"{type(driver).__name__} does not list the {kind} its capabilities promise")


def _json(items_of: TypeAdapter[list[_Item]], items: Sequence[_Item]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = items_of.dump_python(list(items), mode="json")
    return listed


async def _kept(
    database: Database, connection: Connection, kind: Choice
) -> tuple[Listing | None, bool]:
    """The kept list, if any, and whether it is fresh by the database's clock."""
    query = select(
        CaChoices.items.label("listed"),
        CaChoices.fetched_at,
        (CaChoices.fetched_at > func.now() - FRESH).label("fresh"),
    ).where(CaChoices.ca_backend_id == connection.ca_backend_id, CaChoices.kind == kind)
    async with database.transaction() as session:
        row = (await session.execute(query)).one_or_none()
    if row is None:
        return None, False
    return Listing(row.listed, row.fetched_at, stale=False), bool(row.fresh)


async def _keep(
    database: Database, connection: Connection, kind: Choice, items: list[dict[str, Any]]
) -> Listing:
    """Keep a list just read, unless the connection was changed while it was read.

    The shared lock makes a change of the connection, which drops what is kept, wait for us.
    """
    version = (
        select(LocalCaBackend.version, func.now())
        .where(LocalCaBackend.id == connection.local_ca_backend_id)
        .with_for_update(read=True)
    )
    async with database.transaction() as session:
        row = (await session.execute(version)).one_or_none()
        if row is None:
            raise NotFound("CA backend")
        current, now = row
        if current == connection.version:
            values = {"items": items, "fetched_at": now}
            added = insert(CaChoices).values(
                ca_backend_id=connection.ca_backend_id, kind=kind.value, **values
            )
            await session.execute(
                added.on_conflict_do_update(index_elements=["ca_backend_id", "kind"], set_=values)
            )
    return Listing(items, now, stale=False)
