"""Which public keys a certificate may be asked for."""

from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from scm_api.core.csr import CsrFacts
from scm_api.core.errors import Fault
from scm_api.core.key_types import KEY_TYPES
from scm_api.core.weak_keys import KeyChecks

MIN_RSA_EXPONENT: Final = 2**16 + 1
MAX_RSA_EXPONENT: Final = 2**256 - 1
"""Bounds of NIST SP 800-89 section 5.3.3, also in the CA/Browser Baseline Requirements 6.1.6."""


def judge_key(
    facts: CsrFacts,
    allowed_key_types: frozenset[str],
    ca_key_types: frozenset[str],
    checks: KeyChecks,
    *,
    blocked: bool,
) -> list[Fault]:
    """Every reason against the CSR's key.

    `allowed_key_types` are the profile's (empty: it leaves the choice to the CA), `ca_key_types`
    those the CA takes; both spelled as in KEY_TYPES. `blocked` says that the key was revoked for
    compromise or blocked by an administrator. A key of a type that is not taken is not looked for
    in `checks`. Codes: `key-not-allowed`, `key-blocked`.
    """
    faults = list(_type_faults(facts.key_type, allowed_key_types, ca_key_types))
    reasons = [] if faults else checks.reasons_against(facts.public_key)
    if isinstance(facts.public_key, rsa.RSAPublicKey):
        faults += _exponent_faults(facts.public_key.public_numbers().e)
    for reason in reasons:
        faults.append(Fault("/csr", "key-not-allowed", f"The key is refused: {reason}."))
    if blocked:
        detail = "This key is blocked because it is known to be compromised. Make a new key."
        faults.append(Fault("/csr", "key-blocked", detail))
    return faults


def judge_key_in_use(*, in_use: bool, refused: bool) -> list[Fault]:
    """Whether a key another organization has a certificate with is taken; never says whose it is.

    Code: `key-in-use`.
    """
    if not (in_use and refused):
        return []
    detail = "Another organization has a certificate with this key, or asks for one."
    return [Fault("/csr", "key-in-use", detail, "a CSR with a new key")]


def _type_faults(
    key_type: str, allowed: frozenset[str], ca_takes: frozenset[str]
) -> Iterator[Fault]:
    usable = [kind for kind in KEY_TYPES if kind in ca_takes and (not allowed or kind in allowed)]
    if key_type in usable:
        return
    if key_type not in KEY_TYPES:
        rule = "no profile takes it"
    elif key_type not in ca_takes:
        rule = "the CA does not take it"
    else:
        rule = "the profile does not allow it"
    accepted = ", ".join(usable) or "none: the profile and the CA have no key type in common"
    detail = f"The key of the CSR is of type {key_type}; {rule}."
    yield Fault("/csr", "key-not-allowed", detail, accepted)


def _exponent_faults(exponent: int) -> Iterator[Fault]:
    if exponent % 2 and MIN_RSA_EXPONENT <= exponent <= MAX_RSA_EXPONENT:
        return
    shown = str(exponent) if exponent <= MAX_RSA_EXPONENT else f"of {exponent.bit_length()} bits"
    detail = f"The RSA key has the public exponent {shown}."
    yield Fault("/csr", "key-not-allowed", detail, "odd exponents from 65537 to 2^256 - 1")
