from typing import Any

import pytest
from csr_builder import (
    UPN,
    address,
    facts_of,
    oid,
    other_name,
    rdn,
    request_for,
    sequence,
    tlv,
)

from scm_api.core.addresses import normalise_network
from scm_api.core.domain_policy import DomainPolicy
from scm_api.core.errors import Fault
from scm_api.core.names import Name
from scm_api.core.requested_names import judge_names
from scm_api.core.vocabulary import NameKind

OWNED = ("example.test", "*.example.test")
EVERYTHING = DomainPolicy(fqdn=True, host_name=True, ip_address=True, wildcard=True)


def judge(
    *names: str | bytes,
    cn: str | None = None,
    asked: list[str | Name] | None = None,
    policy: DomainPolicy = EVERYTHING,
    owned: tuple[str, ...] = OWNED,
) -> tuple[list[str], list[Fault]]:
    wishes = None
    if asked is not None:
        wishes = [wish if isinstance(wish, Name) else Name(NameKind.DNS, wish) for wish in asked]
    carried, faults = judge_names(policy, owned, facts_of(request_for(*names, cn=cn)), wishes)
    assert all(fault.detail.endswith(".") for fault in faults)
    return [name.value for name in carried], faults


def codes(*names: str | bytes, **parts: Any) -> list[str]:
    _, faults = judge(*names, **parts)
    return [fault.code for fault in faults]


def ip(*octets: int) -> bytes:
    return address(bytes(octets))


def test_names_come_normalised_and_in_order() -> None:
    carried, faults = judge("B.example.test", "a.example.test", ip(10, 0, 0, 1))
    assert (carried, faults) == (["b.example.test", "a.example.test", "10.0.0.1"], [])


def test_the_same_names_in_another_order_and_spelling_pass() -> None:
    carried, faults = judge(
        "a.example.test", "b.example.test", asked=["B.example.test.", "a.example.test"]
    )
    assert (carried, faults) == (["a.example.test", "b.example.test"], [])


def test_no_names_asked_is_the_same_as_not_asking() -> None:
    assert codes("a.example.test", asked=[]) == []


def test_t02_a_smuggled_name_is_seen_in_both_places() -> None:
    _, faults = judge("a.example.test", "evil.test", asked=["a.example.test"])
    assert [(fault.pointer, fault.code) for fault in faults] == [
        ("/csr", "names-differ"),
        ("/names", "names-differ"),
        ("/csr", "name-not-allowed"),
    ]
    assert "only the CSR holds dns 'evil.test'" in faults[0].detail


def test_t02_a_name_missing_in_the_csr_is_seen() -> None:
    _, faults = judge("a.example.test", asked=["a.example.test", "b.example.test"])
    assert [fault.code for fault in faults] == ["names-differ", "names-differ"]
    assert "the CSR does not hold dns 'b.example.test'" in faults[1].detail


def test_t03_nothing_is_made_up_from_the_subject() -> None:
    assert codes(cn="a.example.test") == ["names-missing", "cn-not-in-san"]
    _, (fault,) = judge(policy=DomainPolicy(email=True))
    assert fault.code == "names-missing"
    samples = "DNS:www.example.com or email:jo@example.com"
    assert fault.accepted == (
        f"a subjectAltName such as {samples} (openssl req -addext subjectAltName=...)"
    )


def test_t05_the_common_name_must_be_among_the_names() -> None:
    _, faults = judge("b.example.test", cn="a.example.test")
    assert [fault.code for fault in faults] == ["cn-not-in-san"]
    assert faults[0].accepted == "'b.example.test'"
    assert codes("a.example.test", cn="A.example.test") == []
    assert codes(ip(10, 0, 0, 1), cn="10.0.0.1") == []
    assert codes("a.example.test", cn="10.0.0.1") == ["cn-not-in-san"]


@pytest.mark.parametrize(
    "cn",
    ["a.example.test\0", "a\n.example.test", " a.example.test", "\u00a0a", "", "fa\u00df.test"],
)
@pytest.mark.filterwarnings("ignore:Attribute's length")
def test_t10_t11_odd_common_names_are_refused(cn: str) -> None:
    _, (fault,) = judge("a.example.test", cn=cn)
    assert fault.code == "name-invalid"
    assert fault.detail.startswith("The common name has to be one of the subjectAltNames: ")


@pytest.mark.parametrize(
    "name", ["a\0.example.test", " a.example.test", "10.0.0.1", "fa\u00df.example.test"]
)
def test_t10_t11_t12_odd_names_are_refused(name: str) -> None:
    assert codes(name) == ["name-invalid"]


@pytest.mark.parametrize("owned", ["fass.test", "xn--fa-hia.test"])
def test_t14_sharp_s_and_double_s_have_different_owners(owned: str) -> None:
    other = {"fass.test": "xn--fa-hia.test", "xn--fa-hia.test": "fass.test"}[owned]
    spelled = {"fass.test": "fass.test", "xn--fa-hia.test": "faß.test"}
    assert codes(owned, asked=[spelled[owned]], owned=(owned,)) == []
    assert codes(other, asked=[spelled[other]], owned=(owned,)) == ["name-not-allowed"]


@pytest.mark.parametrize("name", ["*.com", "*.co.uk", "*.test"])
def test_t16_public_suffixes_are_no_base(name: str) -> None:
    assert "wildcard-not-allowed" in codes(name, owned=(name,))


def test_t16_wildcards_need_permission() -> None:
    policy = DomainPolicy()
    _, faults = judge("*.example.test", policy=policy)
    assert [fault.code for fault in faults] == ["wildcard-not-allowed"]
    assert faults[0].accepted == "fully qualified domain names"
    assert codes("*.a.example.test", policy=DomainPolicy(fqdn=False, wildcard=True)) == []
    assert codes("*.*.example.test") == ["wildcard-not-allowed"]
    assert codes("*.example.test", owned=("example.test",)) == ["name-not-allowed"]


def test_t17_only_owned_domains() -> None:
    assert codes("example.test.", "A.EXAMPLE.test") == []
    _, faults = judge("notexample.test", "example.test.evil.test")
    assert [fault.code for fault in faults] == ["name-not-allowed"] * 2
    assert faults[0].accepted == "example.test, *.example.test"
    many = tuple(f"d{number}.test" for number in range(9))
    _, faults = judge("evil.test", owned=many)
    assert faults[0].accepted == "d0.test, d1.test, d2.test, d3.test, d4.test and 4 more"
    _, faults = judge("evil.test", owned=())
    assert faults[0].accepted == "none: the organization owns no domain yet"


@pytest.mark.parametrize(
    "entry",
    [
        tlv(0x86, b"tag:microsoft.com,2022-09-14:sid:S-1-5-21-1"),
        tlv(0x81, b"ceo@example.test"),
        other_name(UPN, tlv(0x0C, b"administrator@example.test")),
        tlv(0xA4, sequence(rdn("2.5.4.3", "x"))),
        tlv(0x88, oid("1.2.3")[2:]),
    ],
)
def test_t18_other_kinds_of_names_are_refused(entry: bytes) -> None:
    _, faults = judge("a.example.test", entry)
    assert [fault.code for fault in faults] == ["san-type-not-allowed"]
    assert faults[0].accepted == "names of kind dns and ip"


def test_kinds_need_permission() -> None:
    assert codes("mail", policy=DomainPolicy()) == ["name-not-allowed"]
    assert codes("mail", policy=DomainPolicy(host_name=True)) == []
    assert codes(ip(10, 0, 0, 1), policy=DomainPolicy()) == ["address-not-allowed"]
    nothing = DomainPolicy(fqdn=False)
    _, faults = judge("a.example.test", policy=nothing)
    assert [fault.code for fault in faults] == ["name-not-allowed"]
    assert faults[0].accepted == "no name at all"


def test_a_profile_may_restrict_the_owned_domains() -> None:
    policy = DomainPolicy(allowed_domains=("www.example.test",), host_name=True)
    assert codes("www.example.test", policy=policy) == []
    _, faults = judge("a.example.test", "mail", policy=policy)
    assert [(fault.code, fault.accepted) for fault in faults] == [
        ("name-not-allowed", "www.example.test")
    ] * 2


def test_duplicates_are_refused_where_they_stand() -> None:
    _, faults = judge("a.example.test", asked=["a.example.test", "A.example.test."])
    assert [(fault.pointer, fault.code) for fault in faults] == [("/names/1", "name-duplicate")]
    assert codes("a.example.test", "A.example.test") == ["name-duplicate"]


def test_faults_point_at_the_name_asked_for() -> None:
    _, faults = judge("a.test", "b.test", asked=["a.test", "b.test"])
    assert [fault.pointer for fault in faults] == ["/names/0", "/names/1"]


@pytest.mark.parametrize(
    ("network", "octets", "allowed"),
    [
        ("10.0.0.0/24", (10, 0, 0, 1), True),
        ("10.0.0.0/24", (10, 0, 0, 254), True),
        ("10.0.0.0/24", (10, 0, 0, 0), False),
        ("10.0.0.0/24", (10, 0, 0, 255), False),
        ("10.0.0.0/24", (9, 255, 255, 255), False),
        ("10.0.0.0/24", (10, 0, 1, 0), False),
        ("10.0.0.0/31", (10, 0, 0, 0), True),
        ("10.0.0.0/31", (10, 0, 0, 1), True),
        ("10.0.0.7/32", (10, 0, 0, 7), True),
        ("10.0.0.7/32", (10, 0, 0, 8), False),
        ("127.0.0.0/8", (127, 0, 0, 1), True),
        ("0.0.0.0/0", (224, 0, 0, 1), False),
        ("0.0.0.0/0", (0, 0, 0, 0), False),
        ("2001:db8::/126", (0x20, 1, 0x0D, 0xB8, *[0] * 11, 3), True),
        ("2001:db8::/126", (0x20, 1, 0x0D, 0xB8, *[0] * 12), False),
        ("2001:db8::/126", (0x20, 1, 0x0D, 0xB8, *[0] * 11, 4), False),
        ("2001:db8::/126", (10, 0, 0, 1), False),
    ],
)
def test_t13_ranges_hold_hosts_only(network: str, octets: tuple[int, ...], allowed: bool) -> None:
    policy = DomainPolicy(ip_address=True, allowed_networks=(network,))
    assert codes(ip(*octets), policy=policy) == ([] if allowed else ["address-not-allowed"])


@pytest.mark.parametrize(
    ("octets", "allowed"),
    [
        ((192, 0, 2, 1), True),
        ((8, 8, 8, 8), True),
        ((0x20, 1, 0x0D, 0xB8, *[0] * 11, 1), True),
        ((127, 0, 0, 1), False),
        ((169, 254, 169, 254), False),
        ((240, 0, 0, 1), False),
        ((224, 0, 0, 1), False),
        ((0, 0, 0, 0), False),
        ((*[0] * 10, 255, 255, 10, 0, 0, 1), False),
        ((*[0] * 15, 1), False),
    ],
)
def test_t13_special_addresses_are_refused(octets: tuple[int, ...], allowed: bool) -> None:
    assert codes(ip(*octets)) == ([] if allowed else ["address-not-allowed"])


def test_t13_a_network_is_no_address() -> None:
    assert codes(ip(10, 0, 0, 0, 255, 255, 255, 0)) == ["address-not-allowed"]
    zoned = Name(NameKind.IP, "fe80::1%eth0")
    assert "address-not-allowed" in codes("a.example.test", asked=["a.example.test", zoned])


def test_networks_have_one_spelling() -> None:
    assert normalise_network("10.0.0.0/255.0.0.0", "/x") == "10.0.0.0/8"
    assert normalise_network("2001:DB8:0::/32", "/x") == "2001:db8::/32"
    fault = normalise_network("10.0.0.1/8", "/x")
    assert isinstance(fault, Fault)
    assert (fault.pointer, fault.code) == ("/x", "address-not-allowed")


def test_every_fault_is_told_at_once() -> None:
    names: list[str | bytes] = ["a b", "evil.test", "*.com", ip(127, 0, 0, 1)]
    names.append(tlv(0x81, b"a@example.test"))
    assert codes(*names, cn="c.example.test") == [
        "name-invalid",
        "cn-not-in-san",
        "name-not-allowed",
        "wildcard-not-allowed",
        "name-not-allowed",
        "address-not-allowed",
        "san-type-not-allowed",
    ]
