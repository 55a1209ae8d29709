"""From a CSR to a certificate through the simulator, and everything that is refused before it."""

import asyncio
import base64
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from api_client import Api, code_of, faults_of
from csrs import csr_for, new_key
from estate import Chain, Estate
from settlement import Enrolling
from simulator import EC_ISSUING, SHORT_LIVED, Simulator

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


@pytest.mark.usefixtures("worker")
async def test_a_certificate_verifies_against_its_ca(
    enrolling: Enrolling, simulator: Simulator, tmp_path: Path
) -> None:
    certificate = await enrolling.issued(WWW, "api.example.com")
    path = f"/certificates/{certificate['id']}/content"
    chain = (await enrolling.api.send("GET", f"{path}?format=chain", 200)).text
    leaf, *issuers = x509.load_pem_x509_certificates(chain.encode())
    assert [name.value for name in _alternative_names(leaf)] == [WWW, "api.example.com"]
    assert len(issuers) == 2
    (tmp_path / "leaf.pem").write_text(_pem(leaf))
    (tmp_path / "issuing.pem").write_text(_pem(issuers[0]))
    (tmp_path / "root.pem").write_text(_pem(issuers[1]))
    verify = ["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "leaf.pem"]
    done = await asyncio.create_subprocess_exec(*verify, cwd=tmp_path, stdout=subprocess.PIPE)
    assert await done.communicate() == (b"leaf.pem: OK\n", None)
    assert len(simulator.ledger("order")) == 1
    assert certificate["status"] == "valid"
    assert certificate["serial_number"] == f"{leaf.serial_number:x}"
    assert certificate["chain_complete"]


def _alternative_names(leaf: x509.Certificate) -> x509.SubjectAlternativeName:
    return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


@pytest.mark.usefixtures("worker")
async def test_every_download_holds_the_same_leaf(enrolling: Enrolling) -> None:
    certificate = await enrolling.issued(WWW)
    path = f"/certificates/{certificate['id']}/content?format="

    async def content(form: str) -> bytes:
        answer = await enrolling.api.send("GET", path + form, 200)
        assert certificate["serial_number"] in answer.headers["content-disposition"]
        return answer.content

    leaf = x509.load_der_x509_certificate(await content("der"))
    assert x509.load_pem_x509_certificates(await content("pem")) == [leaf]
    assert x509.load_pem_x509_certificates(await content("chain"))[0] == leaf
    bundle = pkcs7.load_der_pkcs7_certificates(await content("pkcs7"))
    assert leaf in bundle
    assert len(bundle) == 3
    problem = await enrolling.api.get(path + "p12", 400)
    assert code_of(problem) == "parameter-invalid"


@pytest.mark.usefixtures("worker")
async def test_the_history_is_told_once_per_change(enrolling: Enrolling) -> None:
    certificate = await enrolling.issued(WWW)
    events = await enrolling.api.everything(
        f"/audit-events?subject_id={certificate['enrollment_id']}"
    )
    assert [event["action"] for event in reversed(events)] == [
        "enrollment.created",
        "enrollment.submitting",
        "enrollment.accepted_by_ca",
        "enrollment.issued",
    ]
    enrollment = await enrolling.api.get(f"/enrollments/{certificate['enrollment_id']}")
    assert enrollment["version"] == len(events)
    assert enrollment["ca_ref"].startswith(EC_ISSUING)


async def test_without_a_wait_the_answer_is_202_and_the_certificate_is_not_there_yet(
    enrolling: Enrolling,
) -> None:
    answer = await enrolling.api.send("POST", "/enrollments", 202, json=enrolling.body(WWW))
    assert answer.headers["retry-after"].isdigit()
    enrollment = await enrolling.api.get(answer.headers["location"])
    assert enrollment["state"] == "approved"
    assert answer.json().items() <= enrollment.items()
    problem = await enrolling.api.get(f"{answer.headers['location']}/certificate", 409)
    assert code_of(problem) == "not-issued"


async def test_a_wait_without_a_worker_ends_with_202(enrolling: Enrolling) -> None:
    answer = await enrolling.api.send(
        "POST", "/enrollments", 202, json=enrolling.body(WWW), headers={"Prefer": "wait=1"}
    )
    assert answer.headers["preference-applied"] == "wait=1"


async def test_a_repeat_with_the_same_key_enrolls_once(
    enrolling: Enrolling, estate: Estate
) -> None:
    body, headers = enrolling.body(WWW), {"Idempotency-Key": "order-1"}
    answers = await asyncio.gather(
        *(
            enrolling.api.send("POST", "/enrollments", 202, json=body, headers=headers)
            for _ in range(20)
        )
    )
    assert len({answer.text for answer in answers}) == 1
    assert len(await enrolling.api.everything("/enrollments")) == 1
    other = enrolling.body("api.example.com")
    problem = await enrolling.api.post("/enrollments", other, 422, headers=headers)
    assert code_of(problem) == "idempotency-key-reused"


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


async def test_a_csr_in_base64_of_der_is_taken(enrolling: Enrolling) -> None:
    der = "".join(csr_for(WWW).splitlines()[1:-1])
    assert (await enrolling.enroll(csr=der))["common_name"] == WWW


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


async def test_a_term_beyond_a_short_lived_ca_is_refused(
    estate: Estate, simulator: Simulator
) -> None:
    options = {"backend_type": "aws", "private_ca": SHORT_LIVED}
    term = {"allowed_days": [7], "default_days": 7}
    enrolling = Enrolling(estate.api, await estate.chain(options=options, term=term))
    late = (datetime.now(UTC) + timedelta(days=8)).isoformat()
    problem = await _refused(enrolling, simulator, **enrolling.body(WWW, not_after=late))
    assert {pointer for pointer, _ in faults_of(problem)} == {"/not_after"}


async def test_a_term_and_an_end_at_once_are_refused(enrolling: Enrolling) -> None:
    end = (datetime.now(UTC) + timedelta(days=8)).isoformat()
    body = enrolling.body(WWW, term_days=30, not_after=end)
    problem = await enrolling.api.post("/enrollments", body, 422)
    assert faults_of(problem) == {("/not_after", "term-not-allowed")}


@pytest.mark.usefixtures("worker")
async def test_an_end_asked_for_is_the_end_granted(enrolling: Enrolling) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)
    certificate = await enrolling.issued(WWW, not_after=end.isoformat())
    assert datetime.fromisoformat(certificate["not_after"]) == end


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


async def test_a_waiting_enrollment_can_be_canceled(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    enrollment = await enrolling.enroll(WWW)
    path = f"/enrollments/{enrollment['id']}"
    canceled = await enrolling.api.post(f"{path}/cancel", {"comment": "typo"}, 200)
    assert canceled["state"] == "canceled"
    assert canceled["next_step_at"] is None
    problem = await enrolling.api.post(f"{path}/retry", {}, 409)
    assert code_of(problem) == "wrong-state"
    assert simulator.calls("IssueCertificate") == []


@pytest.mark.usefixtures("worker")
async def test_lists_are_filtered(enrolling: Enrolling) -> None:
    certificate = await enrolling.issued(WWW)
    key = certificate["spki_sha256"]
    found = await enrolling.api.everything(f"/enrollments?state=issued&spki_sha256={key}")
    assert [enrollment["certificate_id"] for enrollment in found] == [certificate["id"]]
    assert await enrolling.api.everything("/enrollments?state=parked") == []
    serial = certificate["serial_number"].upper()
    for query, hits in (
        (f"serial_number={serial}", 1),
        (f"name={WWW.upper()}.", 1),
        ("name=other.example.com", 0),
        ("status=valid", 1),
        ("status=expired", 0),
        ("expires_before=2020-01-01T00:00:00Z", 0),
        (f"fingerprint_sha256={certificate['fingerprint_sha256']}", 1),
    ):
        items = await enrolling.api.everything(f"/certificates?{query}")
        assert len(items) == hits, query


@pytest.mark.usefixtures("worker")
async def test_fifty_at_once_are_issued_once_each(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    key = new_key()
    names = [f"host{number}.example.com" for number in range(50)]
    made = await asyncio.gather(*(enrolling.enroll(csr=csr_for(name, key=key)) for name in names))
    ended = await asyncio.gather(*(enrolling.settled(each["id"]) for each in made))
    assert {each["state"] for each in ended} == {"issued"}
    assert len(simulator.ledger("order")) == 50


async def test_a_profile_s_own_rule_is_explained(
    enrolling: Enrolling, simulator: Simulator, estate: Estate, chain: Chain
) -> None:
    rule = {
        "expression": 'names.all(n, n.value.startsWith("www."))',
        "explanation": "Only web servers are certified by this profile.",
    }
    await estate.api.patch(f"/certificate-profiles/{chain.profile['id']}", {"rule": rule})
    problem = await _refused(enrolling, simulator, **enrolling.body("mail.example.com"))
    assert faults_of(problem) == {("", "rule-refused")}
    assert rule["explanation"] in str(problem)
    await enrolling.enroll(WWW)
