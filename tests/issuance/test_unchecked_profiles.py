"""Certificate profiles saved while their CA could not be asked: said, and made up for later."""

from typing import Any

import pytest
from approvals import at_work

from api_client import faults_of
from estate import NOWHERE, Chain, Estate, Json
from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.upkeep import Upkeep
from settlement import Enrolling
from simulator import EC_ISSUING, Simulator

MISSING = EC_ISSUING[:-1] + "9"
WRONG = {
    "backend_type": "aws",
    "private_ca": EC_ISSUING,
    "signature_algorithm": "SHA256WITHRSA",
}
FAULT = ("/options/signature_algorithm", "signature-algorithm-not-possible")


class Unchecked:
    """A profile whose CA was away when it was saved."""

    def __init__(self, estate: Estate, chain: Chain) -> None:
        self.estate = estate
        self.api = estate.api
        self.chain = chain
        self.path = f"/certificate-profiles/{chain.profile['id']}"
        self.enrolling = Enrolling(estate.api, chain)

    async def shown(self) -> tuple[bool, set[tuple[str, str]]]:
        """Whether it is compared, and its faults."""
        profile: Json = await self.api.get(self.path)
        faults = profile["ca_faults"]
        return profile["checked_against_ca"], faults_of({"errors": faults}) if faults else set()

    async def judged(self, query: str = "") -> Json:
        """What a dry run says."""
        body = self.enrolling.body("www.example.com")
        found: Json = await self.api.post(f"/enrollments/validate{query}", body, 200)
        return found

    async def ca_is_back(self) -> None:
        local = self.chain.local_ca_backend
        path = f"/connectors/{self.chain.connector['id']}/local-ca-backends/{local['id']}"
        await self.api.patch(path, self.estate.connection())

    async def check(self) -> None:
        path = f"/ca-backends/{self.chain.ca_backend['id']}/check"
        assert (await self.api.post(path, status=200))["status"] == "available"


async def unchecked(estate: Estate, **options: Any) -> Unchecked:
    connector = await estate.connector()
    local = await estate.local_ca_backend(connector["id"], url=NOWHERE)
    backend = await estate.ca_backend(local["id"])
    organization = await estate.organization("example.com", "*.example.com")
    changes = {"options": WRONG | options, "organization_ids": [organization["id"]]}
    profile = await estate.profile(backend["id"], **changes)
    return Unchecked(estate, Chain(connector, local, backend, organization, profile))


async def test_it_says_so_until_the_ca_was_asked(estate: Estate) -> None:
    made = await unchecked(estate)
    assert made.chain.profile["checked_against_ca"] is False
    assert await made.shown() == (False, set())
    assert (await made.judged())["valid"]
    await made.ca_is_back()
    assert (await made.judged())["valid"], "nobody has asked the CA yet"
    await made.check()
    assert await made.shown() == (True, {FAULT})
    assert ("/certificate_profile_id", FAULT[1]) in faults_of(await made.judged())
    body = made.enrolling.body("www.example.com")
    problem = await made.api.post("/enrollments", body, 422)
    assert faults_of(problem) == {("/certificate_profile_id", FAULT[1])}


async def test_what_fits_is_used_as_if_it_had_been_there_all_along(estate: Estate) -> None:
    made = await unchecked(estate, signature_algorithm="SHA256WITHECDSA")
    await made.ca_is_back()
    await made.check()
    assert await made.shown() == (True, set())
    assert (await made.judged())["valid"]
    saved = await estate.profile(made.chain.ca_backend["id"])
    assert (saved["checked_against_ca"], saved["ca_faults"]) == (True, [])


async def test_a_change_that_does_not_concern_the_ca_leaves_it_unchecked(estate: Estate) -> None:
    made = await unchecked(estate)
    changed = await made.api.patch(made.path, {"description": "for later"})
    assert (changed["version"], changed["checked_against_ca"]) == (2, False)
    await made.ca_is_back()
    await made.check()
    assert ("/certificate_profile_id", FAULT[1]) in faults_of(await made.judged())
    mended = {"options": WRONG | {"signature_algorithm": "SHA256WITHECDSA"}}
    assert (await made.api.patch(made.path, mended))["ca_faults"] == []
    assert (await made.judged())["valid"]


async def test_a_dry_run_that_may_ask_the_ca_finds_out(estate: Estate) -> None:
    made = await unchecked(estate)
    assert (await made.judged("?ask_ca=true"))["valid"], "the CA is still away"
    await made.ca_is_back()
    found = await made.judged("?ask_ca=true")
    assert faults_of(found) == {("/certificate_profile_id", FAULT[1])}


async def test_upkeep_asks_a_ca_that_nobody_checked(
    estate: Estate, database: Database, settings: Settings
) -> None:
    made = await unchecked(estate)
    await made.ca_is_back()
    pool = DriverPool()
    ring = load_key_ring(settings)
    gateway = Gateway(database, ring, pool)
    await Upkeep(database, gateway, ring, settings.approval_within).check_backends()
    await pool.aclose()
    assert await made.shown() == (True, {FAULT})


@pytest.mark.parametrize("options", [{}, {"private_ca": MISSING, "signature_algorithm": None}])
async def test_what_was_accepted_before_the_ca_was_asked_is_not_sent(
    estate: Estate, settings: Settings, simulator: Simulator, options: Json
) -> None:
    made = await unchecked(estate, **options)
    path = f"/enrollments/{(await made.enrolling.enroll('www.example.com'))['id']}"
    await made.ca_is_back()
    await made.check()
    async with at_work(settings):
        parked = await made.enrolling.until(path, "state", "parked")
    code = "reference-not-allowed" if options else FAULT[1]
    assert parked["reason_code"] == code
    assert simulator.ledger("order") == []
    assert simulator.calls("IssueCertificate") == []
