"""The control interface: clean JSON in and out, and errors that say what is wrong."""

from typing import Any

import pytest
from aws_client import EC_ISSUING, SHORT_LIVED, Sandbox, refused

from scm_api.sandbox import aws
from scm_api.sandbox.aws.settings import DOCUMENTED_QUOTAS


def test_the_overview_is_enough_to_begin(sandbox: Sandbox) -> None:
    overview = sandbox.control("GET", "")
    assert overview["region"] == aws.REGION
    client = sandbox.client(key_id=overview["access_key_id"], secret=overview["secret_access_key"])
    usable = [
        ca["arn"]
        for ca in overview["certificate_authorities"]
        if ca["status"] == "ACTIVE" and ca["region"] == aws.REGION
    ]
    assert EC_ISSUING in usable
    for ca in usable:
        client.describe_certificate_authority(CertificateAuthorityArn=ca)
    assert sandbox.control("GET", "/") == overview
    assert sandbox.control("GET", "/certificate-authorities") == {
        "certificate_authorities": overview["certificate_authorities"]
    }


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "", "Unable to extract tag"),
        ({"action": "explode"}, "", "does not match any of the expected tags"),
        ({"action": "delay"}, "delay.seconds", "Field required"),
        ({"action": "close", "count": 0}, "close.count", "greater than or equal to 1"),
        ({"action": "close", "operation": "Nope"}, "close", "no such operation: Nope"),
        ({"action": "close", "seconds": -1}, "close.seconds", "greater than or equal to 0"),
        ({"action": "throttle", "when": "after"}, "throttle.when", "Input should be 'before'"),
        ({"action": "error", "status": 200}, "error.status", "greater than or equal to 400"),
        ({"action": "error", "headers": {"A": "b\r\nC: d"}}, "error.headers.A", "match pattern"),
        ({"action": "reset", "surprise": 1}, "reset.surprise", "Extra inputs"),
        (
            {"action": "mutate_issue", "mutation": "chain_shuffled"},
            "mutate_issue.mutation",
            "Input should be 'other_key'",
        ),
        (
            {"action": "mutate_get", "mutation": "chain_shuffled", "operation": "*"},
            "mutate_get.operation",
            "Input should be 'GetCertificate'",
        ),
    ],
)
def test_faults_that_make_no_sense_are_explained(
    sandbox: Sandbox, body: dict[str, Any], field: str, message: str
) -> None:
    error = sandbox.control("POST", "/faults", body, status=422)["error"]
    assert error["code"] == "invalid"
    assert error["faults"][0]["field"] == field
    assert message in error["faults"][0]["message"]
    assert sandbox.control("GET", "/faults") == {"faults": []}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"pending_gets": -1}, "pending_gets"),
        ({"quotas": {"Unknown": 1}}, "quotas"),
        ({"quotas": {"IssueCertificate": 0}}, "quotas.IssueCertificate"),
        ({"idempotency_seconds": 0}, "idempotency_seconds"),
        ({"latency": {"distribution": "normal"}}, "latency.distribution"),
        ({"clock_offset_seconds": 1e300}, "clock_offset_seconds"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_settings_are_validated_and_stay(
    sandbox: Sandbox, changes: dict[str, Any], field: str
) -> None:
    before = sandbox.control("GET", "/settings")
    error = sandbox.control("PATCH", "/settings", changes, status=422)["error"]
    assert error["faults"][0]["field"] == field
    assert sandbox.control("GET", "/settings") == before


def test_settings_change_by_member(sandbox: Sandbox) -> None:
    sandbox.settings(pending_gets=3)
    changed = sandbox.control("PATCH", "/settings", {"latency": {"ms": 1}})
    assert changed["pending_gets"] == 3
    assert changed["latency"]["ms"] == 1
    assert sandbox.control("GET", "/settings") == changed


def test_the_documented_quotas_are_the_default() -> None:
    assert aws.Behaviour().quotas == DOCUMENTED_QUOTAS
    assert DOCUMENTED_QUOTAS["IssueCertificate"] == 25
    assert DOCUMENTED_QUOTAS["GetCertificate"] == 75
    assert aws.Behaviour().idempotency_seconds == 300


def test_bodies_that_are_not_json_objects(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/_sandbox/faults"
    for content in (b"{", b"[]", b"1"):
        response = sandbox.http.post(url, content=content)
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "malformed"


def test_unknown_paths_ids_and_states(sandbox: Sandbox) -> None:
    assert "GET /_sandbox/nope" in sandbox.control("GET", "/nope", status=404)["error"]["message"]
    sandbox.control("DELETE", "/settings", status=404)
    sandbox.control("DELETE", "/faults/999", status=404)
    sandbox.control("DELETE", "/faults/x", status=404)
    sandbox.control("PATCH", "/certificate-authorities/x", {"status": "ACTIVE"}, status=404)
    path = f"/certificate-authorities/{aws.EC_ISSUING_ID}"
    sandbox.control("PATCH", path, {"status": "GONE"}, status=422)
    sandbox.control("PUT", "/credentials", {"access_keys": [{"user": "x"}]}, status=422)


def test_ledger_and_calls_are_read_in_pages_and_filtered(sandbox: Sandbox) -> None:
    for _ in range(3):
        sandbox.issue()
    whole = sandbox.ledger()
    read, after = [], 0
    while (page := sandbox.control("GET", f"/ledger?limit=4&after={after}"))["entries"]:
        read += page["entries"]
        after = page["next"]
    assert read == whole
    assert len(sandbox.ledger("order")) == 3
    sandbox.issue()
    later = sandbox.control("GET", f"/ledger?after={after}")["entries"]
    assert [entry["kind"] for entry in later] == ["order", "certificate"]
    with refused("ValidationException"):
        sandbox.issue(IdempotencyToken="x" * 37)
    (failed,) = sandbox.control("GET", "/calls?error=ValidationException")["entries"]
    assert failed["token"] == "x" * 37
    assert failed["principal"].endswith("user/sandbox-admin")
    for query in ("after=5", "limit=x", "limit=1001", "after=-1", "unknown=1"):
        error = sandbox.control("GET", f"/ledger?{query}", status=400)["error"]
        assert error["code"] == "malformed"


def test_reset_keeps_what_was_issued_unless_told_otherwise(sandbox: Sandbox) -> None:
    arn = sandbox.issue(IdempotencyToken="a-token")
    sandbox.settings(pending_gets=9)
    sandbox.fault("*", "throttle")
    sandbox.control(
        "PATCH",
        f"/certificate-authorities/{SHORT_LIVED.rpartition('/')[2]}",
        {"status": "DISABLED"},
    )
    sandbox.control("POST", "/reset", status=204)
    assert sandbox.issue(IdempotencyToken="a-token") == arn
    assert len(sandbox.ledger("order")) == 1
    sandbox.issue(SHORT_LIVED)
    sandbox.control("POST", "/reset", {"issued": True}, status=204)
    assert sandbox.ledger() == []
    with refused("ResourceNotFoundException"):
        sandbox.get(arn)
    sandbox.control("POST", "/reset", {"everything": True}, status=422)
