"""What a person is told who has to look at an enrollment."""

from collections.abc import Sequence

from scm_api.core.issued import KEY_BLOCKED, Discrepancy
from scm_api.core.succession import is_reissued
from scm_api.worker.claims import Claim


def where_to_look(claim: Claim) -> str:
    """How a person finds at the CA what became of the order, as far as that is known."""
    rules = claim.rules
    kind, connection = claim.connection.kind, claim.connection.parsed_options
    return kind.where_to_look(rules.typed_options, connection, claim.enrollment.csr_der)


def what_of_the_replaced(claim: Claim) -> str:
    """What the CA may have done to the certificate before, though nobody has its successor."""
    kind, revokes = claim.connection.kind, claim.connection.kind.capabilities.reissue_revokes
    if claim.renews_ca_ref and is_reissued(claim.enrollment.replace_reason, revokes=revokes):
        return kind.reissued(claim.connection.parsed_options)
    return ""


def why_kept(found: Sequence[Discrepancy], *, waste: bool) -> str:
    """Why nobody gets the certificate, and what to do about it; `waste` is being revoked."""
    if list(found) == [KEY_BLOCKED]:
        advice = (
            "Revoke it for key_compromise, then cancel this enrollment, and enroll with a new key."
        )
        return f"The certificate is quarantined: {KEY_BLOCKED.detail} {advice}"
    return (
        "The CA issued something else than was asked, so the certificate is quarantined: "
        + " ".join(each.detail for each in found)
        + (" It is being revoked: find" if waste else " Revoke it, and find")
        + " out why the CA did this; then cancel this enrollment, and enroll again."
    )
