"""Four kinds of failure, because four different things happen next."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from scm_api.core.explain import storable


class DriverError(Exception):
    """Root of what a driver may raise. `detail` is a sentence fit for an administrator."""

    def __init__(self, detail: str) -> None:
        self.detail = storable(detail)  # it may quote the CA
        super().__init__(self.detail)


class BackendUnavailable(DriverError):
    """The CA is away or asks us to slow down, and certainly did nothing: try again later."""

    def __init__(self, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class BackendRefused(DriverError):
    """Credentials, rights or licence are wrong: nothing is retried until somebody mends them.

    With `whole_backend` false only this kind of order is refused (one CA or template), so others
    of the backend go on.
    """

    def __init__(self, detail: str, *, whole_backend: bool = True) -> None:
        super().__init__(detail)
        self.whole_backend = whole_backend


class OrderRefused(DriverError):
    """This request is wrong in the CA's eyes: final, `code` and `detail` in the CA's words. Of a
    question about an order that it took, it says nothing about the order."""

    def __init__(self, detail: str, *, code: str = "") -> None:
        super().__init__(detail)
        self.code = storable(code)


class OutcomeUnknown(DriverError):
    """A write was sent and no answer came: the CA may have acted. Recover, never resend."""


@contextmanager
def only_asking() -> Iterator[None]:
    """For a call that changes nothing: it has no outcome, and can be made again."""
    try:
        yield
    except OutcomeUnknown as error:
        raise BackendUnavailable(error.detail) from error
