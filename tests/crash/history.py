"""The history check: three independent records must tell one story.

The client's log says what was promised, the simulator's ledger what the CA did, the rows what the
service believes. The ledger is the ground truth, and the service never reads it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from client import ENDED, ClientLog
from sqlalchemy import func, select, text

from scm_api.core.lifecycle import ACTIVE
from scm_api.core.vocabulary import EnrollmentState, RevocationState
from scm_api.db.models import AuditEvent, Certificate, Enrollment
from scm_api.db.session import Database
from simulator import Simulator

# Parked for these reasons, an enrollment tells a person to look for a certificate at the CA.
LOOK_AT_THE_CA = frozenset(
    {"outcome-unknown", "ca-reference-clash", "certificate-unreadable", "processing-failed"}
)


@dataclass(frozen=True, slots=True)
class Records:
    """What the three witnesses wrote down. `jobs` are the subjects of jobs in the queue."""

    client: ClientLog
    ledger: Sequence[dict[str, Any]]
    enrollments: dict[UUID, Enrollment]
    certificates: dict[str, Certificate]
    events: Counter[tuple[UUID, str]]
    jobs: set[UUID]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant: how many things it was checked on, and where it does not hold."""

    invariant: str
    checked: int
    violations: tuple[str, ...]

    def __str__(self) -> str:
        found = f"{len(self.violations)} VIOLATED" if self.violations else "holds"
        return f"{self.invariant}: {self.checked} checked, {found}"


async def read_records(client: ClientLog, simulator: Simulator, database: Database) -> Records:
    """Gather the records; the rows are read in one snapshot."""
    counted = select(AuditEvent.subject_id, AuditEvent.action, func.count()).group_by(
        AuditEvent.subject_id, AuditEvent.action
    )
    async with database.transaction() as session:
        enrollments = list(await session.scalars(select(Enrollment)))
        certificates = list(await session.scalars(select(Certificate)))
        events = await session.execute(counted)
        payloads = await session.scalars(text("SELECT payload FROM pgqueuer"))
        return Records(
            client,
            _whole_ledger(simulator),
            {row.id: row for row in enrollments},
            {row.serial_number: row for row in certificates},
            Counter({(subject, action): number for subject, action, number in events}),
            {UUID(bytes=payload) for payload in payloads},
        )


def _whole_ledger(simulator: Simulator) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    after = 0
    while True:
        page = simulator.control("GET", f"/ledger?after={after}")
        if not page["entries"]:
            return entries
        entries += page["entries"]
        after = page["next"]


def judge(records: Records) -> list[Verdict]:
    """Every invariant, in order."""
    known = records.client.keys
    orders = _orders(records)
    rows = records.enrollments
    certificates = records.certificates.values()
    revoking = [row for row in certificates if row.revocation_state is not None]
    issued = [entry for entry in records.ledger if entry["kind"] == "certificate"]
    return [
        _verdict("I1 one order and one certificate per enrollment", known, _i1(records, orders)),
        _verdict("I2 every certificate of the CA is known", issued, _i2(records, orders)),
        _verdict("I3 what a client was told stays true", records.client.told, _i3(records)),
        _verdict("I4 one audit event per state change", [*rows, *revoking], _i4(records)),
        _verdict("I5 no job is lost", [*rows, *revoking], _i5(records)),
        _verdict("I7 revoked is said only of what the CA revoked", revoking, _i7(records)),
    ]


def _verdict(invariant: str, checked: Any, violations: Iterator[str]) -> Verdict:
    return Verdict(invariant, len(checked), tuple(violations))


def _orders(records: Records) -> dict[str, list[str]]:
    """Serial numbers of what was ordered, by the key of the request."""
    orders = defaultdict(list)
    for entry in records.ledger:
        if entry["kind"] == "order":
            orders[entry["spki_sha256"]].append(_serial(entry))
    return orders


def _serial(entry: dict[str, Any]) -> str:
    return f"{int(entry['serial'], 16):x}"


def _i1(records: Records, orders: dict[str, list[str]]) -> Iterator[str]:
    """A retry is a person's word that the order before is dead, so each allows one more."""
    for enrollment_id, key in records.client.keys.items():
        allowed = 1 + records.client.retried[enrollment_id]
        if len(orders[key]) > allowed:
            yield f"{enrollment_id} was ordered {len(orders[key])} times"
    for key in orders.keys() - set(records.client.keys.values()):
        yield f"something was ordered that nobody asked for: key {key}"
    held = Counter(row.enrollment_id for row in records.certificates.values())
    for enrollment_id, number in held.items():
        if number > 1:
            yield f"{enrollment_id} has {number} certificates"


def _i2(records: Records, orders: dict[str, list[str]]) -> Iterator[str]:
    by_key = {key: enrollment_id for enrollment_id, key in records.client.keys.items()}
    for key, serials in orders.items():
        row = records.enrollments.get(by_key.get(key, UUID(int=0)))
        for serial in set(serials) - records.certificates.keys():
            if row is None or not _looked_after(records, row):
                yield f"nobody knows of certificate {serial} of {by_key.get(key)}"


def _looked_after(records: Records, row: Enrollment) -> bool:
    """Whether a worker is not done, or a person was told to look, or has decided after that."""
    under_way = EnrollmentState(row.state) in ACTIVE
    parked = row.state == EnrollmentState.PARKED and row.reason_code in LOOK_AT_THE_CA
    decided = row.id in records.client.canceled or records.client.retried[row.id] > 0
    return under_way or parked or decided


def _i3(records: Records) -> Iterator[str]:
    by_enrollment = {row.enrollment_id: row for row in records.certificates.values()}
    for told in records.client.told:
        row = records.enrollments.get(told.enrollment_id)
        if row is None:
            yield f"{told.enrollment_id} was promised and is gone"
            continue
        if told.state in ENDED and row.state != told.state:
            yield f"{row.id} was told to be {told.state} and is {row.state}"
        certificate = by_enrollment.get(row.id)
        if told.certificate_id and (
            certificate is None or str(certificate.id) != told.certificate_id
        ):
            yield f"{row.id} was told to have certificate {told.certificate_id}"


def _i4(records: Records) -> Iterator[str]:
    """The version counts state changes, from 1; so do the events about an enrollment."""
    about: Counter[UUID] = Counter()
    for (subject, action), number in records.events.items():
        if action.startswith("enrollment."):
            about[subject] += number
    for row in records.enrollments.values():
        if about[row.id] != row.version:
            yield f"{row.id} has {about[row.id]} events and version {row.version}"
    for certificate in records.certificates.values():
        state = certificate.revocation_state
        expected = {
            "certificate.revocation_requested": state is not None,
            "certificate.revoked": state == RevocationState.DONE,
            "certificate.revocation_refused": state == RevocationState.REFUSED,
        }
        for action, happened in expected.items():
            if records.events[certificate.id, action] != happened:
                number = records.events[certificate.id, action]
                yield f"{certificate.id} is {state} with {number} events {action}"


def _i5(records: Records) -> Iterator[str]:
    for row in records.enrollments.values():
        if row.state not in ENDED | {"parked"} and row.id not in records.jobs:
            yield f"{row.id} is {row.state} without a job"
    for certificate in records.certificates.values():
        waits = certificate.revocation_state == RevocationState.REQUESTED
        if waits and certificate.id not in records.jobs:
            yield f"{certificate.id} waits for its revocation without a job"


def _i7(records: Records) -> Iterator[str]:
    revoked = Counter(_serial(entry) for entry in records.ledger if entry["kind"] == "revocation")
    for certificate in records.certificates.values():
        if certificate.revocation_state == RevocationState.DONE:
            if revoked[certificate.serial_number] != 1:
                yield f"{certificate.id} was not revoked exactly once at the CA"
        elif certificate.revocation_state is None and revoked[certificate.serial_number]:
            yield f"{certificate.id} was revoked at the CA without anybody's wish"
