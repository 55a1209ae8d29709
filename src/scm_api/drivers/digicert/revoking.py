"""How far the revocation of one certificate is, by what CertCentral shows of its order.

A request to revoke does not name its certificate, and an order may have several. So ours bear the
serial number in their comments, which CertCentral shows with the order (order info).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from scm_api.drivers.digicert.wire import CertificateLine, OrderInfo, Requested

UNDECIDED = frozenset({"pending", "submitted", "needs_approval"})


class Standing(Enum):
    """OPEN: nobody has asked for it, as far as CertCentral shows."""

    OPEN = "open"
    WAITING = "waiting"
    REJECTED = "rejected"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Revocable:
    """One certificate of an order. `shown` is what CertCentral shows of it, None for nothing."""

    order: OrderInfo
    shown: CertificateLine | None
    serial_number: int

    @property
    def id(self) -> str:
        """What a call to revoke names it by: its number, or else its serial number as CertCentral
        writes it, in whole bytes (order info: `0A1B2C...`)."""
        return self.shown.id if self.shown else in_hex(self.serial_number)

    @property
    def requests(self) -> Sequence[Requested]:
        """The requests to revoke it, the newest last: in an order of one certificate, every one."""
        if self.order.has_one_certificate:
            return self.order.revocations
        serial = in_hex(self.serial_number)
        return [each for each in self.order.revocations if serial in each.comments.upper()]

    def standing(self, *, asked: bool) -> Standing:
        """`asked` is whether CertCentral has taken a request of ours."""
        status = self.shown.status if self.shown else None
        if "revoked" in (status, self.order.line.status):  # of a revoked order, each one is
            return Standing.DONE
        requests = self.requests
        if not requests and asked:  # ours are not known by their comments here
            waits = any(each.status in UNDECIDED for each in self.order.revocations)
            return Standing.WAITING if waits else Standing.REJECTED
        if any(each.status in UNDECIDED for each in requests):
            return Standing.WAITING
        last = requests[-1].status if requests else None
        if last == "approved" and status is None:
            return Standing.DONE
        if not asked:
            return Standing.OPEN
        return Standing.WAITING if last == "approved" else Standing.REJECTED


def in_hex(serial_number: int) -> str:
    """In whole bytes, as CertCentral writes it."""
    digits = f"{serial_number:X}"
    return digits.zfill(len(digits) + len(digits) % 2)
