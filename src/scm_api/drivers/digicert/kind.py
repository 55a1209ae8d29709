"""What the service knows about DigiCert CertCentral."""

import asyncio
import re
from datetime import timedelta
from importlib import import_module
from typing import Final

from scm_api.core.errors import Fault
from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers.base import Capabilities, Driver, Issuance
from scm_api.drivers.digicert.options import (
    DigiCertConnection,
    DigiCertOrderOptions,
    DigiCertProfileOptions,
    DigiCertSecrets,
)
from scm_api.drivers.digicert.reasons import REVOCATION_REASONS
from scm_api.drivers.kinds import BackendKind, OrderOptions
from scm_api.drivers.pacing import Limiter


async def _open(
    connection: DigiCertConnection, secrets: DigiCertSecrets, limiter: Limiter
) -> Driver:
    module = await asyncio.to_thread(import_module, "scm_api.drivers.digicert.driver")
    driver: Driver = module.DigiCertDriver(connection, secrets, limiter)
    return driver


def _no_faults(*_facts: object) -> list[Fault]:
    """What is wrong with a product only CertCentral knows; it says so when it is ordered. It reads
    nothing from the CSR but its key, which is judged by its type."""
    return []


def _issuing_ca_id(options: DigiCertProfileOptions) -> str:
    return options.ca_cert_id or ""


def _publicly_trusted(options: DigiCertProfileOptions) -> bool:
    return not options.product.startswith("private_")


def _needs_organization(options: DigiCertProfileOptions) -> bool:
    """Domain validated products are ordered without one (order, DV)."""
    return re.search(r"(^|_)dv(_|$)", options.product) is None


def _validations_for(options: DigiCertProfileOptions) -> frozenset[str]:
    """An EV validation contains the OV one, not the other way round."""
    is_ev = re.search(r"(^|_)ev(_|$)", options.product) is not None
    return frozenset({"ev"} if is_ev else {"ov", "ev"})


def added(options: DigiCertProfileOptions, extra: DigiCertOrderOptions) -> DigiCertProfileOptions:
    """The options of one order: what it says itself goes before what the profile says."""
    own = {each.metadata_id for each in extra.custom_fields}
    kept = [each for each in options.custom_fields if each.metadata_id not in own]
    return options.model_copy(
        update={
            "server_platform": extra.server_platform or options.server_platform,
            "custom_fields": [*kept, *extra.custom_fields],
            "additional_emails": list(
                dict.fromkeys([*options.additional_emails, *extra.additional_emails])
            ),
        }
    )


DIGICERT: Final = BackendKind(
    type=BackendType.DIGICERT,
    title="DigiCert CertCentral",
    capabilities=Capabilities(
        certificate_types=frozenset({CertificateType.SSL}),
        needs_external_organization=True,
        issuance=Issuance.EITHER,
        duplicate_guard=Guard.LOOKUP,
        token_validity=None,
        can_revoke=True,
        revocation_reasons=frozenset(REVOCATION_REASONS),
        can_cancel=True,
        key_types=frozenset({"rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384"}),
        # Validity has the resolution of a day: it begins at midnight before the issuance.
        backdating=timedelta(days=1),
        lists_issuing_cas=False,
        lists_templates=False,
        lists_external_organizations=True,
        lists_products=True,
    ),
    connection_options=DigiCertConnection,
    secrets=DigiCertSecrets,
    profile_options=DigiCertProfileOptions,
    open=_open,
    judge_connection=_no_faults,
    judge_profile=_no_faults,
    judge_request=_no_faults,
    issuing_ca_id=_issuing_ca_id,
    publicly_trusted=_publicly_trusted,
    needs_organization=_needs_organization,
    validations_for=_validations_for,
    order_options=OrderOptions(DigiCertOrderOptions, added),
    ends_with_day=lambda _connection: True,
)
