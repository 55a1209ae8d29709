"""What may follow a certificate: with which key, and until when it can be replaced."""

from datetime import datetime

from scm_api.core.errors import Conflict, Fault
from scm_api.core.instants import rfc_3339
from scm_api.core.vocabulary import CertificateType, RevocationReason, RevocationState

UNDER_WAY = frozenset(
    {
        RevocationState.PENDING_APPROVAL,
        RevocationState.REQUESTED,
        RevocationState.PENDING_CA,
        RevocationState.DONE,
    }
)
"""States of a revocation in which asking for it again changes nothing, unless for more
(`core.revocation.asks_for_more`). One that is scheduled gives way to what is asked for later."""


def judge_same_type(before: CertificateType, today: CertificateType) -> list[Fault]:
    """A successor is of the type of the certificate before, whatever became of the profile.

    Code: `certificate-type-differs`.
    """
    if before is today:
        return []
    detail = f"The certificate is of type {before}, and the profile is for type {today} today."
    return [Fault("", "certificate-type-differs", detail, "an enrollment through another profile")]


def judge_new_key(
    old_spki_sha256: str,
    new_spki_sha256: str,
    *,
    same_allowed: bool,
    reason: RevocationReason | None,
) -> list[Fault]:
    """Whether the key of a renewal or replacement may be the one of the certificate before.

    `reason` is why that one is replaced, None for a renewal. A compromised key is given up,
    whatever the profile allows (RFC 5280 section 5.3.1). Code: `key-reused`.
    """
    if old_spki_sha256 != new_spki_sha256:
        return []
    accepted = "a CSR with a new key"
    if reason is RevocationReason.KEY_COMPROMISE:
        why = "The certificate is replaced because its key is compromised, and this is that key."
    elif same_allowed:
        return []
    else:
        why = (
            "This is the key of the certificate before; the certificate profile asks for a new one."
        )
        accepted += ", or a certificate profile with renew_with_same_key"
    return [Fault("/csr", "key-reused", why, accepted)]


def judge_renewable(
    revocation: RevocationState | None, *, quarantined: bool, followed: bool, allowed: bool
) -> list[Fault]:
    """Whether a certificate may be renewed as one of many, with nobody looking at each.

    What is revoked, or followed by another already, was as likely as not picked by mistake.
    `allowed` is what the profile says. Codes: `certificate-quarantined`, `renew-not-allowed`,
    `wrong-state`.
    """
    faults = []
    if quarantined:
        detail = "It is quarantined and cannot be followed; enroll anew."
        faults.append(Fault("", "certificate-quarantined", detail))
    if revocation in UNDER_WAY or revocation is RevocationState.SCHEDULED:
        detail = f"Its revocation is {revocation.value}. Renew it by itself if it is meant."
        faults.append(Fault("", "wrong-state", detail, "a certificate that is in force"))
    if followed:
        detail = "It is renewed already, or about to be. Renew it by itself if it is meant."
        faults.append(Fault("", "wrong-state", detail, "a certificate without a successor"))
    if not allowed:
        detail = "The certificate profile does not allow renewals."
        faults.append(Fault("", "renew-not-allowed", detail))
    return faults


def is_reissued(reason: str | None, *, revokes: bool) -> bool:
    """Whether the CA is asked to reissue what is followed, which keeps its end; `reason` is why
    that is replaced, None for a renewal.

    A CA that `revokes` it by itself says nothing of a compromised key: then we order anew and
    revoke it.
    """
    return reason is not None and not (revokes and reason == RevocationReason.KEY_COMPROMISE)


def require_replaceable(
    revocation: RevocationState | None, not_after: datetime, now: datetime
) -> None:
    """Only what is in force is replaced; raises Conflict (`wrong-state`) for anything else."""
    if revocation in UNDER_WAY:
        raise Conflict(
            f"It cannot be replaced: its revocation is {revocation.value}. Enroll anew.",
            code="wrong-state",
        )
    if not_after <= now:
        raise Conflict(
            f"It cannot be replaced: it expired at {rfc_3339(not_after)}. Renew it.",
            code="wrong-state",
        )
