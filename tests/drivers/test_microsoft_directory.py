"""Active Directory read by LDAPS, from a simulated domain controller, and its codecs by bytes."""

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from microsoft_forest import AGENT_POLICY, CA_NAME, CONTEXT, PASSWORD, SID, Forest, Tls

from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.drivers.microsoft import ldap_messages as messages
from scm_api.drivers.microsoft.directory import ActiveDirectory, template_record
from scm_api.drivers.microsoft.ldap import LdapServer
from scm_api.drivers.microsoft.ldap_messages import Entry, Equal, Result
from scm_api.drivers.microsoft.security_descriptors import (
    ENROLL,
    may_change,
    may_enroll,
    sid_text,
)
from scm_api.drivers.microsoft.sign_in import SignIn
from scm_api.sandbox.microsoft.ldap import DirectoryCall, LdapBehaviour, RunningLdap, serve_ldap

READER = "svc@corp.example"
AUTO_ENROLL = UUID("a05b8cc2-17bc-4802-a710-e7c15ab866a2")
SCHEMA_4_POLICIES = (
    "msPKI-Asymmetric-Algorithm`PZPWSTR`RSA`msPKI-RA-Application-Policies`PZPWSTR`"
    f"{AGENT_POLICY}`msPKI-Key-Usage`DWORD`16777215`"
)


class Server:
    """A domain controller and what it heard."""

    def __init__(self, folder: Path) -> None:
        self.tls = Tls(folder)
        self.forest = Forest()
        self.behaviour = LdapBehaviour()
        self.calls: list[DirectoryCall] = []
        self.ldap: RunningLdap

    async def open(self) -> None:
        self.ldap = await serve_ldap(
            lambda: self.forest.domain,
            "127.0.0.1",
            ssl_context=self.tls.server,
            dns_host_name="dc1.corp.example",
            end_point=self.tls.end_point,
            behaviour=lambda: self.behaviour,
            log=self.calls.append,
        )

    def directory(
        self, sign_in: SignIn | None = None, enrolling: str | None = "CORP\\svc-enroll"
    ) -> ActiveDirectory:
        sign_in = sign_in or SignIn("simple", READER, PASSWORD)
        url = f"ldaps://localhost:{self.ldap.port}"
        return ActiveDirectory(LdapServer(url, sign_in, self.tls.client), enrolling)


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = Server(tmp_path)
    await running.open()
    yield running
    await running.ldap.aclose()


async def test_the_cas_of_the_forest_are_read(server: Server) -> None:
    (found,) = await server.directory().enrollment_services()
    (known,) = server.forest.domain.services
    assert (found.name, found.dns_host_name) == (CA_NAME, known.dns_host_name)
    assert (found.certificate_der, found.templates) == (known.certificate_der, {"WebServer"})


async def test_templates_are_read_with_unsigned_flags(server: Server) -> None:
    found = {each.name: each for each in await server.directory().templates()}
    eobo = found["UserEobo"]
    assert (eobo.name_flags, eobo.ra_signatures, eobo.ra_policies) == (
        0xA6000000,
        1,
        (AGENT_POLICY,),
    )
    web = found["WebServer"]
    assert (web.schema_version, web.validity_days, web.minimal_key_size) == (2, 365.0, 2048)
    assert web.display_name == "WebServer (shown)"


async def test_the_right_to_enroll_also_comes_by_a_group(server: Server) -> None:
    found = {each.name: each.may_enroll for each in await server.directory().templates()}
    assert found == {"WebServer": True, "UserEobo": False}


@pytest.mark.parametrize("enrolling", [None, "CORP\\nobody"])
async def test_rights_of_an_unknown_account_cannot_be_told(
    server: Server, enrolling: str | None
) -> None:
    found = await server.directory(enrolling=enrolling).templates()
    assert {each.may_enroll for each in found} == {None}


@pytest.mark.parametrize(
    "name",
    ["CORP\\ada", "corp\\ADA", "ada@corp.example", f"CN=ada,CN=Users,{CONTEXT}"],
)
async def test_an_account_is_found_by_each_of_its_names(server: Server, name: str) -> None:
    found = await server.directory().account(name)
    assert found is not None
    assert (found.account, found.sid) == ("CORP\\ada", f"{SID}-1104")
    assert (found.upn, found.mail, found.dns_host_name) == (
        "ada@corp.example",
        "ada@corp.example",
        None,
    )
    assert server.forest.staff in found.groups
    assert (found.disabled, found.protected) == (False, False)


@pytest.mark.parametrize(
    "name",
    ["*)(objectClass=*", "*", "CORP\\*", "CORP\\a*", "OTHER\\ada", "CORP\\", "*@corp.example",
     "ada", "", f"CN=nobody,CN=Users,{CONTEXT}", "CN=a)(cn=*", f"CN=Staff,CN=Users,{CONTEXT}",
     f"<SID={SID}-1104>"],
)  # fmt: skip
async def test_t33_a_name_is_a_value_and_finds_nobody_else(server: Server, name: str) -> None:
    assert await server.directory().account(name) is None
    for call in server.calls:
        assert "*)" not in call.filter.replace("=*)", "")
        assert "(cn=*)" not in call.filter


async def test_a_name_that_two_accounts_have_is_refused(server: Server) -> None:
    with pytest.raises(OrderRefused, match="2 accounts") as caught:
        await server.directory().account("shared@corp.example")
    assert caught.value.code == "person-unknown"


async def test_a_upn_that_is_the_implicit_one_of_another_is_refused(server: Server) -> None:
    with pytest.raises(OrderRefused, match="2 accounts"):
        await server.directory().account("gone@corp.example")


async def test_disabled_and_protected_are_told(server: Server) -> None:
    gone = await server.directory().account("CORP\\gone")
    root = await server.directory().account("CORP\\root")
    assert gone is not None
    assert root is not None
    assert (gone.disabled, gone.protected) == (True, False)
    assert (root.disabled, root.protected) == (False, True)


async def test_a_computer_has_its_dns_name(server: Server) -> None:
    found = await server.directory().account("CORP\\web01$")
    assert found is not None
    assert (found.account, found.dns_host_name) == ("CORP\\web01$", "web01.corp.example")


async def test_ntlm_is_bound_to_the_connection(server: Server) -> None:
    server.behaviour = replace(server.behaviour, channel_binding="required")
    directory = server.directory(SignIn("ntlm", "CORP\\svc-enroll", PASSWORD))
    assert await directory.account("CORP\\ada") is not None


@pytest.mark.parametrize("method", ["simple", "ntlm"])
async def test_a_wrong_password_is_said(server: Server, method: Any) -> None:
    user = READER if method == "simple" else "CORP\\svc-enroll"
    with pytest.raises(BackendRefused, match="password is wrong"):
        await server.directory(SignIn(method, user, "wrong")).enrollment_services()


async def test_a_disabled_account_is_said(server: Server) -> None:
    with pytest.raises(BackendRefused, match="disabled"):
        await server.directory(SignIn("simple", "CORP\\gone", PASSWORD)).account("CORP\\ada")


def test_an_anonymous_bind_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="anonymous"):
        LdapServer("ldaps://localhost", SignIn("simple", READER, ""), Tls(tmp_path).client)


def test_a_directory_in_clear_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ldaps"):
        LdapServer("ldap://localhost", SignIn("simple", READER, "x"), Tls(tmp_path).client)


async def test_many_pages_are_read(server: Server) -> None:
    server.behaviour = replace(server.behaviour, max_page_size=1)
    assert len(await server.directory().templates()) == 2


async def test_an_untrusted_certificate_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    server.tls.client = Tls(tmp_path / "other").client
    with pytest.raises(BackendRefused, match="not trusted"):
        await server.directory().templates()


async def test_nobody_listens(server: Server) -> None:
    await server.ldap.aclose()
    with pytest.raises(BackendUnavailable, match="cannot be reached"):
        await server.directory().templates()


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
        reader = LdapServer(url, SignIn("simple", READER, PASSWORD), tls.client)
        with pytest.raises(BackendUnavailable, match=said):
            await ActiveDirectory(reader).templates()


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


def entry(**attributes: bytes) -> Entry:
    named = {name.replace("_", "-").lower(): (value,) for name, value in attributes.items()}
    return Entry("CN=x", named)


def test_policies_of_newer_schema_versions_are_read() -> None:
    found = entry(msPKI_RA_Application_Policies=SCHEMA_4_POLICIES.encode())
    assert template_record(found, None).ra_policies == (AGENT_POLICY,)


def test_a_template_without_a_version_is_of_schema_1() -> None:
    found = template_record(entry(cn=b"User"), None)
    assert (found.schema_version, found.name_flags, found.validity_days) == (1, 0, 0)


def sid(text: str) -> bytes:
    _, _, authority, *parts = text.split("-")
    head = bytes([1, len(parts)]) + int(authority).to_bytes(6, "big")
    return head + struct.pack(f"<{len(parts)}I", *map(int, parts))


def ace(kind: int, who: str, mask: int = 0x100, what: UUID | None = None, flags: int = 0) -> bytes:
    about = b""
    if kind in (5, 6, 0x0B, 0x0C):
        about = struct.pack("<I", 1 if what else 0) + (what.bytes_le if what else b"")
    body = struct.pack("<I", mask) + about + sid(who)
    return struct.pack("<BBH", kind, flags, 4 + len(body)) + body


def descriptor(*aces: bytes) -> bytes:
    listed = b"".join(aces)
    dacl = struct.pack("<BBHHH", 4, 0, 8 + len(listed), len(aces), 0) + listed
    return struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20) + dacl


ME, STAFF, OTHER = f"{SID}-1103", f"{SID}-1200", f"{SID}-1300"


@pytest.mark.parametrize(
    ("aces", "allowed"),
    [
        ((), False),
        ((ace(5, ME, what=ENROLL),), True),
        ((ace(5, STAFF, what=ENROLL),), True),
        ((ace(5, OTHER, what=ENROLL),), False),
        ((ace(5, ME, what=AUTO_ENROLL),), False),
        ((ace(5, ME),), True),
        ((ace(0, ME),), True),
        ((ace(0, ME, mask=0x10000000),), True),
        ((ace(0, ME, mask=0x000F01FF),), True),
        ((ace(0, ME, mask=0x20094),), False),
        ((ace(6, STAFF, what=ENROLL), ace(5, ME, what=ENROLL)), False),
        ((ace(1, STAFF), ace(5, ME, what=ENROLL)), False),
        ((ace(6, OTHER, what=ENROLL), ace(5, ME, what=ENROLL)), True),
        ((ace(6, ME, what=AUTO_ENROLL), ace(5, ME, what=ENROLL)), True),
        ((ace(5, ME, what=ENROLL), ace(6, STAFF, what=ENROLL)), True),
        ((ace(5, ME, what=ENROLL, flags=0x08),), False),
        ((ace(0x0B, ME, what=ENROLL),), False),
        ((ace(2, ME), ace(5, ME, what=ENROLL)), True),
    ],
)
def test_the_first_entry_about_the_account_decides(aces: tuple[bytes, ...], allowed: bool) -> None:
    assert may_enroll(descriptor(*aces), {ME, STAFF}) is allowed


def test_without_a_dacl_everybody_may_do_everything() -> None:
    bare = struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)
    assert may_enroll(bare, {ME})
    assert may_change(bare, {ME})


@pytest.mark.parametrize(
    ("entries", "changes"),
    [
        ((ace(0, ME, mask=0x40000),), True),
        ((ace(0, STAFF, mask=0x80000),), True),
        ((ace(5, ME, mask=0x20),), True),
        ((ace(0, ME, mask=0x10000000),), True),
        ((ace(0, ME, mask=0x20094), ace(5, ME, what=ENROLL)), False),
        ((ace(0, OTHER, mask=0xF01FF),), False),
        ((ace(1, ME, mask=0x40000),), False),
        ((ace(0, ME, mask=0x40000, flags=0x08),), False),
    ],
)
def test_t31_a_right_to_change_the_template_is_told(
    entries: tuple[bytes, ...], changes: bool
) -> None:
    assert may_change(descriptor(*entries), {ME, STAFF}) is changes


def test_t31_an_unreadable_descriptor_leaves_the_rights_untold() -> None:
    found = template_record(entry(cn=b"x", nTSecurityDescriptor=b"no descriptor"), frozenset({ME}))
    assert (found.may_enroll, found.may_change) == (None, False)


@pytest.mark.parametrize(
    "raw",
    [b"", bytes(10), descriptor(ace(0, ME))[:40], descriptor(bytes(8) + bytes(8), ace(0, ME))],
)
def test_what_is_no_descriptor_is_said(raw: bytes) -> None:
    with pytest.raises(ValueError):
        may_enroll(raw, {ME})


def test_a_sid_is_written_as_windows_writes_it() -> None:
    assert sid_text(sid(ME)) == ME
    with pytest.raises(ValueError, match="SID"):
        sid_text(b"\x01\x05\x00")
