"""What request and response models share: unknown fields refused, text that is really text."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class Input(BaseModel):
    """A request body. Types are exact: "1" is no number, 1 is no text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Update(Input):
    """The body of a PATCH: what is left out stays. Null is a value like others, and taken by those
    fields alone that may be without one, `CLEARABLE`."""

    CLEARABLE: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: Any, field: ValidationInfo) -> Any:
        if value is None and field.field_name not in cls.CLEARABLE:
            raise PydanticCustomError(
                "null-not-allowed",
                "Null would change nothing: this field always has a value.",
                {"expected": "a value, or no such field to keep the one there is"},
            )
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The contract says the same: fields may be left out, but are null only if clearable."""
        schema = handler(core_schema)
        for name, field in handler.resolve_ref_schema(schema).get("properties", {}).items():
            if name not in cls.CLEARABLE and "anyOf" in field:
                kept = [each for each in field.pop("anyOf") if each != {"type": "null"}]
                field |= kept[0] if len(kept) == 1 else {"anyOf": kept}
                field.pop("default", None)
        return schema


class Output(BaseModel):
    """A response body, for the contract; answers themselves are made from rows.

    It may grow: a client ignores members it does not know.
    """


def _printable(value: str) -> str:
    if value != value.strip():
        raise PydanticCustomError(
            "invalid-value",
            "The text begins or ends with a blank.",
            {"expected": "the text without it"},
        )
    if any(unicodedata.category(char)[0] in "CZ" and char != " " for char in value):
        raise PydanticCustomError(
            "invalid-value",
            "The text holds a control or invisible character.",
            {"expected": "visible characters and blanks, on one line"},
        )
    return value


Name = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_printable)]
Text = Annotated[str, Field(max_length=1024), AfterValidator(_printable)]


def _rfc_3339(value: Any) -> Any:
    """pydantic would also read numbers, and text holding one, as seconds since 1970."""
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        return value
    if isinstance(value, str) and _RFC_3339.fullmatch(value.replace(" ", "+")):
        raise PydanticCustomError(
            "invalid-value",
            "A blank stands before the offset from UTC: a plus in an address is read as one.",
            {"expected": "a time such as 2030-01-31T12:00:00Z, or a plus that is written as %2B"},
        )
    raise PydanticCustomError(
        "invalid-value",
        "This is not an instant of RFC 3339, which has a time and a zone.",
        {"expected": "a time as in RFC 3339, such as 2030-01-31T12:00:00Z"},
    )


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError(
            "invalid-value",
            "In UTC this is before the year 1 or after the year 9999.",
            {"expected": "a time between the years 1 and 9999 in UTC"},
        ) from error


# JSON has no UUIDs and no times: strict models must still read them from text.
Id = Annotated[UUID, Field(strict=False)]
Instant = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_rfc_3339), AfterValidator(_utc)
]


class VersionedOutput(Output):
    """What every editable resource shows."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Grows with each change; also the ETag.", examples=[1])


class PageOutput(Output):
    """What every list shows beside its items."""

    next_cursor: str | None = Field(description="Give it as `cursor` for the next page.")
