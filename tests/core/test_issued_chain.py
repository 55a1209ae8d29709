"""What a CA sent with a certificate: the chain rebuilt, its signatures, and what is unreadable."""

from itertools import permutations

import pytest
from ca_builder import authority, leaf
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from issued_cases import CHAIN, DAY, GOOD, ISSUING, MIDDLE, ROOT, STRANGER, codes, judge

UNUSED_BITS = len(GOOD) - len(x509.load_der_x509_certificate(GOOD).signature) - 1
"""Where the signature's BIT STRING counts its unused bits: outside of all that is signed."""


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


@pytest.mark.parametrize("name", ["Issuing CA", "Middle CA", "Root CA"])
def test_f12_a_ca_certificate_that_has_ended_gives_way(name: str) -> None:
    """As CAs keep sending one after they were renewed; a root that ended is the shorter way up."""
    issuer = "Middle CA" if name == "Issuing CA" else None
    ended = authority(name, issuer, serial=5, end=-DAY).der
    for sent in ([ended, *CHAIN], [*CHAIN, ended]):
        for expected in (ISSUING, ended, None):
            verdict = judge(leaf(), sent, expected=expected)
            assert verdict.discrepancies == ()
            assert verdict.chain_ders == CHAIN
            assert len(verdict.notes) == 1


def test_f12_an_ended_ca_certificate_without_another_is_noted() -> None:
    ended = authority("Middle CA", serial=5, end=-DAY).der
    verdict = judge(leaf(), [ISSUING, ended])
    assert verdict.discrepancies == ()
    assert verdict.chain_ders == (ISSUING, ended)
    assert verdict.notes == ("The certificate of 'CN=Middle CA' in the chain is not in force.",)


def test_f12_of_ca_certificates_that_ended_none_more_is_handed_out_than_has_to_be() -> None:
    """A root that ended and has no other is no reason to hand out more that ended."""
    ended_root = authority("Root CA", serial=5, end=-DAY).der
    ended_issuing = authority("Issuing CA", "Middle CA", serial=5, end=-DAY).der
    for sent in permutations([ended_issuing, ISSUING, MIDDLE, ended_root]):
        for expected in (ISSUING, ended_issuing, None):
            verdict = judge(leaf(), sent, expected=expected)
            assert verdict.chain_ders == (ISSUING, MIDDLE, ended_root)


def test_f12_an_ended_ca_certificate_below_one_that_was_not_sent_is_handed_out() -> None:
    ended = authority("Middle CA", "Root CA", serial=5, end=-DAY).der
    for sent in ([ended, ISSUING], [ISSUING, ended]):
        verdict = judge(leaf(), sent)
        assert verdict.chain_ders == (ISSUING, ended)
        assert verdict.notes == (
            "The certificate of 'CN=Middle CA' in the chain is not in force.",
            "The chain is incomplete: the certificate of 'CN=Root CA' was not sent.",
        )
        assert judge(leaf(), [*sent, MIDDLE]).chain_ders == (ISSUING, MIDDLE)


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
