"""T21: a key that another organization has."""

import asyncio

from api_client import Api, faults_of
from csrs import csr_for, new_key
from estate import Estate, Json
from scm_api.settings import Settings
from scm_api.worker.process import working
from settlement import Enrolling

WWW = "www.example.com"


async def _told_of_use(api: Api, enrollment: Json) -> bool:
    [event] = await api.everything(f"/audit-events?subject_id={enrollment['id']}")
    return bool(event["details"].get("key_in_use", False))


async def test_t21_a_key_of_another_organization_is_told_of_and_refused_by_setting(
    estate: Estate, enrolling: Enrolling
) -> None:
    api, key = estate.api, new_key()
    elsewhere = Enrolling(api, await estate.chain())
    parent = enrolling.chain.organization["id"]
    department = await api.post(f"/organizations/{parent}/departments", {"name": "Shop"})
    await api.post(f"/organizations/{department['id']}/domains", {"name": "*.example.com"})
    profile = f"/certificate-profiles/{enrolling.chain.profile['id']}"
    await api.patch(profile, {"organization_ids": [parent, department["id"]]})
    told = [
        await _told_of_use(api, await asking.enroll(csr=csr_for(WWW, key=key), **changes))
        for asking, changes in (
            (enrolling, {}),
            (enrolling, {"organization_id": department["id"]}),
            (elsewhere, {}),
        )
    ]
    assert told == [False, False, True]

    await api.patch("/account-settings", {"refuse_keys_in_use": True})
    again = elsewhere.body(csr=csr_for(WWW, key=key))
    for path, status in (("/enrollments", 422), ("/enrollments/validate", 200)):
        problem = await api.post(path, again, status)
        assert faults_of(problem) == {("/csr", "key-in-use")}
        assert parent not in str(problem["errors"])
    await elsewhere.enroll(WWW)


async def test_t21_of_two_the_younger_is_not_ordered_while_the_older_has_the_key(
    estate: Estate, enrolling: Enrolling, settings: Settings
) -> None:
    api, csr = estate.api, csr_for(WWW, key=new_key())
    elsewhere = Enrolling(api, await estate.chain())
    older, younger = await enrolling.enroll(csr=csr), await elsewhere.enroll(csr=csr)
    await api.patch("/account-settings", {"refuse_keys_in_use": True})
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        issued = await enrolling.settled(older["id"])
        parked = await enrolling.settled(younger["id"])
        assert (issued["state"], parked["state"]) == ("issued", "parked")
        assert parked["reason_code"] == "key-in-use"
        certificate = f"/certificates/{issued['certificate_id']}"
        await api.post(f"{certificate}/revoke", {"reason": "superseded"}, 202)
        await enrolling.until(certificate, "revocation.state", "done")
        await api.post(f"/enrollments/{younger['id']}/retry", status=200)
        assert (await enrolling.settled(younger["id"]))["state"] == "issued"
        queue.stop()
        await running
