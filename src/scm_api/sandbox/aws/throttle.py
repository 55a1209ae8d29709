"""Request quotas: so many calls of one operation per second, account and region."""

from collections import defaultdict, deque

from scm_api.sandbox.aws.errors import throttled


class Throttle:
    """Counts the accepted calls of the last second; refused ones cost nothing."""

    def __init__(self) -> None:
        self._accepted: defaultdict[tuple[str, str, str], deque[float]] = defaultdict(deque)

    def admit(self, key: tuple[str, str, str], limit: int | None, now: float) -> None:
        """`key` is (account, region, operation), `now` a monotonic time in seconds.

        Raises ApiError ThrottlingException when `limit` calls were accepted within a second.
        """
        if limit is None:
            return
        accepted = self._accepted[key]
        while accepted and accepted[0] <= now - 1:
            accepted.popleft()
        if len(accepted) >= limit:
            raise throttled()
        accepted.append(now)
