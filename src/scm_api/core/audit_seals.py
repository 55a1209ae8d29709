"""The chain of seals over audit events: how one is made, and where it is broken.

A seal's digest covers the digest of the seal before and number and SHA-256 of each event since, so
it stands for everything up to there. Anybody can compute it. Its proof is the HMAC-SHA-256 of that
digest under a key derived from the ring, which who owns the tables does not have. A proof vouches
for all seals before its own: those whose keys have left the ring need none.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final
from uuid import UUID

from scm_api.core.instants import rfc_3339
from scm_api.core.sealing import KeyRing

Event = Mapping[str, Any]

FIELDS: Final = (
    "number",
    "at",
    "action",
    "subject_kind",
    "subject_id",
    "organization_id",
    "principal_id",
    "principal_name",
    "api_key_id",
    "request_id",
    "details",
)
_PURPOSE: Final = "audit seals"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER_BYTES: Final = 8
_ENTRY_BYTES: Final = _NUMBER_BYTES + hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Seal:
    """One link. `through` is the number of the last event it covers; `events` holds number and
    SHA-256 of each it adds, in order. `at` is when it was made, by the database's clock."""

    number: int
    through: int
    events: bytes
    at: datetime
    digest: bytes
    key_id: str
    proof: bytes

    @property
    def count(self) -> int:
        """How many events it adds."""
        return len(self.events) // _ENTRY_BYTES


GENESIS: Final = Seal(0, 0, b"", _EPOCH, bytes(hashlib.sha256().digest_size), "", b"")
"""What the first seal follows; nobody has to prove it."""


class Unproven(Exception):
    """The newest seal cannot be followed: the service did not make it, or its key is gone."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain is broken: the first number of an event that is not proven, and why."""

    number: int
    why: str


def canonical(event: Event) -> bytes:
    """The bytes an event is sealed by. `details` is the text PostgreSQL stores it as, so that no
    number in it is rounded; a column that is added needs another tag."""
    told = ["audit event 1", *(_plain(event[name]) for name in FIELDS)]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value


def exported(seal: Seal) -> dict[str, Any]:
    """The seal as the head of the chain, for whoever keeps it elsewhere."""
    return {
        "seal": seal.number,
        "number": seal.through,
        "digest": seal.digest.hex(),
        "at": None if seal == GENESIS else rfc_3339(seal.at),
    }


def kept_head(text: str) -> tuple[int, bytes]:
    """Number and digest of the seal in an exported head; raises ValueError if it is none."""
    try:
        head = json.loads(text)
        seal, digest = int(head["seal"]), bytes.fromhex(head["digest"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError("This is not the head of the audit, as it was exported.") from error
    return seal, digest


def next_seal(previous: Seal, events: Sequence[Event], at: datetime, ring: KeyRing) -> Seal:
    """The seal of `events`, which are all that follow `previous`; of none, to prove what there is
    by the active key. Raises Unproven: a forged seal would be vouched for."""
    if why := _unproven(previous, ring):
        raise Unproven(f"Audit seal {previous.number} {why}.")
    number = previous.number + 1
    through = events[-1]["number"] if events else previous.through
    entries = b"".join(map(_entry, events))
    digest = _digest(previous, number, through, entries, at)
    return Seal(
        number, through, entries, at, digest, ring.active, _proof(ring, ring.active, digest)
    )


def _entry(event: Event) -> bytes:
    number: int = event["number"]
    return number.to_bytes(_NUMBER_BYTES, "big") + hashlib.sha256(canonical(event)).digest()


def _digest(previous: Seal, number: int, through: int, events: bytes, at: datetime) -> bytes:
    microseconds = (at - _EPOCH) // datetime.resolution
    told = [
        "audit seal 1",
        previous.digest.hex(),
        number,
        through,
        microseconds,
        hashlib.sha256(events).hexdigest(),
    ]
    return hashlib.sha256(json.dumps(told).encode()).digest()


def _proof(ring: KeyRing, key_id: str, digest: bytes) -> bytes:
    return hmac.digest(ring.derive(_PURPOSE, key_id), digest, "sha256")


def _unproven(seal: Seal, ring: KeyRing) -> str | None:
    if seal == GENESIS:
        return None
    if seal.key_id not in ring.keys:
        return f"was made with the key {seal.key_id!r}, which is not in the key ring"
    if not hmac.compare_digest(seal.proof, _proof(ring, seal.key_id, seal.digest)):
        return "was not made by this service"
    return None


class Verification:
    """Goes along the chain: each seal, its events, and at last the end. The first Break is the
    result; whatever follows it proves nothing.

    `head` is number and digest of a seal that was exported before: who cuts off the tail of the
    chain, or makes it anew, cannot have that seal.
    """

    def __init__(self, ring: KeyRing, head: tuple[int, bytes] | None = None) -> None:
        self.newest = GENESIS
        self._ring = ring
        self._head = head
        self._proven_through = 0

    def follow(self, seal: Seal) -> Break | None:
        """The next seal; what it covers is looked at with `compare`."""
        previous, self.newest = self.newest, seal
        first = previous.through + 1
        if seal.number != previous.number + 1:
            return Break(first, f"audit seal {previous.number + 1} is missing")
        made = _digest(previous, seal.number, seal.through, seal.events, seal.at)
        if made != seal.digest:
            return Break(first, f"audit seal {seal.number} was changed")
        if self._head is not None and self._head[0] == seal.number and self._head[1] != made:
            return Break(first, f"audit seal {seal.number} is not the one that was exported")
        if seal.key_id in self._ring.keys:
            if why := _unproven(seal, self._ring):
                return Break(self._proven_through + 1, f"audit seal {seal.number} {why}")
            self._proven_through = seal.through
        return None

    def compare(self, events: Sequence[Event]) -> Break | None:
        """What is stored, in order, where the newest seal says what was."""
        sealed = self.newest.events
        entries = (
            sealed[start : start + _ENTRY_BYTES] for start in range(0, len(sealed), _ENTRY_BYTES)
        )
        for entry, event in zip_longest(entries, events):
            if (broken := _difference(entry, event)) is not None:
                return broken
        return None

    def end(self) -> Break | None:
        """After the last seal."""
        if why := _unproven(self.newest, self._ring):
            return Break(self._proven_through + 1, f"audit seal {self.newest.number} {why}")
        if self._head is not None and self._head[0] > self.newest.number:
            return Break(
                self.newest.through + 1, f"audit seal {self._head[0]}, which was exported, is gone"
            )
        return None


def _difference(entry: bytes | None, event: Event | None) -> Break | None:
    number = int.from_bytes(entry[:_NUMBER_BYTES], "big") if entry is not None else None
    if event is None or (number is not None and number < event["number"]):
        assert number is not None
        return Break(number, "the event is missing")
    if number is None or event["number"] < number:
        return Break(event["number"], "the event was added")
    return None if _entry(event) == entry else Break(number, "the event was changed")
