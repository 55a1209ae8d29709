"""A request is followed from the API through the worker to the CA, and in what it led to."""

import json
from typing import Any

from sqlalchemy import select
from stage import Stage

from scm_api.db.models import AuditEvent


async def test_what_a_worker_did_is_known_by_the_request_that_led_to_it(stage: Stage) -> None:
    """Though the CA's first answer was lost, and one job after another had to see to it."""
    stage.simulator.fault("IssueCertificate", "close", when="after")
    worker = stage.worker()
    enrollment_id = await stage.client.enroll()
    await stage.at_rest()
    certificate = await stage.certificate_of(enrollment_id)
    assert certificate is not None
    await stage.client.revoke(str(certificate.id))
    await stage.at_rest()

    events = await _events(stage)
    enrolled, revoked = events["enrollment.created"], events["certificate.revocation_requested"]
    assert None not in {enrolled, revoked}
    assert events["enrollment.issued"] == enrolled != revoked == events["certificate.revoked"]

    read = [json.loads(line) for line in worker.log.read_text().splitlines()]
    records = [record for record in read if "job" in record]
    assert {_about(record) for record in records} == {
        ("enrollment_id", str(enrollment_id), enrolled, str(certificate.ca_backend_id), 1),
        ("certificate_id", str(certificate.id), revoked, str(certificate.ca_backend_id), 1),
    }
    answers = {record["ca_request_id"] for record in records if record.get("ca_request_id")}
    called = {
        call["request_id"]
        for operation in ("IssueCertificate", "GetCertificate", "RevokeCertificate")
        for call in stage.simulator.calls(operation)
        if call["outcome"] == "answered"
    }
    assert called
    assert called <= answers


def _about(record: dict[str, Any]) -> tuple[Any, ...]:
    """What a record of a job tells of."""
    (subject,) = {"enrollment_id", "certificate_id"} & record.keys()
    named = (record.get(name) for name in ("request_id", "ca_backend_id", "attempt"))
    return subject, record[subject], *named


async def _events(stage: Stage) -> dict[str, str | None]:
    """The request of the only event of each action."""
    async with stage.database.transaction() as session:
        rows = await session.execute(select(AuditEvent.action, AuditEvent.request_id))
    return {row.action: row.request_id for row in rows}
