"""CAs and templates as Active Directory has them, from a simulated domain controller."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from domain_controller_harness import READER, DomainController
from microsoft_forest import AGENT_POLICY, CA_NAME, PASSWORD

from scm_api.drivers.microsoft.directory import ActiveDirectory, template_record
from scm_api.drivers.microsoft.driver import MicrosoftDriver
from scm_api.drivers.microsoft.forest import Forest
from scm_api.drivers.microsoft.icpr import IcprEnroller
from scm_api.drivers.microsoft.options import MicrosoftConnection
from scm_api.drivers.windows.ldap_messages import Entry
from scm_api.drivers.windows.logon import Logon
from scm_api.sandbox.microsoft.domain import EnrollmentService

SCHEMA_4_POLICIES = (
    "msPKI-Asymmetric-Algorithm`PZPWSTR`RSA`msPKI-RA-Application-Policies`PZPWSTR`"
    f"{AGENT_POLICY}`msPKI-Key-Usage`DWORD`16777215`"
)


@pytest_asyncio.fixture
async def controller(tmp_path: Path) -> AsyncIterator[DomainController]:
    running = DomainController(tmp_path)
    await running.open()
    yield running
    await running.ldap.aclose()


def directory(
    controller: DomainController, enrolling: str | None = "CORP\\svc-enroll"
) -> ActiveDirectory:
    return ActiveDirectory(controller.as_account(), enrolling)


async def test_the_cas_of_the_forest_are_read(controller: DomainController) -> None:
    (found,) = await directory(controller).enrollment_services()
    (known,) = controller.forest.domain.services
    assert (found.name, found.dns_host_name) == (CA_NAME, known.dns_host_name)
    assert (found.certificate_der, found.templates) == (known.certificate_der, {"WebServer"})


@pytest.mark.parametrize("left", [b"", b"0\x03\x02\x01\x00"], ids=["none", "no certificate"])
async def test_what_an_old_ca_left_behind_hides_no_other(
    controller: DomainController, left: bytes
) -> None:
    domain = controller.forest.domain
    old = EnrollmentService("Old CA", "gone.corp.example", left, ())
    controller.forest.domain = replace(domain, services=(old, *domain.services))
    enroller = {"transport": "icpr", "host": "ca.corp.example", "auth": "ntlm"}
    connection = MicrosoftConnection.model_validate(
        {"backend_type": "microsoft", "issuing_ca": CA_NAME, "enroller": enroller}
    )
    calls = IcprEnroller("ca.corp.example", CA_NAME, Logon("ntlm", READER, PASSWORD))
    forest = Forest(CA_NAME, directory(controller))
    driver = MicrosoftDriver(connection, calls, None, forest, None, None)
    gone, ours = await driver.issuing_cas()
    assert (gone.id, gone.usable, gone.certificate_pem) == ("Old CA", False, None)
    assert ours.usable
    assert ours.certificate_pem is not None


async def test_templates_are_read_with_unsigned_flags(controller: DomainController) -> None:
    found = {each.name: each for each in await directory(controller).templates()}
    eobo = found["UserEobo"]
    assert (eobo.name_flags, eobo.ra_signatures, eobo.ra_policies) == (
        0xA6000000,
        1,
        (AGENT_POLICY,),
    )
    web = found["WebServer"]
    assert (web.schema_version, web.validity_days, web.minimal_key_size) == (2, 365.0, 2048)
    assert web.display_name == "WebServer (shown)"


async def test_the_right_to_enroll_also_comes_by_a_group(controller: DomainController) -> None:
    found = {each.name: each.may_enroll for each in await directory(controller).templates()}
    assert found == {"WebServer": True, "UserEobo": False}


@pytest.mark.parametrize("enrolling", [None, "CORP\\nobody"])
async def test_rights_of_an_unknown_account_cannot_be_told(
    controller: DomainController, enrolling: str | None
) -> None:
    found = await directory(controller, enrolling).templates()
    assert {each.may_enroll for each in found} == {None}


def entry(**attributes: bytes) -> Entry:
    named = {name.replace("_", "-").lower(): (value,) for name, value in attributes.items()}
    return Entry("CN=x", named)


def test_policies_of_newer_schema_versions_are_read() -> None:
    found = entry(msPKI_RA_Application_Policies=SCHEMA_4_POLICIES.encode())
    assert template_record(found, None).ra_policies == (AGENT_POLICY,)


def test_a_template_without_a_version_is_of_schema_1() -> None:
    found = template_record(entry(cn=b"User"), None)
    assert (found.schema_version, found.name_flags, found.validity_days) == (1, 0, 0)


def test_t31_an_unreadable_descriptor_leaves_the_rights_untold() -> None:
    found = template_record(
        entry(cn=b"x", nTSecurityDescriptor=b"no descriptor"), frozenset({"S-1-1-0"})
    )
    assert (found.may_enroll, found.may_change) == (None, False)
