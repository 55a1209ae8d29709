from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from itertools import permutations
from random import Random
from typing import Any

import pytest
from ca_builder import NOW, authority, key, leaf
from cryptography import x509
from csr_builder import CN, ORGANIZATION, spki_of
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.issued import IssuedVerdict, Issuer, Wanted, judge_issued
from scm_api.core.names import Name
from scm_api.core.subjects import Subject
from scm_api.core.term import Term, TermReason, TermRules
from scm_api.core.vocabulary import NameKind

ROOT = authority("Root CA").der
MIDDLE = authority("Middle CA", "Root CA").der
ISSUING = authority("Issuing CA", "Middle CA").der
CHAIN = (ISSUING, MIDDLE, ROOT)
GOOD = leaf()
UNUSED_BITS = len(GOOD) - len(x509.load_der_x509_certificate(GOOD).signature) - 1
"""Where the signature's BIT STRING counts its unused bits: outside of all that is signed."""

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
) -> IssuedVerdict:
    spki = spki_of(key("holder").public_key())
    wanted = Wanted(spki, frozenset(names), term, subject, account)
    several = [expected] if isinstance(expected, bytes) else expected or ()
    issuer = Issuer(several, backdating, TermRules((90,), 90))
    return judge_issued(wanted, issuer, leaf_der, chain, NOW)


def codes(*arguments: Any, **options: Any) -> list[str]:
    return [entry.code for entry in judge(*arguments, **options).discrepancies]


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
    assert verdict.notes == ("The CA shortened the life: it ends at 2026-03-31T12:00:00+00:00.",)


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


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_f12_every_order_is_rebuilt(order: tuple[int, ...]) -> None:
    right = leaf()
    four = [right, *CHAIN]
    sent = [four[index] for index in order]
    verdict = judge(sent[0], sent[1:])
    assert verdict.discrepancies == ()
    assert verdict.leaf_der == right
    assert verdict.chain_ders == CHAIN
    assert verdict.chain_complete
    assert bool(verdict.notes) is (order[0] != 0)


def test_f12_strangers_and_doubles_are_left_out() -> None:
    verdict = judge(leaf(), [STRANGER, ROOT, ROOT, ISSUING, MIDDLE, leaf(["x.test"], holder="x")])
    assert verdict.discrepancies == ()
    assert verdict.chain_ders == CHAIN
    assert verdict.notes == ("2 certificates that do not belong to the chain were left out.",)


def test_f12_a_missing_intermediate_is_noted() -> None:
    verdict = judge(leaf(), [ROOT, ISSUING])
    assert verdict.discrepancies == ()
    assert verdict.chain_ders == (ISSUING,)
    assert not verdict.chain_complete
    assert verdict.notes[-1] == (
        "The chain is incomplete: the certificate of 'CN=Middle CA' was not sent."
    )


def test_f12_no_chain_at_all_is_noted() -> None:
    verdict = judge(leaf(), [], expected=None)
    assert verdict.discrepancies == ()
    assert not verdict.chain_complete
    assert "'CN=Issuing CA'" in verdict.notes[0]
    assert judge(leaf(), []).chain_ders == (ISSUING,)


def test_f12_cross_signed_cas_lead_to_the_expected_one() -> None:
    crossed = authority("Middle CA", "Other Root", serial=2).der
    other_root = authority("Other Root").der
    sent = [crossed, other_root, ISSUING, ROOT, MIDDLE]
    by_root = judge(leaf(), sent, expected=ROOT)
    assert by_root.chain_ders == (ISSUING, MIDDLE, ROOT)
    by_other = judge(leaf(), sent, expected=other_root)
    assert by_other.chain_ders == (ISSUING, crossed, other_root)
    renewed = authority("Issuing CA", "Middle CA", serial=3).der
    assert judge(leaf(), CHAIN, expected=renewed).chain_ders == CHAIN


def test_f12_a_circle_of_cas_ends() -> None:
    circle = [authority("Issuing CA", "Ring CA", serial=4).der]
    circle += [
        authority("Ring CA", "Issuing CA").der,
        authority("Ring CA", "Ring CA", serial=2).der,
    ]
    verdict = judge(leaf(), circle[:2], expected=None)
    assert not verdict.chain_complete
    assert judge(leaf(), circle, expected=None).chain_complete


def test_a_signature_by_nobody_is_seen() -> None:
    assert codes(leaf(signed_by="Somebody")) == ["signature-invalid", "issuer-unexpected"]
    assert codes(leaf(signed_by="Somebody"), expected=None) == ["signature-invalid"]


def test_an_issuer_that_is_no_ca_is_no_issuer() -> None:
    fake = authority("Fake CA", "Middle CA", ca=False).der
    assert codes(leaf(issuer="Fake CA"), [fake, MIDDLE, ROOT], expected=None) == [
        "signature-invalid"
    ]


@pytest.mark.parametrize("several", [(ISSUING, STRANGER), (STRANGER, ISSUING), (b"?", ISSUING)])
def test_one_of_several_expected_cas_is_enough(several: tuple[bytes, ...]) -> None:
    assert judge(leaf(), CHAIN, expected=several).discrepancies == ()
    assert judge(leaf(), CHAIN, expected=several).chain_ders == CHAIN
    sent = [leaf(issuer="Stranger CA"), STRANGER]
    by_stranger = ["issuer-unexpected"] if STRANGER not in several else []
    assert codes(sent[0], sent[1:], expected=several) == by_stranger


def test_none_of_several_expected_cas_is_seen() -> None:
    others = (STRANGER, authority("Other CA").der)
    assert codes(leaf(), CHAIN, expected=others) == ["issuer-unexpected"]


def test_another_ca_than_the_expected_is_seen() -> None:
    assert codes(leaf(issuer="Stranger CA"), [STRANGER]) == ["issuer-unexpected"]


def test_a_ca_of_the_same_name_with_another_key_is_not_the_expected_one() -> None:
    double = authority("Issuing CA", key_label="impostor").der
    found = codes(leaf(signed_by="impostor"), [double])
    assert found == ["issuer-unexpected"]


def test_a_certificate_that_signed_itself_is_seen() -> None:
    own = leaf(issuer="a.example.test", signed_by="holder")
    assert codes(own, [], expected=None) == ["issuer-unexpected"]


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x30\x80", leaf()[:-1], leaf() + b"\0"])
def test_what_cannot_be_read_is_seen(junk: bytes) -> None:
    verdict = judge(junk)
    assert [entry.code for entry in verdict.discrepancies] == ["certificate-unreadable"]
    assert (verdict.leaf, verdict.leaf_der, verdict.chain_ders) == (None, junk, ())
    assert codes(leaf(), [junk, *CHAIN]) == ["chain-unreadable"]
    assert codes(junk, [leaf(), *CHAIN]) == ["chain-unreadable"]
    assert codes(leaf(), expected=junk) == ["issuer-unexpected"]


def test_a_doubled_extension_is_unreadable() -> None:
    other = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.99"), b"\x05\x00")
    doubled = leaf(extensions=[other]).replace(b"\x55\x1d\x63", b"\x55\x1d\x11")
    assert codes(doubled, []) == ["certificate-unreadable"]


def test_what_the_library_trips_over_is_unreadable() -> None:
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    unknown = leaf(extensions=[feature]).replace(b"\x30\x03\x02\x01\x05", b"\x30\x03\x02\x01\x04")
    assert codes(unknown, []) == ["certificate-unreadable"]
    text, bits = b"\x0c\x0aIssuing CA", b"\x03\x0a\x00ssuing CA"
    assert codes(leaf().replace(text, bits), []) == ["certificate-unreadable"]


def test_endless_chains_are_cut() -> None:
    verdict = judge(leaf(), [*CHAIN, *[STRANGER] * 1_000])
    assert [entry.code for entry in verdict.discrepancies] == ["chain-unreadable"]


@given(st.binary(max_size=80), st.lists(st.binary(max_size=80), max_size=3))
def test_anything_may_be_sent(leaf_der: bytes, chain: list[bytes]) -> None:
    assert judge(leaf_der, chain).discrepancies != ()


@given(st.integers(0, len(GOOD) - 1).filter(UNUSED_BITS.__ne__), st.integers(1, 255))
def test_no_changed_octet_passes(place: int, change: int) -> None:
    changed = bytearray(GOOD)
    changed[place] ^= change
    assert codes(bytes(changed)) != []


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
