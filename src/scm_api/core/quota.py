"""How many certificates one person may have from a profile at the same time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from scm_api.core.errors import Fault
from scm_api.core.names import Name, ascii_lower
from scm_api.core.vocabulary import CertificateType, NameKind

_Held = TypeVar("_Held")


def people_of(names: Iterable[Name]) -> tuple[str, ...]:
    """Whom a certificate is for: its e-mail addresses and UPNs, without regard to case, sorted.

    Each of them counts as a person of its own, so that a further address makes no more room.
    """
    kinds = (NameKind.EMAIL, NameKind.UPN)
    return tuple(sorted({ascii_lower(name.value) for name in names if name.kind in kinds}))


def judge_quota(
    certificate_type: CertificateType,
    max_valid: int | None,
    *,
    auto_revoke: bool,
    can_revoke: bool,
) -> list[Fault]:
    """Whether the fields of a profile go together.

    Codes: `quota-not-supported`, `auto-revoke-not-possible`.
    """
    faults = []
    if max_valid is not None and certificate_type is not CertificateType.CLIENT:
        detail = f"Certificates of type {certificate_type} are not for a person."
        faults.append(Fault("/max_valid_certificates", "quota-not-supported", detail, "null"))
    code = "auto-revoke-not-possible"
    if auto_revoke and max_valid is None:
        detail = "Without a limit there is never one too many."
        accepted = "false, or max_valid_certificates as well"
        faults.append(Fault("/auto_revoke", code, detail, accepted))
    if auto_revoke and not can_revoke:
        detail = "This CA backend does not revoke certificates as superseded."
        faults.append(Fault("/auto_revoke", code, detail, "false"))
    return faults


def judge_people(max_valid: int | None, people: Sequence[str]) -> list[Fault]:
    """Where certificates are counted by person, a request names one. Code: `person-missing`."""
    if max_valid is None or people:
        return []
    detail = "The certificate profile limits certificates by person, and the request names nobody."
    return [Fault("/csr", "person-missing", detail, "an e-mail address or user principal name")]


def judge_room(max_valid: int, taken: Mapping[str, int]) -> list[Fault]:
    """Whether each person may have one more, `taken` being how many there are or were asked for.

    Code: `limit-reached`.
    """
    return [
        Fault(
            "/certificate_profile_id",
            "limit-reached",
            f"{person} has {count} certificates of this profile that are valid or asked for; "
            f"the limit is {max_valid}.",
            "one of them revoked at the CA first, or a profile with auto_revoke",
        )
        for person, count in sorted(taken.items())
        if count >= max_valid
    ]


def surplus(max_valid: int, held: Sequence[tuple[_Held, Sequence[str]]]) -> list[_Held]:
    """The oldest ones to be revoked, so that nobody has more than `max_valid` left.

    `held` are certificates in force with their people, oldest first; the newest is never among
    the result.
    """
    left: dict[str, int] = {}
    kept = []
    for certificate, people in reversed(held):
        if all(left.get(person, 0) < max_valid for person in people):
            kept.append(certificate)
            for person in people:
                left[person] = left.get(person, 0) + 1
    return [certificate for certificate, _ in held if certificate not in kept]
