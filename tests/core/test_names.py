import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scm_api.core.errors import Fault
from scm_api.core.names import Name, normalise
from scm_api.core.vocabulary import NameKind


def dns(value: str) -> str:
    """The normalised DNS name, or the code of the fault in brackets."""
    return spelled(NameKind.DNS, value)


def spelled(kind: NameKind, value: str) -> str:
    result = normalise(Name(kind, value), "/names/0")
    if isinstance(result, Fault):
        assert result.pointer == "/names/0"
        return f"[{result.code}]"
    assert result.kind is kind
    return result.value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("example.test", "example.test"),
        ("WWW.Example.TEST", "www.example.test"),
        ("example.test.", "example.test"),
        ("mail", "mail"),
        ("a-b.c--d.test", "a-b.c--d.test"),
        ("xn--fa-hia.test", "xn--fa-hia.test"),
        ("XN--FA-HIA.test", "xn--fa-hia.test"),
        ("faß.test", "xn--fa-hia.test"),
        ("*.faß.test", "*.xn--fa-hia.test"),
        ("1.test", "1.test"),
        ("0x7f.test", "0x7f.test"),
        ("4711.0xfg", "4711.0xfg"),
        ("a" * 63 + ".test", "a" * 63 + ".test"),
        ("a" * 64 + ".test", "[name-invalid]"),
        (".".join(["a" * 49] * 5) + ".tst", ".".join(["a" * 49] * 5) + ".tst"),
        (".".join(["a" * 49] * 5) + ".test", "[name-invalid]"),
        ("", "[name-invalid]"),
        ("a" * 1025, "[name-invalid]"),
        (".", "[name-invalid]"),
        ("a..test", "[name-invalid]"),
        (".test", "[name-invalid]"),
        ("test..", "[name-invalid]"),
        ("-a.test", "[name-invalid]"),
        ("a-.test", "[name-invalid]"),
        ("a_b.test", "[name-invalid]"),
    ],
)
def test_dns_names_have_one_spelling(value: str, expected: str) -> None:
    assert dns(value) == expected


@pytest.mark.parametrize("value", ["a.test\0.evil.test", "a\n.test", "a.test\n", "\x7fa.test"])
def test_t10_control_characters_are_refused(value: str) -> None:
    assert dns(value) == "[name-invalid]"


@pytest.mark.parametrize(
    "value", [" a.test", "a.test ", "a .test", "\u00a0a.test", "a\u200d.test", "a.\u200dtest"]
)
def test_t11_blanks_and_invisible_characters_are_refused(value: str) -> None:
    assert dns(value) == "[name-invalid]"


@pytest.mark.parametrize(
    "value",
    ["10.0.0.1", "127.1", "0x7f.1", "2130706433", "0x7f000001", "10.0.0.1.", "1.2.3.0X", "[::1]"],
)
def test_t12_addresses_as_dns_names_are_refused(value: str) -> None:
    assert dns(value) == "[name-invalid]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "[address-not-allowed]"),
        ("::ffff:a00:1", "[address-not-allowed]"),
        ("fe80::1%eth0", "[address-not-allowed]"),
        ("10.0.0.0/24", "[address-not-allowed]"),
        ("010.0.0.1", "[address-not-allowed]"),
        ("10.1", "[address-not-allowed]"),
        ("２.0.0.1", "[address-not-allowed]"),
        (" 10.0.0.1", "[address-not-allowed]"),
    ],
)
def test_t13_addresses_have_one_spelling(value: str, expected: str) -> None:
    assert spelled(NameKind.IP, value) == expected


def test_t14_sharp_s_is_not_double_s() -> None:
    assert dns("faß.test") != dns("fass.test")


@pytest.mark.parametrize(
    "value",
    [
        "ｅxample.test",  # full-width e
        "example。test",  # ideographic full stop
        "\u212aelvin.test",  # Kelvin sign
        "cafe\u0301.test",  # not composed
        "xn--a.test",  # no valid Punycode
        "xn--test-.test",  # Punycode of nothing but ASCII
        "xn--.test",
        "ab--cd.test",
        "FAß\u0130.test",
    ],
)
def test_t15_look_alike_labels_are_refused(value: str) -> None:
    assert dns(value) == "[name-invalid]"


@pytest.mark.parametrize("value", ["*.*.x.test", "a*.x.test", "*x.test", "x.*", "*", "*.", "x.*.y"])
def test_t16_wildcards_are_whole_left_most_labels(value: str) -> None:
    assert dns(value) == "[wildcard-not-allowed]"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (NameKind.EMAIL, "Jo.Doe+x@EXAMPLE.test", "Jo.Doe+x@example.test"),
        (NameKind.EMAIL, "jo@faß.test", "jo@xn--fa-hia.test"),
        (NameKind.EMAIL, "jo", "[name-invalid]"),
        (NameKind.EMAIL, "@example.test", "[name-invalid]"),
        (NameKind.EMAIL, "jo@", "[name-invalid]"),
        (NameKind.EMAIL, "jo@*.test", "[name-invalid]"),
        (NameKind.EMAIL, "jo@10.0.0.1", "[name-invalid]"),
        (NameKind.EMAIL, "j\n@example.test", "[name-invalid]"),
        (NameKind.EMAIL, "jo..doe@example.test", "[name-invalid]"),
        (NameKind.EMAIL, "j" * 65 + "@example.test", "[name-invalid]"),
        (NameKind.URI, "SPIFFE://Example.TEST/Path?Q#F", "spiffe://example.test/Path?Q#F"),
        (NameKind.URI, "urn:uuid:X", "urn:uuid:X"),
        (NameKind.URI, "no-scheme", "[name-invalid]"),
        (NameKind.URI, "scheme:", "[name-invalid]"),
        (NameKind.URI, "https://me@example.test/", "[name-invalid]"),
        (NameKind.URI, "https://a b/", "[name-invalid]"),
        (NameKind.URI, "https://é/", "[name-invalid]"),
        (NameKind.URI, "https://a\n/", "[name-invalid]"),
        (NameKind.UPN, "Jo@corp", "Jo@corp"),
        (NameKind.UPN, "Jo\0@corp", "[name-invalid]"),
    ],
)
def test_other_kinds_of_names(kind: NameKind, value: str, expected: str) -> None:
    assert spelled(kind, value) == expected


_LABELS = st.text("abcXYZ019-*ß\u212aｅ\u0301\u3002éñü. @_xn", max_size=12)
_VALUES = st.one_of(
    st.text(max_size=30),
    st.lists(_LABELS, max_size=5).map(".".join),
    st.ip_addresses().map(str),
    st.builds("{}@{}".format, st.text("aZ+.", min_size=1, max_size=9), _LABELS),
    st.builds("{}:{}".format, st.text("aZ+", min_size=1), st.text("/aZ?#@ :", max_size=9)),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NameKind), _VALUES)
def test_t14_normalising_twice_changes_nothing(kind: NameKind, value: str) -> None:
    once = normalise(Name(kind, value))
    if isinstance(once, Name):
        assert normalise(once) == once
        assert once.value.isprintable()
        if kind is NameKind.DNS:
            assert once.value.isascii()
            assert once.value == once.value.lower()
