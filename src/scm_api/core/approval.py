"""Four eyes: who may decide about a waiting request, until when, and what exactly was approved."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from scm_api.core.access import Principal
from scm_api.core.errors import Fault, Forbidden
from scm_api.core.names import Name, respelled
from scm_api.core.vocabulary import CertificateType, EnrollmentState, Role

APPROVABLE: Final = (CertificateType.SSL, CertificateType.DEVICE)
"""Types of certificates whose profiles may require approval."""

UNANSWERED: Final = (
    "approval-expired",
    "Nobody approved or declined it in time, so it ended. Enroll anew if it is still wanted.",
)
"""Reason (code, sentence) of a request that ended because nobody decided."""


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asked, and who else knew the key it was asked with."""

    admin_id: UUID | None
    known_to: frozenset[UUID] = frozenset()

    def may_be(self, principal: Principal) -> frozenset[UUID]:
        """The admins who can have both asked and sent what comes from `principal`."""
        return principal.hands & (self.known_to | {self.admin_id})


def judge_approver(
    principal: Principal,
    requester: Requester,
    *,
    own_allowed: bool,
    mraos: Collection[UUID] = (),
) -> bool:
    """Whether one admin can have both asked and decided; raises Forbidden if that may not be.

    The admin counts, whichever key they come with, and everybody through whose hands the keys of
    both came. But those among `mraos`, who gave keys to the admins they made, count only where they
    asked themselves: an MRAO has no need of a detour, since they may have the profile require no
    approval. `own_allowed` is the account's setting, which lets an MRAO decide about their own
    requests. Raises Forbidden (`self-approval`).
    """
    if requester.may_be(principal) <= frozenset(mraos) - {requester.admin_id}:
        return False
    if own_allowed and principal.role is Role.MRAO:
        return True
    raise Forbidden(_why_refused(principal, requester), code="self-approval")


def _why_refused(principal: Principal, requester: Requester) -> str:
    if principal.admin_id == requester.admin_id:
        return (
            "Another admin than the one who asked has to decide; "
            "you can take your own request back."
        )
    if requester.admin_id in principal.known_to:
        why = "The API key you use was handed out by the admin who asked, who may have kept it"
    elif principal.admin_id in requester.known_to:
        why = "It was asked with an API key that you handed out and may have kept"
    else:
        why = "The API key you use and the one it was asked with were handed out by the same admin"
    return (
        f"{why}: that would be one person's word. Somebody has to decide whose key came through no "
        "hand that the requester's came through: an MRAO made by `scm-api admin create` on the "
        "server, or an admin to whom another MRAO gave a key."
    )


def judge_approvable(certificate_type: CertificateType, *, requires_approval: bool) -> list[Fault]:
    """Whether a profile for this type of certificate may require approval.

    Code: `approval-not-supported`.
    """
    if not requires_approval or certificate_type in APPROVABLE:
        return []
    detail = f"Certificates of type {certificate_type} are not subject to approval."
    accepted = f"false, or one of the types {', '.join(APPROVABLE)}"
    return [Fault("/requires_approval", "approval-not-supported", detail, accepted)]


def state_at(state: EnrollmentState, expires_at: datetime | None, now: datetime) -> EnrollmentState:
    """The state as of `now`: a request nobody answered until `expires_at` is canceled."""
    waits = state is EnrollmentState.PENDING_APPROVAL
    over = expires_at is not None and expires_at <= now
    return EnrollmentState.CANCELED if waits and over else state


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval is for. `names` are kind and value as they are kept; `term_days` counts
    days from issuance, `not_after` is an end asked for instead; `replaces` is the certificate that
    will be revoked for it, and the reason; `order_options` what is said to the CA besides, and
    `subject` the account it is made for."""

    csr_der: bytes
    names: Sequence[Mapping[str, Any]]
    term_days: int
    not_after: datetime | None
    certificate_profile_id: UUID
    profile_version: int
    replaces: tuple[str, str] | None = None
    order_options: Mapping[str, Any] | None = None
    subject: Mapping[str, Any] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 in hex over all of it, in one spelling."""
        end = self.not_after
        content = {
            "csr": self.csr_der.hex(),
            "names": sorted([name["kind"], name["value"]] for name in self.names),
            "term_days": self.term_days,
            "not_after": end.astimezone(UTC).isoformat() if end else None,
            "certificate_profile_id": str(self.certificate_profile_id),
            "profile_version": self.profile_version,
        }
        # What is not there is left out, so that approvals from before it could be are still ones.
        added = {
            "replaces": self.replaces,
            "order_options": self.order_options,
            "subject": self.subject,
        }
        content |= {name: value for name, value in added.items() if value}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def name_difference(before: Sequence[Name], after: Sequence[Name]) -> tuple[list[Name], list[Name]]:
    """Names that come and names that go, whatever their order and spelling."""
    old, new = dict.fromkeys(map(respelled, before)), dict.fromkeys(map(respelled, after))
    return [name for name in new if name not in old], [name for name in old if name not in new]
