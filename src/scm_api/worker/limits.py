"""How long a worker may hold an enrollment and wait for a CA."""

from dataclasses import dataclass, replace
from datetime import timedelta

from scm_api.gateway.connections import Connection


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a claim lasts, how long one call may take, how long a frozen worker may sleep, how
    often our own errors may recur."""

    lease: timedelta
    write_deadline: timedelta
    longest_pause: timedelta
    attempts: int

    def of_orders_at(self, connection: Connection) -> "Limits":
        """Those of an order there: some CAs are given more time to answer, and the claim lasts as
        much longer."""
        return self._with(connection.kind.patience(connection.parsed_options).order)

    def of_revocations_at(self, connection: Connection) -> "Limits":
        """Those of a revocation there."""
        return self._with(connection.kind.patience(connection.parsed_options).revocation)

    def _with(self, answer: timedelta | None) -> "Limits":
        if answer is None or answer <= self.write_deadline:
            return self
        lease = self.lease + (answer - self.write_deadline)
        return replace(self, lease=lease, write_deadline=answer)
