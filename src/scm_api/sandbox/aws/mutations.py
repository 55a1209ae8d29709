"""Wrong certificates on purpose, for tests of how a client treats a bad answer."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID
from pydantic import BaseModel, ConfigDict

from scm_api.sandbox.aws.issue import Draft

IssueMutation = Literal[
    "other_key",
    "added_name",
    "dropped_name",
    "changed_case",
    "changed_subject",
    "shifted_end",
    "shifted_start",
    "other_issuer",
    "repeated_arn",
]
"""What can be wrong about an IssueCertificate; `other_issuer` is signed by another CA, and
`repeated_arn` answers with an earlier order."""

GetMutation = Literal["chain_shuffled", "chain_incomplete", "chain_unrelated", "other_certificate"]
"""What can be wrong about a GetCertificate."""


class IssueDetail(BaseModel):
    """How far a mutation goes: the name that is added, or by how many days a date moves."""

    model_config = ConfigDict(extra="forbid")

    name: str = "added-by-the-ca.example.net"
    days: float = 30


def mutate(draft: Draft, mutation: IssueMutation, detail: IssueDetail) -> Draft:
    """The draft with one thing wrong; what is wrong about all of it leaves the draft as it is."""
    change = _CHANGES.get(mutation)
    return change(draft, detail) if change else draft


def shuffle_chain(certificates: list[str]) -> list[str]:
    """The chain in reverse; a chain of one is given twice, so that it is never in order."""
    return certificates[::-1] if len(certificates) > 1 else certificates * 2


def _other_key(draft: Draft, _: IssueDetail) -> Draft:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    extensions = draft.extensions | {identifier.oid: (identifier, False)}
    return replace(draft, public_key=key, extensions=extensions)


def _added_name(draft: Draft, detail: IssueDetail) -> Draft:
    return _with_names(draft, [*_names(draft), x509.DNSName(detail.name)])


def _dropped_name(draft: Draft, _: IssueDetail) -> Draft:
    return _with_names(draft, _names(draft)[:-1])


def _changed_case(draft: Draft, _: IssueDetail) -> Draft:
    return _with_names(
        draft,
        [
            x509.DNSName(name.value.upper()) if isinstance(name, x509.DNSName) else name
            for name in _names(draft)
        ],
    )


def _changed_subject(draft: Draft, detail: IssueDetail) -> Draft:
    attribute = x509.NameAttribute(NameOID.COMMON_NAME, detail.name)
    return replace(draft, subject=x509.Name([attribute]))


def _shifted_end(draft: Draft, detail: IssueDetail) -> Draft:
    return replace(draft, not_after=draft.not_after + timedelta(days=detail.days))


def _shifted_start(draft: Draft, detail: IssueDetail) -> Draft:
    return replace(draft, not_before=draft.not_before + timedelta(days=detail.days))


_CHANGES: Mapping[IssueMutation, Callable[[Draft, IssueDetail], Draft]] = {
    "other_key": _other_key,
    "added_name": _added_name,
    "dropped_name": _dropped_name,
    "changed_case": _changed_case,
    "changed_subject": _changed_subject,
    "shifted_end": _shifted_end,
    "shifted_start": _shifted_start,
}


def _names(draft: Draft) -> list[x509.GeneralName]:
    extension = draft.extensions.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    if extension is None or not isinstance(extension[0], x509.SubjectAlternativeName):
        return []
    return list(extension[0])


def _with_names(draft: Draft, names: list[x509.GeneralName]) -> Draft:
    oid = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    extensions = {key: value for key, value in draft.extensions.items() if key != oid}
    if names:
        extensions[oid] = (x509.SubjectAlternativeName(names), False)
    return replace(draft, extensions=extensions)
