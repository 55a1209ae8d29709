import pytest
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.domains import DomainSet, is_public_top_level, normalise_domain
from scm_api.core.errors import Fault


@pytest.mark.parametrize(
    ("domain", "covered"),
    [
        ("example.test", True),
        ("a.example.test", False),
        ("*.example.test", False),
        ("notexample.test", False),
        ("example.test.evil.test", False),
        ("test", False),
        ("below.test", False),
        ("a.below.test", True),
        ("a.b.below.test", True),
        ("*.below.test", True),
        ("*.a.below.test", True),
        ("abelow.test", False),
        ("a.below.test.evil.test", False),
    ],
)
def test_t17_entries_match_whole_labels(domain: str, covered: bool) -> None:
    assert DomainSet.of(["example.test", "*.below.test"]).covers(domain) is covered


_LABELS = st.lists(st.sampled_from(["a", "b", "ab", "test"]), min_size=1, max_size=5)


@given(_LABELS, _LABELS, st.booleans())
def test_t17_matching_equals_comparing_labels(
    name: list[str], entry: list[str], below: bool
) -> None:
    domains = DomainSet.of([("*." if below else "") + ".".join(entry)])
    longer = len(name) > len(entry) and name[-len(entry) :] == entry
    assert domains.covers(".".join(name)) is (longer if below else name == entry)


@pytest.mark.parametrize(
    ("label", "public"),
    [
        ("com", True),
        ("uk", True),
        ("ck", True),  # listed only by what stands below it
        ("xn--p1ai", True),
        ("local", False),
        ("corp", False),
        ("internal", False),
        ("arpa", False),
    ],
)
def test_top_level_domains_are_public_or_internal(label: str, public: bool) -> None:
    assert is_public_top_level(label) is public


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Example.TEST.", "example.test"),
        ("*.faß.test", "*.xn--fa-hia.test"),
        ("*.a.co.uk", "*.a.co.uk"),
        ("co.uk", "co.uk"),
        ("*.com", "wildcard-not-allowed"),
        ("*.co.uk", "wildcard-not-allowed"),
        ("*.github.io", "wildcard-not-allowed"),
        ("*.unknown-suffix", "wildcard-not-allowed"),
        ("*.*.test", "wildcard-not-allowed"),
        ("a b.test", "name-invalid"),
        ("a_b.test", "name-invalid"),
    ],
)
def test_t16_entries_are_checked_like_names(value: str, expected: str) -> None:
    entry = normalise_domain(value, "/domain")
    if isinstance(entry, Fault):
        assert (entry.pointer, entry.code) == ("/domain", expected)
    else:
        assert entry == expected
