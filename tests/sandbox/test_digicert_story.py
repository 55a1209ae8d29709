"""CertCentral's main stories, told by requests in the shapes its documentation shows."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from digicert_client import KEY, CertCentral, csr_pem, order_body

from scm_api.sandbox import digicert

HOST = "shop.umbra.example"
WAITING = "shop.new.example"


def test_what_is_validated_is_issued_in_the_answer(certcentral: CertCentral) -> None:
    placed = certcentral.order(order_body(HOST, "api.umbra.example"))
    assert set(placed) == {"id", "requests", "certificate_id", "certificate_chain"}
    assert [each["status"] for each in placed["requests"]] == ["approved"]
    leaf, issuing, _ = (each["pem"] for each in placed["certificate_chain"])
    assert "\r\n" in leaf
    certificate = x509.load_pem_x509_certificate(leaf.encode())
    assert certificate.public_key() == KEY.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST, "api.umbra.example"]
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(issuing.encode()))


def test_a_public_certificate_is_shortened_and_a_private_one_is_not(
    certcentral: CertCentral,
) -> None:
    days = {}
    for product in ("ssl_basic", "private_ssl_flex"):
        placed = certcentral.order(order_body(HOST), product)
        pem = placed["certificate_chain"][0]["pem"].encode()
        leaf = x509.load_pem_x509_certificate(pem)
        days[product] = (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days + 1
    assert days == {"ssl_basic": 199, "private_ssl_flex": 366}


def test_an_unproven_domain_waits_for_its_token(certcentral: CertCentral) -> None:
    placed = certcentral.order(order_body(WAITING))
    assert "certificate_chain" not in placed
    [domain] = placed["domains"]
    assert (domain["name"], domain["dcv_token"]["status"]) == ("new.example", "pending")
    check = f"/order/certificate/{placed['id']}/check-dcv"
    assert certcentral.refusal("PUT", check, 400) == "invalid_dcv_token"
    certcentral.control("PATCH", "/domains/new.example", {"token_placed": True})
    found = certcentral.call("PUT", check, 200)
    assert found["order_status"] == "issued"
    assert found["certificate_id"] == placed["certificate_id"]


def test_an_organization_that_is_not_validated_waits(certcentral: CertCentral) -> None:
    organization = {"id": digicert.PENDING_ORGANIZATION}
    placed = certcentral.order(order_body("www.penumbra.example", organization=organization))
    assert certcentral.status(placed) == "pending"
    path = f"/organizations/{digicert.PENDING_ORGANIZATION}"
    certcentral.control("PATCH", path, {"validations": {"ov": "active"}})
    assert certcentral.status(placed) == "issued"


@pytest.mark.parametrize(("decision", "status"), [("approved", "issued"), ("rejected", "rejected")])
def test_an_order_of_a_standard_user_waits_for_an_administrator(
    certcentral: CertCentral, decision: str, status: str
) -> None:
    user = CertCentral(certcentral.url, digicert.STANDARD_KEY)
    placed = user.order(order_body(HOST))
    assert set(placed) == {"id", "requests"}
    assert certcentral.status(placed) == "needs_approval"
    path = f"/request/{placed['requests'][0]['id']}/status"
    assert user.refusal("PUT", path, 403, {"status": decision}) == "access_denied|invalid_approver"
    certcentral.call("PUT", path, 204, {"status": decision, "processor_comment": "seen"})
    assert certcentral.status(placed) == status


def test_many_orders_are_followed_with_one_call(certcentral: CertCentral) -> None:
    assert certcentral.call("GET", "/order/certificate/status-changes?minutes=10", 200) == {}
    certcentral.control("PATCH", "/settings", {"immediate": False, "processing_seconds": 0})
    placed = [certcentral.order(order_body(HOST)) for _ in range(3)]
    found = certcentral.call("GET", "/order/certificate/status-changes?minutes=10", 200)
    assert {each["order_id"]: each["status"] for each in found["orders"]} == {
        each["id"]: "issued" for each in placed
    }
    window = "/order/certificate/status-changes?minutes=20000"
    assert certcentral.refusal("GET", window, 400) == "time_frame_too_long"


def test_the_alternative_id_finds_every_order_that_has_it(certcentral: CertCentral) -> None:
    for _ in range(2):
        certcentral.order(order_body(HOST, alternative_order_id="req-1"))
    found = certcentral.call("GET", "/order/alternate/req-1", 200)
    assert [each["status"] for each in found["orders"]] == ["issued", "issued"]
    other = CertCentral(certcentral.url, digicert.OTHER_KEY)
    assert other.call("GET", "/order/alternate/req-1", 200)["orders"] == []


def test_a_new_order_may_be_found_later(certcentral: CertCentral) -> None:
    certcentral.control("PATCH", "/settings", {"lookup_delay_seconds": 30})
    certcentral.order(order_body(HOST, alternative_order_id="req-2"))
    assert certcentral.call("GET", "/order/alternate/req-2", 200)["orders"] == []
    certcentral.control("PATCH", "/settings", {"clock_offset_seconds": 31})
    assert len(certcentral.call("GET", "/order/alternate/req-2", 200)["orders"]) == 1


def test_a_reissue_is_a_new_certificate_on_the_same_order(certcentral: CertCentral) -> None:
    placed = certcentral.order(order_body(HOST, "api.umbra.example"))
    body = {"certificate": order_body(HOST)["certificate"], "skip_approval": True}
    again = certcentral.call("POST", f"/order/certificate/{placed['id']}/reissue", 201, body)
    assert (again["id"], again["certificate_id"] > placed["certificate_id"]) == (placed["id"], True)
    path = f"/order/certificate/{placed['id']}/reissue"
    statuses = {
        each["id"]: each["status"] for each in certcentral.call("GET", path, 200)["certificates"]
    }
    # A name was dropped, so the earlier certificate is revoked.
    assert statuses == {placed["certificate_id"]: "revoked", again["certificate_id"]: "approved"}


def test_a_renewal_names_the_order_before(certcentral: CertCentral) -> None:
    first = certcentral.order(order_body(HOST))
    second = certcentral.order(order_body(HOST, renewal_of_order_id=first["id"]))
    info = certcentral.call("GET", f"/order/certificate/{second['id']}", 200)
    assert (info["is_renewal"], info["renewed_order_id"]) == (True, first["id"])
    assert certcentral.call("GET", f"/order/certificate/{first['id']}", 200)["is_renewed"] is True


def test_an_administrator_revokes_at_once_and_others_ask(certcentral: CertCentral) -> None:
    first, second = (certcentral.order(order_body(HOST)) for _ in range(2))
    body = {"revocation_reason": "keyCompromise", "skip_approval": True}
    path = f"/certificate/{first['certificate_id']}/revoke"
    certcentral.call("PUT", path, 204, body)
    assert certcentral.refusal("PUT", path, 400, body) == "certificate_already_revoked"
    user = CertCentral(certcentral.url, digicert.STANDARD_KEY)
    asked = user.call("PUT", f"/certificate/{second['certificate_id']}/revoke", 201, body)
    assert (asked["type"], asked["status"]) == ("revoke", "pending")
    assert len(certcentral.ledger("revocation")) == 1
    certcentral.call("PUT", f"/request/{asked['id']}/status", 204, {"status": "approved"})
    assert [each["reason"] for each in certcentral.ledger("revocation")] == ["keyCompromise"] * 2


def test_a_serial_number_is_shown_in_whole_bytes_and_taken_as_it_is_shown(
    certcentral: CertCentral,
) -> None:
    placed = certcentral.order(order_body(HOST))
    info = certcentral.call("GET", f"/order/certificate/{placed['id']}", 200)
    serial = info["certificate"]["serial_number"]
    assert (serial[0], len(serial)) == ("0", 32)
    body = {"skip_approval": True}
    without = f"/certificate/{serial.lstrip('0')}/revoke"
    assert certcentral.refusal("PUT", without, 404, body) == "not_found|certificate"
    certcentral.call("PUT", f"/certificate/{serial.lower()}/revoke", 204, body)
    assert [each["serial_number"] for each in certcentral.ledger("revocation")] == [serial]


def test_what_waits_is_canceled_with_a_note(certcentral: CertCentral) -> None:
    placed = certcentral.order(order_body(WAITING))
    path = f"/order/certificate/{placed['id']}/status"
    assert certcentral.refusal("PUT", path, 400, {"status": "CANCELED"}) == "required_param:note"
    certcentral.call("PUT", path, 204, {"status": "CANCELED", "note": "typo"})
    assert certcentral.status(placed) == "canceled"
    certcentral.control("PATCH", "/domains/new.example", {"complete": True})
    assert certcentral.status(placed) == "canceled"
    assert certcentral.ledger("certificate") == []


def test_openssl_takes_every_download(certcentral: CertCentral, tmp_path: Path) -> None:
    placed = certcentral.order(order_body(HOST))
    base = f"/certificate/{placed['certificate_id']}"
    for form in ("pem_all", "pem_noroot", "pem"):
        (tmp_path / form).write_bytes(
            certcentral.raw("GET", f"{base}/download/format/{form}").content
        )
    root = certcentral.call("GET", f"{base}/chain", 200)["intermediates"][-1]["pem"]
    (tmp_path / "root").write_text(root)
    command = ["openssl", "verify", "-CAfile", "root", "-untrusted", "pem_noroot", "pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "pem: OK\n", done.stderr
    p7b = certcentral.raw("GET", f"{base}/download/format/p7b")
    assert p7b.headers["content-type"].startswith("application/x-pkcs7-certificates")
    by_order = certcentral.raw("GET", f"/certificate/download/order/{placed['id']}/format/pem_all")
    assert by_order.text == (tmp_path / "pem_all").read_bytes().decode()


def test_a_csr_may_be_base64_alone(certcentral: CertCentral) -> None:
    body = order_body(HOST)
    body["certificate"]["csr"] = "".join(csr_pem().splitlines()[1:-1])
    assert certcentral.order(body)["certificate_id"]
