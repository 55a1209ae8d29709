"""docs/roles.md, asked of the real API: every operation, by every role, in every organization."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from role_estate import Place, RoleEstate
from sqlalchemy import select, update

from api_client import Api, Contract, faults_of
from estate import Estate, Json
from scm_api.db.base import new_id
from scm_api.db.models import (
    BulkRenewal,
    BulkRevocation,
    BulkRevocationCertificate,
    CaBackend,
    Certificate,
    Enrollment,
    ExternalAssignment,
)
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.web import examples
from scm_api.worker.process import working

TABLE = Path(__file__).parents[2] / "docs" / "roles.md"
# In the order of the table.
COLUMNS = (
    "MRAO",
    "RAO own",
    "RAO child",
    "RAO foreign",
    "DRAO own",
    "DRAO parent",
    "DRAO sibling",
    "DRAO foreign",
    "no privileges",
    "other type",
)
_ROW = re.compile(r"^\| `(\w+)` +\|(.+)\|$", re.MULTILINE)
# Operations that use up an enrollment, with the state it has to be in.
_ENROLLMENT = {
    "approve_enrollment": "pending_approval",
    "decline_enrollment": "pending_approval",
    "retry_enrollment": "parked",
    "adopt_enrollment": "parked",
    "cancel_enrollment": "",
}
_REVOCATION = ("approve_revocation", "decline_revocation", "cancel_revocation")
_numbers = count(1)


def expected() -> dict[str, list[str]]:
    """The table: operation -> what is expected, column by column."""
    rows = _ROW.findall(TABLE.read_text().partition("## Every operation")[2])
    assert len({name for name, _ in rows}) == len(rows)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the contract."""

    name: str
    method: str
    path: str
    content: Json

    @property
    def parameters(self) -> set[str]:
        return {each["name"] for each in self.content.get("parameters", ())}

    @property
    def is_list(self) -> bool:
        """Whether the answer is a page of things, of which the caller sees its own."""
        return "cursor" in self.parameters


def operations(contract: Contract) -> list[Operation]:
    """Every operation that asks who calls."""
    return [
        Operation(content["operationId"], method.upper(), path, content)
        for path, methods in contract.document["paths"].items()
        for method, content in methods.items()
        if content.get("security")
    ]


class Asking:
    """Sends an operation's own example about the things of one place."""

    def __init__(self, contract: Contract, mrao: Api, database: Database) -> None:
        self.contract = contract
        self.mrao = mrao
        self.database = database

    def body(self, operation: Operation, place: Place) -> Any:
        """The contract's example with the place's ids and free names."""
        if "requestBody" not in operation.content:
            return None
        schema = operation.content["requestBody"]["content"]["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        placeholders = {each: name for name, each in examples.PATH_PARAMETERS.items()}

        def filled(value: Any) -> Any:
            if isinstance(value, dict):
                return {
                    key: place.role if key == "role" else filled(each)
                    for key, each in value.items()
                }
            if isinstance(value, list):
                return [filled(each) for each in value]
            return place.ids[placeholders[value]] if value in placeholders else value

        body = filled(self.contract.document["components"]["schemas"][name]["examples"][0])
        number = next(_numbers)
        if "name" in body:
            body["name"] = f"n{number}.example.com"  # free, and a domain where that is asked for
        if "email" in body:
            body["email"] = f"n{number}@example.com"
        return body

    async def send(self, caller: Api, operation: Operation, place: Place) -> httpx.Response:
        """The operation, by this caller, about the things of this place."""
        path = operation.path.format_map(place.ids)
        headers = {"If-Match": "*"} if "If-Match" in operation.parameters else {}
        body = self.body(operation, place)
        return await caller.send(operation.method, path, json=body, headers=headers)

    async def fresh(self, operation: Operation, place: Place) -> Place:
        """The place with a new thing, for an operation that is going to use it up."""
        collection, _, last = operation.path.rpartition("/")
        if operation.name == "delete_external_assignment":
            added = await add_external_assignment(self.database, place)
            return replace(place, ids=place.ids | {"external_assignment_id": added})
        if operation.method == "DELETE":
            made_by = next(
                each
                for each in operations(self.contract)
                if (each.method, each.path) == ("POST", collection)
            )
            parameter = last.strip("{}")
        elif operation.name in _REVOCATION:
            await self._await_approval(place)
            return place
        elif operation.name in ("replace_certificate", "create_bulk_renewal"):
            await self._end_successors(place)
            return place
        elif operation.name in _ENROLLMENT:
            made_by = next(
                each for each in operations(self.contract) if each.name == "create_enrollment"
            )
            parameter = "enrollment_id"
        else:
            return place
        made = (await self.send(self.mrao, made_by, place)).json()
        if state := _ENROLLMENT.get(operation.name):
            await self._put(made["id"], state, place)
        return replace(place, ids=place.ids | {parameter: made["id"]})

    async def _put(self, enrollment_id: str, state: str, place: Place) -> None:
        """Into a state, asked for by somebody else."""
        changed = {"state": state, "due_at": None, "requester_id": UUID(place.ids["admin_id"])}
        one = update(Enrollment).where(Enrollment.id == UUID(enrollment_id))
        async with self.database.transaction() as session:
            await session.execute(one.values(changed))

    async def _await_approval(self, place: Place) -> None:
        """The place's certificate has a revocation that somebody else asked for."""
        one = update(Certificate).where(Certificate.id == UUID(place.ids["certificate_id"]))
        asked = {
            "revocation_state": "pending_approval",
            "revocation_reason": "superseded",
            "revocation_requester_id": UUID(place.ids["admin_id"]),
        }
        async with self.database.transaction() as session:
            await session.execute(one.values(asked))

    async def _end_successors(self, place: Place) -> None:
        """A certificate has one open replacement at most, and is renewed among many once."""
        certificate_id = UUID(place.ids["certificate_id"])
        theirs = update(Enrollment).where(Enrollment.renews_certificate_id == certificate_id)
        async with self.database.transaction() as session:
            await session.execute(theirs.values(state="canceled", due_at=None))

    async def lists(self, caller: Api, operation: Operation, place: Place) -> bool:
        """Whether a list holds what belongs to the place."""
        path = operation.path.format_map(place.ids)
        items = await caller.everything(path)
        item = self._identity(operation)
        if item is None:  # departments, of whom the place may have none
            return True
        member = "id" if f"{operation.path}/{{{item}}}" in self.contract.document["paths"] else item
        narrowed = items
        if item in operation.parameters and member == item:
            narrowed = await caller.everything(f"{path}?{item}={place.ids[item]}")
        found = [each for each in narrowed if each[member] == place.ids[item]]
        assert bool(found) == any(each[member] == place.ids[item] for each in items)
        return bool(found)

    def _identity(self, operation: Operation) -> str | None:
        """The parameter that names one item of a list; else the organization it belongs to."""
        below = re.compile(re.escape(operation.path) + r"/\{(\w+)\}")
        for path in self.contract.document["paths"]:
            if one := below.fullmatch(path):
                return one[1]
        return "organization_id" if operation.name == "list_audit_events" else None


async def answer(asking: Asking, caller: Api, operation: Operation, place: Place) -> str:
    """What the API says, as a cell of the table says it."""
    response = await asking.send(caller, operation, place)
    said = str(response.status_code)
    if response.status_code == 404:
        await _same_as_for_nothing(asking, caller, operation, place, response)
    if response.status_code == 200 and operation.is_list:
        return said if await asking.lists(caller, operation, place) else f"{said} hidden"
    return said


async def _same_as_for_nothing(
    asking: Asking, caller: Api, operation: Operation, place: Place, found: httpx.Response
) -> None:
    """A thing one may not see answers as one that is not there."""
    random = {name: str(uuid4()) for name in place.ids}
    nothing = await asking.send(caller, operation, replace(place, ids=random))

    def said(response: httpx.Response) -> Json:
        return {name: each for name, each in response.json().items() if name != "request_id"}

    assert said(nothing) == said(found), operation.name


async def add_bulk_revocation(database: Database, place: Place) -> None:
    """One about the place's certificate, which stays as it is."""
    bulk = BulkRevocation(
        id=new_id(), requester_id=uuid4(), reason="superseded", comment="for the matrix"
    )
    item = BulkRevocationCertificate(
        bulk_revocation_id=bulk.id, certificate_id=UUID(place.ids["certificate_id"])
    )
    async with database.transaction() as session:
        session.add(bulk)
        await session.flush()
        session.add(item)
    place.ids["bulk_revocation_id"] = str(bulk.id)


async def add_bulk_renewal(database: Database, place: Place) -> None:
    """One that is said to have led to the place's enrollment."""
    bulk = BulkRenewal(id=new_id(), requester_id=uuid4(), comment="for the matrix")
    one = update(Enrollment).where(Enrollment.id == UUID(place.ids["enrollment_id"]))
    async with database.transaction() as session:
        session.add(bulk)
        await session.flush()
        await session.execute(one.values(bulk_renewal_id=bulk.id))
    place.ids["bulk_renewal_id"] = str(bulk.id)


async def add_external_assignment(database: Database, place: Place) -> str:
    """One for a CA backend that the organization has none for; these CAs know no organizations."""
    organization_id = UUID(place.ids["organization_id"])
    taken = select(ExternalAssignment.ca_backend_id).where(
        ExternalAssignment.organization_id == organization_id
    )
    free = select(CaBackend.id).where(CaBackend.id.not_in(taken)).limit(1)
    async with database.transaction() as session:
        row = ExternalAssignment(
            organization_id=organization_id,
            ca_backend_id=await session.scalar(free),
            external_organization_id="700123",
            name="for the matrix",
            status="active",
            usable=True,
            validations=[],
        )
        session.add(row)
        await session.flush()
        return str(row.id)


@asynccontextmanager
async def prepared(
    estate: Estate, settings: Settings, database: Database
) -> AsyncIterator[list[tuple[Api, Place]]]:
    """Caller and place of each column."""
    roles = RoleEstate(estate)
    shared = await roles.shared()
    mine, other = await roles.place(shared), await roles.place(shared)
    child = await roles.place(shared, mine.ids["organization_id"])
    sibling = await roles.place(shared, mine.ids["organization_id"])
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        await roles.enroll(mine, other, child, sibling)
        queue.stop()
        await running
    for place in (mine, other, child, sibling):
        await add_bulk_revocation(database, place)
        await add_bulk_renewal(database, place)
        place.ids["external_assignment_id"] = await add_external_assignment(database, place)
    rao, drao = await roles.caller("rao", mine), await roles.caller("drao", child)
    bare = await roles.caller("rao", mine, privileges=[])
    client = await roles.caller("rao", mine, types=("client",))
    yield [
        (roles.api, mine),
        (rao, mine),
        (rao, child),
        (rao, other),
        (drao, child),
        (drao, mine),
        (drao, sibling),
        (drao, other),
        (bare, mine),
        (client, mine),
    ]


def test_t47_every_operation_has_a_row(contract: Contract) -> None:
    table = expected()
    assert {each.name for each in operations(contract)} == table.keys()
    assert {len(cells) for cells in table.values()} == {len(COLUMNS)}


async def test_t39_no_operation_takes_what_the_service_decides(
    api: Api, contract: Contract, database: Database
) -> None:
    asking = Asking(contract, api, database)
    nowhere = Place(False, {name: str(uuid4()) for name in examples.PATH_PARAMETERS})
    smuggled = {
        "status": "issued",
        "state": "issued",
        "approved_by": str(uuid4()),
        "requester_id": str(uuid4()),
        "created_at": "2030-01-01T00:00:00Z",
    }
    tried = 0
    for operation in operations(contract):
        if (body := asking.body(operation, nowhere)) is None:
            continue
        path = operation.path.format_map(nowhere.ids)
        headers = {"If-Match": "*"}
        content = body | smuggled
        problem = await api.send(operation.method, path, 422, json=content, headers=headers)
        assert faults_of(problem.json()) == {(f"/{name}", "unknown-field") for name in smuggled}
        tried += 1
    assert tried > 15


async def test_t34_every_operation_answers_as_the_table_says(
    estate: Estate, contract: Contract, database: Database, settings: Settings
) -> None:
    table = expected()
    asking = Asking(contract, estate.api, database)
    surprises = []
    async with prepared(estate, settings, database) as columns:
        for operation in operations(contract):
            cells = table[operation.name]
            for column, (caller, place), wanted in zip(COLUMNS, columns, cells, strict=True):
                about = await asking.fresh(operation, place) if wanted[0] == "2" else place
                said = await answer(asking, caller, operation, about)
                if said != wanted:
                    surprises.append(f"{operation.name}, {column}: {said}, not {wanted}")
    assert not surprises, "\n".join(surprises)
