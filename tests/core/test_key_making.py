"""Keys made here: of the right type, for the right names, readable with the password alone."""

import base64
import os

import pytest
from ca_builder import key, leaf
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from scm_api.core.csr import read_csr
from scm_api.core.key_making import (
    MADE_TYPES,
    KeyFormat,
    csr_for,
    encrypted,
    judge_key_making,
    new_key,
)
from scm_api.core.key_types import key_type_of
from scm_api.core.names import Name
from scm_api.core.vocabulary import NameKind

# `make test-properties` takes the time for what differs from the rest in a number alone.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
LARGE = {"rsa-3072", "rsa-4096"}
PASSWORD = "correct horse battery"
KEY = new_key("ec-p256")
NAMES = [
    Name(NameKind.DNS, "*.example.com"),
    Name(NameKind.IP, "2001:db8::1"),
    Name(NameKind.EMAIL, "ada@example.com"),
    Name(NameKind.URI, "spiffe://example.com/a"),
    Name(NameKind.UPN, "ada@corp.example.com"),
]


@pytest.mark.parametrize("key_type", [each for each in MADE_TYPES if THOROUGH or each not in LARGE])
def test_a_key_is_of_the_type_that_was_asked(key_type: str) -> None:
    made = new_key(key_type)
    assert key_type_of(made.public_key()) == key_type
    facts, faults = read_csr(csr_for(made, [Name(NameKind.DNS, "www.example.com")], None))
    assert facts is not None
    assert (facts.key_type, faults) == (key_type, [])


def test_the_csr_holds_every_kind_of_name() -> None:
    facts, _ = read_csr(csr_for(KEY, NAMES, "Ada Lovelace"))
    assert facts is not None
    assert list(facts.names) == NAMES
    assert (facts.common_names, facts.san_critical) == (("Ada Lovelace",), False)


def test_without_a_subject_the_names_are_critical() -> None:
    facts, _ = read_csr(csr_for(KEY, NAMES, None))
    assert facts is not None
    assert (facts.subject, facts.san_critical) == ((), True)


def test_other_kinds_of_names_are_not_made() -> None:
    with pytest.raises(ValueError, match="registered_id"):
        csr_for(KEY, [Name(NameKind.REGISTERED_ID, "1.2.3")], None)


def test_pkcs8_opens_with_the_password() -> None:
    pem = encrypted(KEY, KeyFormat.PKCS8, PASSWORD).encode()
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    found = load_pem_private_key(pem, PASSWORD.encode())
    assert found.public_key() == KEY.public_key()
    with pytest.raises(ValueError, match="password"):
        load_pem_private_key(pem, b"another password")


@pytest.mark.parametrize(
    "certificates",
    [[], [leaf()], [leaf(), leaf(cn="Issuer")]],
    ids=["no certificate", "one certificate", "a chain"],
)
def test_pkcs12_holds_what_there_is(certificates: list[bytes]) -> None:
    holder = key("holder")
    whole = base64.b64decode(encrypted(holder, KeyFormat.PKCS12, PASSWORD, certificates))
    made, first, others = pkcs12.load_key_and_certificates(whole, PASSWORD.encode())
    assert made is not None
    assert made.public_key() == holder.public_key()
    found = [each for each in (first, *others) if each is not None]
    assert found == [x509.load_der_x509_certificate(each) for each in certificates]


def test_a_profile_that_does_not_make_keys_says_so_beside_the_type() -> None:
    assert judge_key_making(allowed=True, key_type="ec-p256", allowed_types={"ec-p256"}) == []
    faults = judge_key_making(allowed=False, key_type="ec-p256", allowed_types={"rsa-8192"})
    assert [(fault.pointer, fault.code) for fault in faults] == [
        ("/generate_key", "key-making-not-allowed"),
        ("/generate_key/key_type", "key-not-allowed"),
    ]


def test_a_csr_without_names_asks_for_no_extension() -> None:
    facts, faults = read_csr(csr_for(KEY, [], None))
    assert facts is not None
    assert (list(facts.extensions), faults) == ([], [])
