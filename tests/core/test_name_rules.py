"""What a domain policy can say beyond the four kinds of names."""

from typing import Any

import pytest
from csr_builder import UPN, address, facts_of, other_name, request_for, tlv
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.addresses import AddressClass
from scm_api.core.domain_policy import DomainPolicy, for_public_trust
from scm_api.core.domains import DomainSet
from scm_api.core.errors import Fault
from scm_api.core.names import Name, normalise
from scm_api.core.requested_names import judge_names
from scm_api.core.uri_patterns import normalise_uri_pattern
from scm_api.core.vocabulary import CertificateType, NameKind

OWNED = ("example.com", "*.example.com", "*.corp.local", "*.deep.example.com")
WORDS = st.text("abcXYZ09-_*.ß\u212a\u0430\u03bf\u3042 xn", max_size=14)


def judge(
    *names: str | bytes,
    cn: str | None = None,
    asked: list[Name] | None = None,
    kind: CertificateType = CertificateType.SSL,
    **policy: Any,
) -> list[Fault]:
    facts = facts_of(request_for(*names, cn=cn))
    rules = DomainPolicy(**policy)
    _, faults = judge_names(rules, OWNED, facts, asked, certificate_type=kind)
    assert all(fault.detail.endswith(".") for fault in faults)
    return faults


def codes(*names: str | bytes, **parts: Any) -> list[str]:
    return [fault.code for fault in judge(*names, **parts)]


def email(value: str) -> bytes:
    return tlv(0x81, value.encode())


def upn(value: str) -> bytes:
    return other_name(UPN, tlv(0x0C, value.encode()))


def uri(value: str) -> bytes:
    return tlv(0x86, value.encode())


@pytest.mark.parametrize(
    ("name", "depth", "allowed"),
    [
        ("*.example.com", None, True),
        ("*.a.b.example.com", None, True),
        ("*.example.com", 0, True),
        ("*.a.example.com", 0, False),
        ("*.a.example.com", 1, True),
        ("*.a.b.example.com", 1, False),
        ("*.deep.example.com", 0, True),  # an owned domain of its own
        ("*.a.deep.example.com", 0, False),
    ],
)
def test_t16_wildcards_stand_at_most_so_deep(name: str, depth: int | None, allowed: bool) -> None:
    found = codes(name, wildcard=True, wildcard_depth=depth)
    assert found == ([] if allowed else ["wildcard-not-allowed"])


def test_t16_how_deep_is_told() -> None:
    [fault] = judge("*.a.b.example.com", wildcard=True, wildcard_depth=1)
    assert fault.detail == "'*.a.b.example.com' stands 2 labels below the owned domain."
    assert fault.accepted == "wildcards at most 1 labels below it"
    [fault] = judge("*.a.example.com", wildcard=True, wildcard_depth=0)
    assert fault.accepted == "*. directly below"
    assert codes("*.a.evil.com", wildcard=True, wildcard_depth=0) == ["name-not-allowed"]


def test_public_and_internal_domains() -> None:
    both = ("www.example.com", "dc.corp.local")
    assert codes(*both) == []
    [fault] = judge(*both, internal_domains=False)
    assert ".local is not in the public suffix list" in fault.detail
    [fault] = judge(*both, public_domains=False)
    assert "'www.example.com' is below .com" in fault.detail
    assert codes("mail", host_name=True, public_domains=False, internal_domains=False) == []


def test_denied_domains_stay_denied() -> None:
    lists = {
        "allowed_domains": ("*.example.com",),
        "denied_domains": ("*.secret.example.com", "vault.example.com"),
    }
    assert codes("www.example.com", "secret.example.com", **lists) == []
    for name in ("a.secret.example.com", "VAULT.example.com."):
        [fault] = judge(name, **lists)
        assert fault.code == "name-not-allowed"
        assert "denied domains" in fault.detail
    assert codes("*.a.example.com", wildcard=True, **lists) == []
    for name in ("*.secret.example.com", "*.a.secret.example.com", "*.example.com"):
        assert codes(name, wildcard=True, **lists) == ["name-not-allowed"]


def test_underscores_need_permission() -> None:
    [fault] = judge("_sip.example.com")
    assert (fault.code, "RFC 1123" in fault.detail) == ("name-invalid", True)
    assert codes("_sip.example.com", underscores=True) == []


def test_t15_homographs_need_permission() -> None:
    paypal = "xn--80aa0c0e.example.com"
    [fault] = judge(paypal)
    assert (fault.code, "UTS 39" in fault.detail) == ("name-invalid", True)
    assert codes(paypal, homographs=True) == []


def test_t15_mixed_scripts_in_a_csr_are_refused() -> None:
    [fault] = judge("xn--pypal-4ve.example.com", homographs=True)
    assert fault.code == "name-invalid"
    assert "mixes the scripts Cyrillic and Latin" in fault.detail


def test_public_trust_leaves_no_internal_names() -> None:
    everything = DomainPolicy(host_name=True, ip_address=True, underscores=True)
    facts = facts_of(
        request_for("mail", "dc.corp.local", "a_b.example.com", address(bytes([10, 0, 0, 1])))
    )
    assert judge_names(everything, OWNED, facts, None)[1] == []
    found = judge_names(for_public_trust(everything), OWNED, facts, None)[1]
    assert [fault.code for fault in found] == [
        "name-not-allowed",
        "name-not-allowed",
        "name-invalid",
        "address-not-allowed",
    ]
    assert for_public_trust(everything).address_classes == (
        AddressClass.PUBLIC_IPV4,
        AddressClass.PUBLIC_IPV6,
    )


@pytest.mark.parametrize("name", [email("jo@example.com"), upn("jo@sub.example.com")])
def test_t18_addresses_of_persons_need_permission(name: bytes) -> None:
    assert codes(name) == ["san-type-not-allowed"]
    assert codes(name, email=True, upn=True) == []
    [fault] = judge(uri("urn:a"), email=True, upn=True)
    assert fault.accepted == "names of kind dns, ip, email and upn"


@pytest.mark.parametrize("form", [email, upn])
def test_t18_the_domain_of_an_address_must_be_owned(form: Any) -> None:
    persons: dict[str, Any] = {"email": True, "upn": True}
    assert codes(form("jo@evil.com"), **persons) == ["name-not-allowed"]
    assert codes(form("jo@corp"), **persons) == ["name-not-allowed"]
    assert codes(form("jo@example.com"), **persons, denied_domains=("example.com",)) == [
        "name-not-allowed"
    ]
    assert codes(form("jo@example.com"), **persons, allowed_domains=("*.example.com",)) == [
        "name-not-allowed"
    ]


SID = "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("spiffe://prod/a", []),
        ("spiffe://a.example.com/web", []),
        ("https://example.com:8443/", []),
        ("https://a.example.com/", ["name-not-allowed"]),
        ("http://example.com/", ["name-not-allowed"]),
        ("spiffe://example.com/", ["name-not-allowed"]),
        ("spiffe://evil.com/", ["name-not-allowed"]),
        ("spiffe://secret.example.com/", ["name-not-allowed"]),
        ("spiffe://a_b.example.com/", ["name-invalid"]),
        (SID, ["name-not-allowed"]),
        ("https:///example.com", ["name-not-allowed"]),
        ("https://x@example.com/", ["name-invalid"]),
    ],
)
def test_t18_uris_by_scheme_and_host(value: str, expected: list[str]) -> None:
    patterns = ("spiffe://prod", "spiffe://*.example.com", "https://example.com")
    assert codes(uri(value)) in (["san-type-not-allowed"], ["name-invalid"])
    denied = ("secret.example.com",)
    assert codes(uri(value), allowed_uris=patterns, denied_domains=denied) == expected


def test_t18_the_host_of_a_permitted_uri_must_be_owned() -> None:
    [fault] = judge(uri("spiffe://evil.com/a"), allowed_uris=("spiffe://evil.com",))
    assert fault.detail == "No domain of the organization covers 'evil.com'."
    [fault] = judge(
        uri("spiffe://example.com/a"), allowed_uris=("spiffe://example.com",), public_domains=False
    )
    assert "internal names only" in fault.detail


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("SPIFFE://Prod.Example.com.", "spiffe://prod.example.com"),
        ("spiffe://*.example.com", "spiffe://*.example.com"),
        ("spiffe://prod", "spiffe://prod"),
        ("spiffe://*.com", "wildcard-not-allowed"),
        ("spiffe://a b", "name-invalid"),
        ("spiffe://", "name-invalid"),
        ("tag:microsoft.com", "name-invalid"),
        ("://example.com", "name-invalid"),
        ("https://example.com/path", "name-invalid"),
    ],
)
def test_uri_patterns_have_one_spelling(value: str, expected: str) -> None:
    found = normalise_uri_pattern(value, "/x")
    if isinstance(found, Fault):
        assert (found.pointer, found.code) == ("/x", expected)
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("cn", "expected"),
    [
        ("Jo Doe", []),
        ("jo.doe", []),
        ("jo", []),
        ("jo@example.com", []),
        ("JO@example.com", ["cn-not-in-san"]),
        ("admin@example.com", ["cn-not-in-san"]),
        ("www.example.com", ["cn-not-in-san"]),
        ("192.0.2.1", ["cn-not-in-san"]),
        ("not@an@address", ["name-invalid"]),
    ],
)
def test_t05_a_person_has_a_name_that_is_no_host(cn: str, expected: list[str]) -> None:
    parts: dict[str, Any] = {"email": True, "kind": CertificateType.CLIENT, "cn": cn}
    assert codes(email("jo@example.com"), **parts) == expected


def test_the_common_name_of_a_server_may_be_a_permitted_address_of_a_person() -> None:
    assert codes(email("jo@example.com"), cn="jo@example.com", email=True) == []
    assert codes(email("jo@example.com"), cn="Jo Doe", email=True) == ["name-invalid"]


_LABELS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4)


@given(_LABELS, st.lists(_LABELS, max_size=3), st.lists(_LABELS, max_size=3))
def test_a_wildcard_is_denied_exactly_when_one_of_its_names_is(
    base: list[str], exact: list[list[str]], parents: list[list[str]]
) -> None:
    entries = [".".join(each) for each in exact] + ["*." + ".".join(each) for each in parents]
    denied = DomainSet.of(entries)
    stands_for = [".".join([label, *base]) for label in ("a", "b", "c", "other")]
    expected = any(denied.covers(name) for name in stands_for)
    assert denied.touches("*." + ".".join(base)) is expected


@given(st.sampled_from([NameKind.DNS, NameKind.URI, NameKind.EMAIL, NameKind.UPN]), WORDS, WORDS)
def test_t14_what_is_checked_is_what_is_sent(kind: NameKind, front: str, back: str) -> None:
    """A name of the CSR that passes differs from what was judged by ASCII letter case and a
    trailing dot only: a CA that reads it octet by octet reads the same name."""
    text = {
        NameKind.DNS: f"{back}.example.com",
        NameKind.URI: f"spiffe://{back}.example.com/{front}",
    }.get(kind, f"{front}@{back}.example.com")
    entry = {
        NameKind.DNS: lambda: tlv(0x82, text.encode()),
        NameKind.URI: lambda: uri(text),
        NameKind.EMAIL: lambda: email(text),
        NameKind.UPN: lambda: upn(text),
    }[kind]()
    policy = DomainPolicy(
        wildcard=True,
        email=True,
        upn=True,
        underscores=True,
        homographs=True,
        allowed_uris=("spiffe://*.example.com",),
    )
    facts = facts_of(request_for(entry))
    names, faults = judge_names(policy, OWNED, facts, None)
    if faults:
        return
    [sent], [judged] = facts.names, names
    assert normalise(judged) == judged
    if kind is NameKind.UPN:  # UTF-8, so that its domain may come as U-labels
        assert judged.value.partition("@")[0] == sent.value.partition("@")[0]
        assert judged.value.partition("@")[2].isascii()
    else:
        assert judged.value.isascii()
        # The last dot of a URI belongs to its path.
        spelled = sent.value if kind is NameKind.URI else sent.value.removesuffix(".")
        assert judged.value.lower() == spelled.lower()


def test_a_publisher_is_called_by_a_name_that_is_none_to_reach() -> None:
    assert codes(cn="Example Corp", kind=CertificateType.CODE_SIGNING) == []
    assert codes(cn="www.bank.com", kind=CertificateType.CODE_SIGNING) == ["cn-not-in-san"]
