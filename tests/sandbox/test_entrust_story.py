"""The main stories of ECS, told by requests in the shapes its documentation shows."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from entrust_client import KEY, Entrust, csr, request_body

from scm_api.sandbox import entrust

HOST = "shop.umbra.example"
WAITING = "shop.new.example"


def test_what_is_approved_is_issued_in_the_answer(ecs: Entrust) -> None:
    made = ecs.enroll(request_body(HOST, "api.umbra.example"))
    leaf, issuing, _ = map(x509.load_pem_x509_certificate, map(str.encode, made["chainCerts"]))
    assert made["endEntityCert"] == made["chainCerts"][0]
    assert leaf.public_key() == KEY.public_key()
    assert leaf.not_valid_after_utc.isoformat() == "2027-05-30T23:59:59+00:00"
    assert made["expiresAfter"] == "2027-05-30T23:59:59Z"
    assert made["serialNumber"] == f"{leaf.serial_number:X}"
    leaf.verify_directly_issued_by(issuing)


def test_openssl_verifies_what_is_issued(ecs: Entrust, tmp_path: Path) -> None:
    made = ecs.enroll(request_body(HOST))
    leaf, issuing, root = made["chainCerts"]
    for name, text in (("leaf", leaf), ("issuing", issuing), ("root", root)):
        (tmp_path / name).write_text(text)
    verify = ["openssl", "verify", "-CAfile", "root", "-untrusted", "issuing", "leaf"]
    said = subprocess.run(verify, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == "leaf: OK\n"


def test_only_the_day_of_an_end_counts_and_a_time_may_move_it(ecs: Entrust) -> None:
    ends = [
        ecs.enroll(request_body(HOST, certExpiryDate=each))["expiresAfter"]
        for each in ("2027-05-30", "2027-05-30T03:00:00Z", "2027-05-30T12:00:00Z")
    ]
    assert [end[:10] for end in ends] == ["2027-05-30", "2027-05-29", "2027-05-30"]


def test_a_dry_run_issues_nothing(ecs: Entrust) -> None:
    assert ecs.enroll(request_body(HOST, validateOnly="true"), 200) == {}
    assert ecs.ledger("order") == []


def test_a_queued_request_waits_for_an_administrator(ecs: Entrust) -> None:
    made = ecs.enroll(request_body(HOST), 202, user=entrust.QUEUED_USER)
    assert ecs.status(made) == "PENDING"
    path = f"/certificates/{made['trackingId']}"
    issued = ecs.call("PATCH", path, 200, {"operation": "APPROVE"})
    assert issued["endEntityCert"].startswith("-----BEGIN CERTIFICATE-----")
    assert ecs.status(made) == "ACTIVE"


def test_a_declined_request_is_over_and_not_listed(ecs: Entrust) -> None:
    made = ecs.enroll(request_body(HOST, queueForApproval=True), 202)
    path = f"/certificates/{made['trackingId']}"
    ecs.call("PATCH", path, 200, {"operation": "DECLINE", "declineReason": "duplicate"})
    assert ecs.status(made) == "DECLINED"
    assert ecs.call("GET", "/certificates", 200)["certificates"] == []
    refused = ecs.refusal("PATCH", path, 400, {"operation": "APPROVE"})
    assert refused == ["APPROVE is not allowed for a certificate that is DECLINED"]


def test_a_domain_that_is_not_verified_holds_the_request(ecs: Entrust) -> None:
    made = ecs.enroll(request_body(WAITING), 202)
    assert ecs.status(made) == "PENDING"
    domain = ecs.call("GET", "/clients/1/domains/new.example", 200)
    assert domain["dnsMethod"]["recordDomain"] == "_pki-validation.new.example"
    ecs.control("PATCH", "/domains/new.example", {"status": "APPROVED"})
    assert ecs.status(made) == "ACTIVE"


def test_the_value_to_prove_a_new_domain_with_comes_later(ecs: Entrust) -> None:
    ecs.behave(random_value_seconds=60)
    asked = {"domainName": "fresh.example", "verificationMethod": "DNS"}
    assert "dnsMethod" not in ecs.call("POST", "/clients/1/domains", 200, asked)
    ecs.behave(clock_offset_seconds=61)
    domain = ecs.call("GET", "/clients/1/domains/fresh.example", 200)
    assert domain["dnsMethod"]["recordType"] == "TXT"


def test_a_reissue_keeps_the_end_and_has_the_old_one_revoked(ecs: Entrust) -> None:
    old = ecs.enroll(request_body(HOST))
    body = {"csr": request_body(HOST)["csr"]}
    new = ecs.call("POST", f"/certificates/{old['trackingId']}/reissues", 201, body)
    assert new["trackingId"] != old["trackingId"]
    assert new["expiresAfter"] == old["expiresAfter"]
    assert ecs.status(old) == "REISSUED"
    assert [each["serial_number"] for each in ecs.ledger("revocation")] == [old["serialNumber"]]


def test_a_renewal_needs_thirty_days_and_leaves_the_old_one_valid(ecs: Entrust) -> None:
    old = ecs.enroll(request_body(HOST))
    path = f"/certificates/{old['trackingId']}/renewals"
    body = {"certExpiryDate": "2027-06-15"}
    refused = ecs.refusal("POST", path, 400, body)
    assert refused == ["A certificate cannot be renewed within 30 days of its issuance"]
    ecs.behave(clock_offset_seconds=timedelta(days=30, minutes=1).total_seconds())
    new = ecs.call("POST", path, 201, body)
    assert new["expiresAfter"] == "2027-06-15T23:59:59Z"
    assert (ecs.status(old), ecs.ledger("revocation")) == ("RENEWED", [])


def test_a_certificate_is_revoked_once(ecs: Entrust) -> None:
    made = ecs.enroll(request_body(HOST))
    path = f"/certificates/{made['trackingId']}/revocations"
    body = {"crlReason": "keyCompromise", "revocationComment": "key lost"}
    ecs.call("POST", path, 200, body)
    assert ecs.refusal("POST", path, 400, body) == [
        "A certificate that is REVOKED cannot be revoked"
    ]
    assert [each["reason"] for each in ecs.ledger("revocation")] == ["keyCompromise"]


def test_a_deactivated_certificate_gives_its_unit_back(ecs: Entrust) -> None:
    def used() -> int:
        listed = ecs.call("GET", "/inventories", 200)["inventories"]
        return int(next(e["usedCount"] for e in listed if e["productType"] == "ADVANTAGE_SSL"))

    made = ecs.enroll(request_body(HOST))
    assert used() == 1
    ecs.call("POST", f"/certificates/{made['trackingId']}/deactivations", 200)
    assert (used(), ecs.ledger("revocation")) == (0, [])


def test_certificates_are_searched_and_paged(ecs: Entrust) -> None:
    numbers = [ecs.enroll(request_body(f"{n}.umbra.example"))["trackingId"] for n in range(3)]
    query = "?sort=trackingId:desc&offset=1&limit=1"
    found = ecs.call("GET", f"/certificates{query}", 200)
    assert [each["trackingId"] for each in found["certificates"]] == [numbers[1]]
    assert found["summary"]["total"] == 3
    named = ecs.call("GET", "/certificates?subjectAltName=con:2.umbra", 200)["certificates"]
    assert [each["trackingId"] for each in named] == [numbers[2]]


@pytest.mark.parametrize(("setting", "status"), [(False, 200), (True, 404)])
def test_a_search_without_hits_is_empty_or_not_found(
    ecs: Entrust, setting: bool, status: int
) -> None:
    ecs.behave(empty_list_is_404=setting)
    ecs.call("GET", "/certificates?serialNumber=AB", status)


def test_names_of_the_request_take_the_place_of_those_of_the_csr(ecs: Entrust) -> None:
    body = request_body(HOST, "www.umbra.example", subjectAltName=["api.umbra.example"])
    leaf = x509.load_pem_x509_certificate(ecs.enroll(body)["endEntityCert"].encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST, "api.umbra.example"]
    assert csr(HOST).is_signature_valid


def test_what_was_issued_is_there_after_a_restart(tmp_path: Path) -> None:
    from loop_thread import LoopThread

    with LoopThread() as loop:
        for expected in (0, 1):
            server = loop.run(entrust.serve(entrust.Settings(tmp_path / "state")))
            client = Entrust(server.url, server.simulator.transport)
            assert client.call("GET", "/certificates", 200)["summary"]["total"] == expected
            client.enroll(request_body(f"{expected}.umbra.example"))
            loop.run(server.aclose())
