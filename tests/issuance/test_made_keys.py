"""Keys made by the service: they leave once, encrypted, and stay nowhere."""

import asyncio
import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from sqlalchemy import text

from api_client import Api, faults_of
from csrs import csr_for
from estate import Estate, Json
from scm_api.core.names import Name
from scm_api.core.vocabulary import NameKind
from scm_api.db.session import Database
from scm_api.enrollments.made_keys import deliver, made_key
from scm_api.enrollments.schemas import KeyWanted
from settlement import PATIENCE, Enrolling

WWW = "www.example.com"
PASSWORD = "correct horse battery"


@pytest.fixture
async def making(estate: Estate) -> Enrolling:
    """Through a profile that has keys made."""
    types = ["ec-p256", "rsa-2048"]
    return Enrolling(estate.api, await estate.chain(server_side_keys=True, key_types=types))


def wanted(enrolling: Enrolling, *, name: str = WWW, **key: Any) -> Json:
    """A body that asks for a key."""
    made = {"key_type": "ec-p256", "password": PASSWORD, "common_name": name} | key
    return enrolling.body(names=[{"kind": "dns", "value": name}], generate_key=made)


async def certificate_of(api: Api, content: Json) -> x509.Certificate:
    path = f"/certificates/{content['certificate_id']}/content?format=pem"
    return x509.load_pem_x509_certificate((await api.send("GET", path, 200)).content)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("key_type", ["ec-p256", "rsa-2048"])
async def test_pkcs8_is_the_key_of_the_certificate(making: Enrolling, key_type: str) -> None:
    made = await making.api.post("/enrollments", wanted(making, key_type=key_type), 202)
    key = load_pem_private_key(made["private_key"]["content"].encode(), PASSWORD.encode())
    settled = await making.settled(made["id"])
    assert (settled["state"], settled["key_made"]) == ("issued", True)
    assert "private_key" not in settled
    certificate = await certificate_of(making.api, settled)
    assert certificate.public_key() == key.public_key()


@pytest.mark.usefixtures("worker")
async def test_pkcs12_holds_the_chain_once_it_is_issued(making: Enrolling, tmp_path: Path) -> None:
    body = wanted(making, format="pkcs12")
    made = await making.api.post("/enrollments", body, 201, headers=PATIENCE)
    whole = base64.b64decode(made["private_key"]["content"])
    key, leaf, chain = pkcs12.load_key_and_certificates(whole, PASSWORD.encode())
    assert key is not None
    assert made["private_key"]["with_certificate"] is True
    assert leaf == await certificate_of(making.api, made)
    assert leaf.public_key() == key.public_key()
    leaf.verify_directly_issued_by(chain[0])
    openssl = shutil.which("openssl")
    assert openssl is not None
    file = tmp_path / "key.p12"
    file.write_bytes(whole)
    command = [openssl, "pkcs12", "-in", str(file), "-passin", f"pass:{PASSWORD}", "-nodes"]
    run = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    shown = (await run.communicate())[0].decode()
    assert "BEGIN PRIVATE KEY" in shown
    assert shown.count("BEGIN CERTIFICATE") == 1 + len(chain)


async def test_pkcs12_is_the_key_alone_before(making: Enrolling) -> None:
    made = await making.api.post("/enrollments", wanted(making, format="pkcs12"), 202)
    whole = base64.b64decode(made["private_key"]["content"])
    key, leaf, chain = pkcs12.load_key_and_certificates(whole, PASSWORD.encode())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert (leaf, chain) == (None, [])
    assert made["private_key"]["with_certificate"] is False


async def test_f23_a_key_is_delivered_when_the_database_is_away() -> None:
    """Right after it said that the certificate is issued."""
    key = {"key_type": "ec-p256", "format": "pkcs12", "password": PASSWORD}
    made = made_key(KeyWanted.model_validate(key), [Name(NameKind.DNS, WWW)])
    content = {"id": str(uuid4()), "certificate_id": uuid4(), "spki_sha256": made.spki_sha256}
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere", pool_size=1)
    delivered = await deliver(database, made, content | {"state": "issued"})
    await database.aclose()
    assert delivered["with_certificate"] is False
    whole = base64.b64decode(delivered["content"])
    found, leaf, _ = pkcs12.load_key_and_certificates(whole, PASSWORD.encode())
    assert isinstance(found, ec.EllipticCurvePrivateKey)
    assert (found.private_numbers(), leaf) == (made.key.private_numbers(), None)


async def test_neither_key_nor_password_is_stored_or_logged(
    making: Enrolling, database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    headers = {"Idempotency-Key": "made-once"}
    body = wanted(making)
    made = await making.api.post("/enrollments", body, 202, headers=headers)
    pem = made["private_key"]["content"]
    key = load_pem_private_key(pem.encode(), PASSWORD.encode())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    everything = await dump(database)
    for leaked in (PASSWORD, secret.hex(), base64.b64encode(plain).decode(), pem.splitlines()[1]):
        assert leaked not in everything
        assert leaked not in "".join(capfd.readouterr())
    assert made["spki_sha256"] in everything  # the dump does see what is stored


async def dump(database: Database) -> str:
    """Every row of every table, as text; bytes in hex."""
    names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    async with database.transaction() as session:
        tables = list(await session.scalars(text(names)))
        rows = [
            line
            for table in tables
            for line in await session.scalars(text(f'SELECT t::text FROM "{table}" AS t'))
        ]
    return "\n".join(rows)


async def test_a_repeat_makes_nothing_and_delivers_no_key(making: Enrolling) -> None:
    headers = {"Idempotency-Key": "twice"}
    first = await making.api.post("/enrollments", wanted(making), 202, headers=headers)
    other = wanted(making, password="another long password")
    for body in (wanted(making), other):  # the password tells no requests apart: it is not kept
        again = await making.api.post("/enrollments", body, 202, headers=headers)
        assert again["private_key"] is None
        assert again["id"] == first["id"]
    body = wanted(making, name="api.example.com")
    refused = await making.api.post("/enrollments", body, 422, headers=headers)
    assert faults_of(refused) == {("header/Idempotency-Key", "idempotency-key-reused")}


async def test_a_repeat_is_told_of_what_is_not_allowed_any_more(making: Enrolling) -> None:
    """Refused, the order of the first request would be one that nobody knows of."""
    headers = {"Idempotency-Key": "once-more"}
    first = await making.api.post("/enrollments", wanted(making), 202, headers=headers)
    await making.api.patch(
        f"/certificate-profiles/{making.chain.profile['id']}", {"enabled": False}
    )
    again = await making.api.post("/enrollments", wanted(making), 202, headers=headers)
    assert (again["id"], again["private_key"]) == (first["id"], None)


async def test_every_fault_is_told_before_a_key_is_made(estate: Estate) -> None:
    enrolling = Enrolling(estate.api, await estate.chain(key_types=["rsa-3072"]))
    body = wanted(enrolling, name="www.example.net", common_name="elsewhere.example.org")
    problem = await estate.api.post("/enrollments", body, 422)
    assert faults_of(problem) == {
        ("/generate_key", "key-making-not-allowed"),
        ("/generate_key/key_type", "key-not-allowed"),
        ("/generate_key", "cn-not-in-san"),
        ("/names/0", "name-not-allowed"),
    }
    checked = await estate.api.post("/enrollments/validate", body, 200)
    assert faults_of(checked) == faults_of(problem)


@pytest.mark.parametrize(
    ("key_type", "expected"),
    [("rsa-2048", set()), ("ec-p256", {("", "rule-refused")})],
)
async def test_the_key_that_is_made_is_judged(
    estate: Estate, key_type: str, expected: set[tuple[str, str]]
) -> None:
    rule = {"expression": 'key_type == "rsa-2048"', "explanation": "Printers take RSA alone."}
    types = ["ec-p256", "rsa-2048"]
    chain = await estate.chain(server_side_keys=True, key_types=types, rule=rule)
    body = wanted(Enrolling(estate.api, chain), key_type=key_type)
    checked = await estate.api.post("/enrollments/validate", body, 200)
    assert (faults_of(checked), checked["key_type"]) == (expected, key_type)
    answer = await estate.api.post("/enrollments", body, 422 if expected else 202)
    assert not expected or faults_of(answer) == expected


async def test_either_a_csr_or_a_key(making: Enrolling) -> None:
    for body in (making.body(), wanted(making) | {"csr": csr_for(WWW)}):
        problem = await making.api.post("/enrollments", body, 422)
        assert faults_of(problem) == {("/csr", "field-required")}


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (None, ("/names", "names-missing")),
        ([{"kind": "dns", "value": "a..b"}], ("/names/0", "name-invalid")),
        ([{"kind": "directory", "value": "CN=a"}], ("/names/0", "san-type-not-allowed")),
    ],
)
async def test_names_no_csr_can_be_made_for(
    making: Enrolling, names: Any, fault: tuple[str, str]
) -> None:
    body = wanted(making) | {"names": names}
    assert faults_of(await making.api.post("/enrollments", body, 422)) == {fault}


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ({"password": "too short"}, ("/generate_key/password", "too-short")),
        ({"key_type": "rsa-1024"}, ("/generate_key/key_type", "not-a-choice")),
        ({"format": "pem"}, ("/generate_key/format", "not-a-choice")),
        ({"password": "\ud800" * 12}, ("/generate_key/password", "invalid-value")),
        ({"common_name": "\ud800"}, ("/generate_key/common_name", "invalid-value")),
        ({"common_name": "\xe9" * 33}, ("/generate_key/common_name", "too-long")),
    ],
)
async def test_what_cannot_be_made_is_refused_without_repeating_it(
    making: Enrolling, key: Json, fault: tuple[str, str]
) -> None:
    content = json.dumps(wanted(making, **key)).encode()
    headers = {"Content-Type": "application/json"}
    response = await making.api.send("POST", "/enrollments", 422, content=content, headers=headers)
    assert faults_of(response.json()) == {fault}
    assert await making.api.everything("/enrollments") == []
    assert "\\ud800" not in response.text
    assert "too short" not in response.text.replace("is too short", "")
    assert PASSWORD not in response.text
