"""Lists as keyset pages: complete, without overlap; a cursor is worth nothing to others."""

import base64

import pytest

from api_client import Api, code_of
from estate import Estate


async def test_pages_are_complete_while_things_are_made(api: Api) -> None:
    first = [(await api.post("/connectors", {"name": f"a{n}"}))["id"] for n in range(23)]
    seen: list[str] = []
    path = "/connectors?limit=5"
    sizes = []
    while path:
        response = await api.send("GET", path, 200)
        page = response.json()
        sizes.append(len(page["items"]))
        seen += [item["id"] for item in page["items"]]
        await api.post("/connectors", {"name": f"later{len(seen)}"})
        link = response.headers.get("link", "")
        assert (page["next_cursor"] is None) == (link == "")
        path = link.partition(">")[0].removeprefix("<")
    assert seen == first[::-1]
    assert sizes == [5, 5, 5, 5, 3]


async def test_a_last_page_that_is_just_full_has_no_next(api: Api) -> None:
    for number in range(4):
        await api.post("/connectors", {"name": f"a{number}"})
    assert (await api.get("/connectors?limit=4"))["next_cursor"] is None
    page = await api.get("/connectors?limit=3")
    rest = await api.get(f"/connectors?limit=3&cursor={page['next_cursor']}")
    assert len(rest["items"]) == 1
    assert rest["next_cursor"] is None


async def test_the_link_keeps_the_filters(estate: Estate) -> None:
    organization = await estate.organization()
    for number in range(3):
        path = f"/organizations/{organization['id']}/departments"
        await estate.api.post(path, {"name": f"d{number}"})
    path = f"/organizations?parent_id={organization['id']}&limit=2"
    response = await estate.api.send("GET", path, 200)
    following = response.headers["link"].partition(">")[0].removeprefix("<")
    rest = await estate.api.get(following)
    assert [item["name"] for item in response.json()["items"] + rest["items"]] == ["d2", "d1", "d0"]


async def test_t36_a_cursor_is_for_one_caller_one_list_and_its_filters(estate: Estate) -> None:
    api = estate.api
    for _ in range(3):
        await estate.connector()
        await estate.organization()
    cursor = (await api.get("/connectors?limit=1"))["next_cursor"]
    await api.get(f"/connectors?limit=2&cursor={cursor}")
    _, key = await estate.api_key()
    for caller, path in (
        (api.as_key(key["key"]), "/connectors?limit=1"),
        (api, "/organizations?limit=1"),
        (api, "/connectors?limit=1&name=a"),
        (api, "/audit-events?limit=1"),
    ):
        assert code_of(await caller.get(f"{path}&cursor={cursor}", 400)) == "cursor-invalid"


@pytest.mark.parametrize("path", ["/connectors", "/audit-events"])
async def test_t70_a_forged_cursor_is_refused(estate: Estate, path: str) -> None:
    for _ in range(3):
        await estate.connector()
    api = estate.api
    cursor = (await api.get(f"{path}?limit=1"))["next_cursor"]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = [
        base64.urlsafe_b64encode(bytes([raw[0] ^ 1]) + raw[1:]).decode().rstrip("="),
        base64.urlsafe_b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode().rstrip("="),
        base64.urlsafe_b64encode(raw[:16]).decode(),
        base64.urlsafe_b64encode(b"1" * 20).decode(),
        "1",
        "%00",
        "%C3%A9",
        "'",
    ]
    for wrong in forged:
        assert code_of(await api.get(f"{path}?cursor={wrong}", 400)) == "cursor-invalid", wrong
    long = await api.get(f"{path}?cursor={'a' * 201}", 400)
    assert code_of(long) == "parameter-invalid"
