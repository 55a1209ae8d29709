"""Putting a certificate chain in order by who signed whom, whatever order a CA sent it in."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import Certificate

from scm_api.core.certificate_facts import is_ca


@dataclass(frozen=True, slots=True)
class Chain:
    """The way from a leaf upwards.

    `certificates` begins with the leaf's issuer. `complete` says that it ends in a self-signed
    root, `reaches_expected` that one of the expected CAs is part of it (also true when none was
    expected), `forged` that somebody is there with the issuer's name but not with its key.
    `unrelated` counts the certificates left out.
    """

    certificates: tuple[Certificate, ...]
    complete: bool
    reaches_expected: bool
    forged: bool
    unrelated: int


def build_chain(
    leaf: Certificate, sent: Iterable[Certificate], expected: Sequence[Certificate], now: datetime
) -> Chain:
    """The shortest way from the leaf to one of the expected CAs and on to a root.

    `sent` may be in any order, hold the leaf, doubles and strangers. A cross-signed or renewed
    certificate of an expected CA counts as that CA: same subject and key. Without a way to a
    root the chain goes as far as it can. What is not in force is part of it only where nothing else
    leads there. All have been read by `read_certificate` before.
    """
    others = dict.fromkeys(certificate for certificate in sent if certificate != leaf)
    known = dict.fromkeys([*others, *expected])
    pool = sorted(known, key=lambda each: not in_force(each, now))
    certificates = _best_way([each for each in pool if in_force(each, now)], leaf, expected)
    if _leads(certificates, expected) != (True, True):
        certificates = max(
            certificates,
            _best_way(pool, leaf, expected),
            key=lambda way: (_leads(way, expected), len(way)),
        )
    reaches_expected, complete = _leads(certificates, expected)
    return Chain(
        certificates=certificates,
        complete=complete,
        reaches_expected=reaches_expected,
        forged=not certificates and any(other.subject == leaf.issuer for other in pool),
        unrelated=len(others.keys() - set(certificates)),
    )


def in_force(certificate: Certificate, now: datetime) -> bool:
    """Whether its time has come and is not over."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _best_way(
    pool: Iterable[Certificate], leaf: Certificate, expected: Sequence[Certificate]
) -> tuple[Certificate, ...]:
    to_expected = [
        way for way in _ways_up(leaf, pool) if any(_is_same_ca(way[-1], each) for each in expected)
    ]
    chain = to_expected[0] if to_expected else ()
    top = chain[-1] if chain else leaf
    if not is_self_signed(top):
        onwards = _ways_up(top, [issuer for issuer in pool if issuer not in chain])
        to_root = [way for way in onwards if is_self_signed(way[-1])]
        chain += (to_root[:1] or onwards[-1:] or [()])[0]
    return chain


def _leads(way: Sequence[Certificate], expected: Sequence[Certificate]) -> tuple[bool, bool]:
    """Whether it leads past an expected CA (or none is expected), and whether to a root."""
    reaches = any(_is_same_ca(each, one) for each in way for one in expected)
    return reaches or not expected, bool(way) and is_self_signed(way[-1])


def is_self_signed(certificate: Certificate) -> bool:
    """Whether the certificate's own key signed it, as a root's does."""
    return _is_signed_by(certificate, certificate)


def _ways_up(start: Certificate, pool: Iterable[Certificate]) -> list[tuple[Certificate, ...]]:
    """The shortest way to every certificate above `start`, shortest first, without `start`."""
    unseen = [issuer for issuer in pool if issuer != start and is_ca(issuer)]
    ways: list[tuple[Certificate, ...]] = []
    waiting: deque[tuple[Certificate, ...]] = deque([()])
    while waiting:
        way = waiting.popleft()
        top = way[-1] if way else start
        found = [issuer for issuer in unseen if _is_signed_by(top, issuer)]
        unseen = [issuer for issuer in unseen if issuer not in found]
        longer = [(*way, issuer) for issuer in found]
        ways += longer
        waiting += longer
    return ways


def _is_signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_same_ca(certificate: Certificate, expected: Certificate) -> bool:
    return certificate == expected or (
        certificate.subject == expected.subject
        and certificate.public_key() == expected.public_key()
    )
