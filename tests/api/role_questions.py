"""Every operation of the contract, asked about the things of one place."""

import re
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
from role_estate import Place, add_external_assignment
from sqlalchemy import update

from api_client import Api, Contract
from estate import Json
from scm_api.db.models import Certificate, Enrollment
from scm_api.db.session import Database
from scm_api.web import examples
from simulator import EC_ISSUING

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
        if "ca_ref" in body:
            body["ca_ref"] = f"{EC_ISSUING}/certificate/{number}"
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
            "revocation_requester_known_to": [],
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
