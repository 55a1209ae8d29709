"""What ECS and CA Gateway refuse, and in which form."""

import ssl
from typing import Any

import httpx
import pytest
from entrust_client import TRACKING, Entrust, gateway_body, request_body

from scm_api.sandbox import entrust
from scm_api.sandbox.entrust.catalogue import User

HOST = "shop.umbra.example"


def test_a_wrong_key_is_401(ecs: Entrust) -> None:
    stranger = User("api-user", "WRONG", 1)
    said = ecs.refusal("GET", "/application/version", 401, user=stranger)
    assert said == ["Invalid user name or API key"]


def test_a_revoked_key_is_401(ecs: Entrust) -> None:
    ecs.control("POST", "/users", {"user": "api-user", "revoked": True})
    ecs.call("GET", "/application/version", 401)


def test_a_client_certificate_is_mandatory_where_one_was_chosen(ecs: Entrust) -> None:
    user, path = entrust.CERTIFICATE_USER, "/application/version"
    said = ecs.refusal("GET", path, 403, user=user)
    assert said == ["The client certificate of this API user is required"]
    ecs.call("GET", path, 200, user=user, credential=user.name)


def test_another_users_client_certificate_does_not_help(ecs: Entrust) -> None:
    user = entrust.CERTIFICATE_USER
    ecs.call("GET", "/application/version", 403, user=user, credential=entrust.GATEWAY_USER)


def test_without_tls_there_is_nothing(ecs: Entrust) -> None:
    with pytest.raises(httpx.TransportError), httpx.Client(trust_env=False) as http:
        http.get(ecs.url.replace("https", "http"))


def test_a_server_that_is_not_trusted_is_not_spoken_to(ecs: Entrust) -> None:
    context = ssl.create_default_context()
    with (
        pytest.raises(httpx.ConnectError, match="self-signed certificate in certificate chain"),
        httpx.Client(verify=context, trust_env=False) as http,
    ):
        http.get(ecs.url)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"csr": "nonsense"}, "Invalid CSR"),
        ({"certType": "FANCY_SSL"}, "Invalid certificate type: FANCY_SSL"),
        ({"certType": "QWAC_SSL"}, "No inventory is available for QWAC_SSL"),
        ({"clientId": 9}, "Invalid client id: 9"),
        ({"clientId": 4}, "Client 4 is not approved"),
        ({"org": "Nobody Inc"}, "Unapproved organization: Nobody Inc"),
        ({"ou": ["a", "b"]}, "Only one organizational unit is allowed"),
        ({"eku": "EMAIL"}, "Invalid eku: EMAIL"),
        ({"signingAlg": "SHA-1"}, "Invalid signing algorithm"),
        ({"certExpiryDate": "2020-01-01"}, "Certificate expiry date is invalid"),
        ({"certExpiryDate": "2028-05-30"}, "Certificate expiry date must be within 199 days"),
        ({"tracking": {}}, "Tracking information is missing: requesterPhone"),
        (
            {"subjectAltName": ["www.other.example"]},
            "The domain www.other.example is not approved for client 1",
        ),
        (
            {"subjectAltName": ["www.late.example"]},
            "The domain www.late.example is not approved for client 1",
        ),
        (
            {"subjectAltName": ["*.umbra.example"]},
            "ADVANTAGE_SSL allows no wildcard: *.umbra.example",
        ),
        (
            {"certType": "CODE_SIGNING"},
            "The end user key storage agreement must be accepted",
        ),
        (
            {"tracking": TRACKING | {"customFields": {"color": "red"}}},
            "Unknown custom field: color",
        ),
    ],
)
def test_a_request_is_refused_in_plain_words(
    ecs: Entrust, changes: dict[str, Any], message: str
) -> None:
    assert message in ecs.refusal("POST", "/certificates", 400, request_body(HOST, **changes))
    assert ecs.ledger("order") == []


def test_an_organization_is_given_for_client_1_only(ecs: Entrust) -> None:
    ecs.control("PATCH", f"/organizations/{entrust.PENDING_ORGANIZATION}", {"status": "APPROVED"})
    body = request_body("www.labs.example", clientId=4, org=entrust.PENDING_ORGANIZATION)
    said = ecs.refusal("POST", "/certificates", 400, body)
    assert said == ["Organization can only be given for client 1"]


def test_what_was_not_bought_is_not_issued(ecs: Entrust) -> None:
    """One unit of the type, then one of FLEX, then none."""
    body = request_body("else.example", certType="STANDARD_SSL")
    for _ in range(2):
        ecs.enroll(body, user=entrust.OTHER_USER)
    said = ecs.refusal("POST", "/certificates", 400, body, user=entrust.OTHER_USER)
    assert said == ["No inventory is available for STANDARD_SSL"]


def test_an_account_without_pooling_wants_a_lifetime(ecs: Entrust) -> None:
    ecs.behave(pooling=False)
    said = ecs.refusal("POST", "/certificates", 400, request_body(HOST))
    assert said == ["Certificate lifetime must be one of P1Y, P2Y, P3Y"]
    ecs.enroll(request_body(HOST, certLifetime="P1Y"))


def test_another_accounts_certificates_are_not_found(ecs: Entrust) -> None:
    made = ecs.enroll(request_body(HOST))
    path = f"/certificates/{made['trackingId']}"
    assert ecs.refusal("GET", path, 404, user=entrust.OTHER_USER) == [
        "The certificate was not found"
    ]


def test_too_many_calls_are_told_when_to_come_back(ecs: Entrust) -> None:
    ecs.behave(rate_limits=[[1, 5.0]])
    ecs.call("GET", "/application/version", 200)
    response = ecs.send("GET", "/enterprise/v2/application/version")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "5")
    assert response.headers["X-Rate-Limit-Limit"] == "1"


def test_what_is_new_is_not_found_at_once_where_that_is_simulated(ecs: Entrust) -> None:
    ecs.behave(lookup_delay_seconds=60)
    ecs.enroll(request_body(HOST))
    assert ecs.call("GET", "/certificates", 200)["certificates"] == []
    ecs.behave(clock_offset_seconds=61)
    assert len(ecs.call("GET", "/certificates", 200)["certificates"]) == 1


@pytest.mark.parametrize(
    ("action", "details"),
    [("html", {"status": 503}), ("truncate", {}), ("error", {"status": 500})],
)
def test_faults_take_the_place_of_the_answer(
    ecs: Entrust, action: str, details: dict[str, Any]
) -> None:
    body = {"operation": "get_version", "action": action} | details
    ecs.control("POST", "/faults", body)
    response = ecs.send("GET", "/enterprise/v2/application/version")
    assert response.text != '{"version":"13.4.0"}'
    ecs.call("GET", "/application/version", 200)


def test_ca_gateway_wants_a_client_certificate(ecs: Entrust) -> None:
    response = ecs.send("GET", "/cagw/v1/certificate-authorities", user=None)
    assert (response.status_code, response.json()["type"]) == (401, "ErrorResponse")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"profileId": "unknown"}, "not_found"),
        ({"csr": "AAAA"}, "invalid_csr"),
        ({"requiredFormat": {"format": "PKCS12"}}, "invalid_format"),
        ({"subjectAltNames": [{"type": "x400Address", "value": "a"}]}, "invalid_san"),
        ({"subjectVariables": [], "optionalCertificateRequestDetails": {}}, "missing_subject"),
    ],
)
def test_ca_gateway_refuses_with_a_code(ecs: Entrust, changes: dict[str, Any], code: str) -> None:
    body = gateway_body("svc1.umbra.example", **changes)
    status = 404 if code == "not_found" else 400
    said = ecs.cagw("POST", f"/{entrust.CA_ID}/enrollments", status, body)
    assert said["error"]["code"] == code
