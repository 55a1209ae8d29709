"""What the service knows about Google Cloud CA Service without loading Google's packages."""

import asyncio
from datetime import timedelta
from importlib import import_module
from typing import Final

from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers.base import Capabilities, Driver, Issuance
from scm_api.drivers.gcp import rules
from scm_api.drivers.gcp.names import REVOCATION_REASONS
from scm_api.drivers.gcp.options import GcpConnection, GcpProfileOptions, GcpSecrets
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.pacing import Limiter

TOKEN_VALIDITY: Final = timedelta(minutes=60)
"""How long a request id is remembered at least (CreateCertificateRequest.request_id)."""

BACKDATING: Final = timedelta(hours=48)
"""The most by which a pool may set the beginning back (IssuancePolicy.backdate_duration)."""


async def _open(connection: GcpConnection, secrets: GcpSecrets, limiter: Limiter) -> Driver:
    """Load Google's packages in a thread, as they cost a second of CPU, then open the driver."""
    module = await asyncio.to_thread(import_module, "scm_api.drivers.gcp.driver")
    driver: Driver = await module.open_driver(connection, secrets, limiter)
    return driver


def _machine_identity(connection: GcpConnection) -> str | None:
    uses_key = connection.credentials == "service_account"
    return None if uses_key else f"gcp:{connection.project}"


GCP: Final = BackendKind(
    type=BackendType.GCP,
    title="Google Cloud CA Service",
    capabilities=Capabilities(
        certificate_types=frozenset({CertificateType.SSL}),
        needs_external_organization=False,
        issuance=Issuance.IMMEDIATE,
        duplicate_guard=Guard.TOKEN,
        token_validity=TOKEN_VALIDITY,
        can_revoke=True,
        revocation_reasons=frozenset(REVOCATION_REASONS),
        can_cancel=False,
        key_types=frozenset({"rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "ed25519"}),
        backdating=BACKDATING,
        lists_issuing_cas=True,
        lists_templates=True,
        checks_orders=True,
    ),
    connection_options=GcpConnection,
    secrets=GcpSecrets,
    profile_options=GcpProfileOptions,
    open=_open,
    judge_connection=rules.judge_connection,
    judge_profile=rules.judge_profile,
    judge_request=rules.judge_request,
    issuing_ca_id=lambda options: options.certificate_authority,
    max_term_days=lambda ca: ca.facts["max_term_days"],
    publicly_trusted=lambda _options: False,
    abilities=rules.abilities,
    revocation_objection=rules.revocation_objection,
    where_to_look=rules.where_to_look,
    machine_identity=_machine_identity,
    drops_names=True,
)
