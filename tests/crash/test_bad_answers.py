"""F09 to F14: the CA answers with something else than was ordered."""

from typing import Any

import pytest
from stage import Stage

from api_client import Api, code_of

ISSUE, GET = "IssueCertificate", "GetCertificate"


async def answered_with(stage: Stage, operation: str, mutation: str) -> dict[str, Any]:
    """An enrollment, at rest, that met this mutation at the CA."""
    action = {ISSUE: "mutate_issue", GET: "mutate_get"}[operation]
    stage.simulator.fault(operation, action, mutation=mutation)
    enrollment_id = await stage.client.enroll("a.example.com", "b.example.com")
    await stage.at_rest()
    return await stage.client.look(enrollment_id)


@pytest.mark.parametrize(
    ("mutations", "found"),
    [
        pytest.param(["other_key"], "another key", id="f09"),
        pytest.param(["added_name", "dropped_name", "changed_subject"], "", id="f10"),
        pytest.param(["shifted_end"], "It ends at", id="f11"),
        pytest.param(["other_issuer"], "does not build to the CA that was asked", id="f12"),
    ],
)
async def test_a_certificate_that_was_not_ordered_is_quarantined(
    stage: Stage, api: Api, mutations: list[str], found: str
) -> None:
    stage.worker()
    for mutation in mutations:
        shown = await answered_with(stage, ISSUE, mutation)
        assert (shown["state"], shown["reason_code"]) == ("parked", "certificate-quarantined")
        assert found in shown["reason"]
        content = f"/certificates/{shown['certificate_id']}/content"
        assert code_of(await api.get(content, 409)) == "certificate-quarantined"
        retry = f"/enrollments/{shown['id']}/retry"
        assert code_of(await api.post(retry, {}, 409)) == "certificate-quarantined"
        await stage.client.revoke(shown["certificate_id"])
    await stage.at_rest()
    assert len(stage.simulator.ledger("revocation")) == len(mutations)
    await stage.story_holds()


async def test_f10_names_in_another_spelling_are_accepted_with_a_note(
    stage: Stage, api: Api
) -> None:
    stage.worker()
    shown = await answered_with(stage, ISSUE, "changed_case")
    assert shown["state"] == "issued"
    (note,) = (await api.get(f"/certificates/{shown['certificate_id']}"))["notes"]
    assert "spells names differently" in note
    await stage.story_holds()


async def test_f12_a_disordered_chain_is_put_right(stage: Stage, api: Api) -> None:
    stage.worker()
    chains = set()
    for mutation in ("chain_shuffled", "chain_unrelated", "chain_incomplete"):
        shown = await answered_with(stage, GET, mutation)
        assert shown["state"] == "issued"
        content = f"/certificates/{shown['certificate_id']}/content"
        whole = (await api.send("GET", f"{content}?format=chain", 200)).text
        leaf = (await api.send("GET", f"{content}?format=pem", 200)).text
        assert whole.startswith(leaf)
        chains.add(whole.removeprefix(leaf))
    assert len(chains) == 1
    assert chains.pop().count("BEGIN CERTIFICATE") == 2
    await stage.story_holds()


@pytest.mark.parametrize(
    ("operation", "mutation"),
    [
        pytest.param(GET, "other_certificate", id="f13"),
        pytest.param(ISSUE, "repeated_arn", id="f14"),
    ],
)
async def test_what_belongs_to_another_enrollment_is_left_to_a_person(
    stage: Stage, operation: str, mutation: str
) -> None:
    stage.worker()
    await stage.client.enroll()
    await stage.at_rest()
    shown = await answered_with(stage, operation, mutation)
    assert (shown["state"], shown["reason_code"]) == ("parked", "ca-reference-clash")
    assert shown["certificate_id"] is None
    await stage.story_holds()
