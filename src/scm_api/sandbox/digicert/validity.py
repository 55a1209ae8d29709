"""How long orders and certificates last, by the three forms CertCentral takes."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from scm_api.sandbox.digicert.errors import ApiError, invalid, missing

_A_DAY = timedelta(days=1)
_LONGEST_ORDER = 3  # years; longer ones are refused since 2023-10-31


def order_end(body: dict[str, Any], today: date, allowed_years: list[int]) -> date:
    """The last day of an order; `order_validity` or one of the older members at the root.

    Raises ApiError.
    """
    form = body.get("order_validity")
    if form is None:
        form = {
            "years": body.get("validity_years"),
            "days": body.get("validity_days"),
            "custom_expiration_date": body.get("custom_expiration_date"),
        }
    if not isinstance(form, dict) or not any(form.values()):
        raise missing("order_validity")
    years = form.get("years")
    if years is not None and (years > _LONGEST_ORDER or years not in allowed_years):
        raise invalid("validity_years")
    end = _end(form, today)
    if end <= today or end > today + timedelta(days=_LONGEST_ORDER * 365 + 1):
        raise invalid("order_validity")
    return end


def certificate_end(
    body: dict[str, Any], today: date, last_day: date, cap_days: int | None
) -> datetime:
    """The last second of a certificate, which starts today at midnight.

    Longer than `cap_days` is shortened and not refused, longer than its order is. Raises ApiError.
    """
    form = body["certificate"].get("cert_validity")
    end = last_day
    if form is not None:
        end = _end(form, today)
        if end > last_day:
            message = "Certificate validity exceeds order validity."
            raise ApiError(400, "cert_validity_exceeds_order_validity", message)
    if cap_days is not None:
        end = min(end, today + timedelta(days=cap_days - 1))
    return datetime.combine(end, time(23, 59, 59), UTC)


def _end(form: Any, today: date) -> date:
    """The last day, counting today as the first of `days`."""
    match form:
        case {"custom_expiration_date": str(text)}:
            try:
                return date.fromisoformat(text)
            except ValueError as error:
                raise invalid("custom_expiration_date") from error
        case {"days": int(days)} if days > 0:
            return today + days * _A_DAY - _A_DAY
        case {"years": int(years)} if years > 0:
            return today + 365 * years * _A_DAY
        case _:
            raise invalid("order_validity")
