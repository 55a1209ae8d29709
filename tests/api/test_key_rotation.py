"""After the key ring was rotated or scm-api upgraded, a repeat gets the answer of the first."""

import base64

from pydantic import SecretStr
from sqlalchemy import insert, select

from api_client import Api, Contract, faults_of
from estate import Json
from running import KEY_RING, StartApi
from scm_api.connectors.resealing import Resealed, reseal_all
from scm_api.core.sealing import KeyRing
from scm_api.db.base import new_id
from scm_api.db.models import IdempotencyRecord
from scm_api.db.secrets import answer_owner
from scm_api.db.session import Database
from scm_api.settings import Settings

_NEW, _LOST = (f"{name}:{base64.b64encode(name[:1].encode() * 32).decode()}" for name in "nl")
_HEADERS = {"Idempotency-Key": "before-the-rotation"}
_BODY = {"name": "kept"}


def _answer(ring: KeyRing, key: str) -> Json:
    principal_id = new_id()
    kept = {"request_digest": b"", "status": 201, "headers": {}}
    body = ring.seal(b"{}", answer_owner(principal_id, key))
    return kept | {"principal_id": principal_id, "key": key, "body": body}


async def test_an_answer_outlives_the_key_it_was_sealed_with(
    api: Api, database: Database, settings: Settings, start_api: StartApi, contract: Contract
) -> None:
    made = await api.send("POST", "/connectors", 201, json=_BODY, headers=_HEADERS)
    done = await reseal_all(database, KeyRing.parse([_NEW, KEY_RING]))
    assert (done.answers, done.lost_answers) == (1, 0)
    only_new = settings.model_copy(update={"secret_keys": (SecretStr(_NEW),)})
    async with start_api(only_new) as app:
        later = Api(app, contract, api.key)
        again = await later.send("POST", "/connectors", 201, json=_BODY, headers=_HEADERS)
        assert (again.content, again.headers["etag"]) == (made.content, made.headers["etag"])


async def test_an_answer_no_key_opens_is_said_to_be_lost(
    api: Api, settings: Settings, start_api: StartApi, contract: Contract
) -> None:
    await api.send("POST", "/connectors", 201, json=_BODY, headers=_HEADERS)
    only_new = settings.model_copy(update={"secret_keys": (SecretStr(_NEW),)})
    async with start_api(only_new) as app:
        later = Api(app, contract, api.key)
        refused = await later.post("/connectors", _BODY, 422, headers=_HEADERS)
        assert faults_of(refused) == {("header/Idempotency-Key", "idempotency-answer-lost")}
        assert len(await later.everything("/connectors")) == 1


async def test_answers_are_moved_however_many_are_lost(database: Database) -> None:
    lost, old = KeyRing.parse([_LOST]), KeyRing.parse([KEY_RING])
    new = KeyRing.parse([_NEW, KEY_RING])
    answers = [_answer(lost, "lost") for _ in range(1_000)] + [_answer(old, "old")]
    async with database.transaction() as session:
        await session.execute(insert(IdempotencyRecord), [*answers, _answer(new, "new")])
    assert await reseal_all(database, new) == Resealed(0, (), answers=1, lost_answers=1_000)
    assert await reseal_all(database, new) == Resealed(0, (), answers=0, lost_answers=1_000)


async def test_an_answer_kept_by_0_1_is_given_and_to_its_request_alone(
    api: Api, database: Database
) -> None:
    """There the digest of the request was a column, and not sealed."""
    made = await api.send("POST", "/connectors", 201, json=_BODY, headers=_HEADERS)
    ring = KeyRing.parse([KEY_RING])
    async with database.transaction() as session:
        row = (await session.scalars(select(IdempotencyRecord))).one()
        owner = answer_owner(row.principal_id, row.key)
        kept = ring.open(row.body, owner)
        row.request_digest, row.body = kept[:32], ring.seal(kept[32:], owner)
    again = await api.send("POST", "/connectors", 201, json=_BODY, headers=_HEADERS)
    assert again.content == made.content
    other = await api.post("/connectors", {"name": "other"}, 422, headers=_HEADERS)
    assert faults_of(other) == {("header/Idempotency-Key", "idempotency-key-reused")}
