"""Accounts looked up at a simulated domain controller."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from domain_controller_harness import DomainController
from microsoft_forest import CONTEXT, SID

from scm_api.drivers.errors import OrderRefused
from scm_api.drivers.windows.account_search import read_account
from scm_api.drivers.windows.accounts import AccountRecord


@pytest_asyncio.fixture
async def controller(tmp_path: Path) -> AsyncIterator[DomainController]:
    running = DomainController(tmp_path)
    await running.open()
    yield running
    await running.ldap.aclose()


async def account(controller: DomainController, name: str) -> AccountRecord | None:
    async with controller.as_account().session() as session:
        return await read_account(session, name)


@pytest.mark.parametrize(
    "name",
    ["CORP\\ada", "corp\\ADA", "ada@corp.example", f"CN=ada,CN=Users,{CONTEXT}"],
)
async def test_an_account_is_found_by_each_of_its_names(
    controller: DomainController, name: str
) -> None:
    found = await account(controller, name)
    assert found is not None
    assert (found.account, found.sid) == ("CORP\\ada", f"{SID}-1104")
    assert (found.upn, found.mail, found.dns_host_name) == (
        "ada@corp.example",
        "ada@corp.example",
        None,
    )
    assert controller.forest.staff in found.groups
    assert (found.disabled, found.protected) == (False, False)


@pytest.mark.parametrize(
    "name",
    ["*)(objectClass=*", "*", "CORP\\*", "CORP\\a*", "OTHER\\ada", "CORP\\", "*@corp.example",
     "ada", "", f"CN=nobody,CN=Users,{CONTEXT}", "CN=a)(cn=*", f"CN=Staff,CN=Users,{CONTEXT}",
     f"<SID={SID}-1104>"],
)  # fmt: skip
async def test_t33_a_name_is_a_value_and_finds_nobody_else(
    controller: DomainController, name: str
) -> None:
    assert await account(controller, name) is None
    for call in controller.calls:
        assert "*)" not in call.filter.replace("=*)", "")
        assert "(cn=*)" not in call.filter


async def test_a_name_that_two_accounts_have_is_refused(controller: DomainController) -> None:
    with pytest.raises(OrderRefused, match="2 accounts") as caught:
        await account(controller, "shared@corp.example")
    assert caught.value.code == "person-unknown"


async def test_a_upn_that_is_the_implicit_one_of_another_is_refused(
    controller: DomainController,
) -> None:
    with pytest.raises(OrderRefused, match="2 accounts"):
        await account(controller, "gone@corp.example")


async def test_disabled_and_protected_are_told(controller: DomainController) -> None:
    gone = await account(controller, "CORP\\gone")
    root = await account(controller, "CORP\\root")
    assert gone is not None
    assert root is not None
    assert (gone.disabled, gone.protected) == (True, False)
    assert (root.disabled, root.protected) == (False, True)


async def test_a_computer_has_its_dns_name(controller: DomainController) -> None:
    found = await account(controller, "CORP\\web01$")
    assert found is not None
    assert (found.account, found.dns_host_name) == ("CORP\\web01$", "web01.corp.example")
