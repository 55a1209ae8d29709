"""What a CA offers a profile form, read from the CA and kept for a while."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

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
    capabilities = connection.kind.capabilities
    lists = {
        Choice.ISSUING_CAS: capabilities.lists_issuing_cas,
        Choice.TEMPLATES: capabilities.lists_templates,
        Choice.EXTERNAL_ORGANIZATIONS: capabilities.lists_external_organizations,
        Choice.PRODUCTS: capabilities.lists_products,
    }
    if not lists[kind]:
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
    database: Database, gateway: Gateway, connection: Connection, *, refresh: bool = False
) -> Sequence[IssuingCa]:
    """The issuing CAs as `choices` has them, typed."""
    listing = await choices(database, gateway, connection, Choice.ISSUING_CAS, refresh=refresh)
    return ISSUING_CAS.validate_python(listing.items)


async def templates(
    database: Database, gateway: Gateway, connection: Connection, *, refresh: bool = False
) -> Sequence[Template]:
    """The templates as `choices` has them, typed."""
    listing = await choices(database, gateway, connection, Choice.TEMPLATES, refresh=refresh)
    return TEMPLATES.validate_python(listing.items)


async def external_organizations(
    database: Database, gateway: Gateway, connection: Connection, *, refresh: bool = False
) -> Sequence[ExternalOrganization]:
    """The organizations of the CA's account as `choices` has them, typed."""
    kind = Choice.EXTERNAL_ORGANIZATIONS
    listing = await choices(database, gateway, connection, kind, refresh=refresh)
    return EXTERNAL_ORGANIZATIONS.validate_python(listing.items)


async def learn(
    database: Database, gateway: Gateway, connection: Connection, *, refresh: bool = False
) -> bool:
    """Read the lists that profiles and requests are judged by, where they are not fresh, with
    `refresh` in any case; whether one was.

    Raises what `choices` raises.
    """
    capabilities = connection.kind.capabilities
    lists = {
        Choice.ISSUING_CAS: capabilities.lists_issuing_cas,
        Choice.TEMPLATES: capabilities.lists_templates,
    }
    learned = False
    for kind in (kind for kind, is_listed in lists.items() if is_listed):
        _, fresh = await _kept(database, connection, kind)
        if refresh or not fresh:
            await choices(database, gateway, connection, kind, refresh=refresh)
            learned = True
    return learned


async def _read(driver: Driver, kind: Choice) -> list[dict[str, Any]]:
    if kind is Choice.ISSUING_CAS and isinstance(driver, ListsIssuingCas):
        cas: list[dict[str, Any]] = ISSUING_CAS.dump_python(
            list(await driver.issuing_cas()), mode="json"
        )
        return cas
    if kind is Choice.TEMPLATES and isinstance(driver, ListsTemplates):
        listed: list[dict[str, Any]] = TEMPLATES.dump_python(
            list(await driver.templates()), mode="json"
        )
        return listed
    if kind is Choice.EXTERNAL_ORGANIZATIONS and isinstance(driver, ListsExternalOrganizations):
        organizations: list[dict[str, Any]] = EXTERNAL_ORGANIZATIONS.dump_python(
            list(await driver.external_organizations()), mode="json"
        )
        return organizations
    if kind is Choice.PRODUCTS and isinstance(driver, ListsProducts):
        products: list[dict[str, Any]] = _PRODUCTS.dump_python(
            list(await driver.products()), mode="json"
        )
        return products
    raise TypeError(f"{type(driver).__name__} does not list the {kind} its capabilities promise")


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
