"""Keys of operators: what is no key is refused, as often as it is shown."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scm_api.drivers.private_keys import private_key


def pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


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
