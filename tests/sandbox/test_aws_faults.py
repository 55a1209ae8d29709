"""Scripted faults strike for real, are used up, and never hide what was done from the ledger."""

import http.client
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aws_client import (
    BODY,
    CSR,
    EC_ISSUING,
    KEY,
    SHORT_LIVED,
    Sandbox,
    make_csr,
    refused,
    send,
    signed_headers,
)
from botocore.exceptions import (
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from cryptography import x509

LOST = (ConnectionClosedError, EndpointConnectionError, HTTPClientError)


@pytest.mark.parametrize("action", ["close", "reset"])
@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
def test_f04_the_ledger_knows_what_a_lost_answer_did(
    sandbox: Sandbox, action: str, when: str, orders: int
) -> None:
    sandbox.fault("IssueCertificate", action, when=when)
    with pytest.raises(LOST):
        sandbox.issue(IdempotencyToken="the-order")
    ledger = sandbox.ledger()
    assert [entry["kind"] for entry in ledger] == ["order", "certificate"] * orders
    assert sandbox.calls("IssueCertificate")[0]["outcome"] == action

    arn = sandbox.issue(IdempotencyToken="the-order")
    assert len(sandbox.ledger("order")) == 1
    assert sandbox.ledger("order")[0]["certificate_arn"] == arn


def test_f04_close_is_an_end_and_reset_is_a_reset(sandbox: Sandbox) -> None:
    for action, error in (
        ("close", http.client.RemoteDisconnected),
        ("reset", ConnectionResetError),
    ):
        sandbox.fault("DescribeCertificateAuthority", action)
        connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=5)
        headers = signed_headers(sandbox)
        connection.request("POST", "/", body=BODY, headers=headers)
        with pytest.raises(error) as caught:
            connection.getresponse()
        assert type(caught.value) is error
        connection.close()


def test_f04_a_hanging_call_ends_when_the_client_gives_up(sandbox: Sandbox) -> None:
    impatient = sandbox.client(read_timeout=0.3)
    sandbox.fault("IssueCertificate", "hang", when="after")
    with pytest.raises(ReadTimeoutError):
        sandbox.issue(client=impatient)
    assert len(sandbox.ledger("certificate")) == 1
    deadline = time.monotonic() + 2
    while not sandbox.calls("IssueCertificate"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert sandbox.calls("IssueCertificate")[0]["fault"] == "hang"

    sandbox.fault("IssueCertificate", "hang", seconds=0.1)
    with pytest.raises(LOST):
        sandbox.issue()
    assert len(sandbox.ledger("certificate")) == 1


@pytest.mark.parametrize(("when", "early"), [("before", 0), ("after", 1)])
def test_a_delay_is_before_or_after_acting(sandbox: Sandbox, when: str, early: int) -> None:
    impatient = sandbox.client(read_timeout=0.2)
    sandbox.fault("IssueCertificate", "delay", when=when, seconds=0.4)
    with pytest.raises(ReadTimeoutError):
        sandbox.issue(client=impatient)
    assert len(sandbox.ledger("order")) == early
    time.sleep(0.4)
    assert len(sandbox.ledger("order")) == 1


def test_f05_throttling_strikes_as_often_as_asked(sandbox: Sandbox) -> None:
    sandbox.fault("IssueCertificate", "throttle", count=2)
    for _ in range(2):
        with refused("ThrottlingException", "Rate exceeded"):
            sandbox.issue()
    sandbox.issue()
    assert sandbox.control("GET", "/faults") == {"faults": []}


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    ("status", "code"), [(500, "InternalFailure"), (503, "ServiceUnavailableException")]
)
def test_f06_server_errors_before_and_after_acting(
    sandbox: Sandbox, when: str, orders: int, status: int, code: str
) -> None:
    sandbox.fault("IssueCertificate", "error", when=when, status=status)
    with refused(code, "scripted fault", status=status):
        sandbox.issue()
    assert len(sandbox.ledger("order")) == orders


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/plain"])
def test_f06_a_proxy_in_between_answers_with_a_page(sandbox: Sandbox, kind: str) -> None:
    sandbox.fault(
        "DescribeCertificateAuthority",
        "error",
        status=502,
        body="<html>Bad Gateway</html>",
        headers={"retry-after": "7"} | ({"content-type": kind} if kind == "text/plain" else {}),
    )
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=5)
    connection.request("POST", "/", body=BODY, headers=signed_headers(sandbox))
    response = connection.getresponse()
    assert response.status == 502
    assert response.headers["Retry-After"] == "7"
    assert response.headers.get_all("Content-Type") == [kind]
    assert response.read() == b"<html>Bad Gateway</html>"
    connection.close()
    assert send(sandbox, signed_headers(sandbox))[0] == 200


def test_faults_wait_for_a_call_that_succeeds_and_count_those_only(sandbox: Sandbox) -> None:
    sandbox.fault("IssueCertificate", "error", when="after", status=500)
    with refused("ValidationException"):
        sandbox.issue(IdempotencyToken="x" * 37)
    with refused("InvalidSignatureException"):
        sandbox.issue(client=sandbox.client(secret="not the secret"))
    with refused("InternalFailure"):
        sandbox.issue()
    sandbox.issue()


def test_faults_can_let_calls_pass_first_and_strike_any_operation(sandbox: Sandbox) -> None:
    sandbox.fault("*", "throttle", skip=2)
    arn = sandbox.issue()
    sandbox.get(arn)
    with refused("ThrottlingException"):
        sandbox.get(arn)
    sandbox.get(arn)
    sandbox.fault("GetCertificate", "throttle", count=None)
    for _ in range(3):
        with refused("ThrottlingException"):
            sandbox.get(arn)
    sandbox.issue()
    (queued,) = sandbox.control("GET", "/faults")["faults"]
    sandbox.control("DELETE", f"/faults/{queued['id']}", status=204)
    sandbox.get(arn)


def names(certificate: x509.Certificate) -> list[str]:
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in san.value]


TWO_NAMES = make_csr("www.example.com", "a.example.com")
EXTRA = "added-by-the-ca.example.net"
MUTATIONS: dict[str, Callable[[x509.Certificate], bool]] = {
    "other_key": lambda c: c.public_key() != KEY.public_key(),
    "added_name": lambda c: names(c) == ["www.example.com", "a.example.com", EXTRA],
    "dropped_name": lambda c: names(c) == ["www.example.com"],
    "changed_case": lambda c: names(c) == ["WWW.EXAMPLE.COM", "A.EXAMPLE.COM"],
    "changed_subject": lambda c: c.subject.rfc4514_string() == f"CN={EXTRA}",
    "shifted_end": lambda c: lifetime(c) > timedelta(days=59),
    "shifted_start": lambda c: lifetime(c) < timedelta(hours=2),
    "other_issuer": lambda c: "Issuing" not in c.issuer.rfc4514_string(),
}


def lifetime(certificate: x509.Certificate) -> timedelta:
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


@pytest.mark.parametrize("mutation", sorted(MUTATIONS))
def test_f09_f10_f11_the_certificate_is_not_what_was_ordered(
    sandbox: Sandbox, mutation: str
) -> None:
    sandbox.fault("IssueCertificate", "mutate_issue", mutation=mutation)
    arn = sandbox.issue(csr=TWO_NAMES)
    wrong, right = sandbox.get(arn)[0], sandbox.certificate(csr=TWO_NAMES)
    is_wrong = MUTATIONS[mutation]
    assert is_wrong(wrong)
    assert not is_wrong(right)
    entry = sandbox.ledger("certificate")[0]
    assert entry["certificate_arn"] == arn
    assert entry["mutation"] == mutation
    assert (entry["spki_sha256"] == sandbox.ledger("order")[0]["spki_sha256"]) == (
        mutation != "other_key"
    )


def test_f11_how_far_a_date_moves_can_be_said(sandbox: Sandbox) -> None:
    detail = {"days": -20}
    sandbox.fault("IssueCertificate", "mutate_issue", mutation="shifted_end", detail=detail)
    assert timedelta(days=10) < lifetime(sandbox.certificate()) < timedelta(days=11)


def test_f12_f13_answers_with_a_wrong_chain_or_certificate(sandbox: Sandbox) -> None:
    other, arn = sandbox.issue(csr=make_csr("other.example.com")), sandbox.issue()
    leaf, (issuing, root) = sandbox.get(arn)
    for mutation, chain in (
        ("chain_shuffled", [root, issuing]),
        ("chain_incomplete", [root]),
    ):
        sandbox.fault("GetCertificate", "mutate_get", mutation=mutation)
        assert sandbox.get(arn) == (leaf, chain)
    sandbox.fault("GetCertificate", "mutate_get", mutation="chain_unrelated")
    assert sandbox.get(arn)[1][:2] == [issuing, root]
    sandbox.fault("GetCertificate", "mutate_get", mutation="other_certificate", count=1)
    assert sandbox.get(arn)[0] == sandbox.get(other)[0]
    assert sandbox.get(arn)[0] == leaf

    short_leaf, (short_root,) = sandbox.get(sandbox.issue(SHORT_LIVED))
    sandbox.fault("GetCertificate", "mutate_get", mutation="chain_shuffled")
    arn = f"{SHORT_LIVED}/certificate/{short_leaf.serial_number:032x}"
    assert sandbox.get(arn)[1] == [short_root, short_root]


def test_f14_one_reference_for_two_orders(sandbox: Sandbox) -> None:
    first = sandbox.issue()
    sandbox.fault("IssueCertificate", "mutate_issue", mutation="repeated_arn")
    assert sandbox.issue() == first
    assert len({entry["certificate_arn"] for entry in sandbox.ledger("order")}) == 2


def test_a_mutation_waits_until_the_certificate_is_ready(sandbox: Sandbox) -> None:
    sandbox.settings(pending_gets=1)
    arn = sandbox.issue()
    sandbox.fault("GetCertificate", "mutate_get", mutation="chain_incomplete")
    with refused("RequestInProgressException"):
        sandbox.get(arn)
    assert len(sandbox.get(arn)[1]) == 1


def test_the_ledger_has_what_a_history_check_needs(sandbox: Sandbox) -> None:
    arn = sandbox.issue(IdempotencyToken="a-token")
    sandbox.revoke(arn.rpartition("/")[2])
    order, certificate, revocation = sandbox.ledger()
    for entry in (order, certificate, revocation):
        assert entry["certificate_arn"] == arn
        assert entry["certificate_authority_arn"] == EC_ISSUING
        assert entry["serial"] == arn.rpartition("/")[2]
        assert entry["access_key_id"] == "AKIASCMSANDBOX000001"
        assert len(entry["spki_sha256"]) == 64
        assert entry["time"].endswith("+00:00")
    assert order["token"] == certificate["token"] == "a-token"
    assert (order["operation"], revocation["operation"]) == (
        "IssueCertificate",
        "RevokeCertificate",
    )
    requests = {call["request_id"] for call in sandbox.control("GET", "/calls")["entries"]}
    assert {order["request_id"], revocation["request_id"]} == requests


@pytest.mark.parametrize(
    ("latency", "least", "most"),
    [
        ({"ms": 60}, 60, 400),
        ({"distribution": "lognormal", "ms": 40, "sigma": 0.1, "seed": 5}, 25, 400),
    ],
)
def test_latency(sandbox: Sandbox, latency: dict[str, Any], least: float, most: float) -> None:
    sandbox.settings(latency=latency)
    sandbox.issue(csr=CSR)
    assert least < sandbox.calls("IssueCertificate")[0]["milliseconds"] < most
