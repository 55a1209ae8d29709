"""Every driver fulfils the same contract; what a CA cannot do is skipped by capability."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import psutil
import pytest
from contract import (
    KEY,
    Harness,
    RecordingLimiter,
    issue,
    order_for,
    outcome_of,
)
from cryptography import x509

from scm_api.core.errors import Fault
from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import BackendType, CertificateType, RevocationReason
from scm_api.drivers.base import (
    Canceled,
    Cancels,
    Driver,
    Issuance,
    Issued,
    IssuingCa,
    ListsExternalOrganizations,
    ListsIssuingCas,
    ListsProducts,
    ListsTemplates,
    Pending,
    Rejected,
)
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    DriverError,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.kinds import ProfileFacts
from scm_api.drivers.registry import REGISTRY


@pytest.fixture
async def driver(harness: Harness, limiter: RecordingLimiter) -> AsyncIterator[Driver]:
    opened = await harness.kind.open(harness.connection, harness.secrets, limiter)
    yield opened
    await opened.aclose()


def needs(held: bool, capability: str) -> None:
    if not held:
        pytest.skip(f"this backend type does not have: {capability}")


def test_every_backend_type_is_registered() -> None:
    assert set(REGISTRY) == set(BackendType)
    assert all(kind.type is name for name, kind in REGISTRY.items())


def test_models_are_told_apart_by_the_backend_type(harness: Harness) -> None:
    kind = harness.kind
    for model in (kind.connection_options, kind.secrets, kind.profile_options):
        assert model.model_fields["backend_type"].is_required()
        assert model.model_json_schema()["properties"]["backend_type"]["const"] == kind.type


def test_capabilities_agree_with_each_other(harness: Harness) -> None:
    capabilities = harness.kind.capabilities
    is_token = capabilities.duplicate_guard is Guard.TOKEN
    assert is_token == (capabilities.token_validity is not None)
    assert bool(capabilities.revocation_reasons) == capabilities.can_revoke
    assert capabilities.certificate_types
    assert capabilities.key_types


def test_the_driver_lists_what_its_capabilities_promise(harness: Harness, driver: Driver) -> None:
    capabilities = harness.kind.capabilities
    assert isinstance(driver, ListsIssuingCas) == capabilities.lists_issuing_cas
    assert isinstance(driver, ListsTemplates) == capabilities.lists_templates
    assert isinstance(driver, Cancels) == capabilities.can_cancel
    lists_organizations = capabilities.lists_external_organizations
    assert isinstance(driver, ListsExternalOrganizations) == lists_organizations
    assert isinstance(driver, ListsProducts) == capabilities.lists_products
    assert capabilities.needs_external_organization <= lists_organizations


async def test_check_counts_the_cas(harness: Harness, driver: Driver) -> None:
    report = await driver.check()
    assert (report.private_cas >= 1) == harness.kind.capabilities.lists_issuing_cas
    assert all(finding.endswith(".") for finding in report.findings)


async def test_an_order_becomes_a_certificate_for_the_key_of_the_csr(
    harness: Harness, driver: Driver
) -> None:
    order = order_for(harness, "a.example.com", "b.example.com")
    result = await issue(driver, harness.options, order)
    leaf = x509.load_der_x509_certificate(result.leaf_der)
    chain = map(x509.load_der_x509_certificate, result.chain_ders)  # in the CA's order
    (issuer,) = (each for each in chain if each.subject == leaf.issuer)
    assert leaf.public_key() == KEY.public_key()
    leaf.verify_directly_issued_by(issuer)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"a.example.com", "b.example.com"}
    assert harness.orders() == 1


async def test_submit_answers_as_the_capabilities_say(harness: Harness, driver: Driver) -> None:
    first = await driver.submit(order_for(harness), harness.options)
    expected: dict[Issuance, tuple[type, ...]] = {
        Issuance.IMMEDIATE: (Issued, Rejected),
        Issuance.DEFERRED: (Pending,),
        Issuance.EITHER: (Issued, Pending, Rejected),
    }
    assert isinstance(first, expected[harness.kind.capabilities.issuance])
    if isinstance(first, Pending):
        assert timedelta(0) <= first.poll_after <= timedelta(minutes=1)


async def test_a_repeated_token_is_the_same_order(harness: Harness, driver: Driver) -> None:
    needs(harness.kind.capabilities.duplicate_guard is Guard.TOKEN, "an idempotency token")
    order = order_for(harness)
    first = await driver.submit(order, harness.options)
    again = await driver.recover(order, harness.options)
    assert again == first
    assert harness.orders() == 1


async def test_f04_a_lost_answer_is_recovered_without_a_second_order(
    harness: Harness, driver: Driver
) -> None:
    needs(harness.kind.capabilities.duplicate_guard is not Guard.NONE, "a guard against repeats")
    order = order_for(harness)
    harness.lose_answer("submit")
    with pytest.raises(OutcomeUnknown):
        await driver.submit(order, harness.options)
    found = await driver.recover(order, harness.options)
    assert isinstance(found, (Issued, Pending))
    assert isinstance(await outcome_of(driver, found, harness.options), Issued)
    assert harness.orders() == 1


async def test_f04_a_lost_poll_changes_nothing(harness: Harness, driver: Driver) -> None:
    first = await driver.submit(order_for(harness), harness.options)
    needs(isinstance(first, Pending), "deferred issuance")
    assert isinstance(first, Pending)
    harness.lose_answer("poll")
    with pytest.raises(BackendUnavailable):
        await driver.poll(first.ca_ref, harness.options)
    assert isinstance(await outcome_of(driver, first, harness.options), Issued)


async def test_a_canceled_order_is_never_issued(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, Cancels), "canceling")
    assert isinstance(driver, Cancels)
    harness.hold()
    waiting = await driver.submit(order_for(harness), harness.options)
    assert isinstance(waiting, Pending)
    harness.lose_answer("cancel")
    with pytest.raises(OutcomeUnknown):
        await driver.cancel(waiting.ca_ref, harness.options)
    assert isinstance(await driver.cancel(waiting.ca_ref, harness.options), Canceled)
    assert isinstance(await driver.poll(waiting.ca_ref, harness.options), Rejected)
    assert harness.orders() == 0


async def test_what_is_issued_is_not_canceled(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, Cancels), "canceling")
    assert isinstance(driver, Cancels)
    issued = await issue(driver, harness.options, order_for(harness))
    with pytest.raises(OrderRefused):
        await driver.cancel(issued.ca_ref, harness.options)


async def test_f04_nobody_listening_is_unavailable(
    harness: Harness, limiter: RecordingLimiter
) -> None:
    driver = await harness.kind.open(harness.unreachable, harness.secrets, limiter)
    try:
        with pytest.raises(BackendUnavailable):
            await driver.check()
        with pytest.raises(BackendUnavailable):
            await driver.submit(order_for(harness), harness.options)
    finally:
        await driver.aclose()


async def test_f05_throttling_slows_everybody_down(
    harness: Harness, driver: Driver, limiter: RecordingLimiter
) -> None:
    harness.throttle("submit")
    with pytest.raises(BackendUnavailable) as caught:
        await driver.submit(order_for(harness), harness.options)
    assert caught.value.retry_after is not None
    (slowed,) = limiter.slowed
    assert slowed[1] == caught.value.retry_after
    assert slowed[0] == limiter.acquired[-1][0]
    assert harness.orders() == 0


async def test_f06_a_server_error_on_a_write_is_unknown_and_on_a_read_is_not(
    harness: Harness, driver: Driver
) -> None:
    harness.fail("submit")
    with pytest.raises(OutcomeUnknown):
        await driver.submit(order_for(harness), harness.options)
    first = await driver.submit(order_for(harness), harness.options)
    if isinstance(first, Pending):
        harness.fail("poll")
        with pytest.raises(BackendUnavailable):
            await driver.poll(first.ca_ref, harness.options)


async def test_every_call_is_paced(
    harness: Harness, driver: Driver, limiter: RecordingLimiter
) -> None:
    await issue(driver, harness.options, order_for(harness))
    assert limiter.acquired
    assert len(limiter.acquired) == len(harness.callers())
    assert all(per_second > 0 for _, per_second in limiter.acquired)
    assert all(len(key) <= 256 for key, _ in limiter.acquired)


async def test_an_order_the_ca_refuses_is_refused_in_its_words(
    harness: Harness, driver: Driver
) -> None:
    with pytest.raises(OrderRefused) as caught:
        await driver.submit(order_for(harness), harness.wrong_options)
    assert caught.value.code
    assert caught.value.detail
    assert harness.orders() == 0


async def test_wrong_credentials_are_refused_and_never_repeated(
    harness: Harness, limiter: RecordingLimiter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for secrets in (harness.secrets, harness.wrong_secrets):
        driver = await harness.kind.open(harness.connection, secrets, limiter)
        try:
            if secrets is harness.wrong_secrets:
                with pytest.raises(BackendRefused) as caught:
                    await driver.check()
                assert harness.confidential not in str(caught.value)
            else:
                await driver.check()
        finally:
            await driver.aclose()
    assert harness.confidential not in caplog.text


async def test_an_error_carries_nothing_of_the_request(harness: Harness, driver: Driver) -> None:
    with pytest.raises(DriverError) as caught:
        await driver.submit(order_for(harness), harness.wrong_options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_f21_revoking_twice_is_done_once(harness: Harness, driver: Driver) -> None:
    needs(harness.kind.capabilities.can_revoke, "revocation")
    result = await issue(driver, harness.options, order_for(harness))
    serial = x509.load_der_x509_certificate(result.leaf_der).serial_number
    reason = RevocationReason.SUPERSEDED
    await driver.revoke(result.ca_ref, serial, reason, harness.options)
    await driver.revoke(result.ca_ref, serial, reason, harness.options)
    assert harness.revocations() == [serial]


async def test_f21_a_revocation_without_answer_can_be_repeated(
    harness: Harness, driver: Driver
) -> None:
    needs(harness.kind.capabilities.can_revoke, "revocation")
    result = await issue(driver, harness.options, order_for(harness))
    serial = x509.load_der_x509_certificate(result.leaf_der).serial_number
    harness.lose_answer("revoke")
    with pytest.raises(OutcomeUnknown):
        await driver.revoke(result.ca_ref, serial, RevocationReason.KEY_COMPROMISE, harness.options)
    await driver.revoke(result.ca_ref, serial, RevocationReason.KEY_COMPROMISE, harness.options)
    assert harness.revocations() == [serial]


@pytest.mark.parametrize("reason", list(RevocationReason))
async def test_revocation_reasons_are_those_of_the_capabilities(
    harness: Harness, driver: Driver, reason: RevocationReason
) -> None:
    capabilities = harness.kind.capabilities
    needs(capabilities.can_revoke, "revocation")
    result = await issue(driver, harness.options, order_for(harness))
    serial = x509.load_der_x509_certificate(result.leaf_der).serial_number
    if reason in capabilities.revocation_reasons:
        await driver.revoke(result.ca_ref, serial, reason, harness.options)
        assert harness.revocations() == [serial]
    else:
        with pytest.raises(OrderRefused):
            await driver.revoke(result.ca_ref, serial, reason, harness.options)
        assert harness.revocations() == []


async def test_listed_cas_are_what_the_rules_accept(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, ListsIssuingCas), "a list of issuing CAs")
    assert isinstance(driver, ListsIssuingCas)
    cas = await driver.issuing_cas()
    templates = await driver.templates() if isinstance(driver, ListsTemplates) else None
    kind = harness.kind

    def faults(cas: Sequence[IssuingCa]) -> list[Fault]:
        facts = ProfileFacts(CertificateType.SSL, kind.capabilities.key_types, cas, templates)
        return kind.judge_profile(harness.options, harness.connection, facts)

    assert faults(cas) == []
    wanted = kind.issuing_ca_id(harness.options)
    (chosen,) = [ca for ca in cas if ca.id == wanted]
    assert chosen.usable
    assert chosen.certificate_pem is not None
    assert faults([]) != []
    result = await issue(driver, harness.options, order_for(harness))
    anchor = x509.load_pem_x509_certificate(chosen.certificate_pem.encode())
    x509.load_der_x509_certificate(result.leaf_der).verify_directly_issued_by(anchor)


async def test_listed_templates_say_what_they_allow(driver: Driver) -> None:
    needs(isinstance(driver, ListsTemplates), "a list of templates")
    assert isinstance(driver, ListsTemplates)
    templates = await driver.templates()
    assert templates
    assert len({template.id for template in templates}) == len(templates)
    assert all(template.allows.endswith(".") for template in templates)


async def test_listed_products_say_what_they_allow(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, ListsProducts), "a list of products")
    assert isinstance(driver, ListsProducts)
    found = {each.id: each for each in await driver.products()}
    chosen = found[harness.product]
    assert chosen.terms_years
    assert "sha256" in chosen.signature_hashes


async def test_listed_organizations_say_which_may_order(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, ListsExternalOrganizations), "a list of organizations")
    assert isinstance(driver, ListsExternalOrganizations)
    found = {each.id: each for each in await driver.external_organizations()}
    assert found[harness.organization].usable
    assert found[harness.organization].address
    for each in found.values():
        in_force = any(validation.status == "active" for validation in each.validations)
        assert each.usable == (in_force and each.status == "active")
    assert len({each.usable for each in found.values()}) == 2


def test_working_options_and_secrets_belong_together(harness: Harness) -> None:
    assert harness.kind.judge_connection(harness.connection, harness.secrets) == []


async def test_t60_parallel_calls_use_their_own_credentials(
    harness: Harness, limiter: RecordingLimiter
) -> None:
    everybody = (harness.secrets, harness.other_secrets)
    drivers = [await harness.kind.open(harness.connection, each, limiter) for each in everybody]
    try:
        await asyncio.gather(*(driver.check() for driver in drivers * 10))
        calls = harness.callers()
        names = [harness.name_of(each) for each in everybody]
        assert len(set(names)) == 2
        assert {calls.count(name) for name in names} == {len(calls) // 2}
    finally:
        await asyncio.gather(*(driver.aclose() for driver in drivers))


async def test_parallel_orders_each_get_their_own_certificate(
    harness: Harness, driver: Driver
) -> None:
    orders = [order_for(harness, f"host{n}.example.com") for n in range(10)]
    results = await asyncio.gather(*(issue(driver, harness.options, each) for each in orders))
    serials = {x509.load_der_x509_certificate(each.leaf_der).serial_number for each in results}
    assert len(serials) == len(orders) == harness.orders()


async def test_aclose_closes_every_socket(harness: Harness, limiter: RecordingLimiter) -> None:
    process = psutil.Process()
    before = process.num_fds()
    driver = await harness.kind.open(harness.connection, harness.secrets, limiter)
    await asyncio.gather(*(driver.check() for _ in range(5)))
    await driver.aclose()
    for _ in range(50):
        if process.num_fds() <= before:
            break
        await asyncio.sleep(0.02)
    assert process.num_fds() <= before
