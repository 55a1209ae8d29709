"""What the service knows about CAs in memory."""

from collections.abc import Sequence
from typing import Final

from memory_ca.options import (
    BACKDATING,
    MemoryConnection,
    MemoryOrderOptions,
    MemoryProfileOptions,
    MemorySecrets,
)
from scm_api.core.errors import Fault
from scm_api.core.explain import quoted
from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import CertificateType, RevocationReason
from scm_api.drivers.base import Capabilities, Driver, Issuance, IssuingCa
from scm_api.drivers.kinds import BackendKind, OrderOptions, ProfileFacts, RequestFacts
from scm_api.drivers.pacing import Limiter

_KEY_TYPES: Final = frozenset(
    {"rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "ec-p521", "ed25519"}
)


async def _open(connection: MemoryConnection, secrets: MemorySecrets, limiter: Limiter) -> Driver:
    from memory_ca.driver import MemoryDriver

    return MemoryDriver(connection, secrets, limiter)


def judge_profile(
    options: MemoryProfileOptions,
    connection: MemoryConnection,
    facts: ProfileFacts,
) -> list[Fault]:
    """Whether the issuing CA is one of the authority's."""
    return _ca_faults(options, facts.issuing_cas)


def _ca_faults(
    options: MemoryProfileOptions, issuing_cas: Sequence[IssuingCa] | None
) -> list[Fault]:
    known = None if issuing_cas is None else [ca.id for ca in issuing_cas]
    if known is None or options.issuing_ca in known:
        return []
    detail = f"The authority has no CA {quoted(options.issuing_ca)}."
    return [Fault("/issuing_ca", "reference-not-allowed", detail, ", ".join(known) or None)]


def _no_faults(*_facts: object) -> list[Fault]:
    return []


def judge_request(
    options: MemoryProfileOptions,
    connection: MemoryConnection,
    issuing_cas: Sequence[IssuingCa] | None,
    facts: RequestFacts,
) -> list[Fault]:
    """What became wrong with the profile."""
    return [
        Fault("/certificate_profile_id", fault.code, fault.detail, fault.accepted)
        for fault in _ca_faults(options, issuing_cas)
    ]


def _issuing_ca_id(options: MemoryProfileOptions) -> str:
    return options.issuing_ca


def _private(_options: MemoryProfileOptions) -> bool:
    return False


def _added(options: MemoryProfileOptions, _extra: MemoryOrderOptions) -> MemoryProfileOptions:
    return options


def _account(extra: MemoryOrderOptions) -> str:
    return extra.on_behalf_of


def _is_for_accounts(options: MemoryProfileOptions) -> bool:
    return options.for_accounts


MEMORY: Final = BackendKind(
    type="memory",
    title="CA in memory",
    capabilities=Capabilities(
        certificate_types=frozenset(CertificateType),
        needs_external_organization=False,
        issuance=Issuance.EITHER,
        duplicate_guard=Guard.LOOKUP,
        token_validity=None,
        can_revoke=True,
        revocation_reasons=frozenset(RevocationReason),
        can_cancel=True,
        key_types=_KEY_TYPES,
        backdating=BACKDATING,
        lists_issuing_cas=True,
        lists_templates=False,
    ),
    connection_options=MemoryConnection,
    secrets=MemorySecrets,
    profile_options=MemoryProfileOptions,
    open=_open,
    judge_connection=_no_faults,
    judge_profile=judge_profile,
    judge_request=judge_request,
    issuing_ca_id=_issuing_ca_id,
    publicly_trusted=_private,
    order_options=OrderOptions(MemoryOrderOptions, _added, _account),
    needs_subject=_is_for_accounts,
)
