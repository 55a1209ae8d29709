"""CA Gateway's enrolling, revoking and events, in the shapes Entrust's own code sends."""

import base64

from cryptography import x509
from entrust_client import Entrust, gateway_body

from scm_api.sandbox import entrust

HOST = "svc1.umbra.example"
PATH = f"/{entrust.CA_ID}"


def issue(ecs: Entrust) -> x509.Certificate:
    answer = ecs.cagw("POST", f"{PATH}/enrollments", 200, gateway_body(HOST))
    assert answer["enrollment"]["status"] == "ACCEPTED"
    return x509.load_der_x509_certificate(base64.b64decode(answer["enrollment"]["body"]))


def test_subject_and_names_come_from_the_body(ecs: Entrust) -> None:
    leaf = issue(ecs)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert leaf.subject.rfc4514_string() == f"CN={HOST},O=Umbra"
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 90


def test_the_cas_are_listed_with_their_certificates(ecs: Entrust) -> None:
    [issuing, root] = ecs.cagw("GET", "", 200)["caList"]
    data = base64.b64decode(issuing["certificate"]["certificateData"])
    issue(ecs).verify_directly_issued_by(x509.load_der_x509_certificate(data))
    assert (issuing["id"], root["id"]) == ("umbra~ca1", "umbra~root")


def test_profiles_say_what_they_need(ecs: Entrust) -> None:
    profiles = ecs.cagw("GET", f"{PATH}/profiles", 200)["profiles"]
    assert profiles[0]["id"] == "privatessl-tls-server"
    one = ecs.cagw("GET", f"{PATH}/profiles/privatessl-tls-client", 200)["profile"]
    assert one["subjectAltNameRequirements"] == [{"type": "dNSName", "required": False}]


def test_revoking_twice_is_a_conflict(ecs: Entrust) -> None:
    path = f"{PATH}/certificates/{issue(ecs).serial_number:x}/actions"
    body = {"action": {"type": "RevokeAction", "reason": "superseded", "issueCrl": "true"}}
    ecs.cagw("POST", path, 200, body)
    assert ecs.cagw("POST", path, 409, body)["error"]["code"] == "already_revoked"
    assert [each["reason"] for each in ecs.ledger("revocation")] == ["superseded"]


def test_events_are_paged(ecs: Entrust) -> None:
    serials = [f"{issue(ecs).serial_number:x}" for _ in range(3)]
    query = "certificate-events?preferredPageSize=2&startDate=2026-01-01T00:00:00.00Z"
    first = ecs.cagw("GET", f"{PATH}/{query}", 200)
    assert first["morePages"]
    rest = ecs.cagw("GET", f"{PATH}/{query}&nextPageIndex={first['nextPageIndex']}", 200)
    found = [each["serialNumber"] for each in (*first["events"], *rest["events"])]
    assert (found, rest["morePages"]) == (serials, False)
