"""A CA that takes a revocation and waits: said so, asked again, and done once."""

from collections import deque

import pytest
from approvals import at_work

from api_client import code_of
from estate import Estate
from memory_estate import memory_chain
from scm_api.settings import Settings
from settlement import Enrolling


@pytest.mark.parametrize("fault", [None, "lose"])
async def test_a_revocation_the_ca_holds_is_pending_there_until_it_is_done(
    estate: Estate, settings: Settings, fault: str | None
) -> None:
    chain, authority = await memory_chain(estate, "device")
    enrolling = Enrolling(estate.api, chain)
    async with at_work(settings):
        path = f"/certificates/{(await enrolling.issued('www.example.com'))['id']}"
        authority.holding = True
        authority.faults["revoke"] = deque([fault] if fault else [])
        await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
        waiting = await enrolling.until(path, "revocation.state", "pending_ca")
        assert waiting["status"] == "valid"
        assert waiting["revocation"]["detail"] == "an operator of the CA"
        again = await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
        assert again["revocation"] == waiting["revocation"]
        headers = {"If-Match": "*"}
        refused = await enrolling.api.post(f"{path}/revocation/cancel", {}, 409, headers=headers)
        assert code_of(refused) == "wrong-state"
        info = await enrolling.api.get(f"{path}/renewal-info")
        assert info["advice"] == "now"
        assert authority.revoked == {}
        authority.release()
        done = await enrolling.until(path, "revocation.state", "done")
    assert (done["status"], done["revocation"]["detail"]) == ("revoked", None)
    assert len(authority.revoked) == 1
    events = await enrolling.api.everything(f"/audit-events?subject_id={done['id']}")
    assert [event["action"] for event in events] == [
        "certificate.revoked",
        "certificate.revocation_accepted_by_ca",
        "certificate.revocation_requested",
    ]


async def test_f41_new_credentials_are_tried_at_once(estate: Estate, settings: Settings) -> None:
    """The next look at the revocation is minutes ahead, and the next check of the CA a minute."""
    chain, authority = await memory_chain(estate, "device")
    enrolling = Enrolling(estate.api, chain)
    local = f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    backend = f"/ca-backends/{chain.ca_backend['id']}"
    async with at_work(settings):
        path = f"/certificates/{(await enrolling.issued('www.example.com'))['id']}"
        authority.accounts = {"new": "ada"}
        await estate.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
        await enrolling.until(backend, "status", "refused")
        secrets = {"backend_type": "memory", "password": "new"}
        await estate.api.patch(local, {"secrets": secrets})
        await enrolling.until(backend, "status", "available")
        await enrolling.until(path, "revocation.state", "done")
