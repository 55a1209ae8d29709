"""How the site finds out who calls: NTLM and Negotiate by connection, Basic, EPA, certificates."""

import base64
import hashlib
import hmac
import os
import ssl
import struct
from pathlib import Path

import httpx
import pytest
from microsoft_client import Adcs, Windows
from spnego._ntlm_raw.crypto import ntowfv1

from scm_api.sandbox import microsoft
from scm_api.sandbox.microsoft import catalogue
from scm_api.sandbox.microsoft.domain import Account

ENROLLER = catalogue.ENROLLER
PAGE = "certcarc.asp"
WRONG = Account("svc-enroll", "wrong", "", "")


def status(adcs: Adcs, auth: httpx.Auth | tuple[str, str]) -> int:
    return adcs.get(PAGE, auth=auth).status_code


def basic(account: Account, name: str | None = None) -> tuple[str, str]:
    return name or f"CORP\\{account.sam}", account.password


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
def test_the_right_password(adcs: Adcs, protocol: str) -> None:
    assert status(adcs, Windows(ENROLLER, protocol=protocol)) == 200
    (call,) = adcs.calls(PAGE)
    assert call["account"] == "svc-enroll"


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
def test_the_wrong_password(adcs: Adcs, protocol: str) -> None:
    assert status(adcs, Windows(WRONG, protocol=protocol)) == 401
    assert adcs.calls(PAGE) == []


@pytest.mark.parametrize("name", ["gone", "nobody"])
def test_accounts_that_cannot_log_on(adcs: Adcs, name: str) -> None:
    password = catalogue.DISABLED_USER.password
    assert status(adcs, Windows(Account(name, password, "", ""))) == 401


def test_names_in_another_character_set_as_curl_sends_them(adcs: Adcs) -> None:
    assert by_hand(adcs, ENROLLER, is_oem=True) == 200
    assert by_hand(adcs, WRONG, is_oem=True) == 401


def test_an_authenticated_connection_stays_so_and_no_other_becomes_so(adcs: Adcs) -> None:
    with adcs.session() as client:
        assert client.get(f"/certsrv/{PAGE}").status_code == 200
        again = client.get(f"/certsrv/{PAGE}", auth=httpx.Auth())
        assert again.status_code == 200
    with adcs.session(httpx.Auth()) as other:
        assert other.get(f"/certsrv/{PAGE}").status_code == 401
    numbers = {each["connection"] for each in adcs.calls(PAGE)}
    assert len(numbers) == 1


def test_an_exchange_that_changes_its_connection_fails(adcs: Adcs) -> None:
    with adcs.session(httpx.Auth()) as one, adcs.session(httpx.Auth()) as other:
        first = {"Authorization": "NTLM " + base64.b64encode(negotiate()).decode()}
        challenge = one.get(f"/certsrv/{PAGE}", headers=first)
        token = authenticate(challenge, ENROLLER)
        final = {"Authorization": "NTLM " + base64.b64encode(token).decode()}
        assert other.get(f"/certsrv/{PAGE}", headers=final).status_code == 401


def test_what_is_offered_is_a_setting(adcs: Adcs) -> None:
    def offered() -> list[str]:
        return adcs.get(PAGE, auth=httpx.Auth()).headers.get_list("www-authenticate")

    assert offered() == ["Negotiate", "NTLM"]
    adcs.behave(schemes=["Basic"])
    assert offered() == ['Basic realm="ca.corp.example"']
    assert status(adcs, Windows(ENROLLER)) == 401
    assert status(adcs, basic(ENROLLER)) == 200


@pytest.mark.parametrize("name", ["svc-enroll", "corp\\SVC-ENROLL", "svc-enroll@corp.example"])
def test_names_of_an_account(adcs: Adcs, name: str) -> None:
    adcs.behave(schemes=["Basic"])
    assert status(adcs, basic(ENROLLER, name)) == 200
    assert status(adcs, (name, "wrong")) == 401


def test_a_client_certificate(adcs: Adcs) -> None:
    adcs.behave(schemes=["Certificate"])
    context = adcs.context()
    context.load_cert_chain(adcs.simulator.transport.credential("svc-enroll"))
    with adcs.session(httpx.Auth(), context) as client:
        assert client.get(f"/certsrv/{PAGE}").status_code == 200
    assert adcs.get(PAGE, auth=httpx.Auth()).status_code == 401
    assert [each["account"] for each in adcs.calls(PAGE)] == ["svc-enroll"]


def test_a_client_certificate_does_not_help_where_it_is_not_asked_for(adcs: Adcs) -> None:
    context = adcs.context()
    context.load_cert_chain(adcs.simulator.transport.credential("svc-enroll"))
    with adcs.session(httpx.Auth(), context) as client:
        assert client.get(f"/certsrv/{PAGE}").status_code == 401


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
@pytest.mark.parametrize(
    ("mode", "bindings", "expected"),
    [
        ("none", None, 200),
        ("none", b"tls-server-end-point:of another", 200),
        ("supported", None, 200),
        ("supported", "right", 200),
        ("supported", b"tls-server-end-point:of another", 401),
        ("required", "right", 200),
        ("required", None, 401),
        ("required", b"tls-server-end-point:of another", 401),
    ],
)
def test_channel_bindings(
    adcs: Adcs, protocol: str, mode: str, bindings: bytes | str | None, expected: int
) -> None:
    adcs.behave(extended_protection=mode)
    assert status(adcs, Windows(ENROLLER, protocol=protocol, bindings=bindings)) == expected


def test_nothing_in_the_answer_tells_wrong_bindings_from_a_wrong_password(adcs: Adcs) -> None:
    adcs.behave(extended_protection="required")
    unbound = adcs.get(PAGE, auth=Windows(ENROLLER, bindings=None))
    stranger = adcs.get(PAGE, auth=Windows(WRONG))
    assert unbound.status_code == stranger.status_code == 401
    assert unbound.text == stranger.text
    told, other = (
        [(name, value) for name, value in each.headers.multi_items() if name != "date"]
        for each in (unbound, stranger)
    )
    assert told == other
    reasons = [each["reason"] for each in adcs.calls("authenticate")]
    assert "Channel bindings are required and were not sent" in reasons
    assert "The password is wrong" in reasons


@pytest.mark.parametrize(
    ("mode", "expected"), [("none", 200), ("supported", 200), ("required", 401)]
)
def test_bindings_of_zeros_are_none(adcs: Adcs, mode: str, expected: int) -> None:
    """MS-NLMP 3.2.5.1.2: only a hash that is not zero is compared, and none will not do."""
    adcs.behave(extended_protection=mode)
    assert by_hand(adcs, ENROLLER, pairs=pair(10, bytes(16))) == expected


def test_the_proof_is_checked_over_the_bytes_that_came(adcs: Adcs) -> None:
    """A target name twice and one of no known kind: encoding them anew would change them."""
    name = "HTTP/ca".encode("utf-16-le")
    odd = pair(9, name) + pair(9, name) + pair(0x42, b"unknown")
    adcs.behave(extended_protection="none")
    assert by_hand(adcs, ENROLLER, pairs=odd) == 200
    assert by_hand(adcs, WRONG, pairs=odd) == 401


def test_ntlm_of_version_1_is_refused(adcs: Adcs) -> None:
    assert by_hand(adcs, ENROLLER, response=os.urandom(24)) == 401


@pytest.mark.parametrize(
    "token", ["", "!!!", "TlRMTVNTUAA=", base64.b64encode(b"\x60\x03").decode()]
)
@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
def test_tokens_that_are_none(adcs: Adcs, scheme: str, token: str) -> None:
    with adcs.session(httpx.Auth()) as client:
        answer = client.get(
            f"/certsrv/{PAGE}", headers={"Authorization": f"{scheme} {token}".strip()}
        )
    assert answer.status_code == 401


def test_the_legs_of_an_exchange_come_from_the_kernel_driver(adcs: Adcs) -> None:
    with adcs.session(httpx.Auth()) as client:
        plain = client.get(f"/certsrv/{PAGE}")
        first = {"Authorization": "NTLM " + base64.b64encode(negotiate()).decode()}
        leg = client.get(f"/certsrv/{PAGE}", headers=first)
    assert plain.headers["server"] == "Microsoft-IIS/10.0"
    assert leg.headers["server"] == "Microsoft-HTTPAPI/2.0"
    assert "401 - Unauthorized: Access is denied due to invalid credentials." in plain.text


def test_a_keytab_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    import asyncio

    settings = microsoft.Settings(tmp_path / "state", keytab=tmp_path / "none.keytab")
    with pytest.raises(microsoft.StateError, match="cannot be read"):
        asyncio.run(microsoft.serve(settings))


def test_a_server_that_is_not_trusted_is_not_spoken_to(adcs: Adcs) -> None:
    with (
        adcs.session(context=ssl.create_default_context()) as client,
        pytest.raises(httpx.ConnectError, match="self-signed certificate"),
    ):
        client.get("/certsrv/")


def negotiate(*, is_oem: bool = False) -> bytes:
    charset = 2 if is_oem else 1
    return b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088294 | charset) + bytes(24)


def authenticate(
    answer: httpx.Response,
    account: Account,
    pairs: bytes = b"",
    response: bytes | None = None,
    *,
    is_oem: bool = False,
) -> bytes:
    """An AUTHENTICATE_MESSAGE by hand (MS-NLMP 3.3.2), with AV pairs of the caller's choice."""
    challenge = base64.b64decode(answer.headers["www-authenticate"].partition(" ")[2])
    domain, user = (each.encode("utf-16-le") for each in ("CORP", account.sam))
    if response is None:
        key = hmac.new(
            ntowfv1(account.password), account.sam.upper().encode("utf-16-le") + domain, "md5"
        ).digest()
        blob = b"\1\1" + bytes(6) + bytes(8) + os.urandom(8) + bytes(4) + pairs + bytes(8)
        response = hmac.new(key, challenge[24:32] + blob, "md5").digest() + blob
    header, payload = b"NTLMSSP\0" + struct.pack("<I", 3), b""
    names = (b"CORP", account.sam.encode()) if is_oem else (domain, user)
    for part in (bytes(24), response, *names, b"", b""):
        header += struct.pack("<HHI", len(part), len(part), 88 + len(payload))
        payload += part
    return (
        header
        + struct.pack("<I", 0x00088204 | (2 if is_oem else 1))
        + bytes(8)
        + bytes(16)
        + payload
    )


def by_hand(
    adcs: Adcs,
    account: Account,
    pairs: bytes = b"",
    response: bytes | None = None,
    *,
    is_oem: bool = False,
) -> int:
    with adcs.session(httpx.Auth()) as client:
        first = {"Authorization": "NTLM " + base64.b64encode(negotiate(is_oem=is_oem)).decode()}
        leg = client.get(f"/certsrv/{PAGE}", headers=first)
        token = authenticate(leg, account, pairs, response, is_oem=is_oem)
        final = {"Authorization": "NTLM " + base64.b64encode(token).decode()}
        return client.get(f"/certsrv/{PAGE}", headers=final).status_code


def pair(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def test_the_end_point_of_the_server_is_what_it_checks(adcs: Adcs) -> None:
    with adcs.session() as client:
        tls = client.get(f"/certsrv/{PAGE}").extensions["network_stream"]
        der = tls.get_extra_info("ssl_object").getpeercert(True)
    expected = b"tls-server-end-point:" + hashlib.sha256(der).digest()
    assert adcs.simulator.transport.end_point() == expected
