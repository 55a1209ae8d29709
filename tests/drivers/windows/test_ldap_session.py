"""A directory read by LDAPS, from a simulated domain controller, and the messages by bytes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from domain_controller_harness import READER, DomainController
from microsoft_forest import CONTEXT, PASSWORD, Tls

from scm_api.drivers.errors import BackendRefused, BackendUnavailable
from scm_api.drivers.windows import ldap_messages as messages
from scm_api.drivers.windows.ldap import LdapServer
from scm_api.drivers.windows.ldap_messages import Entry, Equal, Result
from scm_api.drivers.windows.logon import Logon


@pytest_asyncio.fixture
async def controller(tmp_path: Path) -> AsyncIterator[DomainController]:
    running = DomainController(tmp_path)
    await running.open()
    yield running
    await running.ldap.aclose()


async def people(server: LdapServer) -> list[Entry]:
    async with server.session() as session:
        return await session.search(CONTEXT, "subtree", Equal("objectClass", "user"), ("cn",))


async def test_ntlm_is_bound_to_the_connection(controller: DomainController) -> None:
    controller.behaviour = replace(controller.behaviour, channel_binding="required")
    logon = Logon("ntlm", "CORP\\svc-enroll", PASSWORD)
    assert await people(controller.as_account(logon))


@pytest.mark.parametrize("method", ["simple", "ntlm"])
async def test_a_wrong_password_is_said(controller: DomainController, method: Any) -> None:
    user = READER if method == "simple" else "CORP\\svc-enroll"
    with pytest.raises(BackendRefused, match="password is wrong"):
        await people(controller.as_account(Logon(method, user, "wrong")))


async def test_a_disabled_account_is_said(controller: DomainController) -> None:
    with pytest.raises(BackendRefused, match="disabled"):
        await people(controller.as_account(Logon("simple", "CORP\\gone", PASSWORD)))


def test_an_anonymous_bind_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="anonymous"):
        LdapServer("ldaps://localhost", Logon("simple", READER, ""), Tls(tmp_path).client)


def test_a_directory_in_clear_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ldaps"):
        LdapServer("ldap://localhost", Logon("simple", READER, "x"), Tls(tmp_path).client)


async def test_many_pages_are_read(controller: DomainController) -> None:
    controller.behaviour = replace(controller.behaviour, max_page_size=1)
    assert len(await people(controller.as_account())) == len(controller.forest.domain.accounts)


async def test_an_untrusted_certificate_is_refused(
    controller: DomainController, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    controller.tls.client = Tls(tmp_path / "other").client
    with pytest.raises(BackendRefused, match="not trusted"):
        await people(controller.as_account())


async def test_nobody_listens(controller: DomainController) -> None:
    await controller.ldap.aclose()
    with pytest.raises(BackendUnavailable, match="cannot be reached"):
        await people(controller.as_account())


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"", "hung up"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "not LDAP"),
        (b"\x30\x84\x7f\xff\xff\xff", "more than is read"),
        (b"\x30\x80", "not LDAP"),
        (bytes.fromhex("300c02010161070a0134040004 00".replace(" ", "")), "not available"),
    ],
)
async def test_nonsense_and_excess_of_a_server_are_unavailability(
    tmp_path: Path, reply: bytes, said: str
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(reply)
        await writer.drain()
        writer.close()

    tls = Tls(tmp_path)
    listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls.server)
    async with listener:
        url = f"ldaps://localhost:{listener.sockets[0].getsockname()[1]}"
        reader = LdapServer(url, Logon("simple", READER, PASSWORD), tls.client)
        with pytest.raises(BackendUnavailable, match=said):
            await people(reader)


def test_a_filter_is_encoded_as_values() -> None:
    raw = messages.search(1, "", "base", Equal("cn", "*)(a=*"), (), b"")
    assert bytes.fromhex("a30c0402636e04062a2928613d2a") in raw


def test_lengths_of_windows_are_read() -> None:
    raw = bytes.fromhex("308400000010020101618400000007 0a0131040004 00".replace(" ", ""))
    assert messages.read(raw) == (1, Result(49, ""))


def test_what_is_sent_in_ranges_is_not_taken_for_whole() -> None:
    name = b"member;range=0-1499"
    attribute = b"\x30" + bytes([len(name) + 4]) + b"\x04" + bytes([len(name)]) + name + b"\x31\0"
    entry = b"\x04\0\x30" + bytes([len(attribute)]) + attribute
    operation = b"\x02\x01\x01\x64" + bytes([len(entry)]) + entry
    with pytest.raises(ValueError, match="more values"):
        messages.read(b"\x30" + bytes([len(operation)]) + operation)
