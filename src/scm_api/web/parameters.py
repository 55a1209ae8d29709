"""What lists are searched for, in the spellings in which people have it at hand."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from scm_api.core.errors import Fault
from scm_api.core.names import Name, ascii_lower, normalise
from scm_api.core.vocabulary import CertificateType, NameKind

HEX: Final = "Hex in capitals or not, with or without colons."
_SHA256: Final = r"^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$"
# At most 20 octets, and one that keeps it positive (RFC 5280 section 4.1.2.2).
_SERIAL_NUMBER: Final = r"^[0-9A-Fa-f]{1,2}(:?[0-9A-Fa-f]{1,2}){0,20}$"


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """A validator of texts that are one of `choices`."""

    def chosen(value: str) -> str:
        if value not in choices:
            detail = "This is not one of the possible values."
            raise PydanticCustomError("not-a-choice", detail, {"expected": ", ".join(choices)})
        return value

    return chosen


def _without_nul(value: str) -> str:
    """PostgreSQL stores no such text."""
    if "\x00" in value:
        detail = "The text holds the character NUL."
        raise PydanticCustomError("invalid-value", detail, {"expected": "text without NUL"})
    return value


def _email_address(value: str) -> str:
    address = normalise(Name(NameKind.EMAIL, value))
    if isinstance(address, Fault):
        accepted = {"expected": "mailbox@example.com"}
        raise PydanticCustomError("invalid-value", "This is no e-mail address.", accepted)
    return ascii_lower(address.value)


def _sha256(value: str) -> str:
    return _hex(_SHA256, value, "64 hex digits, with or without colons")


def _serial_number(value: str) -> str:
    """Certificates are kept with a number, which has no leading zeros."""
    plain = _hex(_SERIAL_NUMBER, value, "up to 42 hex digits, with or without colons")
    return plain.lstrip("0") or "0"


def _hex(form: str, value: str, accepted: str) -> str:
    if not re.fullmatch(form, value):
        detail = "This is not hex, or has the wrong length."
        raise PydanticCustomError("invalid-value", detail, {"expected": accepted})
    return value.replace(":", "").lower()


EmailAddress = Annotated[str, AfterValidator(_email_address)]
Sha256 = Annotated[str, AfterValidator(_sha256), Field(json_schema_extra={"pattern": _SHA256})]
SerialNumber = Annotated[
    str, AfterValidator(_serial_number), Field(json_schema_extra={"pattern": _SERIAL_NUMBER})
]
OfSerialNumber = Annotated[SerialNumber | None, Query(description="Hex, with or without colons.")]
OfOrganization = Annotated[
    UUID | None, Query(description="Of this organization or department, without others below it.")
]
OfProfile = Annotated[UUID | None, Query(description="By this certificate profile.")]
OfCaBackend = Annotated[UUID | None, Query(description="Through this CA backend.")]
OfType = Annotated[CertificateType | None, Query(description="Certificates of this type.")]
# What is empty is an unset variable of a script rather than a wish for all.
SearchText = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_without_nul)]
