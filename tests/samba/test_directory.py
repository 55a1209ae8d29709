"""The driver against a real Active Directory, which Samba's is as far as the driver looks.

It needs Samba and root, so it is a target of its own: `make test-samba`.
"""

import struct
import subprocess
import sys
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from domain_controller import (
    AGENT_POLICY,
    ALIAS,
    CA_HOST,
    CA_NAME,
    CONTEXT,
    HOST,
    PASSWORD,
    REALM,
    DomainController,
)

from scm_api.core.vocabulary import CertificateType
from scm_api.drivers.errors import BackendRefused, BackendUnavailable
from scm_api.drivers.microsoft.directory import ActiveDirectory
from scm_api.drivers.microsoft.icpr import INTERFACE
from scm_api.drivers.microsoft.ports import TemplateRecord
from scm_api.drivers.microsoft.template_rules import template_faults
from scm_api.drivers.windows.credentials import Method
from scm_api.drivers.windows.kerberos import KerberosTickets
from scm_api.drivers.windows.ldap import LdapServer
from scm_api.drivers.windows.logon import Logon
from scm_api.drivers.windows.rpc import connected
from scm_api.drivers.windows.rpc_pdus import Interface

METHODS: list[Method] = ["simple", "ntlm", "kerberos"]
# Directory replication: any account may bind to it, which is answered.
REPLICATION = Interface(UUID("e3514235-4b06-11d1-ab04-00c04fc2dcd2"), 4)
DS_BIND = 0


def tickets(user: str, password: str = PASSWORD, keytab: bytes | None = None) -> KerberosTickets:
    return KerberosTickets(user, REALM, "" if keytab else password, keytab)


def sign_in(method: Method, user: str = "svc-read", password: str = PASSWORD) -> Logon:
    name = f"{user}@corp.localhost" if method == "simple" else f"CORP\\{user}"
    return Logon(method, name, password, tickets(user, password))


def directory(
    controller: DomainController, how: Logon | None = None, host: str = HOST
) -> ActiveDirectory:
    server = LdapServer(f"ldaps://{host}", how or sign_in("simple"), controller.trust)
    return ActiveDirectory(server, "CORP\\svc-enroll")


async def templates(controller: DomainController) -> dict[str, TemplateRecord]:
    return {each.name: each for each in await directory(controller).templates()}


@pytest.mark.parametrize("method", METHODS)
async def test_the_ca_is_read_however_one_logs_on(
    controller: DomainController, method: Method
) -> None:
    (found,) = await directory(controller, sign_in(method)).enrollment_services()
    assert (found.name, found.dns_host_name) == (CA_NAME, CA_HOST)
    assert found.templates == {"WebServer", "UserEobo"}
    assert found.certificate_der[:1] == b"\x30"


@pytest.mark.parametrize("method", METHODS)
async def test_a_wrong_password_is_told(controller: DomainController, method: Method) -> None:
    wrong = sign_in(method, password="wrong")
    with pytest.raises(BackendRefused, match="wrong"):
        await directory(controller, wrong).enrollment_services()


@pytest.mark.parametrize("method", METHODS)
async def test_a_disabled_account_is_told(controller: DomainController, method: Method) -> None:
    with pytest.raises(BackendRefused, match="disabled"):
        await directory(controller, sign_in(method, "gone")).enrollment_services()


async def test_a_keytab_stands_for_the_password(controller: DomainController) -> None:
    keytab = controller.keytab("svc-read").read_bytes()
    how = Logon("kerberos", "svc-read", "", tickets("svc-read", keytab=keytab))
    assert len(await directory(controller, how).enrollment_services()) == 1


async def test_a_keytab_of_another_account_is_told(controller: DomainController) -> None:
    keytab = controller.keytab("ada").read_bytes()
    how = Logon("kerberos", "svc-read", "", tickets("svc-read", keytab=keytab))
    with pytest.raises(BackendRefused, match="keytab has no key"):
        await directory(controller, how).enrollment_services()


async def test_a_host_without_service_principal_is_told(controller: DomainController) -> None:
    with pytest.raises(BackendRefused, match="KDC knows no such service"):
        await directory(controller, sign_in("kerberos"), ALIAS).enrollment_services()


def test_a_clock_that_is_wrong_is_told(controller: DomainController) -> None:
    script = (
        "import asyncio; from scm_api.drivers.windows.kerberos import KerberosTickets\n"
        f"asyncio.run(KerberosTickets('svc-read', {REALM!r}, {PASSWORD!r}, None).credential())"
    )
    command = ["faketime", "-f", "+20m", sys.executable, "-c", script]
    said = subprocess.run(command, capture_output=True, text=True).stderr
    assert "synchronise" in said


async def test_flags_and_periods_are_as_stored(controller: DomainController) -> None:
    found = (await templates(controller))["UserEobo"]
    assert (found.name_flags, found.ra_signatures) == (0xA6000000, 1)
    assert (found.ra_policies, found.validity_days) == ((AGENT_POLICY,), 365.0)
    assert (found.general_flags, found.minimal_key_size) == (131680, 2048)
    assert found.display_name == "UserEobo (shown)"


async def test_rights_are_told_from_descriptors_as_samba_stores_them(
    controller: DomainController,
) -> None:
    found = await templates(controller)
    assert {name: (each.may_enroll, each.may_change) for name, each in found.items()} == {
        "WebServer": (True, False),
        "UserEobo": (False, False),
        "Foreign": (False, True),
    }


async def test_templates_are_judged(controller: DomainController) -> None:
    found = await templates(controller)
    keys = frozenset({"rsa-2048"})
    assert list(template_faults(found["WebServer"], CertificateType.SSL, False, keys)) == []
    (fault,) = template_faults(found["UserEobo"], CertificateType.CLIENT, True, keys)
    assert fault.code == "template-not-permitted"
    allowed = replace(found["UserEobo"], may_enroll=True)
    assert list(template_faults(allowed, CertificateType.CLIENT, True, keys)) == []


@pytest.mark.parametrize("name", ["CORP\\ada", "ADA@corp.localhost", f"CN=ada,CN=Users,{CONTEXT}"])
async def test_an_account_is_found_with_its_groups(controller: DomainController, name: str) -> None:
    found = await directory(controller).account(name)
    assert found is not None
    assert (found.account, found.sid) == ("CORP\\ada", controller.sid("ada"))
    assert (found.upn, found.mail) == ("ada@corp.localhost", "ada@corp.localhost")
    assert {f"CN={each},CN=Users,{CONTEXT}" for each in ("People", "Staff", "Domain Users")} <= (
        found.groups
    )
    assert not found.protected
    assert not found.disabled


async def test_a_computer_a_disabled_and_a_protected_account(
    controller: DomainController,
) -> None:
    reader = directory(controller)
    web, gone = await reader.account("CORP\\web01$"), await reader.account("CORP\\gone")
    root = await reader.account("CORP\\administrator")
    assert web is not None
    assert web.dns_host_name == "web01.corp.localhost"
    assert gone is not None
    assert gone.disabled
    assert root is not None
    assert root.protected


@pytest.mark.parametrize(
    "name", ["*", "*)(objectClass=*", "CORP\\*", "CORP\\a*", "*@corp.localhost", "CN=*,CN=Users"]
)
async def test_t33_a_name_is_a_value(controller: DomainController, name: str) -> None:
    assert await directory(controller).account(name) is None


@pytest.mark.parametrize("method", ["ntlm", "kerberos"])
async def test_rpc_is_sealed(controller: DomainController, method: Any) -> None:
    async with connected(HOST, None, REPLICATION, sign_in(method)) as connection:
        answer = await connection.call(DS_BIND, bytes(8), 20)
    (status,) = struct.unpack("<I", answer[-4:])
    assert status == 0
    assert any(answer[-24:-4])  # a handle


@pytest.mark.parametrize("method", ["ntlm", "kerberos"])
async def test_rpc_with_a_wrong_password_is_refused(
    controller: DomainController, method: Any
) -> None:
    with pytest.raises(BackendRefused, match="wrong"):
        async with connected(HOST, None, REPLICATION, sign_in(method, password="no")) as wrong:
            await wrong.call(DS_BIND, bytes(8), 20)


async def test_rpc_without_the_interface_names_the_flag(controller: DomainController) -> None:
    with pytest.raises(BackendUnavailable, match="IF_NORPCICERTREQUEST"):
        async with connected(HOST, None, INTERFACE, sign_in("ntlm")):
            pass
