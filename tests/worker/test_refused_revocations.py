"""F41: a CA that refuses our credentials is not asked by everything that waits for it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, text, update

from estate import Chain, Estate
from memory_estate import memory_chain
from scm_api.db.models import CaBackendHealth
from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.bulkhead import Bulkhead
from scm_api.worker.crash import CrashPoints
from scm_api.worker.issuance import Issuance
from scm_api.worker.limits import Limits
from scm_api.worker.planning import REFUSED_WAIT
from scm_api.worker.revocation import Revocation
from scm_api.worker.upkeep import Upkeep
from settlement import Enrolling


class Accounts(dict[str, str]):
    """Counts who asks to be let in."""

    asked = 0

    def get(self, password: str, default: str | None = None) -> str | None:  # type: ignore[override]  # one type is enough here
        self.asked += 1
        return super().get(password, default)


_CHECKS = text("DELETE FROM pgqueuer WHERE entrypoint = 'check_ca_backend' RETURNING payload")
Parts = tuple[Database, Gateway, Limits, CrashPoints, Bulkhead]


@pytest.fixture
async def parts(database: Database, settings: Settings) -> AsyncIterator[Parts]:
    """What a worker's parts are made of."""
    pool = DriverPool()
    gateway = Gateway(database, load_key_ring(settings), pool)
    limits = Limits(*(timedelta(minutes=each) for each in (1, 0.5, 5)), attempts=5)
    yield database, gateway, limits, CrashPoints(settings), Bulkhead(10)
    await pool.aclose()


async def revoking(
    estate: Estate, chain: Chain, issuance: Issuance, reason: str = "superseded"
) -> UUID:
    """A certificate that is to be revoked."""
    made = UUID((await Enrolling(estate.api, chain).enroll("www.example.com"))["id"])
    await issuance.advance(made)
    certificate = (await estate.api.get(f"/enrollments/{made}"))["certificate_id"]
    await estate.api.post(f"/certificates/{certificate}/revoke", {"reason": reason}, 202)
    return UUID(certificate)


async def test_f41_one_refusal_is_enough(estate: Estate, parts: Parts) -> None:
    chain, authority = await memory_chain(estate, "device")
    revocation = Revocation(*parts)
    certificate = await revoking(estate, chain, Issuance(*parts))
    authority.accounts = accounts = Accounts()
    for _ in range(3):
        assert await revocation.revoke(certificate, 0) is not None
    assert accounts.asked == 1
    authority.accounts = {"new": "ada"}
    local = f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    secrets = {"backend_type": "memory", "password": "new"}
    await estate.api.patch(local, {"secrets": secrets})
    assert await revocation.revoke(certificate, 0) is None
    assert authority.revoked


async def test_f41_the_others_wait_for_the_answer_of_the_one_that_asks_again(
    estate: Estate, parts: Parts
) -> None:
    """What is mended at the CA is no change here: all of them wake at the same time."""
    chain, authority = await memory_chain(estate, "device")
    now, deadline = 0.0, parts[2].write_deadline
    issuance, revocation = Issuance(*parts), Revocation(*parts, clock=lambda: now)
    found = [await revoking(estate, chain, issuance) for _ in range(2)]
    accounts, authority.accounts = authority.accounts, {}
    assert await revocation.revoke(found[0], 0) == REFUSED_WAIT
    now += REFUSED_WAIT.total_seconds()
    authority.accounts = accounts
    authority.faults["revoke"] = deque(["hang"])
    asking = asyncio.create_task(revocation.revoke(found[0], 1))
    await authority.hangs.wait()
    assert await revocation.revoke(found[1], 1) == deadline
    asking.cancel()
    now += deadline.total_seconds()
    assert await revocation.revoke(found[1], 2) is None


@pytest.mark.parametrize(
    ("known", "passwords"),
    [("refused", ("mistyped", "new")), (None, ("mistyped", "new")), ("available", ("new",))],
)
async def test_f41_new_credentials_are_tried_by_one_check_and_not_by_each_order(
    estate: Estate,
    parts: Parts,
    settings: Settings,
    known: str | None,
    passwords: Sequence[str],
) -> None:
    """Also where nobody knows yet how the CA is: that a right is missing says nothing of it."""
    chain, authority = await memory_chain(estate, "device")
    issuance = Issuance(*parts)
    upkeep = Upkeep(parts[0], parts[1], load_key_ring(settings), timedelta(0))
    enrolling = Enrolling(estate.api, chain)
    made = [UUID((await enrolling.enroll("www.example.com"))["id"]) for _ in range(2)]
    authority.accounts = accounts = Accounts()
    for each in made:
        await issuance.advance(each)
    async with parts[0].transaction() as session:
        if known is None:
            await session.execute(delete(CaBackendHealth))
        else:
            await session.execute(update(CaBackendHealth).values(status=known))
    local = f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    for password in passwords:
        for each in ("typo", password):
            await estate.api.patch(local, {"secrets": {"backend_type": "memory", "password": each}})
        accounts.asked = 0
        for one in made:
            await issuance.advance(one)
        assert accounts.asked == 0
        accounts["new"] = "ada"
        async with parts[0].transaction() as session:
            (check,) = (await session.scalars(_CHECKS)).all()
        await upkeep.check(UUID(bytes=check))
    for each in made:
        await issuance.advance(each)
        assert (await estate.api.get(f"/enrollments/{each}"))["state"] == "issued"
