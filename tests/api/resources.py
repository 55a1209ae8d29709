"""The resources of the API as a table, so that rules that hold for all are tested on all."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from estate import Estate, Json


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of thing that is made by POST.

    `collection` and `body` make what the thing needs and return where it is posted and a body
    that is accepted. `change` is a PATCH body (None: it is never changed). `actions` are the
    audit actions of making, changing and deleting it. `taken` is the code of the conflict when
    the same body is posted twice (None: there may be two).
    """

    noun: str
    collection: Callable[[Estate], Awaitable[str]]
    body: Callable[[Estate], Awaitable[Json]]
    change: Json | None
    actions: tuple[str, str, str]
    taken: str | None = "name-taken"

    def __str__(self) -> str:
        return self.noun.replace(" ", "-")


def _at(path: str) -> Callable[[Estate], Awaitable[str]]:
    async def collection(_estate: Estate) -> str:
        return path

    return collection


def _named(what: str) -> Callable[[Estate], Awaitable[Json]]:
    async def body(estate: Estate) -> Json:
        return {"name": estate.name(what)}

    return body


async def _locals(estate: Estate) -> str:
    return f"/connectors/{(await estate.connector())['id']}/local-ca-backends"


async def _local(estate: Estate) -> Json:
    return {"name": estate.name("local")} | estate.connection()


async def _backend(estate: Estate) -> Json:
    local = await estate.local_ca_backend()
    return {"name": estate.name("backend"), "local_ca_backend_id": local["id"]}


async def _profile(estate: Estate) -> Json:
    backend, organization = await estate.ca_backend(), await estate.organization()
    await estate.api.get(f"/ca-backends/{backend['id']}/issuing-cas")  # kept for all that follow
    return estate.profile_body(backend["id"], organization_ids=[organization["id"]])


async def _departments(estate: Estate) -> str:
    return f"/organizations/{(await estate.organization())['id']}/departments"


async def _domains(estate: Estate) -> str:
    return f"/organizations/{(await estate.organization())['id']}/domains"


async def _domain(estate: Estate) -> Json:
    return {"name": f"{estate.name('www')}.example.com"}


async def _admin(estate: Estate) -> Json:
    name = estate.name("admin")
    return {"name": name, "email": f"{name}@example.com"}


async def _api_key(estate: Estate) -> Json:
    admin = await estate.api.post("/admins", await _admin(estate))
    return {"admin_id": admin["id"], "name": estate.name("key")}


_CHANGE: Json = {"description": "changed"}


def _actions(noun: str) -> tuple[str, str, str]:
    return f"{noun}.created", f"{noun}.updated", f"{noun}.deleted"


RESOURCES = (
    Resource("connector", _at("/connectors"), _named("connector"), _CHANGE, _actions("connector")),
    Resource(
        "local CA backend", _locals, _local, {"name": "changed"}, _actions("local_ca_backend")
    ),
    Resource("CA backend", _at("/ca-backends"), _backend, _CHANGE, _actions("ca_backend")),
    Resource(
        "certificate profile",
        _at("/certificate-profiles"),
        _profile,
        _CHANGE,
        _actions("certificate_profile"),
    ),
    Resource(
        "organization",
        _at("/organizations"),
        _named("organization"),
        _CHANGE,
        _actions("organization"),
    ),
    Resource("department", _departments, _named("department"), _CHANGE, _actions("organization")),
    Resource(
        "domain",
        _domains,
        _domain,
        None,
        ("organization.domain_added", "", "organization.domain_removed"),
        taken="domain-already-owned",
    ),
    Resource(
        "admin",
        _at("/admins"),
        _admin,
        {"name": "changed"},
        _actions("admin"),
        taken="email-taken",
    ),
    Resource(
        "API key",
        _at("/api-keys"),
        _api_key,
        None,
        ("api_key.created", "", "api_key.revoked"),
        taken=None,
    ),
)
EDITABLE = tuple(resource for resource in RESOURCES if resource.change is not None)
