"""Validity periods of IssueCertificate: five units, and the limits of the CA."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from scm_api.sandbox.aws.errors import validation

BACKDATED = timedelta(minutes=60)
"""Without ValidityNotBefore a certificate begins this long before its issuance."""

SHORT_LIVED_MAXIMUM = timedelta(days=7)


def validity_period(
    validity: Mapping[str, Any], not_before: Mapping[str, Any] | None, now: datetime
) -> tuple[datetime, datetime]:
    """notBefore and notAfter, in whole seconds UTC; relative units count from `now`.

    Raises ApiError ValidationException when they make no period or lie outside the calendar.
    """
    now = now.replace(microsecond=0)
    if not_before is not None and not_before["Type"] != "ABSOLUTE":
        raise validation("ValidityNotBefore supports only the type ABSOLUTE")
    try:
        start = _end(not_before, now) if not_before else now - BACKDATED
        end = _end(validity, now)
    except (OSError, OverflowError, ValueError) as error:
        raise validation(f"The validity specified is not a date: {error}") from error
    if end <= now:
        raise validation("The certificate validity specified is in the past")
    if start >= end:
        raise validation("The certificate validity must end after it begins")
    return start, end


def check_limits(
    not_after: datetime, ca_not_after: datetime, *, short_lived: bool, now: datetime
) -> None:
    """Raises ApiError ValidationException when the CA may not issue for so long."""
    if not_after > ca_not_after:
        raise validation(
            "The certificate validity specified exceeds the certificate authority validity"
        )
    if short_lived and not_after > now + SHORT_LIVED_MAXIMUM:
        raise validation(
            "The certificate validity specified exceeds 7 days, the maximum of a certificate "
            "authority in the usage mode SHORT_LIVED_CERTIFICATE"
        )


def _end(validity: Mapping[str, Any], now: datetime) -> datetime:
    value: int = validity["Value"]
    match validity["Type"]:
        case "DAYS":
            return now + timedelta(days=value)
        case "MONTHS":
            return _add_months(now, value)
        case "YEARS":
            return _add_months(now, 12 * value)
        case "ABSOLUTE":
            return datetime.fromtimestamp(value, UTC)
        case "END_DATE":
            return _end_date(value)
        case unit:
            raise ValueError(f"unknown unit {unit}")


def _add_months(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    if year > 9999:
        raise ValueError(f"year {year} is out of range")
    return start.replace(
        year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1])
    )


def _end_date(value: int) -> datetime:
    """YYMMDDHHMMSS or YYYYMMDDHHMMSS written as an integer, so leading zeros are gone.

    Two-digit years from 50 on mean 19xx (RFC 5280, 4.1.2.5.1).
    """
    digits = str(value).zfill(12)
    if len(digits) == 12:
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
