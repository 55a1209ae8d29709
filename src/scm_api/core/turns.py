"""Whose job is next: organizations take turns.

A job is taken in the order of when it is due. For who has more jobs than its share they are put
back, each behind the one before it, so that thousands of one organization do not stand before the
first of another. Nobody waits for that where workers have time.
"""

from typing import Final

from scm_api.core.rate_limit import Bucket, Rate

# Well below what one worker gets done, so that what is put back is all that can pile up.
_SHARE: Final = Rate(per_second=1, burst=10)
_FURTHEST: Final = 3600.0  # seconds; after that a job comes before all that are new


def put_back(taken: Bucket | None, now: float) -> tuple[Bucket, float]:
    """What an organization has taken of its share with one more job, and by how many seconds that
    job is put back. None has taken nothing; `now` are seconds of a steady clock."""
    bucket = _SHARE.take(taken, now)
    owed = min(max(0.0, -bucket.tokens), _FURTHEST * _SHARE.per_second)
    return Bucket(max(bucket.tokens, -owed), now), owed / _SHARE.per_second
