"""Bodies of `/enrollments`."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Body
from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from scm_api.core.key_making import MADE_TYPES, KeyFormat
from scm_api.core.vocabulary import CertificateType, EnrollmentState, NameKind, RevocationReason
from scm_api.drivers.options import EnrollmentOptions
from scm_api.web import examples
from scm_api.web.openapi import ProblemFault
from scm_api.web.schemas import Id, Input, Instant, Output, PageOutput, Text
from scm_api.web.term import TermOut


class NameIn(Input):
    """One subjectAltName entry."""

    kind: NameKind = Field(strict=False, examples=["dns"])
    value: str = Field(min_length=1, max_length=1024, examples=["www.demo.example.com"])


class NameOut(Output):
    """One subjectAltName entry, normalised."""

    kind: NameKind
    value: str


# RFC 5280 appendix A.1, ub-common-name: characters there, octets for the library.
_COMMON_NAME_OCTETS: Final = 64


def _makeable(value: str) -> str:
    if value not in MADE_TYPES:
        detail = "The service makes no keys of this type."
        raise PydanticCustomError("not-a-choice", detail, {"expected": ", ".join(MADE_TYPES)})
    return value


_MadeType = Annotated[
    str,
    AfterValidator(_makeable),
    Field(title="MadeKeyType", json_schema_extra={"enum": list(MADE_TYPES)}),
]


def _encodable(value: SecretStr) -> SecretStr:
    """JSON can hold halves of surrogate pairs, which are no text and no octets."""
    try:
        value.get_secret_value().encode()
    except UnicodeEncodeError:
        # The error would hold the password.
        raise ValueError("must be text that can be written as UTF-8") from None
    return value


def _fits_a_subject(value: str) -> str:
    if len(value.encode()) > _COMMON_NAME_OCTETS:
        detail = "The common name is longer than that of a CSR may be."
        expected = f"at most {_COMMON_NAME_OCTETS} octets of UTF-8"
        raise PydanticCustomError("too-long", detail, {"expected": expected})
    return value


_CommonName = Annotated[
    str, Field(min_length=1, max_length=_COMMON_NAME_OCTETS), AfterValidator(_fits_a_subject)
]


class KeyWanted(Input):
    """A key to be made by the service, where the profile has `server_side_keys`.

    It is made in memory, encrypted with your password, and is in the answer to this request alone:
    nothing is stored, so nobody can deliver it again. If the answer is lost, have the certificate
    revoked and enroll anew.
    """

    key_type: _MadeType = Field(examples=["ec-p256"])
    format: KeyFormat = Field(
        KeyFormat.PKCS8,
        strict=False,
        description="`pkcs8`: the key in PEM. `pkcs12`: base64 of a file with the key, and with "
        "the certificate and its chain if it was issued within `Prefer: wait=N` "
        "(`with_certificate` in the answer).",
    )
    password: Annotated[
        SecretStr, Field(min_length=12, max_length=128), AfterValidator(_encodable)
    ] = Field(
        description="Encrypts the key. It is not kept. Have a random one made: both formats slow "
        "guessing down by 2,048 rounds alone.",
    )
    common_name: _CommonName | None = Field(
        None,
        description="The subject of the CSR; left out, the subject is empty.",
        examples=[examples.DNS_NAME],
    )


class EnrollmentCreate(Input):
    """One certificate, please. The CSR decides key and names; the profile decides the rest."""

    model_config = examples.example(
        organization_id=examples.ORGANIZATION_ID,
        certificate_profile_id=examples.CERTIFICATE_PROFILE_ID,
        csr=examples.CSR,
        names=[{"kind": "dns", "value": examples.DNS_NAME}],
        term_days=90,
        comment="web shop, ticket 4711",
    )

    organization_id: Id
    certificate_profile_id: Id
    csr: str | None = Field(
        None,
        description="PKCS#10 request: one PEM block, or base64 of its DER.",
        examples=[examples.CSR],
    )
    generate_key: KeyWanted | None = Field(
        None, description="Instead of `csr`, with `names`: have the service make key and CSR."
    )
    names: list[NameIn] | None = Field(
        None,
        min_length=1,
        max_length=250,
        description="The names you expect; refused when the CSR holds others. Leave it out to "
        "take them from the CSR.",
    )
    term_days: int | None = Field(
        None, description="One of the profile's terms; its default when left out.", examples=[90]
    )
    not_after: Instant | None = Field(
        None, description="Instead of `term_days`: the instant at which the certificate ends."
    )
    comment: Text = Field("", examples=["web shop, ticket 4711"])
    order_options: EnrollmentOptions | None = Field(
        None,
        description="What this order alone says to the CA, such as custom fields. Its renewals "
        "and replacements say it as well.",
    )


class SubjectOut(Output):
    """An account of a directory that a certificate is for, as it was when it was asked for."""

    account: str = Field(examples=["CORP\\jdoe"])
    distinguished_name: str = Field(examples=["CN=Jo Doe,OU=Staff,DC=corp,DC=example"])
    sid: str = Field(description="Its security identifier.", examples=["S-1-5-21-1-2-3-1104"])
    common_name: str = Field(examples=["Jo Doe"])
    names: list[NameOut] = Field(description="What the CA is going to take from the directory.")


class EnrollmentOut(Output):
    """One request for one certificate."""

    id: UUID
    organization_id: UUID
    certificate_profile_id: UUID
    profile_version: int = Field(description="The profile's version it was judged by.")
    ca_backend_id: UUID
    certificate_type: CertificateType
    requester_id: UUID
    renews_certificate_id: UUID | None
    replace_reason: RevocationReason | None = Field(
        description="Of a replacement: why the certificate before is revoked once this is issued."
    )
    bulk_renewal_id: UUID | None = Field(description="Of a bulk renewal: which one.")
    certificate_id: UUID | None = Field(description="Set once the CA issued it.")
    external_organization_id: str | None = Field(
        description="For whom the CA is asked, where it validates organizations."
    )
    spki_sha256: str = Field(description="SHA-256 of the public key (SubjectPublicKeyInfo), hex.")
    key_type: str = Field(examples=["ec-p256"])
    key_made: bool = Field(description="Whether the service made the key, which it does not have.")
    common_name: str | None
    names: list[NameOut]
    term_days: int = Field(description="What the CA is asked for.")
    not_after: datetime | None = Field(description="Instead of `term_days`, if it is an end.")
    term: TermOut
    comment: str
    order_options: EnrollmentOptions | None
    subject: SubjectOut | None = Field(
        description="On whose behalf it is made, where the CA builds the subject from a directory."
    )
    state: EnrollmentState
    reason_code: str | None = Field(description="Why it waits, is parked or ended.")
    reason: str | None = Field(description="The same in words, with what to do.")
    cancel_requested_at: datetime | None = Field(
        description="When somebody asked to have it taken back that the CA has already."
    )
    approval_expires_at: datetime | None = Field(
        description="Until then it has to be approved or declined; null: no approval is required."
    )
    self_approved: bool = Field(
        description="Whether one admin can have asked and approved, as the settings allowed."
    )
    ca_ref: str | None = Field(description="The CA's own reference of the order.")
    waits_for: str | None = Field(
        description="What the CA waits for; null unless the state is `pending_ca`."
    )
    next_step_at: datetime | None = Field(description="When the service looks at it next.")
    created_at: datetime
    updated_at: datetime
    version: int = Field(
        description="Grows with each change of `state`, not with `reason`; also the ETag.",
        examples=[1],
    )


class PrivateKeyOut(Output):
    """A private key, encrypted with the password that came with the request."""

    format: KeyFormat
    content: str = Field(description="PEM (`pkcs8`), or base64 of a PKCS#12 file.")
    with_certificate: bool = Field(
        description="Whether the PKCS#12 file holds the certificate and its chain. It does not "
        "while there is none, or where it could not be read just now: download it then."
    )


class EnrollmentCreated(EnrollmentOut):
    """A new enrollment."""

    private_key: PrivateKeyOut | None = Field(
        None,
        description="The key, if the service was to make it: here and never again. Null in the "
        "answer to a repeat with the same Idempotency-Key.",
    )


class RequestOut(Output):
    """What is asked for, read from the CSR."""

    subject: str = Field(description="As in RFC 4514.", examples=["CN=www.demo.example.com"])
    names: list[NameOut]
    key_type: str = Field(examples=["ec-p256"])
    key_bits: int | None = Field(description="Where keys of the type have a size.", examples=[256])
    spki_sha256: str = Field(description="Fingerprint of the public key, SHA-256 in hex.")
    term_days: int
    not_after: datetime | None
    profile_name: str = Field(description="The name of that version.", examples=["web-servers"])
    profile_version: int


class DifferenceOut(Output):
    """What a renewal changes against the certificate it replaces."""

    certificate_id: UUID
    names_added: list[NameOut]
    names_removed: list[NameOut]
    key_changed: bool
    key_type_before: str
    term_days_before: int
    not_after_before: datetime = Field(description="When the certificate that it replaces ends.")
    profile_version_before: int


class HistoryEntry(Output):
    """One thing that happened, in words."""

    at: datetime
    what: str = Field(examples=["Approved"])
    by: str = Field(description="An admin, or the service by itself.", examples=["Ada Lovelace"])
    why: str | None = Field(examples=["web shop, ticket 4711"])


class EnrollmentDetail(EnrollmentOut):
    """One request for one certificate, with all there is to know before deciding about it."""

    request: RequestOut
    difference: DifferenceOut | None = Field(description="On renewals only.")
    history: list[HistoryEntry] = Field(description="Oldest first.")


class EnrollmentPage(PageOutput):
    """One page of enrollments, newest first."""

    items: list[EnrollmentOut]


class ValidationOut(Output):
    """What an enrollment with this body would meet with."""

    valid: bool
    ca_asked: bool = Field(
        description="Whether the CA itself judged it; false where it was not to be asked, cannot "
        "be, or where there are faults without it."
    )
    errors: list[ProblemFault] = Field(description="The faults `POST /enrollments` would list.")
    names: list[NameOut] = Field(description="The names the certificate would carry.")
    key_type: str | None
    term_days: int | None
    not_after: datetime | None
    term: TermOut | None = Field(description="What the CA would be asked for, and why.")


class Decision(Input):
    """Why this is done; kept with the enrollment's audit events."""

    model_config = examples.example(comment="looked at the CA: there is no such certificate")

    comment: Text = ""


DecisionOrNone = Annotated[Decision, Body(default_factory=Decision)]


class Adoption(Input):
    """The order of this enrollment that you found at the CA."""

    model_config = examples.example(ca_ref="4711", comment="found by its key in the CA's database")

    ca_ref: str = Field(
        min_length=1,
        max_length=512,
        pattern=r"^[!-~]+$",
        description="The CA's reference: the request id at AD CS, the ARN at AWS, the name of the "
        "certificate at Google, the order or tracking id at DigiCert or Entrust.",
        examples=["4711"],
    )
    comment: Text = ""


class Refusal(Input):
    """Why not; the requester reads it."""

    model_config = examples.example(comment="the web shop is switched off next month")

    comment: Annotated[Text, Field(min_length=1)]
