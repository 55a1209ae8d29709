"""Secrets go in and never come out: not in answers, errors, events, logs or rows."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from estate import Estate
from scm_api.db.session import Database
from scm_api.sandbox import aws
from simulator import Simulator

CANARY = "canary/0123456789/must/not/be/seen"


async def dump(database: Database) -> str:
    """Every row of every table as PostgreSQL writes it, bytes as hex."""
    tables = text(
        "SELECT quote_ident(table_name) FROM information_schema.tables"
        " WHERE table_schema = 'public'"
    )
    lines = []
    async with database.transaction() as session:
        for table in (await session.scalars(tables)).all():
            found = await session.scalar(text(f"SELECT string_agg(t::text, ' ') FROM {table} t"))
            lines.append(found or "")
    return "\n".join(lines)


def hidden_in(secret: str, shown: str) -> bool:
    """Whether a dump shows the secret, as text or as PostgreSQL's hex of its bytes."""
    return secret in shown or secret.encode().hex() in shown


async def test_t40_t62_secrets_are_in_no_answer_and_no_row(
    estate: Estate, database: Database
) -> None:
    """The client looks at every answer; here everything there is gets read."""
    chain = await estate.chain()
    api = estate.api
    await api.post(f"/ca-backends/{chain.ca_backend['id']}/check", status=200)
    await api.get(f"/ca-backends/{chain.ca_backend['id']}/issuing-cas")
    local_path = (
        f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    )
    for path in (
        "/connectors",
        f"/connectors/{chain.connector['id']}/local-ca-backends",
        local_path,
        "/ca-backends",
        "/ca-backends/types",
        f"/ca-backends/{chain.ca_backend['id']}/templates",
        "/certificate-profiles",
        "/organizations",
        "/admins",
        "/api-keys",
        "/audit-events",
        "/metrics",
    ):
        response = await api.send("GET", path, 200)
        assert api.key is not None
        assert api.key not in response.text
    headers = {"Idempotency-Key": "with-secrets"}
    path = f"/connectors/{chain.connector['id']}/local-ca-backends"
    body = {"name": "second"} | estate.connection()
    made = await api.send("POST", path, 201, json=body, headers=headers)
    rows = await dump(database)
    sent = f"POST {path}\n".encode() + made.request.content
    assert hashlib.sha256(sent).hexdigest() not in rows, "guesses at a password could be compared"
    assert "with-secrets" in rows
    assert chain.local_ca_backend["id"] in rows
    assert not hidden_in(aws.SECRET_ACCESS_KEY, rows)
    assert not hidden_in(api.key or "", rows)


@pytest.mark.parametrize(
    "secrets",
    [
        {"backend_type": "aws", "access_key_id": "AKIA", "secret_access_key": f"{CANARY} blank"},
        {"backend_type": "aws", "access_key_id": CANARY, "secret_access_key": "a"},
        {"backend_type": "aws", "secret_access_key": CANARY},
        {"backend_type": "aws", "secret_access_key": [CANARY]},
        {"backend_type": "aws", "access_key_id": "AKIA", "secret_key": CANARY},
        {"backend_type": "azure", "secret_access_key": CANARY},
        CANARY,
        [CANARY],
    ],
)
async def test_t61_refused_secrets_are_not_repeated(estate: Estate, secrets: Any) -> None:
    connector = await estate.connector()
    path = f"/connectors/{connector['id']}/local-ca-backends"
    body = {"name": "local"} | estate.connection() | {"secrets": secrets}
    with capture_logs() as logs:
        response = await estate.api.send("POST", path, 422, json=body)
    assert CANARY not in response.text
    assert CANARY not in str(logs)


async def test_t61_what_a_ca_says_about_secrets_is_not_repeated(
    estate: Estate, database: Database, simulator: Simulator
) -> None:
    connection = estate.connection()
    connection["secrets"] |= {"secret_access_key": CANARY}
    local = await estate.local_ca_backend(**connection)
    backend = await estate.ca_backend(local["id"])
    simulator.fault("ListCertificateAuthorities", "error", body=f"<p>{CANARY}</p>", status=502)
    with capture_logs() as logs:
        for _ in range(2):
            await estate.api.post(f"/ca-backends/{backend['id']}/check", status=200)
        await estate.api.send("GET", f"/ca-backends/{backend['id']}/issuing-cas", 502)
    assert CANARY not in str(logs)
    assert not hidden_in(CANARY, await dump(database))
