"""Rules of browsers by the date of issue."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from csr_builder import facts_of, request_for, wanted
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.browser_rules import CLIENT_AUTH_ENDS, judge_public_usages, max_days_at

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("since", "before", "then"),
    [
        (datetime(2026, 3, 15, tzinfo=UTC), 398, 200),
        (datetime(2027, 3, 15, tzinfo=UTC), 200, 100),
        (datetime(2029, 3, 15, tzinfo=UTC), 100, 47),
    ],
)
def test_the_schedule_steps_down_on_its_dates(since: datetime, before: int, then: int) -> None:
    assert max_days_at(since - SECOND) == before
    assert max_days_at(since) == then


instants = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(instants, instants)
def test_the_schedule_never_steps_up(one: datetime, other: datetime) -> None:
    assert max_days_at(min(one, other)) >= max_days_at(max(one, other))


def test_client_authentication_ends_for_public_certificates() -> None:
    def codes(at: datetime, *usages: x509.ObjectIdentifier) -> list[str]:
        extensions = [wanted(x509.ExtendedKeyUsage(usages))] if usages else []
        csr = facts_of(request_for("a.test", extensions=extensions))
        return [fault.code for fault in judge_public_usages(csr, at)]

    assert codes(CLIENT_AUTH_ENDS - SECOND, SERVER, CLIENT) == []
    assert codes(CLIENT_AUTH_ENDS, SERVER, CLIENT) == ["extension-not-allowed"]
    assert codes(CLIENT_AUTH_ENDS, SERVER) == []
    assert codes(CLIENT_AUTH_ENDS) == []
