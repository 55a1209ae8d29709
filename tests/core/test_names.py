import pytest
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.errors import Fault
from scm_api.core.names import (
    Name,
    comparable,
    homograph_of_latin,
    normalise,
    possible_comparables,
    scheme_and_host,
)
from scm_api.core.scripts import mixed_scripts, reads_as_latin
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
        ("a_b.test", "a_b.test"),
        ("_SIP._tcp.test", "_sip._tcp.test"),
        ("_-.test", "[name-invalid]"),
        ("f_\u00df.test", "[name-invalid]"),
        ("\u00df" * 62 + ".test", "[name-invalid]"),  # more than 63 characters as an A-label
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
        "p\u0430ypal.test",  # Cyrillic a among Latin letters
        "xn--pypal-4ve.test",  # the same as an A-label
        "\u03b1\u0430.test",  # Greek and Cyrillic
        "\u5b57\u043a.test",  # Chinese and Cyrillic
        "\u3042\ud55c.test",  # Japanese and Korean
        "\u0967a.test",  # a Devanagari digit among Latin letters
        "xn--" + "a" * 60 + ".test",
    ],
)
def test_t15_look_alike_labels_are_refused(value: str) -> None:
    assert dns(value) == "[name-invalid]"


@pytest.mark.parametrize(
    "value",
    [
        "\u0440\u0430\u0443\u0440.test",  # Cyrillic alone
        "b\u00fccher.test",
        "col\u00b7lecci\u00f3.test",  # a middle dot is of no script
        "\u3042\u30a2\u5b57a.test",  # Japanese with Latin
        "\u3078\u30fc\u3005.test",  # Japanese with marks of both its scripts
        "\u5b57\u3105a.test",  # Chinese with Bopomofo
        "\ud55c\u5b57a.test",  # Korean with Chinese and Latin
        "\u0646\u0627\u0645\u0647\u06f1.test",  # Persian with its digits
        "\u0939\u093f\u0928\u094d\u0926\u0940.test",  # Devanagari with its vowel signs
    ],
)
def test_t15_labels_in_one_way_of_writing_pass(value: str) -> None:
    assert dns(value).startswith("xn--")


def test_t15_a_mixture_is_named() -> None:
    fault = normalise(Name(NameKind.DNS, "p\u0430ypal.test"))
    assert isinstance(fault, Fault)
    assert "mixes the scripts Cyrillic and Latin (UTS 39)" in fault.detail


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("https://www.example.test/", "it is a URL, of which the host alone belongs here"),
        ("jo@example.test", "it is an e-mail address"),
        ("www example.test", "it holds a blank"),
        ("www.example.test/login", "it holds a path"),
        ("www.example.test:443", "it holds a port"),
    ],
)
def test_what_is_mistaken_for_a_dns_name_is_called_what_it_is(value: str, why: str) -> None:
    fault = normalise(Name(NameKind.DNS, value))
    assert isinstance(fault, Fault)
    assert fault.detail == f"'{value}' is not a DNS name: {why}."


@pytest.mark.parametrize(
    ("domain", "deceives"),
    [
        ("\u0440\u0430\u0443\u0440-1.test", True),
        ("www.\u03bf\u03c1\u03b1.test", True),
        ("\u0570\u0578.test", True),
        ("\u043a\u0438\u0440.test", False),  # not every letter looks Latin
        ("\u0445\u043e\u0440.\u0440\u0444", False),
        ("\u00fc.test", False),
        ("paypal.test", False),
        ("*.test", False),
    ],
)
def test_t15_letters_of_another_script_that_look_latin(domain: str, deceives: bool) -> None:
    assert homograph_of_latin(dns(domain)) is deceives


def test_t15_letters_unknown_here_do_not_mix() -> None:
    assert mixed_scripts("a\U0003fffd") == ("Latin", "Unknown")
    assert mixed_scripts("a-1") == ()


def test_t15_a_letter_of_ones_own_gives_it_away() -> None:
    assert not reads_as_latin("\u0430a")
    assert reads_as_latin("\u0430-1")


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("spiffe://example.test/a", ("spiffe", "example.test")),
        ("https://example.test:8443", ("https", "example.test")),
        ("https://[2001:db8::1]:8443/", ("https", "2001:db8::1")),
        ("file:///etc/passwd", ("file", "")),
        ("urn:a://example.test", ("urn", "")),
    ],
)
def test_the_host_of_a_uri(uri: str, parts: tuple[str, str]) -> None:
    assert spelled(NameKind.URI, uri) == uri
    assert scheme_and_host(uri) == parts


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
        (NameKind.URI, "https://Example.TEST./", "https://example.test/"),
        (NameKind.URI, "https://[2001:DB8:0::1]/", "https://[2001:db8::1]/"),
        (NameKind.URI, "https://192.0.2.1:443", "https://192.0.2.1:443"),
        (NameKind.URI, "https://[192.0.2.1]/", "[name-invalid]"),
        (NameKind.URI, "https://2001:db8::1/", "[name-invalid]"),
        (NameKind.URI, "https://0x7f.1/", "[name-invalid]"),
        (NameKind.URI, "https://*.example.test/", "[name-invalid]"),
        (NameKind.URI, "https://%65xample.test/", "[name-invalid]"),
        (NameKind.URI, "https://[]/", "[name-invalid]"),
        (NameKind.UPN, "Jo@CORP", "Jo@corp"),
        (NameKind.UPN, "J\u00f6rg.Doe@\u00fc.test", "J\u00f6rg.Doe@xn--tda.test"),
        (NameKind.UPN, "Jo\0@corp", "[name-invalid]"),
        (NameKind.UPN, "Jo", "[name-invalid]"),
        (NameKind.UPN, "@corp", "[name-invalid]"),
        (NameKind.UPN, "jo@", "[name-invalid]"),
        (NameKind.UPN, "jo@*.test", "[name-invalid]"),
        (NameKind.UPN, "jo@evil.test@corp", "[name-invalid]"),
        (NameKind.UPN, "jo doe@corp", "[name-invalid]"),
        (NameKind.UPN, "jo\u0308@corp", "[name-invalid]"),
        (NameKind.UPN, "\u0430dmin@corp", "[name-invalid]"),
        (NameKind.DIRECTORY, "CN=\0", "[name-invalid]"),
        (NameKind.DIRECTORY, "CN=Jo", "CN=Jo"),
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


@given(st.sampled_from(NameKind), _VALUES)
def test_t14_normalising_twice_changes_nothing(kind: NameKind, value: str) -> None:
    once = normalise(Name(kind, value))
    if isinstance(once, Name):
        assert normalise(once) == once
        assert once.value.isprintable()
        if kind is NameKind.DNS:
            assert once.value.isascii()
            assert once.value == once.value.lower()


@pytest.mark.parametrize(
    ("kind", "value", "asked"),
    [
        (NameKind.DNS, "WWW.Example.com.", "www.EXAMPLE.com"),
        (NameKind.DNS, "no name_.-.example.com.", "No Name_.-.example.com"),
        (NameKind.IP, "2001:db8::1", "2001:DB8:0::0001"),
        (NameKind.IP, "::ffff:102:304", "::ffff:1.2.3.4"),
        (NameKind.EMAIL, "Jo.Doe@Example.com", "jo.doe@example.com"),
        (NameKind.UPN, "Jo@münchen.example", "jo@xn--mnchen-3ya.example"),
        (NameKind.URI, "SPIFFE://Example.com/A", "spiffe://example.com/a"),
        (NameKind.DIRECTORY, "CN=Jo Doe,O=Example", "cn=jo doe,o=example"),
    ],
)
def test_whoever_looks_for_a_name_spells_it_as_they_like(
    kind: NameKind, value: str, asked: str
) -> None:
    assert comparable(Name(kind, value)) in possible_comparables(asked)
