"""Connectors and local CA backends: what is special about them."""

import json
from pathlib import Path

from sqlalchemy import select

from api_client import Api, Contract, code_of, faults_of
from estate import NOWHERE, Estate, Json
from running import StartApi, settings_for
from scm_api.core.sealing import KeyRing
from scm_api.db.models import CaChoices, LocalCaBackend
from scm_api.db.secrets import secrets_owner
from scm_api.db.session import Database
from scm_api.sandbox import aws
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings

DEFAULT_CHAIN = {"mode": "default_chain"}


async def stored_secrets(database: Database, ring: KeyRing) -> bytes:
    """What the only local CA backend's secrets say."""
    async with database.transaction() as session:
        local = (await session.scalars(select(LocalCaBackend))).one()
    return ring.open(local.sealed_secrets, secrets_owner(local.id))


async def test_what_is_in_use_names_its_users(estate: Estate) -> None:
    connector = await estate.connector()
    local = await estate.local_ca_backend(connector["id"])
    backend = await estate.ca_backend(local["id"])
    problem = await estate.api.delete(f"/connectors/{connector['id']}", 409)
    assert code_of(problem) == "in-use"
    assert problem["used_by"] == [
        {"kind": "local_ca_backend", "id": local["id"], "name": local["name"]}
    ]
    path = f"/connectors/{connector['id']}/local-ca-backends/{local['id']}"
    problem = await estate.api.delete(path, 409)
    assert problem["used_by"] == [
        {"kind": "ca_backend", "id": backend["id"], "name": backend["name"]}
    ]
    await estate.api.delete(f"/ca-backends/{backend['id']}")
    await estate.api.delete(path)
    await estate.api.delete(f"/connectors/{connector['id']}")


async def test_a_local_ca_backend_is_found_under_its_connector_only(estate: Estate) -> None:
    local = await estate.local_ca_backend()
    other = await estate.connector()
    elsewhere = f"/connectors/{other['id']}/local-ca-backends"
    assert await estate.api.everything(elsewhere) == []
    await estate.api.get(f"{elsewhere}/{local['id']}", 404)
    await estate.api.patch(f"{elsewhere}/{local['id']}", {"name": "taken"}, 404)
    await estate.api.delete(f"{elsewhere}/{local['id']}", 404)
    same_name = await estate.local_ca_backend(other["id"], name=local["name"])
    assert same_name["name"] == local["name"]


async def test_secrets_are_replaced_as_a_whole_and_options_alone(
    estate: Estate, database: Database, settings: Settings
) -> None:
    ring = load_key_ring(settings)
    local = await estate.local_ca_backend()
    path = f"/connectors/{local['connector_id']}/local-ca-backends/{local['id']}"
    secrets = {
        "backend_type": "aws",
        "access_key_id": aws.READER_ACCESS_KEY_ID,
        "secret_access_key": aws.READER_SECRET_ACCESS_KEY,
    }
    changed = await estate.api.patch(path, {"secrets": secrets})
    assert changed["version"] == 2
    assert aws.READER_SECRET_ACCESS_KEY.encode() in await stored_secrets(database, ring)
    options = local["options"] | {"region": "eu-west-1"}
    changed = await estate.api.patch(path, {"options": options, "name": "moved"})
    assert (changed["options"], changed["name"], changed["version"]) == (options, "moved", 3)
    assert aws.READER_SECRET_ACCESS_KEY.encode() in await stored_secrets(database, ring)
    events = await estate.api.everything(f"/audit-events?subject_id={local['id']}")
    assert [event["details"].get("changed") for event in events] == [
        ["name", "options"],
        ["secrets"],
        None,
    ]


async def test_local_ca_backends_are_found_by_name_and_type(estate: Estate) -> None:
    local = await estate.local_ca_backend()
    path = f"/connectors/{local['connector_id']}/local-ca-backends"
    for query, hits in (
        (f"name={local['name']}", 1),
        ("name=another", 0),
        ("backend_type=aws", 1),
        ("backend_type=gcp", 0),
    ):
        assert len(await estate.api.everything(f"{path}?{query}")) == hits, query


async def test_options_and_secrets_that_cannot_work_together(estate: Estate) -> None:
    local = await estate.local_ca_backend()
    path = f"/connectors/{local['connector_id']}/local-ca-backends"
    chain = estate.connection()["options"] | {"credentials": {"mode": "default_chain"}}
    body = {"name": "local"} | estate.connection() | {"options": chain}
    expected = {("/secrets/access_key_id", "unused-credentials")}
    assert faults_of(await estate.api.post(path, body, 422)) == expected
    assert faults_of(await estate.api.patch(f"{path}/{local['id']}", {"options": chain}, 422)) == (
        expected
    )
    none = {"backend_type": "aws"}
    problem = await estate.api.patch(f"{path}/{local['id']}", {"secrets": none}, 422)
    assert faults_of(problem) == {("/secrets/access_key_id", "missing-credentials")}
    both = await estate.api.patch(f"{path}/{local['id']}", {"options": chain, "secrets": none})
    assert both["options"]["credentials"] == {"mode": "default_chain"}


async def test_secrets_are_left_out_where_none_are_needed(
    estate: Estate, database: Database, settings: Settings
) -> None:
    path = f"/connectors/{(await estate.connector())['id']}/local-ca-backends"
    aws_options = {"backend_type": "aws", "region": aws.REGION}
    role = {"mode": "assumed_role", "role_arn": aws.ROLE_ARN, "without_external_id": True}
    chain: Json = {"name": "chain", "options": aws_options | {"credentials": DEFAULT_CHAIN}}
    made = await estate.api.post(path, chain)
    kept = await stored_secrets(database, load_key_ring(settings))
    assert json.loads(kept)["backend_type"] == "aws"
    await estate.api.post("/ca-backends", {"name": "b", "local_ca_backend_id": made["id"]})
    from_chain = aws_options | {"credentials": role | {"source": "default_chain"}}
    await estate.api.post(path, {"name": "role", "options": from_chain})

    async def faults(options: Json, **changes: object) -> set[tuple[str, str]]:
        body = {"name": "local", "options": options} | changes
        return faults_of(await estate.api.post(path, body, 422))

    missing = {("/secrets/access_key_id", "missing-credentials")}
    assert await faults(aws_options) == missing
    assert await faults(aws_options | {"credentials": role}) == missing
    digicert = {"backend_type": "digicert"}
    assert await faults(digicert) == {("/secrets", "field-required")}
    assert await faults(chain["options"] | {"region": "x"}) == {
        ("/options/region", "invalid-value")
    }
    for nothing in (None, {}):
        found = await faults(chain["options"], secrets=nothing)
        assert {pointer.split("/")[1] for pointer, _ in found} == {"secrets"}


async def test_what_the_ca_offered_is_forgotten_with_the_connection(
    estate: Estate, database: Database
) -> None:
    backend = await estate.ca_backend()
    path = (
        f"/connectors/{backend['connector_id']}/local-ca-backends/{backend['local_ca_backend_id']}"
    )

    async def kept() -> int:
        async with database.transaction() as session:
            return len((await session.scalars(select(CaChoices.kind))).all())

    await estate.api.get(f"/ca-backends/{backend['id']}/issuing-cas")
    await estate.api.patch(path, {"name": "renamed"})
    assert await kept() == 1
    await estate.api.patch(path, estate.connection(NOWHERE))
    assert await kept() == 0
    problem = await estate.api.get(f"/ca-backends/{backend['id']}/issuing-cas", 503)
    assert code_of(problem) == "ca-unavailable"


async def test_t58_the_identity_of_the_machine_is_used_where_that_is_allowed_only(
    estate: Estate, start_api: StartApi, settings: Settings, contract: Contract
) -> None:
    connector = await estate.connector()
    path = f"/connectors/{connector['id']}/local-ca-backends"
    role = {"mode": "assumed_role", "role_arn": aws.ROLE_ARN, "without_external_id": True}
    from_chain = role | {"source": "default_chain"}
    elsewhere = from_chain | {"role_arn": "arn:aws:iam::444455556666:role/issuer"}
    asked: list[tuple[tuple[str, ...], Json]] = [
        ((), DEFAULT_CHAIN),
        (("aws",), from_chain),
        (("aws:111122223333",), DEFAULT_CHAIN),
        (("aws", "aws:111122223333"), elsewhere),
    ]
    for allowed, credentials in asked:
        settled = settings_for(
            settings.database_url or "",
            Path(settings.data_directory),
            machine_identities=allowed,
        )
        options = {"backend_type": "aws", "region": aws.REGION, "credentials": credentials}
        async with start_api(settled) as app:
            api = Api(app, contract, estate.api.key)
            problem = await api.post(path, {"name": "machine", "options": options}, 422)
        assert faults_of(problem) == {("/options/credentials", "machine-identity-not-allowed")}


async def test_t53_endpoints_on_this_machine_need_a_setting(
    estate: Estate, start_api: StartApi, settings: Settings, contract: Contract
) -> None:
    connector = await estate.connector()
    path = f"/connectors/{connector['id']}/local-ca-backends"
    strict = settings_for(
        settings.database_url or "", Path(settings.data_directory), allow_loopback_endpoints=False
    )
    async with start_api(strict) as app:
        api = Api(app, contract, estate.api.key)
        for host in ("127.0.0.1:9", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
            body: Json = {"name": "local"} | estate.connection(f"http://{host}")
            problem = await api.post(path, body, 422)
            assert faults_of(problem) == {("/options/endpoint_url", "endpoint-not-allowed")}
        role: Json = {
            "mode": "assumed_role",
            "role_arn": aws.ROLE_ARN,
            "external_id": aws.ROLE_EXTERNAL_ID,
            "sts_endpoint_url": "http://localhost:1",
        }
        options: Json = {"backend_type": "aws", "region": aws.REGION, "credentials": role}
        body = {"name": "local"} | estate.connection() | {"options": options}
        assert faults_of(await api.post(path, body, 422)) == {
            ("/options/credentials/sts_endpoint_url", "endpoint-not-allowed")
        }


async def test_t53_a_windows_server_on_this_machine_needs_the_same_setting(
    estate: Estate, start_api: StartApi, settings: Settings, contract: Contract
) -> None:
    connector = await estate.connector()
    path = f"/connectors/{connector['id']}/local-ca-backends"
    account = {"username": "svc@corp.example.com", "password": "example"}
    secrets = {"backend_type": "microsoft"} | dict.fromkeys(
        ("enroller", "directory", "revoker"), account
    )
    ca_config = "ca1.corp.example.com\\CA"
    options: Json = {
        "backend_type": "microsoft",
        "issuing_ca": "CA",
        "enroller": {"transport": "icpr", "host": "127.0.0.1", "auth": "ntlm"},
        "directory": {"url": "ldaps://localhost"},
        "revoker": {"base_url": "https://[::1]:5986", "ca_config": ca_config, "auth": "ntlm"},
    }
    pages = {"transport": "certsrv", "base_url": "https://127.0.0.1", "auth": "ntlm"}
    strict = settings.model_copy(update={"allow_loopback_endpoints": False})
    async with start_api(strict) as app:
        api = Api(app, contract, estate.api.key)
        for enroller, at in ((options["enroller"], "host"), (pages, "base_url")):
            body = {"name": "ad", "options": options | {"enroller": enroller}, "secrets": secrets}
            assert faults_of(await api.post(path, body, 422)) == {
                (f"/options/enroller/{at}", "endpoint-not-allowed"),
                ("/options/directory/url", "endpoint-not-allowed"),
                ("/options/revoker/base_url", "endpoint-not-allowed"),
            }


async def test_t40_stored_secrets_are_sent_nowhere_else(estate: Estate) -> None:
    """Who changes where they go would read there what the API never shows."""
    path = f"/connectors/{(await estate.connector())['id']}/local-ca-backends"
    options = {"backend_type": "digicert", "instance": "eu"}
    secrets = {"backend_type": "digicert", "api_key": "EXAMPLEAPIKEY"}
    local = await estate.api.post(path, {"name": "d", "options": options, "secrets": secrets})
    path = f"{path}/{local['id']}"
    elsewhere = options | {"endpoint_url": "https://evil.test"}
    problem = await estate.api.patch(path, {"options": elsewhere}, 422)
    assert faults_of(problem) == {("/secrets", "secrets-needed")}
    assert "/options/endpoint_url" in problem["detail"]
    moved = await estate.api.patch(path, {"options": elsewhere, "secrets": secrets})
    same = {"options": elsewhere | {"skip_approval": False}}
    assert (await estate.api.patch(path, same))["version"] == moved["version"] + 1
    await estate.api.patch(path, {"options": options}, 422)


async def test_t40_another_realm_has_other_kdcs(estate: Estate) -> None:
    """What a KDC is sent is made with the password, which can be guessed by it."""
    path = f"/connectors/{(await estate.connector())['id']}/local-ca-backends"
    host = {"transport": "certsrv", "base_url": "https://ca1.corp.test", "auth": "kerberos"}
    options = {"backend_type": "microsoft", "issuing_ca": "CA", "enroller": host}
    account = {"username": "CORP\\svc", "password": "example"}
    body = {"options": options | {"realm": "CORP.TEST"}} | {
        "secrets": {"backend_type": "microsoft", "enroller": account}
    }
    local = await estate.api.post(path, {"name": "ad"} | body)
    elsewhere = {"options": options | {"realm": "EVIL.TEST"}}
    problem = await estate.api.patch(f"{path}/{local['id']}", elsewhere, 422)
    assert faults_of(problem) == {("/secrets", "secrets-needed")}


async def test_where_no_secrets_are_stored_none_are_needed(
    estate: Estate, start_api: StartApi, settings: Settings, contract: Contract
) -> None:
    path = f"/connectors/{(await estate.connector())['id']}/local-ca-backends"
    options = {
        "backend_type": "aws",
        "region": aws.REGION,
        "credentials": {"mode": "default_chain"},
    }
    async with start_api(settings.model_copy(update={"machine_identities": ("aws",)})) as app:
        api = Api(app, contract, estate.api.key)
        local = await api.post(path, {"name": "machine", "options": options})
        within = options | {"endpoint_url": "https://vpce-0a1b.acm-pca.test"}
        assert (await api.patch(f"{path}/{local['id']}", {"options": within}))["version"] == 2
