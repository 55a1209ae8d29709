"""What a CA issued, held against what was asked: key, names, life, and the account it is for."""

import time
from datetime import timedelta
from ipaddress import ip_address
from random import Random

import pytest
from ca_builder import NOW, key, leaf
from cryptography import x509
from csr_builder import CN, ORGANIZATION, dh_spki, request_for, sequence, spki_of
from hypothesis import given
from hypothesis import strategies as st
from issued_cases import CHAIN, DAY, GOOD, HOUR, MINUTE, asked, codes, judge

from scm_api.core.certificate_facts import is_for_key_of
from scm_api.core.csr_policy import EXTENDED_KEY_USAGES
from scm_api.core.names import Name
from scm_api.core.subjects import Subject
from scm_api.core.term import Term, TermReason
from scm_api.core.vocabulary import CertificateType, NameKind


def holding(spki: bytes) -> bytes:
    """A certificate for such a key."""
    signed = x509.load_der_x509_certificate(GOOD).tbs_certificate_bytes
    content = signed[2 + max(0, signed[1] - 0x80) :]
    content = content.replace(spki_of(key("holder").public_key()), spki)
    return sequence(sequence(content), GOOD.partition(signed)[2])


@pytest.mark.parametrize("modulus", [4_253, 11_213], ids=str)  # bits of Mersenne primes
@pytest.mark.parametrize("order", [(), (4_423,)], ids=["dh", "x942-dh"])
def test_a_crafted_diffie_hellman_key_takes_no_time(modulus: int, order: tuple[int, ...]) -> None:
    """Whether its modulus is prime would take seconds."""
    crafted = holding(dh_spki(2**modulus - 1, *(2**bits - 1 for bits in order)))
    began = time.process_time()
    assert "key-differs" in codes(holding(spki_of(key("other").public_key())))
    assert codes(crafted) == ["certificate-unreadable"]
    assert codes(GOOD, [*CHAIN, crafted]) == ["chain-unreadable"]
    assert not is_for_key_of(crafted, request_for("a.example.test"))
    assert time.process_time() - began < 0.3


def test_f13_a_certificate_whose_key_is_no_point_is_nobodys() -> None:
    spki = spki_of(key("other").public_key())
    assert not is_for_key_of(holding(spki[:-1] + bytes([spki[-1] ^ 1])), request_for("a.test"))


def test_what_was_asked_is_accepted_with_its_facts() -> None:
    verdict = judge(GOOD, subject=[(CN, "a.example.test")])
    assert verdict.discrepancies == ()
    assert verdict.notes == ()
    assert verdict.leaf_der == GOOD
    assert verdict.chain_ders == CHAIN
    assert verdict.chain_complete
    facts = verdict.leaf
    assert facts is not None
    assert facts.serial_number == 0x0A1B
    assert (facts.subject, facts.issuer) == ("CN=a.example.test", "CN=Issuing CA")
    assert (facts.not_before, facts.not_after) == (NOW, NOW + 90 * DAY)
    assert facts.names == tuple(asked("a.example.test"))
    assert (len(facts.spki_sha256), len(facts.fingerprint_sha256)) == (64, 64)
    assert facts.key_type == "ec-p256"
    assert facts.signature_algorithm == "ecdsa-with-sha256"
    assert not facts.is_ca


def test_f09_another_key_is_seen() -> None:
    verdict = judge(leaf(holder="somebody else"))
    assert [entry.code for entry in verdict.discrepancies] == ["key-differs"]
    assert verdict.leaf is not None
    assert verdict.leaf.spki_sha256 in verdict.discrepancies[0].detail


def test_t20_a_key_that_was_blocked_since_is_seen() -> None:
    assert codes(GOOD, key_blocked=True) == ["key-blocked"]
    assert codes(leaf(holder="other"), key_blocked=True) == ["key-differs"], "is another one"


def test_f13_the_answer_for_another_order_is_seen() -> None:
    other = leaf(["b.example.test"], holder="somebody else", cn="b.example.test")
    assert codes(other) == ["key-differs", "names-added", "names-dropped"]


@pytest.mark.parametrize(
    ("names", "cn", "expected"),
    [
        (["a.example.test", "evil.test"], None, ["names-added"]),
        (["a.example.test", x509.IPAddress(ip_address("10.0.0.1"))], None, ["names-added"]),
        (["a.example.test", "a\0.example.test"], None, ["names-added"]),
        (["a.example.test", "*.example.test"], None, ["names-added"]),
        (["b.example.test"], None, ["names-added", "names-dropped"]),
        ([], None, ["names-dropped"]),
        ([], "a.example.test", ["names-dropped"]),
        (["a.example.test"], "evil.test", ["names-added"]),
        (["a.example.test"], "10.0.0.1", ["names-added"]),
        (["a.example.test"], "Somebody Else", ["names-added"]),
        (["A.Example.TEST."], "A.EXAMPLE.test", []),
        (["a.example.test", "a.example.test"], None, []),
    ],
)
def test_f10_changed_names_are_seen(
    names: list[x509.GeneralName | str], cn: str | None, expected: list[str]
) -> None:
    assert codes(leaf(names, cn=cn)) == expected


def test_f10_another_spelling_is_noted() -> None:
    assert judge(leaf(["A.example.test"])).notes == (
        "The CA spells names differently, with the same meaning.",
    )


def test_f10_a_changed_subject_is_noted() -> None:
    wanted = [(ORGANIZATION, "Example Ltd"), (CN, "a.example.test")]
    assert judge(leaf(organization="Example Ltd"), subject=wanted).notes == ()
    (note,) = judge(leaf(organization="Other Ltd"), subject=wanted).notes
    assert "Other Ltd" in note


_DOMAINS = st.lists(
    st.sampled_from(["a", "b", "c", "d", "*.e", "a.f"]), min_size=1, unique=True
).map(lambda labels: [f"{label}.example.test" for label in labels])


@given(_DOMAINS, _DOMAINS, st.randoms())
def test_f10_names_pass_only_as_the_same_set(
    first: list[str], second: list[str], rng: Random
) -> None:
    sent = [rng.choice([name, name.upper(), name.title()]) for name in second]
    found = codes(leaf(sent, cn=None), names=asked(*first))
    assert ("names-added" in found) is bool(set(second) - set(first))
    assert ("names-dropped" in found) is bool(set(first) - set(second))
    assert (found == []) is (set(first) == set(second))


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (-HOUR, 90 * DAY, []),
        (-5 * MINUTE, 90 * DAY, []),
        (timedelta(0), 90 * DAY + 4 * MINUTE, []),
        (-HOUR, 90 * DAY + 6 * MINUTE, ["life-too-long"]),
        (timedelta(0), 91 * DAY, ["life-too-long"]),
        (-30 * DAY, 90 * DAY, ["life-too-long"]),
        (4 * MINUTE, 90 * DAY, []),
        (6 * MINUTE, 90 * DAY, ["not-yet-valid"]),
        (-100 * DAY, -10 * DAY, ["expired"]),
        (-90 * DAY, timedelta(0), ["expired"]),
    ],
)
def test_f11_lives_are_compared(begin: timedelta, end: timedelta, expected: list[str]) -> None:
    assert codes(leaf(begin=begin, end=end)) == expected


def test_f11_a_ca_that_counts_in_years_may_grant_a_leap_day_and_the_rest_of_the_last_one() -> None:
    assert codes(leaf(end=92 * DAY), excess=2 * DAY) == []
    assert codes(leaf(end=92 * DAY + 6 * MINUTE), excess=2 * DAY) == ["life-too-long"]
    asked_end = Term(90, NOW + 90 * DAY)
    assert codes(leaf(end=91 * DAY), term=asked_end, excess=2 * DAY) == ["life-too-long"]


def test_f11_an_end_that_was_asked_counts() -> None:
    term = Term(10, NOW + 10 * DAY)
    assert codes(leaf(end=10 * DAY), term=term) == []
    assert codes(leaf(end=10 * DAY + 6 * MINUTE), term=term) == ["life-too-long"]
    assert "ends at 2026-03-10" in judge(leaf(end=9 * DAY), term=term).notes[0]


@pytest.mark.parametrize("backdating", [timedelta(0), 10 * MINUTE, HOUR, DAY])
def test_f11_a_term_counts_from_issuance_however_far_the_ca_backdates(
    backdating: timedelta,
) -> None:
    begin = -30 * DAY - backdating  # issued 30 days ago, and only looked at now
    assert codes(leaf(begin=begin, end=60 * DAY), backdating=backdating) == []
    late = leaf(begin=begin, end=60 * DAY + 6 * MINUTE)
    assert codes(late, backdating=backdating) == ["life-too-long"]
    assert judge(late, backdating=backdating).issued_at == NOW - 30 * DAY


def test_f11_a_shorter_life_is_explained() -> None:
    verdict = judge(leaf(begin=-HOUR, end=30 * DAY))
    assert [found.reason for found in verdict.term_differences] == [
        TermReason.CA_POLICY,
        TermReason.BACKDATING,
    ]
    assert judge(GOOD).term_differences == ()


def test_f11_a_shorter_life_is_noted() -> None:
    verdict = judge(leaf(begin=-HOUR, end=30 * DAY))
    assert verdict.discrepancies == ()
    assert verdict.notes == ("The CA shortened the life: it ends at 2026-03-31T12:00:00Z.",)


@pytest.mark.parametrize(
    "extension",
    [
        x509.BasicConstraints(ca=True, path_length=None),
        x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        ),
    ],
)
def test_a_leaf_that_is_a_ca_is_seen(extension: x509.ExtensionType) -> None:
    assert codes(leaf(extensions=[extension])) == ["ca-certificate"]


SERVER, CLIENT, OCSP, ANY, IPSEC = (
    "serverAuth (1.3.6.1.5.5.7.3.1)",
    "clientAuth (1.3.6.1.5.5.7.3.2)",
    "ocspSigning (1.3.6.1.5.5.7.3.9)",
    "anyExtendedKeyUsage (2.5.29.37.0)",
    "ipsecIke (1.3.6.1.5.5.7.3.17)",
)
FAR = "The CA has it serve far-reaching purposes that are not those of its type:"
NONE = f"It serves none of the purposes of its type: {SERVER}, {CLIENT}."


@pytest.mark.parametrize(
    ("serves", "notes"),
    [
        ([], []),
        ([SERVER], []),
        ([SERVER, CLIENT, IPSEC], []),
        ([SERVER, OCSP], [f"{FAR} {OCSP}."]),
        ([ANY], [f"{FAR} {ANY}."]),
        ([OCSP], [f"{FAR} {OCSP}.", NONE]),
        ([IPSEC], [NONE]),
    ],
)
def test_f10_purposes_of_another_type_are_noted(serves: list[str], notes: list[str]) -> None:
    oids = [x509.ObjectIdentifier(each.partition("(")[2].rstrip(")")) for each in serves]
    purposes = EXTENDED_KEY_USAGES[CertificateType.SSL]
    extensions = [x509.ExtendedKeyUsage(oids)] if oids else []
    verdict = judge(leaf(extensions=extensions), purposes=purposes)
    assert (verdict.discrepancies, list(verdict.notes)) == ((), notes)


def test_a_precertificate_is_none() -> None:
    """It has key, names and issuer of the certificate, and every verifier refuses it (RFC 6962)."""
    assert codes(leaf(extensions=[x509.PrecertPoison()])) == ["precertificate"]


def test_a_person_is_called_as_asked() -> None:
    address = "ada@example.test"
    certificate = leaf([x509.RFC822Name(address)], cn="Ada Lovelace")
    names = [Name(NameKind.EMAIL, address)]
    assert codes(certificate, names=names, subject=[(CN, "Ada Lovelace")]) == []
    assert codes(certificate, names=names, subject=[(CN, "Jo Doe")]) == ["names-added"]
    assert codes(certificate, names=names) == ["names-added"]


JO = Subject("CORP\\jo", "CN=Jo Doe,CN=Users,DC=corp", "S-1-5-21-1-2-3-1104", "Jo Doe", ())


def for_account(sid: str | None, cn: str = "Jo Doe") -> bytes:
    """A certificate as AD CS builds it, with the security identifier in its extension."""
    return leaf((), cn=cn, extensions=[security_identifier(sid.encode())] if sid else ())


def security_identifier(octets: bytes) -> x509.UnrecognizedExtension:
    other = x509.OtherName(
        x509.ObjectIdentifier("1.3.6.1.4.1.311.25.2.1"), bytes([4, len(octets)]) + octets
    )
    return x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.311.25.2"),
        x509.SubjectAlternativeName([other]).public_bytes(),
    )


def test_an_account_of_the_directory_is_called_as_it_is_there() -> None:
    verdict = judge(for_account(JO.sid), names=(), account=JO)
    assert (verdict.discrepancies, verdict.notes) == ((), ())


def test_t32_an_account_without_its_security_identifier_is_noted() -> None:
    verdict = judge(for_account(None), names=(), account=JO)
    assert verdict.discrepancies == ()
    assert "strong mapping" in verdict.notes[0]


def test_the_security_identifier_of_another_account_is_seen() -> None:
    assert codes(for_account(JO.sid + "5"), names=(), account=JO) == ["account-differs"]


def test_a_security_identifier_nobody_asked_for_is_seen() -> None:
    wrong = leaf(extensions=[security_identifier(JO.sid.encode())])
    assert codes(wrong) == ["account-differs"]


@pytest.mark.parametrize("octets", [b"nobody", JO.sid.encode() + b" " + JO.sid.encode()])
def test_what_is_no_single_security_identifier_equals_none(octets: bytes) -> None:
    wrong = leaf((), cn="Jo Doe", extensions=[security_identifier(octets)])
    assert codes(wrong, names=(), account=JO) == ["account-differs"]


def test_another_common_name_than_the_directory_has_is_seen() -> None:
    wrong = for_account(JO.sid, cn="boss.example.test")
    assert codes(wrong, names=(), account=JO) == ["names-added"]
