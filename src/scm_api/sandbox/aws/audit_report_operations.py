"""Audit reports, the only inventory of a private CA: written to a bucket, read with GetObject."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from scm_api.sandbox.aws.authorities import Authority
from scm_api.sandbox.aws.context import Context, Output
from scm_api.sandbox.aws.errors import ApiError, invalid_args
from scm_api.sandbox.aws.resources import authority_of, require_status
from scm_api.sandbox.aws.store import IssuedCertificate
from scm_api.sandbox.ledger import instant

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_KEY = re.compile(r"audit-report/[0-9a-f-]{36}/[0-9a-f-]{36}\.(?:json|csv)")
_COLUMNS = (
    "awsAccountId",
    "requestedByServicePrincipal",
    "certificateArn",
    "serial",
    "subject",
    "notBefore",
    "notAfter",
    "issuedAt",
    "revokedAt",
    "revocationReason",
    "templateArn",
)


def create_audit_report(context: Context) -> Output:
    """Write the report at once; a CA that is in use gets at most one in half an hour (User Guide,
    "CA status")."""
    authority = authority_of(context)
    simulator = context.simulator
    bucket = context.parameters["S3BucketName"]
    if not _BUCKET.fullmatch(bucket):
        raise invalid_args(f"{bucket} is not the name of an S3 bucket")
    now = simulator.now()
    require_status(authority, now, "ACTIVE", "DISABLED")
    last = simulator.last_audit_report.get(authority.arn)
    if last is not None and now < last + simulator.behaviour.audit_report_interval_seconds:
        raise ApiError(
            "RequestInProgressException",
            "An audit report of this private CA was requested less than 30 minutes ago.",
        )
    report_id = str(uuid4())
    form = context.parameters["AuditReportResponseFormat"]
    key = f"audit-report/{authority.spec.id}/{report_id}.{form.lower()}"
    rows = list(_rows(context, authority))
    path = simulator.buckets / bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) if form == "JSON" else _csv(rows))
    simulator.last_audit_report[authority.arn] = now
    return {"AuditReportId": report_id, "S3Key": key}


def describe_audit_report(context: Context) -> Output:
    authority = authority_of(context)
    report_id = context.parameters["AuditReportId"]
    pattern = f"*/audit-report/{authority.spec.id}/{report_id}.*"
    path = next(context.simulator.buckets.glob(pattern), None)
    if path is None:
        raise ApiError("ResourceNotFoundException", f"Could not find audit report {report_id}")
    bucket = path.relative_to(context.simulator.buckets).parts[0]
    return {
        "AuditReportStatus": "SUCCESS",
        "S3BucketName": bucket,
        "S3Key": path.relative_to(context.simulator.buckets / bucket).as_posix(),
        "CreatedAt": path.stat().st_mtime,
    }


def get_object(context: Context) -> Output:
    """S3 GetObject, for the reports written here and nothing else."""
    bucket, key = context.parameters["Bucket"], context.parameters["Key"]
    context.caller.require("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    path = _report_path(context.simulator.buckets, bucket, key)
    if path is None:
        raise ApiError("NoSuchKey", "The specified key does not exist.", 404)
    return {"Body": path.read_text()}


def _report_path(buckets: Path, bucket: str, key: str) -> Path | None:
    """The file of a report. Nothing outside the buckets can be named."""
    if not _BUCKET.fullmatch(bucket) or not _KEY.fullmatch(key):
        return None
    path = buckets / bucket / key
    return path if path.is_file() else None


def _rows(context: Context, authority: Authority) -> Iterator[dict[str, str]]:
    """One row a certificate, the oldest first, in the members of the user guide's example."""
    issued = [c for c in context.simulator.store if c.authority_arn == authority.arn]
    for certificate in reversed(issued):
        yield _row(context, certificate)


def _row(context: Context, issued: IssuedCertificate) -> dict[str, str]:
    certificate = issued.certificate
    row = {
        "awsAccountId": context.caller.account_id,
        "requestedByServicePrincipal": "",
        "certificateArn": issued.arn,
        "serial": issued.serial.to_bytes(16, "big").hex(":"),
        "subject": certificate.subject.rfc4514_string(),
        "notBefore": instant(certificate.not_valid_before_utc.timestamp()),
        "notAfter": instant(certificate.not_valid_after_utc.timestamp()),
        "issuedAt": instant(issued.issued_at),
        "templateArn": issued.template_arn,
    }
    if issued.revoked_at is not None:
        row["revokedAt"] = instant(issued.revoked_at)
        row["revocationReason"] = issued.revocation_reason or "UNSPECIFIED"
    return row


def _csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
