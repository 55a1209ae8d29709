"""Keys that somebody else can compute or already holds; the tests are those of badkeys."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import gcd, isqrt, prod
from mmap import mmap
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import dsa, ec, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_RSA_REASONS: Final = {
    "fermat": "its two primes are too close together",
    "roca": "it was made by a chip or library with the ROCA flaw (CVE-2017-15361)",
    "rsainvalid": "its exponent is not a valid RSA exponent",
    "rsapoly": "its modulus shows the pattern of a broken generator",
    "sharedprimes": "it shares a prime with another known key",
}
_LARGEST_SMALL_PRIME = 2**16 + 1

_RECORD = 16
_HASH = 15
_FORMAT = 0


class Blocklist:
    """The downloaded badkeys blocklist: sorted records of a truncated SHA-256 and a list's id."""

    def __init__(self, records: bytes | mmap, about: Mapping[str, Any]) -> None:
        """`about` is what `badkeysdata.json` says; raises ValueError for another format than 0."""
        if about.get("bkformat") != _FORMAT or len(records) % _RECORD:
            raise ValueError(f"this is no badkeys blocklist of format {_FORMAT}")
        self._records = records
        self._list_names = {int(entry["id"]): str(entry["name"]) for entry in about["blocklists"]}

    def find(self, key: CertificatePublicKeyTypes) -> str | None:
        """The name of the list that holds this key, such as `debianssl`."""
        wanted = sha256(_blocklist_material(key)).digest()[:_HASH]
        index = bisect_left(range(len(self._records) // _RECORD), wanted, key=self._hash)
        if index * _RECORD >= len(self._records) or self._hash(index) != wanted:
            return None
        list_id = self._records[index * _RECORD + _HASH]
        return self._list_names.get(list_id, f"list {list_id}")

    def _hash(self, index: int) -> bytes:
        return self._records[index * _RECORD : index * _RECORD + _HASH]


@dataclass(frozen=True, slots=True)
class KeyChecks:
    """Everything known against keys; built once when a process starts."""

    blocklist: Blocklist | None = None

    def reasons_against(self, key: CertificatePublicKeyTypes) -> list[str]:
        """Why nobody should trust this key, each as the rest of "the key is refused: ...".

        Milliseconds of CPU for RSA keys up to 8,192 bits, whatever their numbers are.
        """
        reasons = _rsa_reasons(key.public_numbers()) if isinstance(key, rsa.RSAPublicKey) else []
        if self.blocklist is not None and (listed := self.blocklist.find(key)):
            reasons.append(f"its private half is public (badkeys blocklist: {listed})")
        return reasons


def _rsa_reasons(numbers: rsa.RSAPublicNumbers) -> list[str]:
    # Before badkeys, whose own test for small factors goes on to ask whether the rest is prime:
    # most of a second at 8,192 bits. Its others divide by zero where a modulus is even enough.
    if gcd(numbers.n, _product_of_small_primes()) > 1:
        return ["its modulus has a small factor"]
    # A tenth of the service's start-up, so it waits for the first key.
    from badkeys.checks import checkrsa

    try:
        found = checkrsa(numbers.n, e=numbers.e, checks=_RSA_REASONS.keys())
    except Exception as error:  # noqa: BLE001 -- a key that cannot be checked is not trusted
        return [f"it could not be checked for known weaknesses ({type(error).__name__})"]
    return [_RSA_REASONS[check] for check in found]


@cache
def _product_of_small_primes() -> int:
    is_prime = bytearray([0, 0]) + bytearray([1]) * (_LARGEST_SMALL_PRIME - 1)
    for number in range(2, isqrt(_LARGEST_SMALL_PRIME) + 1):
        if is_prime[number]:
            multiples = range(number**2, _LARGEST_SMALL_PRIME + 1, number)
            is_prime[number**2 :: number] = bytes(len(multiples))
    return prod(number for number, prime in enumerate(is_prime) if prime)


def _blocklist_material(key: CertificatePublicKeyTypes) -> bytes:
    """What badkeys hashes: ML-DSA keys as they are, all others as a number without zeros before."""
    match key:
        case rsa.RSAPublicKey():
            number = key.public_numbers().n
        case ec.EllipticCurvePublicKey():
            number = key.public_numbers().x
        case dsa.DSAPublicKey():
            number = key.public_numbers().y
        case mldsa.MLDSA44PublicKey() | mldsa.MLDSA65PublicKey() | mldsa.MLDSA87PublicKey():
            return key.public_bytes_raw()
        case _:
            number = int.from_bytes(key.public_bytes_raw(), "big")
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
