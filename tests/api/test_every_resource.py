"""Rules of the contract that hold for everything that can be made."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from resources import EDITABLE, RESOURCES, Resource

from api_client import Api, code_of, faults_of, moment
from estate import Estate, Json

every_resource = pytest.mark.parametrize("resource", RESOURCES, ids=str)
every_editable = pytest.mark.parametrize("resource", EDITABLE, ids=str)


async def made(estate: Estate, resource: Resource) -> tuple[str, Json]:
    """One of the resource: its path and its content."""
    collection, body = await resource.collection(estate), await resource.body(estate)
    response = await estate.api.send("POST", collection, 201, json=body)
    return response.headers["location"], response.json()


async def actions(api: Api) -> list[str]:
    """Every audit action there was, oldest first."""
    return [event["action"] for event in await api.everything("/audit-events")][::-1]


@every_resource
async def test_is_made_read_listed_changed_and_deleted(estate: Estate, resource: Resource) -> None:
    api = estate.api
    collection, body = await resource.collection(estate), await resource.body(estate)
    before = await actions(api)
    response = await api.send("POST", collection, 201, json=body)
    path, content = response.headers["location"], response.json()
    assert {key: content[key] for key in body.keys() - {"secrets", "options", "term"}} == {
        key: body[key] for key in body.keys() - {"secrets", "options", "term"}
    }
    read = await api.send("GET", path, 200)
    assert read.json().items() <= content.items(), "a key's text is in the first answer only"
    assert read.headers.get("etag") == response.headers.get("etag")
    listed = await api.everything(collection)
    assert any(each.items() <= read.json().items() for each in listed), "a list may show less"

    expected = [resource.actions[0]]
    if resource.change is not None:
        changed = await api.patch(path, resource.change, if_match=content["version"])
        assert changed == content | resource.change | {
            "version": content["version"] + 1,
            "updated_at": changed["updated_at"],
        }
        assert moment(changed["updated_at"]) > moment(content["updated_at"])
        assert await api.patch(path, resource.change) == changed, "nothing changed, no new version"
        expected.append(resource.actions[1])
    await api.delete(path)
    expected.append(resource.actions[2])
    if resource.noun == "API key":
        assert (await api.get(path))["revoked_at"] is not None
        await api.delete(path)
    else:
        assert code_of(await api.get(path, 404)) == "not-found"
    assert (await actions(api))[len(before) :] == expected


@every_resource
async def test_two_of_one_name_conflict(estate: Estate, resource: Resource) -> None:
    collection, body = await resource.collection(estate), await resource.body(estate)
    await estate.api.post(collection, body)
    if resource.taken is None:
        await estate.api.post(collection, body)
    else:
        assert code_of(await estate.api.post(collection, body, 409)) == resource.taken


@every_resource
async def test_what_does_not_exist_reads_the_same_everywhere(
    estate: Estate, resource: Resource
) -> None:
    """The id of something else is no more telling than a random one."""
    api = estate.api
    path, _ = await made(estate, resource)
    collection = path.rpartition("/")[0]
    other = (await api.everything("/audit-events"))[0]["principal_id"]
    if resource.noun == "admin":
        other = (await estate.organization())["id"]
    answers = []
    for wanted in (uuid4(), other):
        missing = f"{collection}/{wanted}"
        answers += [await api.get(missing, 404), await api.delete(missing, 404)]
        if resource.change is not None:
            answers.append(await api.patch(missing, resource.change, 404))
    texts = [{**answer, "request_id": ""} for answer in answers]
    assert all(text == texts[0] for text in texts), texts
    assert code_of(texts[0]) == "not-found"


@every_resource
async def test_t39_unknown_fields_are_refused(estate: Estate, resource: Resource) -> None:
    collection, body = await resource.collection(estate), await resource.body(estate)
    smuggled = {"id": str(uuid4()), "version": 7, "created_at": "2030-01-01T00:00:00Z"}
    problem = await estate.api.post(collection, body | smuggled, 422)
    assert faults_of(problem) == {(f"/{name}", "unknown-field") for name in smuggled}
    if resource.change is not None:
        path, _ = await made(estate, resource)
        problem = await estate.api.patch(path, resource.change | smuggled, 422)
        assert faults_of(problem) == {(f"/{name}", "unknown-field") for name in smuggled}


@every_resource
async def test_wrong_types_and_missing_fields_are_all_listed(
    estate: Estate, resource: Resource
) -> None:
    collection, body = await resource.collection(estate), await resource.body(estate)
    wrong = {name: 1 if isinstance(value, str) else "text" for name, value in body.items()}
    problem = await estate.api.post(collection, wrong, 422)
    assert {pointer for pointer, _ in faults_of(problem)} == {f"/{name}" for name in body}
    problem = await estate.api.post(collection, {}, 422)
    assert {code for _, code in faults_of(problem)} == {"field-required"}
    assert {pointer for pointer, _ in faults_of(problem)} <= {f"/{name}" for name in body}
    problem = await estate.api.post(collection, ["a", "list"], 422)
    assert {pointer for pointer, _ in faults_of(problem)} == {""}


@every_editable
async def test_an_update_names_the_version_it_changes(estate: Estate, resource: Resource) -> None:
    api = estate.api
    path, content = await made(estate, resource)
    bare = await api.send("PATCH", path, 428, json=resource.change)
    assert code_of(bare.json()) == "precondition-required"
    for malformed in ("1", '"1" "2"', '"1", *', 'w/"1"', '"a b"', ","):
        problem = await api.patch(path, resource.change, 400, if_match=malformed)
        assert code_of(problem) == "if-match-invalid"
    tag = f'"{content["version"]}"'
    for no_match in (f"W/{tag}", '"0", "one,two"', '"-1"', '""'):
        assert code_of(await api.patch(path, resource.change, 412, if_match=no_match)) == "stale"
    changed = await api.patch(path, resource.change, if_match=f'W/"7", "one,two",, {tag}')
    stale = await api.patch(path, {"name": "late"}, 412, if_match=content["version"])
    assert code_of(stale) == "stale"
    headers = {"If-Match": f'"{content["version"]}"'}
    assert code_of(await api.delete(path, 412, headers=headers)) == "stale"
    assert await api.get(path) == changed
    lines = [("If-Match", "*"), ("If-Match", f'"{changed["version"]}"')]
    assert code_of(await api.delete(path, 400, headers=lines)) == "if-match-invalid"
    lines[0] = ("If-Match", tag)  # several lines are one list (RFC 9110 section 5.3)
    await api.delete(path, headers=lines)


@every_editable
async def test_of_changes_at_once_to_one_version_one_wins(
    estate: Estate, resource: Resource
) -> None:
    api = estate.api
    path, content = await made(estate, resource)
    before = await actions(api)
    headers = {"If-Match": f'"{content["version"]}"'}
    answers = await asyncio.gather(
        *(
            api.send("PATCH", path, json={"name": f"name-{number}"}, headers=headers)
            for number in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert (await api.get(path))["version"] == content["version"] + 1
    assert (await actions(api))[len(before) :] == [resource.actions[1]]


@every_resource
async def test_t68_one_idempotency_key_makes_one_thing(estate: Estate, resource: Resource) -> None:
    api = estate.api
    collection, body = await resource.collection(estate), await resource.body(estate)
    before = len(await api.everything(collection))
    audited = await actions(api)
    headers = {"Idempotency-Key": "order-1"}

    async def post(content: Any, status: int | None = None) -> Any:
        return await api.send("POST", collection, status, json=content, headers=headers)

    answers = await asyncio.gather(*(post(body) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    later = await post(body, 201)
    assert later.content == answers[0].content
    assert later.headers.get("etag") == answers[0].headers.get("etag")
    assert len(await api.everything(collection)) == before + 1
    assert (await actions(api))[len(audited) :] == [resource.actions[0]]

    reused = await post(body | {"name": "something-else"}, 422)
    assert faults_of(reused.json()) == {("header/Idempotency-Key", "idempotency-key-reused")}
