"""Bodies of `/account-settings`."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from scm_api.web import examples
from scm_api.web.schemas import Output, Update

_OwnRequests = Field(
    description="Whether an MRAO may approve and decline their own requests, and those made with "
    "keys they handed out. Each enrollment that this let through shows `self_approved`, and so "
    "does its audit event."
)

_KeysInUse = Field(
    description="Whether a request is refused (`key-in-use`) whose key another organization has a "
    "valid certificate with, or asks for one. Otherwise it is taken, and the audit event of the "
    "enrollment has `key_in_use`. An organization and its departments are one."
)


class AccountSettingsUpdate(Update):
    """Fields left out stay as they are."""

    model_config = examples.example(refuse_keys_in_use=True)

    mrao_may_approve_own_requests: Annotated[bool, _OwnRequests] | None = None
    refuse_keys_in_use: Annotated[bool, _KeysInUse] | None = None


class AccountSettingsOut(Output):
    """What holds for the whole account."""

    mrao_may_approve_own_requests: Annotated[bool, _OwnRequests]
    refuse_keys_in_use: Annotated[bool, _KeysInUse]
    updated_at: datetime
    version: int = Field(description="Grows with each change; also the ETag.", examples=[1])
