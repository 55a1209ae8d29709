"""Token buckets give what was promised and no more; neighbours in an IPv6 network are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.rate_limit import Bucket, Rate, one_caller


@given(
    per_second=st.floats(0.1, 100),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 5), max_size=100),
)
def test_t67_no_more_passes_than_burst_and_rate_allow(
    per_second: float, burst: int, pauses: list[float]
) -> None:
    rate, bucket, now, passed = Rate(per_second, burst), None, 1_000.0, 0
    for pause in pauses:
        now += pause
        if rate.wait(bucket, now) == 0:
            bucket, passed = rate.take(bucket, now), passed + 1
    assert passed <= burst + per_second * (now - 1_000.0) + 1e-6


def test_a_rested_bucket_gives_its_burst_at_once_and_says_when_the_next_comes() -> None:
    rate, bucket = Rate(per_second=4, burst=3), None
    for _ in range(3):
        assert rate.wait(bucket, 10.0) == 0
        bucket = rate.take(bucket, 10.0)
    assert rate.wait(bucket, 10.0) == 0.25
    assert rate.wait(bucket, 10.25) == 0
    assert rate.now_in(bucket, 9_999.0).tokens == 3


def test_who_keeps_to_the_rate_never_waits() -> None:
    rate, bucket = Rate(per_second=8, burst=1), None
    for number in range(1_000):
        assert rate.wait(bucket, number / 8) == 0
        bucket = rate.take(bucket, number / 8)


def test_what_is_owed_is_paid_back_first() -> None:
    assert Rate(per_second=2, burst=5).wait(Bucket(-3, 0.0), 1.0) == 1


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    assert Rate(per_second=2, burst=5).now_in(Bucket(1, 10.0), 9.0).tokens == 1


@pytest.mark.parametrize(
    ("host", "stands_for"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("x" * 100, "x" * 64),
    ],
)
def test_t49_which_addresses_are_one_caller(host: str, stands_for: str) -> None:
    assert one_caller(host) == stands_for
