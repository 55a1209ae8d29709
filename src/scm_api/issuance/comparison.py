"""Certificate profiles that could not be compared with their CA when they were saved."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Text, cast, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.errors import Fault
from scm_api.db.statements import Statement
from scm_api.drivers.base import IssuingCa, Template
from scm_api.drivers.kinds import BackendKind, ProfileFacts
from scm_api.issuance.facts import (
    connection_of,
    issuing_cas_of,
    profile_with_offers,
    rules_of,
    templates_of,
)
from scm_api.issuance.rules import ProfileRules

_OFFERS: Final = profile_with_offers()
_PROFILE: Final = Statement(
    select(
        cast(_OFFERS.c.rules, Text).label("rules"),
        cast(_OFFERS.c.options, Text).label("connection_options"),
        cast(_OFFERS.c.issuing_cas, Text).label("issuing_cas"),
        cast(_OFFERS.c.templates, Text).label("templates"),
    )
)


def all_known(
    kind: BackendKind,
    issuing_cas: Sequence[IssuingCa] | None,
    templates: Sequence[Template] | None,
) -> bool:
    """Whether there is every list that profiles of this type of CA are compared with."""
    listed = kind.capabilities
    cas_known = issuing_cas is not None or not listed.lists_issuing_cas
    return cas_known and (templates is not None or not listed.lists_templates)


def late_faults(
    rules: ProfileRules,
    connection: Any,
    issuing_cas: Sequence[IssuingCa] | None,
    templates: Sequence[Template] | None,
) -> list[Fault]:
    """What speaks against a profile by lists that were not known when it was saved.

    Pointers are relative to its options. A profile that was compared is left to the CA from there
    on, but for what `judge_request` finds.
    """
    if rules.checked_against_ca:
        return []
    facts = ProfileFacts(
        rules.certificate_type, rules.key_types, issuing_cas, templates, rules.term.allowed_days
    )
    return rules.kind.judge_profile(rules.typed_options, connection, facts)


async def compared(
    session: AsyncSession, certificate_profile_id: UUID
) -> tuple[bool | None, list[Fault]]:
    """Whether the profile has been compared with what its CA offers, by now, and what came of it.

    None where CAs of its type list nothing to compare it with.
    """
    asked = {"certificate_profile_id": certificate_profile_id, "profile_version": None}
    (row,) = await _PROFILE.fetch(session, asked)
    rules = rules_of(row["rules"])
    capabilities = rules.kind.capabilities
    if not (capabilities.lists_issuing_cas or capabilities.lists_templates):
        return None, []
    cas = issuing_cas_of(row["issuing_cas"]) if row["issuing_cas"] else None
    templates = templates_of(row["templates"]) if row["templates"] else None
    connection = connection_of(rules.backend_type, row["connection_options"])
    known = rules.checked_against_ca or all_known(rules.kind, cas, templates)
    return known, late_faults(rules, connection, cas, templates)
