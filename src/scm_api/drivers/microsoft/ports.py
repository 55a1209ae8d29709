"""What a backend of Microsoft AD CS consists of: four ports, each with a credential of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.windows.accounts import AccountRecord

AGENT_USAGE: Final = "1.3.6.1.4.1.311.20.2.1"  # Certificate Request Agent
NO_REVOKER: Final = (
    "Web Enrollment and RPC cannot revoke, and this backend has no revoker: revoke on the CA "
    "(certutil -revoke, or its console), or add `revoker` to the options and its credential."
)
NO_DIRECTORY: Final = (
    "CAs and templates are not listed, templates are not judged, and nobody is enrolled for on "
    "behalf: add `directory` to the options and its credential."
)
REASONS: Final[Mapping[RevocationReason, int]] = {
    RevocationReason.UNSPECIFIED: 0,
    RevocationReason.KEY_COMPROMISE: 1,
    RevocationReason.CA_COMPROMISE: 2,
    RevocationReason.AFFILIATION_CHANGED: 3,
    RevocationReason.SUPERSEDED: 4,
    RevocationReason.CESSATION_OF_OPERATION: 5,
    RevocationReason.CERTIFICATE_HOLD: 6,
}
"""MS-CSRA 3.1.4.1.8. It takes neither 9 nor 10 of RFC 5280, and nothing is sent in their place."""


class Disposition(StrEnum):
    """What the CA decided about a request (MS-WCCE dispositions, in words). ERROR is an error in
    place of a decision: of a request that was handed in before, it decides nothing."""

    ISSUED = "issued"
    PENDING = "pending"
    DENIED = "denied"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Answer:
    """`hresult` is the CA's code, None where it gave none; `message` its own words.

    `leaf_der` and `chain_ders` (in the CA's order) are there for what is issued.
    """

    disposition: Disposition
    request_id: str
    message: str = ""
    hresult: int | None = None
    leaf_der: bytes | None = None
    chain_ders: tuple[bytes, ...] = ()


class Enroller(Protocol):
    """Hands in requests. Raises `drivers.errors`; a request that may have arrived and was not
    answered is OutcomeUnknown."""

    async def submit(self, request_der: bytes, template: str) -> Answer:
        """Hand in a PKCS#10 or CMS for a template, by its cn."""

    async def poll(self, request_id: str) -> Answer:
        """How far a request is that was handed in before."""

    async def aclose(self) -> None:
        """Close every connection."""


class ChainSource(Protocol):
    """Tells the certificate of the CA that issues, so that a wrong site is found before it does."""

    async def ca_certificate(self) -> bytes:
        """The CA's own certificate, the latest one, in DER."""


class Revoker(Protocol):
    """Revokes at the CA, with an account that need not be the one that enrolls."""

    async def check(self) -> None:
        """Prove that we are let in, without changing anything."""

    async def revoke(self, serial_number: int, reason: RevocationReason) -> None:
        """Revoke; succeeds also for what was revoked before."""

    async def aclose(self) -> None:
        """Close every connection."""


@dataclass(frozen=True, slots=True)
class EnrollmentService:
    """A CA of the forest (pKIEnrollmentService): `templates` are those it is published with."""

    name: str
    display_name: str
    dns_host_name: str
    certificate_der: bytes
    templates: frozenset[str]


@dataclass(frozen=True, slots=True)
class TemplateRecord:
    """A certificate template (pKICertificateTemplate), flags as unsigned numbers (MS-CRTD).

    `may_enroll` is whether the account that hands in requests has the right Enroll, None where
    that cannot be told; `may_change` whether it may write to the template, which it should not.
    """

    name: str
    display_name: str
    schema_version: int
    name_flags: int
    enrollment_flags: int
    general_flags: int
    ra_signatures: int
    ra_policies: Sequence[str]
    extended_key_usages: Sequence[str]
    minimal_key_size: int
    validity_days: float
    may_enroll: bool | None
    may_change: bool = False


class Directory(Protocol):
    """Reads Active Directory. Nothing is kept open between the calls."""

    async def enrollment_services(self) -> Sequence[EnrollmentService]:
        """The CAs of the forest."""

    async def templates(self) -> Sequence[TemplateRecord]:
        """Every certificate template, published or not."""

    async def account(self, name: str) -> AccountRecord | None:
        """By `DOMAIN\\sam`, UPN or distinguished name. None: there is none. Raises OrderRefused
        for a name that several accounts have."""
