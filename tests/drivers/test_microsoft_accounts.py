"""Certificates on behalf of accounts: looked up, signed for, and never for whom it must not be."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from contract import RecordingLimiter, new_order, outcome_of
from cryptography import x509
from microsoft_harness import MicrosoftHarness

from scm_api.core.names import Name
from scm_api.core.vocabulary import NameKind
from scm_api.drivers.base import Driver, FindsSubjects, Issued
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.drivers.microsoft.options import MicrosoftProfileOptions, MicrosoftSecrets
from scm_api.sandbox.microsoft.catalogue import (
    CA_NAME,
    COMPUTER,
    DISABLED_USER,
    NAMING_CONTEXT,
    OTHER_USER,
    PROTECTED_USER,
    USER,
    USER_WITHOUT_MAIL,
    USER_WITHOUT_UPN,
)
from scm_api.worker.accounts import account_objection

STAFF = f"OU=Staff, {NAMING_CONTEXT}"


def profile(template: str = "CorpLogon", **changes: Any) -> MicrosoftProfileOptions:
    return MicrosoftProfileOptions.model_validate(
        {
            "backend_type": "microsoft",
            "issuing_ca": CA_NAME,
            "ms_template": template,
            "build_subject_from_ad": True,
        }
        | changes
    )


def agent_of(harness: MicrosoftHarness, name: Any) -> dict[str, str]:
    text = harness.server.simulator.agents.path(name).read_text()
    certificate, key = text.split("-----BEGIN PRIV")
    return {"agent_certificate": certificate, "agent_key": f"-----BEGIN PRIV{key}"}


async def opened(harness: MicrosoftHarness, agent: str | None = "rsa", **options: Any) -> Driver:
    connection = harness.connection.model_copy(update=options)
    pair = agent_of(harness, agent) if agent else {}
    secrets = MicrosoftSecrets.model_validate(harness.secrets.model_dump() | pair)
    return await harness.kind.open(connection, secrets, RecordingLimiter())


@pytest.fixture
async def driver(microsoft_harness: MicrosoftHarness) -> AsyncIterator[Driver]:
    # The keys of these orders are on a curve, and no template minds their size.
    microsoft_harness.behave(size_counts_for_ecc=False)
    made = await opened(microsoft_harness)
    yield made
    await made.aclose()


async def found(driver: Driver, account: str, options: MicrosoftProfileOptions) -> Any:
    assert isinstance(driver, FindsSubjects)
    return await driver.find_subject(account, options)


@pytest.mark.parametrize("agent", ["rsa", "ecdsa"])
@pytest.mark.parametrize("form", ["pkcs7", "cmc"])
async def test_a_certificate_on_behalf_has_the_names_of_the_directory(
    microsoft_harness: MicrosoftHarness, agent: str, form: str
) -> None:
    microsoft_harness.behave(size_counts_for_ecc=False)
    driver = await opened(microsoft_harness, agent, on_behalf_form=form)
    subject = await found(driver, str(USER.upn), profile())
    assert subject.sid == USER.sid
    assert Name(NameKind.UPN, str(USER.upn)) in subject.names
    order = replace(new_order("whoever.example.com"), subject=subject)
    issued = await outcome_of(driver, await driver.submit(order, profile()), profile())
    assert isinstance(issued, Issued)
    leaf = x509.load_der_x509_certificate(issued.leaf_der)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    upn = names.get_values_for_type(x509.OtherName)[0]
    assert upn.value.endswith(str(USER.upn).encode())
    assert names.get_values_for_type(x509.DNSName) == []
    (entry,) = microsoft_harness.entries("request")
    assert entry["requester"] == f"CORP\\{USER.sam}"
    await driver.aclose()


@pytest.mark.parametrize(
    "spelling",
    [str(USER.upn), f"CORP\\{USER.sam}", USER.distinguished_name, str(USER.upn).upper()],
)
async def test_an_account_is_found_by_every_name_it_has(driver: Driver, spelling: str) -> None:
    assert (await found(driver, spelling, profile())).sid == USER.sid


async def test_a_computer_is_found(driver: Driver) -> None:
    subject = await found(driver, f"CORP\\{COMPUTER.sam}", profile("CorpDevice"))
    assert subject.names == (Name(NameKind.DNS, str(COMPUTER.dns_host_name)),)


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("*)(objectClass=*", "person-unknown"),
        ("nobody@corp.example", "person-unknown"),
        (str(DISABLED_USER.upn), "person-disabled"),
        (str(PROTECTED_USER.upn), "subject-not-allowed"),
        (str(USER_WITHOUT_MAIL.upn), "person-incomplete"),
        (f"CORP\\{USER_WITHOUT_UPN.sam}", "person-incomplete"),
    ],
)
async def test_t28_t33_nobody_enrolls_for_these(driver: Driver, account: str, code: str) -> None:
    with pytest.raises(OrderRefused) as caught:
        await found(driver, account, profile())
    assert caught.value.code == code


async def test_t28_only_below_the_base_and_in_no_denied_group(
    microsoft_harness: MicrosoftHarness,
) -> None:
    driver = await opened(
        microsoft_harness, denied_groups=[f"cn=Certificate Managers , cn=Users,{NAMING_CONTEXT}"]
    )
    inside = profile(account_base=STAFF)
    assert (await found(driver, str(USER.upn), inside)).sid == USER.sid
    for account, options in (
        (f"CORP\\{COMPUTER.sam}", profile("CorpDevice", account_base=STAFF)),
        (str(USER.upn), profile(account_base=f"OU=Other,{NAMING_CONTEXT}")),
        ("CORP\\camanager", inside),
    ):
        with pytest.raises(OrderRefused) as caught:
            await found(driver, account, options)
        assert caught.value.code == "subject-not-allowed"
    await driver.aclose()


@pytest.mark.parametrize(
    "change",
    [
        {"sid": OTHER_USER.sid + "9"},
        {"distinguished_name": f"CN=Ada Lovelace,OU=Leavers,{NAMING_CONTEXT}"},
        {"disabled": True},
        {"upn": "ada.king@corp.example"},
        {"sam": "aking"},
        {"admin_count": True},
    ],
)
async def test_t29_an_account_that_changed_since_gets_no_certificate(
    microsoft_harness: MicrosoftHarness, driver: Driver, change: dict[str, Any]
) -> None:
    """What the worker asks right before it sends."""
    accepted = (await found(driver, str(USER.upn), profile())).as_json()
    patience = timedelta(seconds=20)
    assert await account_objection(driver, accepted, profile(), patience) is None
    microsoft_harness.control("PATCH", f"/accounts/{USER.sam}", change)
    objection = await account_objection(driver, accepted, profile(), patience)
    assert objection is not None
    assert objection[0] == "subject-changed"


async def test_an_order_on_behalf_of_nobody_is_not_sent(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    with pytest.raises(OrderRefused, match="names no account"):
        await driver.submit(new_order(), profile())
    assert microsoft_harness.entries("request") == []


async def test_without_an_agent_nothing_is_sent(microsoft_harness: MicrosoftHarness) -> None:
    driver = await opened(microsoft_harness, None)
    subject = await found(driver, str(USER.upn), profile())
    with pytest.raises(BackendRefused, match="no enrollment agent"):
        await driver.submit(replace(new_order(), subject=subject), profile())
    assert microsoft_harness.entries("request") == []
    await driver.aclose()


@pytest.mark.parametrize(
    ("agent", "words"),
    [("expired", "valid from"), ("wrong-eku", "lacks the usage"), ("foreign", "The CA says")],
)
async def test_an_agent_that_the_ca_does_not_take_is_told(
    microsoft_harness: MicrosoftHarness, agent: str, words: str
) -> None:
    microsoft_harness.behave(size_counts_for_ecc=False)
    driver = await opened(microsoft_harness, agent)
    subject = await found(driver, str(USER.upn), profile())
    with pytest.raises(BackendRefused, match=words) as caught:
        await driver.submit(replace(new_order(), subject=subject), profile())
    assert not caught.value.whole_backend
    await driver.aclose()


async def test_a_directory_that_is_away_holds_orders_up_and_sends_none(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    subject = await found(driver, str(USER.upn), profile())
    away = microsoft_harness.connection.directory.model_copy(update={"url": "ldaps://127.0.0.1:9"})
    broken = await opened(microsoft_harness, directory=away)
    with pytest.raises(BackendUnavailable):
        await account_objection(broken, subject.as_json(), profile(), timedelta(seconds=20))
    with pytest.raises(BackendUnavailable):
        await broken.submit(replace(new_order(), subject=subject), profile())
    with pytest.raises(BackendUnavailable):  # whose CA the site is cannot be told either
        await broken.submit(new_order(), microsoft_harness.options)
    assert microsoft_harness.entries("request") == []
    await broken.aclose()


async def test_t27_unsafe_templates_are_findings(driver: Driver) -> None:
    findings = (await driver.check()).findings
    unsafe = [each for each in findings if each.startswith("unsafe-template")]
    assert any("CorpAny" in each for each in unsafe)
    assert any("CorpClient" in each for each in unsafe)
    assert not any("CorpWeb:" in each for each in unsafe)
