"""What CertCentral refuses, in its words, and what the control interface makes go wrong."""

from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from digicert_client import CertCentral, csr_pem, order_body

from plain_http import NO_TRUST
from scm_api.sandbox import digicert

HOST = "shop.umbra.example"
WEAK = csr_pem(ec.generate_private_key(ec.SECP521R1()))


def test_a_wrong_key_is_403_and_says_so(certcentral: CertCentral) -> None:
    nobody = CertCentral(certcentral.url, "not-a-key")
    code = "access_denied|access_denied_invalid_key"
    assert nobody.refusal("GET", "/user/me", 403) == code
    certcentral.control("POST", "/keys", {"key": digicert.ADMIN_KEY, "revoked": True})
    assert certcentral.refusal("GET", "/user/me", 403) == code


@pytest.mark.parametrize(
    ("key", "method", "path"),
    [
        (digicert.ORDERS_KEY, "GET", "/organization"),
        (digicert.VIEW_KEY, "POST", "/order/certificate/ssl_basic"),
    ],
)
def test_a_restricted_key_lacks_permission(
    certcentral: CertCentral, key: str, method: str, path: str
) -> None:
    caller = CertCentral(certcentral.url, key)
    assert caller.call("GET", "/user/me", 200)["status"] == "active"
    assert caller.refusal(method, path, 403) == "access_denied|missing_permission"


@pytest.mark.parametrize(
    ("changes", "certificate", "code"),
    [
        ({}, {"csr": "nonsense"}, "csr_invalid_cannot_parse"),
        ({}, {"csr": WEAK}, "csr_invalid_key_size"),
        ({}, {"csr": None}, "required_param:csr"),
        ({}, {"common_name": None}, "required_param:common_name"),
        ({}, {"signature_hash": "sha1"}, "invalid_value:signature_hash"),
        ({}, {"cert_validity": {"years": 3}}, "cert_validity_exceeds_order_validity"),
        ({"order_validity": None}, {}, "required_param:order_validity"),
        ({"order_validity": {"years": 6}}, {}, "invalid_value:validity_years"),
        ({"organization": None}, {}, "required_param:organization"),
    ],
)
def test_a_wrong_order_is_refused_with_its_field(
    certcentral: CertCentral, changes: dict[str, Any], certificate: dict[str, Any], code: str
) -> None:
    body = order_body(HOST) | changes
    body["certificate"] |= certificate
    assert certcentral.refusal("POST", "/order/certificate/ssl_basic", 400, body) == code
    assert certcentral.ledger("order") == []


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/order/certificate/ssl_plus", "product"),  # a name from before flex products
        ("GET", "/order/certificate/999", "order"),
        ("GET", "/certificate/999/chain", "certificate"),
        ("GET", "/nothing", "route"),
    ],
)
def test_what_is_not_there_is_404(
    certcentral: CertCentral, method: str, path: str, kind: str
) -> None:
    assert certcentral.refusal(method, path, 404, order_body(HOST)) == f"not_found|{kind}"


def test_another_account_sees_nothing(certcentral: CertCentral) -> None:
    placed = certcentral.order(order_body(HOST))
    other = CertCentral(certcentral.url, digicert.OTHER_KEY)
    path = f"/order/certificate/{placed['id']}"
    assert other.refusal("GET", path, 404) == "not_found|order"
    organizations = other.call("GET", "/organization?include_validation=true", 200)["organizations"]
    assert [each["id"] for each in organizations] == [digicert.OTHER_ORGANIZATION]


def test_malformed_json_is_said(certcentral: CertCentral) -> None:
    url = f"{certcentral.url}/order/certificate/ssl_basic"
    headers = {"X-DC-DEVKEY": digicert.ADMIN_KEY}
    for content in (b"{", b"[]", b'{"certificate": 7}', b'{"organization": "x"}'):
        answer = httpx.post(url, content=content, headers=headers, verify=NO_TRUST, trust_env=False)
        assert answer.status_code == 400, answer.text


def test_calls_are_limited_by_key(certcentral: CertCentral) -> None:
    certcentral.control("PATCH", "/settings", {"rate_limits": [[3, 60.0]]})
    for _ in range(3):
        certcentral.call("GET", "/user/me", 200)
    assert certcentral.refusal("GET", "/user/me", 429) == "request_limit_exceeded"
    CertCentral(certcentral.url, digicert.VIEW_KEY).call("GET", "/user/me", 200)


def test_lists_have_pages_of_items(certcentral: CertCentral) -> None:
    found = certcentral.call("GET", "/organization?limit=2&offset=1", 200)
    assert [each["id"] for each in found["organizations"]] == [
        digicert.PENDING_ORGANIZATION,
        digicert.EXPIRED_ORGANIZATION,
    ]
    assert found["page"] == {"total": 4, "limit": 2, "offset": 1}
    assert all("validations" not in each for each in found["organizations"])


def test_an_answer_is_lost_after_the_order_was_taken(certcentral: CertCentral) -> None:
    fault = {"operation": "place_order", "action": "reset", "when": "after"}
    certcentral.control("POST", "/faults", fault)
    with pytest.raises(httpx.TransportError):
        certcentral.order(order_body(HOST, alternative_order_id="lost"))
    assert len(certcentral.ledger("order")) == 1
    assert len(certcentral.call("GET", "/order/alternate/lost", 200)["orders"]) == 1


def test_answers_are_bent_as_asked(certcentral: CertCentral) -> None:
    placed = certcentral.order(order_body(HOST))
    chain = f"/certificate/{placed['certificate_id']}/chain"
    right = certcentral.call("GET", chain, 200)["intermediates"]
    pems = [each["pem"] for each in right]
    certcentral.control("POST", "/faults", {"operation": "get_chain", "action": "chain_reversed"})
    turned = certcentral.call("GET", chain, 200)["intermediates"]
    assert [each["pem"] for each in turned] == pems[::-1]
    certcentral.control("POST", "/faults", {"operation": "get_chain", "action": "other_key"})
    assert certcentral.call("GET", chain, 200)["intermediates"][0]["pem"] != pems[0]
    certcentral.control("POST", "/faults", {"operation": "get_chain", "action": "html"})
    page = certcentral.raw("GET", chain)
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    certcentral.control("POST", "/faults", {"operation": "get_chain", "action": "truncate"})
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        certcentral.raw("GET", chain).json()
    assert certcentral.call("GET", chain, 200)["intermediates"] == right
