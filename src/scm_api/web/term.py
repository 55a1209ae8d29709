"""How a certificate's term is shown, on enrollments and certificates alike."""

from datetime import datetime

from pydantic import Field

from scm_api.core.term import TermReason
from scm_api.web.schemas import Output


class TermDifferenceOut(Output):
    """One reason why asked and granted differ."""

    reason: TermReason = Field(
        description="A limit of the CA's mode (`ca_mode`), of its own certificate (`ca_end`) or of "
        "browsers (`browser_schedule`); the CA's own rule (`ca_policy`); less than a day "
        "(`ca_rounding`); the certificate begins before it was issued (`backdating`)."
    )
    detail: str = Field(
        examples=["The certificate begins at 2026-11-24T09:00:00Z, before it was issued."]
    )


class TermOut(Output):
    """The life that was asked, ordered and granted, and why they differ."""

    asked_days: int | None = Field(
        description="What the requester asked; with both null it was left to the profile.",
        examples=[90],
    )
    asked_not_after: datetime | None
    ordered_days: int = Field(description="What the CA is asked for.", examples=[90])
    ordered_not_after: datetime | None = Field(description="The same as an end, if it is one.")
    granted_days: int | None = Field(
        description="From issuance to the end, rounded up. Null until it is issued.", examples=[90]
    )
    granted_not_after: datetime | None = Field(description="When the certificate ends.")
    difference: list[TermDifferenceOut] = Field(
        description="Empty where the CA granted exactly what was asked."
    )
