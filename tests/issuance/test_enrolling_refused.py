"""Everything that is refused before a CA hears of it, of which the dry run says the same."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from api_client import Api, code_of, faults_of
from csrs import csr_for
from estate import Chain, Estate
from settlement import Enrolling
from simulator import SHORT_LIVED, Simulator

WWW = "www.example.com"
UNKNOWN = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e99"


async def _refused(
    enrolling: Enrolling, simulator: Simulator, status: int = 422, **body: Any
) -> dict[str, Any]:
    """The problem, with proof that the dry run says the same and that no CA was called."""
    problem: dict[str, Any] = await enrolling.api.post("/enrollments", body, status)
    dry = await enrolling.api.post("/enrollments/validate", body, 200)
    assert not dry["valid"]
    assert dry["errors"] == problem["errors"]
    assert simulator.calls("IssueCertificate") == []
    assert await enrolling.api.everything("/enrollments") == []
    return problem


async def test_all_faults_are_listed_at_once(enrolling: Enrolling, simulator: Simulator) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    body = enrolling.body(csr=csr_for(WWW, "www.other.test", key=weak), term_days=31)
    problem = await _refused(enrolling, simulator, **body)
    assert faults_of(problem) == {
        ("/csr", "name-not-allowed"),
        ("/csr", "key-not-allowed"),
        ("/term_days", "term-not-allowed"),
    }
    assert all(fault["detail"] for fault in problem["errors"])


async def test_t01_a_changed_csr_is_refused(enrolling: Enrolling, simulator: Simulator) -> None:
    body = enrolling.body(csr=_with_name_replaced(b"www.example.com", b"wwx.example.com"))
    problem = await _refused(enrolling, simulator, **body)
    assert "csr-signature-invalid" in {code_of(fault) for fault in problem["errors"]}


def _with_name_replaced(old: bytes, new: bytes) -> str:
    lines = csr_for(old.decode()).splitlines()[1:-1]
    return base64.b64encode(base64.b64decode("".join(lines)).replace(old, new)).decode()


async def test_t02_names_beyond_those_asked_are_refused_at_both_places(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    asked = [{"kind": "dns", "value": WWW}]
    body = enrolling.body(WWW, "evil.example.com", names=asked)
    problem = await _refused(enrolling, simulator, **body)
    assert faults_of(problem) == {("/csr", "names-differ"), ("/names", "names-differ")}


async def test_t17_only_owned_names_are_certified(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    problem = await _refused(enrolling, simulator, **enrolling.body("notexample.com"))
    assert faults_of(problem) == {("/csr", "name-not-allowed")}
    assert "*.example.com" in problem["errors"][0]["accepted"]


async def test_t23_a_private_key_is_refused_and_kept_nowhere(
    enrolling: Enrolling, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "MC4CAQAwBQYDK2VwBCIEICanaryCanaryCanaryCanaryCanaryCanaryCana"
    key = f"-----BEGIN PRIVATE KEY-----\n{canary}\n-----END PRIVATE KEY-----\n"
    problem = await _refused(enrolling, simulator, **enrolling.body(csr=key))
    assert code_of(problem) == "private-key-received"
    assert canary not in str(problem) + caplog.text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda pem: "x" + pem, "csr-malformed"),
        (lambda pem: pem + pem, "csr-malformed"),
        (lambda pem: pem.replace("CERTIFICATE REQUEST", "CERTIFICATE"), "csr-malformed"),
        (lambda _: "AAAA" * 10_000, "csr-too-large"),
        (lambda _: "", "csr-malformed"),
    ],
)
async def test_what_is_no_csr_is_refused(
    enrolling: Enrolling, simulator: Simulator, change: Any, code: str
) -> None:
    problem = await _refused(enrolling, simulator, **enrolling.body(csr=change(csr_for(WWW))))
    assert faults_of(problem) == {("/csr", code)}


async def test_a_name_asked_for_twice_is_refused(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    problem = await _refused(enrolling, simulator, **enrolling.body(WWW, WWW))
    assert ("/csr", "name-duplicate") in faults_of(problem)


@pytest.mark.parametrize("member", ["organization_id", "certificate_profile_id"])
async def test_t35_an_unknown_reference_reads_like_one_of_somebody_else(
    enrolling: Enrolling, simulator: Simulator, member: str
) -> None:
    problem = await _refused(enrolling, simulator, **enrolling.body(WWW, **{member: UNKNOWN}))
    assert (f"/{member}", "reference-not-found") in faults_of(problem)


async def test_a_profile_of_others_or_switched_off_is_refused(
    enrolling: Enrolling, simulator: Simulator, estate: Estate, chain: Chain
) -> None:
    stranger = await estate.organization("*.example.com")
    body = enrolling.body(WWW, organization_id=stranger["id"])
    problem = await _refused(enrolling, simulator, **body)
    assert faults_of(problem) == {("/certificate_profile_id", "profile-not-delegated")}
    await estate.api.patch(f"/certificate-profiles/{chain.profile['id']}", {"enabled": False})
    problem = await _refused(enrolling, simulator, **enrolling.body(WWW))
    assert faults_of(problem) == {("/certificate_profile_id", "profile-disabled")}


async def test_a_key_the_profile_or_the_ca_does_not_take_is_refused(
    estate: Estate, simulator: Simulator
) -> None:
    enrolling = Enrolling(estate.api, await estate.chain(key_types=["rsa-2048"]))
    body = enrolling.body(csr=csr_for(WWW, key=ec.generate_private_key(ec.SECP384R1())))
    problem = await _refused(enrolling, simulator, **body)
    assert faults_of(problem) == {("/csr", "key-not-allowed")}
    assert problem["errors"][0]["accepted"] == "rsa-2048"


async def test_an_end_beyond_a_short_lived_ca_is_refused_and_one_that_is_over_at_once(
    estate: Estate, simulator: Simulator
) -> None:
    options = {"backend_type": "aws", "private_ca": SHORT_LIVED}
    term = {"allowed_days": [7], "default_days": 7}
    enrolling = Enrolling(estate.api, await estate.chain(options=options, term=term))
    for ahead, code in (
        (timedelta(days=8), "term-too-long"),
        (timedelta(seconds=9), "term-too-short"),
    ):
        end = (datetime.now(UTC) + ahead).isoformat()
        problem = await _refused(enrolling, simulator, **enrolling.body(WWW, not_after=end))
        assert faults_of(problem) == {("/not_after", code)}


async def test_a_term_and_an_end_at_once_are_refused(enrolling: Enrolling) -> None:
    end = (datetime.now(UTC) + timedelta(days=8)).isoformat()
    body = enrolling.body(WWW, term_days=30, not_after=end)
    problem = await enrolling.api.post("/enrollments", body, 422)
    assert faults_of(problem) == {("/not_after", "term-not-allowed")}


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"state": "issued"}, "/state", "unknown-field"),
        ({"term_days": "90"}, "/term_days", "invalid-value"),
        ({"names": [{"kind": "dnss", "value": "x"}]}, "/names/0/kind", "not-a-choice"),
        ({"comment": "a\nb"}, "/comment", "invalid-value"),
    ],
)
async def test_t39_fields_are_exact(
    enrolling: Enrolling, body: dict[str, Any], pointer: str, code: str
) -> None:
    problem = await enrolling.api.post("/enrollments", enrolling.body(WWW, **body), 422)
    assert faults_of(problem) == {(pointer, code)}


async def test_an_enrollment_that_does_not_exist_is_404(api: Api) -> None:
    problem = await api.get(f"/enrollments/{UNKNOWN}", 404)
    assert code_of(problem) == "not-found"


async def test_a_profile_s_own_rule_is_explained(
    enrolling: Enrolling, simulator: Simulator, estate: Estate, chain: Chain
) -> None:
    rule = {
        "expression": 'subject.all(a, a.type == "CN" && a.value.startsWith("www."))',
        "explanation": "Only web servers are certified by this profile.",
    }
    await estate.api.patch(f"/certificate-profiles/{chain.profile['id']}", {"rule": rule})
    problem = await _refused(enrolling, simulator, **enrolling.body("mail.example.com"))
    assert faults_of(problem) == {("", "rule-refused")}
    assert rule["explanation"] in str(problem)
    await enrolling.enroll(WWW)
