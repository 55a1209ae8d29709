"""A certificate on hold is revoked for good at the CA, where the hold could be lifted otherwise."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from test_changes import Stage
from test_refused_revocations import Parts, parts, revoking

from api_client import code_of
from estate import Estate
from memory_estate import memory_chain
from scm_api.db.models import Certificate
from scm_api.worker.issuance import Issuance
from scm_api.worker.revocation import Revocation
from settlement import Enrolling

__all__ = ["parts"]
FOR_GOOD = {"reason": "superseded"}


@pytest.mark.parametrize("in_bulk", [False, True])
async def test_the_ca_is_told_that_it_is_for_good(
    estate: Estate, parts: Parts, in_bulk: bool
) -> None:
    """Without another approval, and the certificate is not in force meanwhile."""
    chain, authority = await memory_chain(estate, "device")
    revocation = Revocation(*parts)
    held = await revoking(estate, chain, Issuance(*parts), "certificate_hold")
    assert await revocation.revoke(held, 0) is None
    profile = f"/certificate-profiles/{chain.profile['id']}"
    await estate.api.patch(profile, {"revocation_requires_approval": True})
    path = f"/certificates/{held}"
    await estate.api.post(f"{path}/revoke", {"reason": "certificate_hold"}, 200)
    late = FOR_GOOD | {"effective_at": f"{datetime.now(UTC) + timedelta(hours=1):%FT%TZ}"}
    problem = await estate.api.post(f"{path}/revoke", late, 422)
    assert code_of(problem) == "effective-at-not-possible"
    if in_bulk:
        bulk = FOR_GOOD | {"certificate_ids": [str(held)]}
        await estate.api.post("/bulk-revocations", bulk, 202)
    else:
        await estate.api.post(f"{path}/revoke", FOR_GOOD, 202)
    shown = await estate.api.get(path)
    assert (shown["status"], shown["revocation"]["state"]) == ("revoked", "requested")
    assert await revocation.revoke(held, 0) is None
    assert list(authority.revoked.values()) == ["superseded"]
    shown = await estate.api.post(f"{path}/revoke", FOR_GOOD, 200)
    assert (shown["status"], shown["revocation"]["state"]) == ("revoked", "done")


async def test_the_ca_is_told_again_when_it_was_just_told_of_the_hold(
    estate: Estate, parts: Parts
) -> None:
    chain, authority = await memory_chain(estate, "device")
    revocation, stage = Revocation(*parts), Stage(parts[0], Enrolling(estate.api, chain))
    held: UUID = await revoking(estate, chain, Issuance(*parts), "certificate_hold")
    async with parts[0].transaction() as session:
        await session.execute(
            select(Certificate.id).where(Certificate.id == held).with_for_update()
        )
        path = f"/certificates/{held}/revoke"
        asking = asyncio.create_task(estate.api.post(path, FOR_GOOD, 202))
        await stage.blocked(1)
        telling = asyncio.create_task(revocation.revoke(held, 0))
        await stage.blocked(2)
    await asking
    assert await telling is not None
    assert list(authority.revoked.values()) == ["certificate_hold"]
    assert await revocation.revoke(held, 1) is None
    assert list(authority.revoked.values()) == ["superseded"]
