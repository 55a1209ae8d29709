"""Audit events: who did what, found by what one looks for."""

import json
from dataclasses import fields
from urllib.parse import quote

import pytest
from role_estate import rights
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from estate import Estate
from running import KEY_RING
from scm_api.audit.service import Filters
from scm_api.audit.verifying import verify
from scm_api.core.audit_seals import kept_head
from scm_api.core.sealing import KeyRing
from scm_api.db.audit_seals import seal_events
from scm_api.db.models import AuditEvent
from scm_api.db.session import Database


async def test_an_event_tells_who_did_what_by_which_request(estate: Estate) -> None:
    response = await estate.api.send("POST", "/organizations", 201, json={"name": "Example"})
    [event, *_] = await estate.api.everything("/audit-events")
    [admin] = await estate.api.everything("/admins")
    [key] = await estate.api.everything("/api-keys")
    assert event == {
        "number": event["number"],
        "at": response.json()["created_at"],
        "action": "organization.created",
        "subject_kind": "organization",
        "subject_id": response.json()["id"],
        "organization_id": response.json()["id"],
        "principal_id": admin["id"],
        "principal_name": admin["name"],
        "api_key_id": key["id"],
        "request_id": response.headers["x-request-id"],
        "details": {},
    }


async def test_what_is_refused_leaves_no_event(estate: Estate) -> None:
    api = estate.api
    connector = await estate.connector()
    local = await estate.local_ca_backend(connector["id"])
    before = await api.everything("/audit-events")
    await api.post("/connectors", {"name": connector["name"]}, 409)
    await api.post("/connectors", {}, 422)
    await api.delete(f"/connectors/{connector['id']}", 409)
    await api.patch(f"/connectors/{connector['id']}", {"name": "x"}, 412, if_match=7)
    path = f"/connectors/{connector['id']}/local-ca-backends/{local['id']}"
    await api.patch(path, {"options": {"backend_type": "aws", "region": "x"}}, 422)
    await api.get("/ca-backends/types")
    assert await api.everything("/audit-events") == before


async def test_events_are_found_by_what_they_tell(estate: Estate) -> None:
    chain = await estate.chain()
    events = await estate.api.everything("/audit-events")
    numbers = [event["number"] for event in events]
    assert numbers == sorted(numbers, reverse=True)
    middle = events[len(events) // 2]

    async def found(**filters: str) -> list[int]:
        query = "&".join(f"{name}={quote(value)}" for name, value in filters.items())
        return [event["number"] for event in await estate.api.everything(f"/audit-events?{query}")]

    for name, value in {
        "action": "organization.domain_added",
        "subject_kind": "organization",
        "subject_id": chain.profile["id"],
        "organization_id": chain.organization["id"],
        "principal_id": middle["principal_id"],
    }.items():
        expected = [event["number"] for event in events if event[name] == value]
        assert expected
        assert await found(**{name: value}) == expected, name
    after, before = await found(since=middle["at"]), await found(until=middle["at"])
    assert middle["number"] in after
    assert sorted(after + before, reverse=True) == numbers
    assert await found(since=middle["at"], until=middle["at"]) == []
    assert await found(action="enrollment.declined") == []


def test_every_filter_finds_events_by_an_index() -> None:
    """The table only ever grows. The kind of a subject tells too little for one of its own."""
    filters = {"at" if each.name in {"since", "until"} else each.name for each in fields(Filters)}
    indexed = {
        next(iter(index.columns)).name
        for index in AuditEvent.metadata.tables["audit_events"].indexes
    }
    assert filters - indexed == {"subject_kind"}


async def test_events_are_read_only(estate: Estate, database: Database) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        await estate.api.send(method, "/audit-events", 405)
    for statement in ("DELETE FROM audit_events", "UPDATE audit_events SET action = 'x'"):
        with pytest.raises(DBAPIError, match="never changed"):
            async with database.transaction() as session:
                await session.execute(text(statement))


async def test_the_head_is_exported_to_who_may_read_all_of_the_audit(
    estate: Estate, database: Database
) -> None:
    api, head = estate.api, "/audit-events/head"
    nothing = {"seal": 0, "number": 0, "digest": "00" * 32, "at": None}
    assert await api.get(head) == nothing
    [admin] = await api.everything("/admins")
    newest = (await api.everything("/audit-events"))[0]["number"]
    ring = KeyRing.parse([KEY_RING])
    await seal_events(database, ring)
    told = await api.get(head)
    assert (told["seal"], told["number"]) == (1, newest)
    assert (await verify(database, ring, kept_head(json.dumps(told)))).broken is None
    for privileges, status in ((["read_audit"], 200), (["enroll"], 403)):
        body = {
            "admin_id": admin["id"],
            "name": "head",
            "scope": rights("mrao", privileges=privileges),
        }
        key = (await api.post("/api-keys", body))["key"]
        await api.as_key(key).send("GET", head, status)
