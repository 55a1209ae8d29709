"""What the service knows about AWS Private CA without loading the AWS SDK."""

import asyncio
from datetime import timedelta
from importlib import import_module
from typing import Final

from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers.aws.algorithms import SUBJECT_KEY_TYPES
from scm_api.drivers.aws.options import (
    AssumedRole,
    AwsConnection,
    AwsProfileOptions,
    AwsSecrets,
    DefaultChain,
)
from scm_api.drivers.aws.rules import (
    judge_connection,
    judge_profile,
    judge_reference,
    judge_request,
    max_term_days,
)
from scm_api.drivers.aws.wire import REVOCATION_REASONS
from scm_api.drivers.base import Capabilities, Driver, Issuance
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.pacing import Limiter

TOKEN_VALIDITY: Final = timedelta(seconds=60)
"""The API model says five minutes, an older copy of the vendor's page one: the shorter counts."""

BACKDATING: Final = timedelta(minutes=60)
"""Certificates begin that long before issuance (API reference, IssueCertificate,
ValidityNotBefore)."""


async def _open(connection: AwsConnection, secrets: AwsSecrets, limiter: Limiter) -> Driver:
    """Load the SDK in a thread, as it costs half a second of CPU, then open the driver."""
    module = await asyncio.to_thread(import_module, "scm_api.drivers.aws.driver")
    driver: Driver = await module.open_driver(connection, secrets, limiter)
    return driver


def _issuing_ca_id(options: AwsProfileOptions) -> str:
    return options.private_ca


def _publicly_trusted(options: AwsProfileOptions) -> bool:  # noqa: ARG001 -- never, whatever they say
    return False


def _machine_identity(connection: AwsConnection) -> str | None:
    mode = connection.credentials
    if isinstance(mode, AssumedRole):
        return f"aws:{mode.role_arn.split(':')[4]}" if mode.source == "default_chain" else None
    return "aws" if isinstance(mode, DefaultChain) else None


AWS: Final = BackendKind(
    type=BackendType.AWS,
    title="AWS Private CA",
    capabilities=Capabilities(
        certificate_types=frozenset({CertificateType.SSL}),
        needs_external_organization=False,
        issuance=Issuance.DEFERRED,
        duplicate_guard=Guard.TOKEN,
        token_validity=TOKEN_VALIDITY,
        can_revoke=True,
        revocation_reasons=frozenset(REVOCATION_REASONS),
        can_cancel=False,
        key_types=SUBJECT_KEY_TYPES,
        backdating=BACKDATING,
        lists_issuing_cas=True,
        lists_templates=True,
    ),
    connection_options=AwsConnection,
    secrets=AwsSecrets,
    profile_options=AwsProfileOptions,
    open=_open,
    judge_connection=judge_connection,
    judge_profile=judge_profile,
    judge_request=judge_request,
    issuing_ca_id=_issuing_ca_id,
    max_term_days=max_term_days,
    publicly_trusted=_publicly_trusted,
    judge_reference=judge_reference,
    machine_identity=_machine_identity,
)
