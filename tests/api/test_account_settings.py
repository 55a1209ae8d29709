"""Settings of the whole account: for MRAOs, versioned, audited."""

from api_client import Api, code_of, faults_of

PATH = "/account-settings"
OWN = "mrao_may_approve_own_requests"


async def test_a_change_names_its_version_and_is_audited_once(api: Api) -> None:
    before = await api.get(PATH)
    assert before[OWN] is False
    changed = await api.patch(PATH, {OWN: True}, if_match=before["version"])
    assert changed | {"updated_at": ""} == before | {
        OWN: True,
        "version": before["version"] + 1,
        "updated_at": "",
    }
    assert await api.patch(PATH, {OWN: True}) == changed, "nothing changed, no new version"
    assert await api.patch(PATH, {}) == changed
    problem = await api.patch(PATH, {OWN: False}, 412, if_match=before["version"])
    assert code_of(problem) == "stale"
    bare = await api.send("PATCH", PATH, 428, json={OWN: False})
    assert code_of(bare.json()) == "precondition-required"
    events = await api.everything("/audit-events?action=account_settings.updated")
    assert [event["details"] for event in events] == [{OWN: True}]
    assert await api.get(PATH) == changed


async def test_t39_unknown_fields_are_refused(api: Api) -> None:
    problem = await api.patch(PATH, {OWN: "yes", "version": 7}, 422)
    assert faults_of(problem) == {(f"/{OWN}", "invalid-value"), ("/version", "unknown-field")}
