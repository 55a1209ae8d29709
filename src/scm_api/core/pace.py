"""When to look again: growing intervals with jitter, so that nothing comes back in step."""

from datetime import timedelta

_POLL_STEPS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_POLL_CAP = 900.0
_RETRY_CAP = 300.0


def poll_interval(steps: int, asked_by_ca: timedelta, jitter: float) -> timedelta:
    """Wait before the next look at a pending order.

    `steps` looks were made before, the CA asked for at least `asked_by_ca`, and `jitter` is a
    random number from 0 to 1 that adds up to a tenth: many may have been told the same moment.
    After a minute's interval is reached it doubles each time up to 15 minutes.
    """
    if steps < len(_POLL_STEPS):
        seconds = _POLL_STEPS[steps]
    else:
        doublings = min(steps - len(_POLL_STEPS) + 1, 20)
        seconds = min(_POLL_STEPS[-1] * 2**doublings, _POLL_CAP)
    return max(asked_by_ca, timedelta(seconds=seconds)) * (1 + jitter / 10)


def retry_interval(steps: int, asked_by_ca: timedelta | None, jitter: float) -> timedelta:
    """Wait before calling a CA again that was away: 1 s doubling to 5 min, half of it random."""
    if asked_by_ca is not None:
        return asked_by_ca * (1 + jitter / 4)
    seconds = min(2.0 ** min(steps, 20), _RETRY_CAP)
    return timedelta(seconds=seconds * (0.5 + jitter / 2))
