"""From a CSR to a certificate through the simulator: downloads, history, repeats and lists."""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from api_client import code_of
from csrs import csr_for, new_key
from estate import Estate
from scm_api.certificates.service import Format, download
from scm_api.core.errors import Conflict
from settlement import Enrolling
from simulator import EC_ISSUING, Simulator

WWW = "www.example.com"


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
    alone = (await enrolling.api.send("GET", f"{path}?format=issuers", 200)).text
    assert x509.load_pem_x509_certificates(alone.encode()) == issuers
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


def test_issuers_that_the_ca_did_not_tell_are_no_empty_file() -> None:
    with pytest.raises(Conflict, match="gave no certificates of its own"):
        download("1", b"", [], Format.ISSUERS)


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


async def test_a_csr_in_base64_of_der_is_taken(enrolling: Enrolling) -> None:
    der = "".join(csr_for(WWW).splitlines()[1:-1])
    assert (await enrolling.enroll(csr=der))["common_name"] == WWW


@pytest.mark.usefixtures("worker")
async def test_an_end_asked_for_is_the_end_granted(enrolling: Enrolling) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)
    certificate = await enrolling.issued(WWW, not_after=end.isoformat())
    assert datetime.fromisoformat(certificate["not_after"]) == end


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
    assert await enrolling.api.everything("/enrollments?certificate_type=client") == []
    serial = certificate["serial_number"].upper()
    octets = serial.zfill(len(serial) + len(serial) % 2)
    fingerprint = certificate["fingerprint_sha256"].upper()
    for query, hits in (
        (f"serial_number={serial}", 1),
        (f"serial_number=00:{colons(octets)}", 1),
        (f"name={WWW.upper()}.", 1),
        ("name=other.example.com", 0),
        ("status=valid", 1),
        ("status=expired", 0),
        ("certificate_type=ssl", 1),
        ("certificate_type=device", 0),
        ("expires_before=2020-01-01T00:00:00Z", 0),
        (f"fingerprint_sha256={certificate['fingerprint_sha256']}", 1),
        (f"fingerprint_sha256={colons(fingerprint)}", 1),
        (f"spki_sha256={colons(key.upper())}", 1),
    ):
        items = await enrolling.api.everything(f"/certificates?{query}")
        assert len(items) == hits, query
    found = await enrolling.api.everything(f"/enrollments?spki_sha256={colons(key.upper())}")
    assert len(found) == 1


def colons(digits: str) -> str:
    """Hex as openssl prints it."""
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


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
