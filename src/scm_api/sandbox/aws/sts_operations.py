"""The two operations of the Security Token Service a client of a private CA needs."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from scm_api.sandbox.aws.context import Context, Output
from scm_api.sandbox.aws.errors import access_denied, validation
from scm_api.sandbox.aws.identities import Role, role_session_arn

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_MINIMUM_SECONDS = 900
_DEFAULT_SECONDS = 3600


def assume_role(context: Context) -> Output:
    """Temporary credentials of a role that trusts the caller.

    A role that does not exist, does not trust the caller or wants another external id is
    refused with the same AccessDenied, as the service does.
    """
    parameters = context.parameters
    role_arn = _required(parameters, "RoleArn")
    session_name = _required(parameters, "RoleSessionName")
    if not _SESSION_NAME.fullmatch(session_name):
        raise validation(
            f"1 validation error detected: Value '{session_name}' at 'roleSessionName' failed to "
            r"satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*"
        )
    role = context.simulator.credentials.role(role_arn)
    if role is None or not _trusted(context, role):
        raise access_denied(context.caller.arn, "sts:AssumeRole", role_arn)
    seconds = _duration(parameters.get("DurationSeconds"), role)
    expires = int(context.simulator.now()) + seconds
    session = context.simulator.sessions.open(role.arn, session_name, expires)
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.token,
            "Expiration": f"{datetime.fromtimestamp(expires, UTC):%Y-%m-%dT%H:%M:%SZ}",
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"AROASCMSANDBOX000001:{session_name}",
            "Arn": role_session_arn(role.arn, session_name),
        },
        "PackedPolicySize": "0",
    }


def get_caller_identity(context: Context) -> Output:
    """Who signed the request; needs no permission."""
    caller = context.caller
    return {"UserId": caller.access_key_id, "Account": caller.account_id, "Arn": caller.arn}


def _trusted(context: Context, role: Role) -> bool:
    return (
        context.caller.policy.allows("sts:AssumeRole", role.arn, None)
        and role.trusts(context.caller.arn)
        and role.external_id in (None, context.parameters.get("ExternalId"))
    )


def _duration(text: str | None, role: Role) -> int:
    if text is None:
        return min(_DEFAULT_SECONDS, role.max_session_seconds)
    seconds = int(text[:9]) if text.isascii() and text.isdigit() else 0
    if seconds < _MINIMUM_SECONDS:
        raise validation(
            f"1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy "
            f"constraint: Member must have value greater than or equal to {_MINIMUM_SECONDS}"
        )
    if seconds > role.max_session_seconds:
        raise validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return seconds


def _required(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name)
    if not value:
        member = name[0].lower() + name[1:]
        raise validation(
            f"1 validation error detected: Value null at '{member}' failed to satisfy "
            "constraint: Member must not be null",
        )
    return str(value)
