"""Judging what a CA issued before it is recorded: is it what was asked for?"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from scm_api.core.certificate_facts import CertificateFacts, read_certificate
from scm_api.core.chain import Chain, build_chain, in_force
from scm_api.core.explain import handful, quoted
from scm_api.core.granted_term import TermDifference, differences
from scm_api.core.instants import CLOCK_TOLERANCE, rfc_3339
from scm_api.core.names import Name, normalise, respelled
from scm_api.core.object_identifiers import named
from scm_api.core.subjects import Subject
from scm_api.core.term import Term, TermRules
from scm_api.core.vocabulary import NameKind
from scm_api.core.x509_names import COMMON_NAME

MAX_CERTIFICATES: Final = 32
"""More than any CA sends; what lies beyond is not looked at."""

_ANY_PURPOSE: Final = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string
LOGON: Final = ExtendedKeyUsageOID.SMARTCARD_LOGON.dotted_string
_FAR_REACHING: Final = {
    _ANY_PURPOSE,
    LOGON,
    ExtendedKeyUsageOID.CODE_SIGNING.dotted_string,
    ExtendedKeyUsageOID.TIME_STAMPING.dotted_string,
    ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string,
    "1.3.6.1.4.1.311.20.2.1",  # enrolls on behalf of anybody (szOID_ENROLLMENT_AGENT)
}
"""Purposes with which more can be done than serve or prove the names in the certificate."""

SERIAL_NUMBERS: Final = range(2**192)
"""Those a certificate is kept under; RFC 5280 section 4.1.2.2 allows positive ones below 2**160."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One way in which the certificate is not what was asked; it goes into quarantine."""

    code: str
    detail: str


KEY_BLOCKED: Final = Discrepancy(
    "key-blocked", "Its key was blocked as compromised after it was ordered."
)
"""Nothing that the CA did: it issued what was asked."""


@dataclass(frozen=True, slots=True)
class IssuedVerdict:
    """`leaf` is None only where nothing usable could be read; `leaf_der` is what was judged.

    `chain_ders` begins with the leaf's issuer. `notes` are deviations that are accepted, in words.
    `issued_at` is when the CA issued it, as far as that can be told, and `term_differences` why it
    does not live exactly as long as it was ordered.
    """

    leaf: CertificateFacts | None
    leaf_der: bytes
    chain_ders: tuple[bytes, ...]
    chain_complete: bool
    discrepancies: tuple[Discrepancy, ...]
    notes: tuple[str, ...]
    issued_at: datetime
    term_differences: tuple[TermDifference, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was ordered: key, normalised names, life and, where it is known, the CSR's subject.

    With `account` the CA builds the subject from a directory: common names are then what it calls
    the account, and a security identifier is the account's. `purposes` are the extended key usages
    (OIDs) that certificates of its type are for; none: they are not compared. `key_blocked` is
    whether the key was found to be compromised since it was ordered.
    """

    spki_der: bytes
    names: frozenset[Name]
    term: Term
    subject: Sequence[tuple[str, str]] | None = None
    account: Subject | None = None
    purposes: frozenset[str] = frozenset()
    key_blocked: bool = False


@dataclass(frozen=True, slots=True)
class Issuer:
    """What is known of the CA: its certificate, or those of CAs that take turns (none: unknown).

    `backdating` is how long before issuance it lets certificates begin, `term_rules` are the limits
    that may explain why a life was shortened.
    """

    certificate_ders: Sequence[bytes]
    backdating: timedelta
    term_rules: TermRules


def judge_issued(
    wanted: Wanted,
    issuer: Issuer,
    leaf_der: bytes,
    chain_ders: Sequence[bytes],
    now: datetime,
) -> IssuedVerdict:
    """Compare a certificate with its order: key, names, life, kind, and who signed it.

    The certificate with the CSR's key is taken as the leaf, wherever the CA put it. Codes:
    `certificate-unreadable`, `chain-unreadable`, `key-differs`, `key-blocked`, `names-added`,
    `names-dropped`, `life-too-long`, `not-yet-valid`, `expired`, `ca-certificate`,
    `precertificate`, `signature-invalid`, `issuer-unexpected`, `account-differs`.
    """
    sent = [leaf_der, *chain_ders]
    read = [found for der in sent[:MAX_CERTIFICATES] if (found := read_certificate(der))]
    key = hashlib.sha256(wanted.spki_der).hexdigest()
    holders = [found for found in read if found[1].spki_sha256 == key]
    chosen = holders[0] if holders else read_certificate(leaf_der)
    if chosen is None or chosen[1].serial_number not in SERIAL_NUMBERS:
        unreadable = Discrepancy("certificate-unreadable", "The CA sent no readable certificate.")
        return IssuedVerdict(None, leaf_der, (), False, (unreadable,), (), now, ())
    certificate, leaf = chosen
    known = [read_certificate(each) for each in issuer.certificate_ders]
    expected = [each[0] for each in known if each is not None]
    chain = build_chain(certificate, [other for other, _ in read], expected, now)
    der = certificate.public_bytes(Encoding.DER)
    # Issuance is past, and at most the backdating after the beginning.
    issued_at = now if leaf.not_before > now else min(now, leaf.not_before + issuer.backdating)
    discrepancies = [
        *_content_discrepancies(leaf, key, wanted),
        *_life_discrepancies(leaf, wanted.term, now, issued_at, issuer.term_rules.excess),
        *_chain_discrepancies(leaf, chain),
        *_unreadable(len(sent) - len(read), bool(known) and not expected),
    ]
    notes = [
        *_leaf_notes(leaf, wanted, now, was_moved=der != leaf_der),
        *_chain_notes(leaf, chain, now),
    ]
    life = (leaf.not_before, leaf.not_after)
    return IssuedVerdict(
        leaf=leaf,
        leaf_der=der,
        chain_ders=tuple(each.public_bytes(Encoding.DER) for each in chain.certificates),
        chain_complete=chain.complete,
        discrepancies=tuple(discrepancies),
        notes=tuple(notes),
        issued_at=issued_at,
        term_differences=tuple(differences(wanted.term, issuer.term_rules, *life, issued_at)),
    )


def _content_discrepancies(
    leaf: CertificateFacts, wanted_spki_sha256: str, wanted: Wanted
) -> Iterator[Discrepancy]:
    if leaf.spki_sha256 != wanted_spki_sha256:
        detail = f"The certificate is for another key (SHA-256 {leaf.spki_sha256})."
        yield Discrepancy("key-differs", detail)
    elif wanted.key_blocked:
        yield KEY_BLOCKED
    carried = {respelled(name) for name in leaf.names}
    # A person's common name is among the names of nothing; that of the CSR was judged with it.
    as_asked = {text for oid, text in wanted.subject or () if oid == COMMON_NAME}
    if wanted.account is not None:
        as_asked = set(wanted.account.common_names)
    others = set(leaf.common_names) - as_asked
    asked, presented = wanted.names, carried | {_name_in(each) for each in others}
    if added := sorted(map(str, presented - asked)):
        yield Discrepancy("names-added", f"Nobody asked for {handful(added)}.")
    if dropped := sorted(map(str, asked - carried)):
        yield Discrepancy("names-dropped", f"The certificate lacks {handful(dropped)}.")
    if leaf.is_ca:
        yield Discrepancy("ca-certificate", "The certificate may sign other certificates.")
    if leaf.is_precertificate:
        detail = "It is a precertificate (RFC 6962 section 3.1), which every verifier refuses."
        yield Discrepancy("precertificate", detail)
    yield from _account_discrepancies(leaf, wanted.account)


def _account_discrepancies(
    leaf: CertificateFacts, account: Subject | None
) -> Iterator[Discrepancy]:
    """Whoever holds a certificate with a security identifier is that account (KB5014754)."""
    expected = account.sid if account else None
    if leaf.sid not in (None, expected):
        whose = f"asked was {account.account} ({account.sid})" if account else "none was asked for"
        detail = f"It is for the account with the security identifier {leaf.sid}; {whose}."
        yield Discrepancy("account-differs", detail)


def _account_notes(leaf: CertificateFacts, account: Subject | None) -> Iterator[str]:
    if account is not None and leaf.sid is None:
        yield (
            f"It carries no security identifier of {account.account}: domain controllers that "
            "demand strong mapping refuse to log on with it."
        )


def _name_in(common_name: str) -> Name:
    address = normalise(Name(NameKind.IP, common_name))
    return address if isinstance(address, Name) else respelled(Name(NameKind.DNS, common_name))


def _life_discrepancies(
    leaf: CertificateFacts, term: Term, now: datetime, issued_at: datetime, excess: timedelta
) -> Iterator[Discrepancy]:
    latest = term.not_after or issued_at + timedelta(days=term.days) + excess
    if leaf.not_after > latest + CLOCK_TOLERANCE:
        detail = f"It ends at {rfc_3339(leaf.not_after)}; asked was {rfc_3339(latest)}."
        yield Discrepancy("life-too-long", detail)
    if leaf.not_before > now + CLOCK_TOLERANCE:
        detail = f"It begins only at {rfc_3339(leaf.not_before)}."
        yield Discrepancy("not-yet-valid", detail)
    if leaf.not_after <= now:
        yield Discrepancy("expired", f"It ended at {rfc_3339(leaf.not_after)}.")


def _chain_discrepancies(leaf: CertificateFacts, chain: Chain) -> Iterator[Discrepancy]:
    if chain.forged:
        detail = f"The signature is not by the key of {leaf.issuer}."
        yield Discrepancy("signature-invalid", detail)
    if not chain.reaches_expected:
        detail = f"The certificate by {leaf.issuer} does not build to the CA that was asked."
        yield Discrepancy("issuer-unexpected", detail)
    elif not chain.certificates and leaf.issuer == leaf.subject:
        yield Discrepancy("issuer-unexpected", "The certificate claims to be its own issuer.")


def _unreadable(count: int, is_expected_ca: bool) -> Iterator[Discrepancy]:
    if count:
        yield Discrepancy("chain-unreadable", f"{count} certificates sent could not be read.")
    if is_expected_ca:
        detail = "The certificate of the CA that was asked cannot be read."
        yield Discrepancy("issuer-unexpected", detail)


def _leaf_notes(
    leaf: CertificateFacts, wanted: Wanted, now: datetime, *, was_moved: bool
) -> Iterator[str]:
    term = wanted.term
    asked_end = term.not_after or min(leaf.not_before, now) + timedelta(days=term.days)
    if leaf.not_after < asked_end - CLOCK_TOLERANCE:
        yield f"The CA shortened the life: it ends at {rfc_3339(leaf.not_after)}."
    if wanted.subject is not None and leaf.subject_attributes != tuple(wanted.subject):
        yield f"The CA changed the subject to {quoted(leaf.subject)}."
    if any(respelled(name) != name for name in leaf.names):
        yield "The CA spells names differently, with the same meaning."
    if was_moved:
        yield "The CA sent the certificate in another place of its answer."
    yield from _account_notes(leaf, wanted.account)
    yield from _purpose_notes(leaf, wanted.purposes)


def _purpose_notes(leaf: CertificateFacts, wanted: frozenset[str]) -> Iterator[str]:
    """What a certificate is for is the template's choice, at the CA: it may have meant that."""
    if not wanted or not leaf.purposes:
        return
    if others := [each for each in leaf.purposes if each in _FAR_REACHING - wanted]:
        listed = handful(map(named, others))
        yield f"The CA has it serve far-reaching purposes that are not those of its type: {listed}."
    if wanted.isdisjoint(leaf.purposes) and _ANY_PURPOSE not in leaf.purposes:
        yield f"It serves none of the purposes of its type: {handful(map(named, sorted(wanted)))}."


def _chain_notes(leaf: CertificateFacts, chain: Chain, now: datetime) -> Iterator[str]:
    for each in chain.certificates:
        if not in_force(each, now):
            whose = quoted(each.subject.rfc4514_string())
            yield f"The certificate of {whose} in the chain is not in force."
    if chain.unrelated:
        yield f"{chain.unrelated} certificates that do not belong to the chain were left out."
    if not chain.complete:
        top = chain.certificates[-1].issuer.rfc4514_string() if chain.certificates else leaf.issuer
        yield f"The chain is incomplete: the certificate of {quoted(top)} was not sent."
