"""Jobs of an organization that has many are put back, within bounds, and only those."""

from scm_api.core.rate_limit import Bucket
from scm_api.core.turns import put_back


def _taken(jobs: int, every: float) -> tuple[Bucket | None, list[float]]:
    bucket, found = None, []
    for number in range(jobs):
        bucket, seconds = put_back(bucket, number * every)
        found.append(seconds)
    return bucket, found


def test_t67_many_at_once_stand_one_behind_the_other() -> None:
    _, found = _taken(1_000, every=0)
    assert found[:10] == [0.0] * 10
    assert found[10:] == [number + 1.0 for number in range(990)]


def test_who_has_few_is_never_put_back() -> None:
    _, found = _taken(1_000, every=1)
    assert set(found) == {0.0}


def test_nobody_is_put_back_further_than_an_hour_nor_remembered_for_longer() -> None:
    bucket, found = _taken(5_000, every=0)
    assert found[-1] == 3600
    assert put_back(bucket, 3601.0)[1] == 0
