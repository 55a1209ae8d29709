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

    def of_writes_to(self, connection: Connection) -> "Limits":
        """Those of an order or a revocation there: some CAs are given more time to answer, and the
        claim lasts as much longer."""
        answer = connection.kind.longest_answer(connection.parsed_options)
        if answer is None or answer <= self.write_deadline:
            return self
        lease = self.lease + (answer - self.write_deadline)
        return replace(self, lease=lease, write_deadline=answer)
