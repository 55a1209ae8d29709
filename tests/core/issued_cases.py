"""A certificate, the chain it comes with, and the verdict about them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ca_builder import NOW, authority, key, leaf
from csr_builder import spki_of

from scm_api.core.issued import IssuedVerdict, Issuer, Wanted, judge_issued
from scm_api.core.names import Name
from scm_api.core.subjects import Subject
from scm_api.core.term import Term, TermRules
from scm_api.core.vocabulary import NameKind

ROOT = authority("Root CA").der
MIDDLE = authority("Middle CA", "Root CA").der
ISSUING = authority("Issuing CA", "Middle CA").der
CHAIN = (ISSUING, MIDDLE, ROOT)
GOOD = leaf()
STRANGER = authority("Stranger CA").der
QUARTER = Term(90)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def asked(*names: str) -> list[Name]:
    return [Name(NameKind.DNS, name) for name in names]


def judge(
    leaf_der: bytes,
    chain: Sequence[bytes] = CHAIN,
    *,
    names: Sequence[Name] = tuple(asked("a.example.test")),
    term: Term = QUARTER,
    expected: bytes | Sequence[bytes] | None = ISSUING,
    subject: Sequence[tuple[str, str]] | None = None,
    backdating: timedelta = timedelta(hours=1),
    account: Subject | None = None,
    purposes: frozenset[str] = frozenset(),
    excess: timedelta = timedelta(0),
    key_blocked: bool = False,
) -> IssuedVerdict:
    spki = spki_of(key("holder").public_key())
    wanted = Wanted(spki, frozenset(names), term, subject, account, purposes, key_blocked)
    several = [expected] if isinstance(expected, bytes) else expected or ()
    issuer = Issuer(several, backdating, TermRules((90,), 90, excess=excess))
    return judge_issued(wanted, issuer, leaf_der, chain, NOW)


def codes(*arguments: Any, **options: Any) -> list[str]:
    return [entry.code for entry in judge(*arguments, **options).discrepancies]
