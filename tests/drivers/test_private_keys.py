"""Keys of operators: what is no key is refused, as often as it is shown."""

import base64
import time

import pytest
from asn1crypto.keys import PrivateKeyInfo, RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scm_api.drivers.private_keys import private_key

PKCS8, TRADITIONAL = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
RSA = rsa.generate_private_key(65537, 1024)
DSA = dsa.generate_private_key(1024)


def pem_of(key: PrivateKeyTypes, form: PrivateFormat = PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("key", "form"),
    [
        (RSA, PKCS8),
        (RSA, TRADITIONAL),
        (ec.generate_private_key(ec.SECP384R1()), PKCS8),
        (ec.generate_private_key(ec.SECP256R1()), TRADITIONAL),
        (ed25519.Ed25519PrivateKey.generate(), PKCS8),
    ],
)
def test_keys_in_use_are_read(key: PrivateKeyTypes, form: PrivateFormat) -> None:
    found = private_key("-----BEGIN EC PARAMETERS-----\nAA==\n\n" + pem_of(key, form))
    assert pem_of(found) == pem_of(key)


@pytest.mark.parametrize(
    "pem",
    [
        pem_of(DSA),
        pem_of(DSA, TRADITIONAL),
        pem_of(DSA, TRADITIONAL).replace("DSA", "EC"),
        pem_of(DSA).replace("PRIVATE", "RSA PRIVATE"),
        pem_of(x25519.X25519PrivateKey.generate()),
        pem_of(RSA) * 2,
        "-----BEGIN PRIVATE KEY-----\nMAcCAQAwAAQA\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMA\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nnot base64\n-----END PRIVATE KEY-----",
        "",
    ],
)
def test_what_is_not_taken_is_refused(pem: str) -> None:
    with pytest.raises(ValueError):
        private_key(pem)


@pytest.mark.parametrize(
    ("modulus", "primes"), [(8_192, 4_096), (4_096, 4_090), (30_000, 15_000), (1_024, 15_000)]
)
@pytest.mark.parametrize("label", ["RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"])
def test_a_crafted_rsa_key_takes_no_time(modulus: int, primes: int, label: str) -> None:
    """Whether its primes are prime would take seconds."""
    large = {"modulus": 2**modulus - 1, "prime1": 2**primes - 1, "prime2": 2**primes - 1}
    small = dict.fromkeys(("private_exponent", "exponent1", "exponent2", "coefficient"), 3)
    numbers = {"version": 0, "public_exponent": 65537} | large | small
    der = RSAPrivateKey(numbers).dump()
    if label == "PRIVATE KEY":
        der = PrivateKeyInfo.wrap(RSAPrivateKey.load(der), "rsa").dump()
    body = base64.encodebytes(der).decode()
    began = time.process_time()
    with pytest.raises(ValueError, match="larger"):
        private_key(f"-----BEGIN {label}-----\n{body}-----END {label}-----\n")
    assert time.process_time() - began < 0.5


def test_a_key_is_read_again_as_it_is() -> None:
    key = rsa.generate_private_key(65537, 1024)
    for _ in range(2):
        found = private_key(pem_of(key))
        assert isinstance(found, rsa.RSAPrivateKey)
        assert found.private_numbers() == key.private_numbers()


def test_parts_that_do_not_fit_are_refused_every_time() -> None:
    key = rsa.generate_private_key(65537, 1024)
    private_key(pem_of(key))  # that this one is good says nothing of others
    numbers = key.private_numbers()
    forged = rsa.RSAPrivateNumbers(
        numbers.p,
        numbers.q,
        numbers.d + 2,
        numbers.dmp1,
        numbers.dmq1,
        numbers.iqmp,
        numbers.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)
    for _ in range(2):
        with pytest.raises(ValueError):
            private_key(pem_of(forged))
