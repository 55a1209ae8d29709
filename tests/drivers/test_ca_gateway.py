"""What is special about CA Gateway, against the simulator."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from contract import RecordingLimiter, order_for
from cryptography import x509
from entrust_harness import EntrustHarness, credential

from scm_api.core.names import Name
from scm_api.core.vocabulary import NameKind, RevocationReason
from scm_api.drivers.base import Driver, Issued, Pending, Untraced
from scm_api.drivers.entrust.kind import ENTRUST
from scm_api.drivers.entrust.options import EntrustProfileOptions, EntrustSecrets
from scm_api.drivers.errors import OrderRefused
from scm_api.sandbox import entrust

GATEWAY = EntrustProfileOptions.model_validate(
    {
        "backend_type": "entrust",
        "ca_gateway": {"ca_id": entrust.CA_ID, "profile_id": "privatessl-tls-server"},
    }
)


@pytest.fixture
async def gateway(
    entrust_server: entrust.RunningServer,
    entrust_harness: EntrustHarness,
    limiter: RecordingLimiter,
) -> AsyncIterator[Driver]:
    connection = entrust_harness.connection.model_copy(update={"api": "ca_gateway"})
    secrets = EntrustSecrets.model_validate(
        {"backend_type": "entrust"} | credential(entrust_server, entrust.GATEWAY_USER)
    )
    opened = await ENTRUST.open(connection, secrets, limiter)
    yield opened
    await opened.aclose()


async def test_ca_gateway_issues_finds_again_and_revokes(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    assert (await gateway.check()).visible_cas == 2
    order = replace(order_for(entrust_harness), sent_since=datetime.now(UTC))
    issued = await gateway.submit(order, GATEWAY)
    assert isinstance(issued, Issued)
    assert await gateway.recover(order, GATEWAY) == issued
    assert await gateway.poll(issued.ca_ref, GATEWAY) == issued
    leaf = x509.load_der_x509_certificate(issued.leaf_der)
    for _ in range(2):
        await gateway.revoke(
            issued.ca_ref, leaf.serial_number, RevocationReason.SUPERSEDED, GATEWAY
        )
    assert entrust_harness.revocations() == [leaf.serial_number]


async def test_what_ca_gateway_issues_is_checked_by_the_ca_of_the_profile(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    issued = await gateway.submit(order_for(entrust_harness), GATEWAY)
    assert isinstance(issued, Issued)
    leaf = x509.load_der_x509_certificate(issued.leaf_der)
    listed = {x509.load_der_x509_certificate(each) for each in issued.chain_ders}
    [pem] = issued.issuer_pems or ()
    own = x509.load_pem_x509_certificate(pem.encode())
    leaf.verify_directly_issued_by(own)
    assert own in listed
    assert len(listed) == 2


@pytest.mark.parametrize("none", [None, ""])
async def test_without_a_common_name_the_first_name_that_fits_is_one(
    entrust_harness: EntrustHarness, gateway: Driver, none: str | None
) -> None:
    """A common name has 64 characters at most, and a URI in it would be nobody's name."""
    spiffe, long = "spiffe://prod.example.com/shop", f"{'a' * 63}.example.com"
    names = (Name(NameKind.URI, spiffe), Name(NameKind.DNS, long), Name(NameKind.DNS, "a.test"))
    order = replace(order_for(entrust_harness), common_name=none, names=names)
    issued = await gateway.submit(order, GATEWAY)
    assert isinstance(issued, Issued)
    leaf = x509.load_der_x509_certificate(issued.leaf_der)
    assert leaf.subject.rfc4514_string() == "CN=a.test"
    with pytest.raises(OrderRefused, match="at most 64 characters"):
        await gateway.submit(replace(order, names=names[:2]), GATEWAY)
    assert len(entrust_harness.entries("certificate")) == 1


async def test_ca_gateway_never_takes_an_older_certificate_for_ours(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    """The same key may have been certified before: a renewal with the same key."""
    past = -timedelta(hours=1).total_seconds()
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": past})
    order = replace(order_for(entrust_harness), sent_since=datetime.now(UTC))
    await gateway.submit(order, GATEWAY)
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": 0})
    assert isinstance(await gateway.recover(order, GATEWAY), Untraced)


@pytest.mark.parametrize("before", ["renews_ca_ref", "reissues_ca_ref"])
async def test_what_is_followed_with_its_own_key_is_not_what_follows(
    entrust_harness: EntrustHarness, gateway: Driver, before: str
) -> None:
    first = replace(order_for(entrust_harness), sent_since=datetime.now(UTC))
    old = await gateway.submit(first, GATEWAY)
    assert isinstance(old, Issued)
    again = replace(first, token="again", **{before: old.ca_ref})
    assert isinstance(await gateway.recover(again, GATEWAY), Untraced)
    new = await gateway.submit(again, GATEWAY)
    assert await gateway.recover(again, GATEWAY) == new


async def test_ca_gateway_lists_the_profiles_of_its_cas(gateway: Driver) -> None:
    products: Any = gateway
    found = [each.id for each in await products.products()]
    assert f"{entrust.CA_ID}/privatessl-tls-server" in found
    assert await products.external_organizations() == []


async def test_ca_gateways_refusals_are_in_its_words(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    unknown = EntrustProfileOptions.model_validate(
        {
            "backend_type": "entrust",
            "ca_gateway": {"ca_id": entrust.CA_ID, "profile_id": "unknown"},
        }
    )
    with pytest.raises(OrderRefused, match="There is no such profile"):
        await gateway.submit(order_for(entrust_harness), unknown)


async def test_an_order_without_any_name_is_not_sent_to_ca_gateway(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    order = replace(order_for(entrust_harness), names=(), common_name=None)
    with pytest.raises(OrderRefused, match="wants a common name"):
        await gateway.submit(order, GATEWAY)
    assert entrust_harness.orders() == 0


async def test_a_certificate_that_ca_gateway_does_not_know_is_no_decision(gateway: Driver) -> None:
    unknown = await gateway.poll("4711", GATEWAY)
    assert isinstance(unknown, Untraced)
    assert "no certificate 4711 in the events of umbra~ca1" in unknown.detail


async def test_ca_gateway_gets_an_end_to_the_minute(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": 3600})
    now = datetime.now(UTC) + timedelta(hours=1)  # by every clock but ours
    asked = now + timedelta(days=9, hours=1)
    order = replace(order_for(entrust_harness), term_days=10, now=now, not_after=asked)
    issued = await gateway.submit(order, GATEWAY)
    assert isinstance(issued, Issued)
    end = x509.load_der_x509_certificate(issued.leaf_der).not_valid_after_utc
    assert timedelta(0) <= asked - end < timedelta(minutes=2)
    ended = replace(order, not_after=now + timedelta(seconds=30))
    with pytest.raises(OrderRefused, match="less than one is left"):
        await gateway.submit(ended, GATEWAY)


@pytest.mark.parametrize("follows", [False, True])
async def test_what_ca_gateway_only_acknowledges_is_found_in_its_feed(
    entrust_harness: EntrustHarness, gateway: Driver, follows: bool
) -> None:
    """And not what was issued before with the same key, just now if that is followed."""
    order = order_for(entrust_harness)
    past = 0 if follows else -timedelta(hours=1).total_seconds()
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": past})
    old = await gateway.submit(order, GATEWAY)
    assert isinstance(old, Issued)
    order = replace(order, renews_ca_ref=old.ca_ref if follows else None)
    changes = {"gateway_acknowledges": True, "clock_offset_seconds": 0, "lookup_delay_seconds": 60}
    entrust_harness.control("PATCH", "/settings", changes)
    taken = await gateway.submit(replace(order, sent_since=datetime.now(UTC)), GATEWAY)
    assert isinstance(taken, Pending)
    assert taken.waits_for == "CA Gateway, which has it as ACCEPTED"
    unseen = await gateway.poll(taken.ca_ref, GATEWAY)
    assert isinstance(unseen, Untraced)
    assert "took the order (e-2)" in unseen.detail
    entrust_harness.control("PATCH", "/settings", {"lookup_delay_seconds": 0})
    issued = await gateway.poll(taken.ca_ref, GATEWAY)
    assert isinstance(issued, Issued)
    second = entrust_harness.entries("certificate")[1]
    assert issued.ca_ref == second["serial_number"]


async def test_a_certificate_at_ca_gateway_is_named_by_its_serial_number_however_written(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    issued = await gateway.submit(order_for(entrust_harness), GATEWAY)
    assert isinstance(issued, Issued)
    assert await gateway.poll(f"00{issued.ca_ref.upper()}", GATEWAY) == issued
