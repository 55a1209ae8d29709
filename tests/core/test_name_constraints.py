from datetime import timedelta
from ipaddress import ip_network

import pytest
from ca_builder import NOW, key, subject
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from csr_builder import facts_of, rdn, request_for, tlv

from scm_api.core.domain_policy import DomainPolicy
from scm_api.core.errors import Fault
from scm_api.core.name_constraints import (
    NameConstraints,
    constraints_of,
    judge_constraints,
    judge_subject,
)
from scm_api.core.names import Name
from scm_api.core.requested_names import judge_names
from scm_api.core.vocabulary import NameKind

Subtrees = list[x509.GeneralName] | None
CN, ORGANIZATION = "2.5.4.3", "2.5.4.10"


def ca_pem(extension: x509.ExtensionType | None, name: str = "Narrow CA") -> str:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(name))
        .issuer_name(subject(name))
        .public_key(key(name).public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    certificate = builder.sign(key(name), hashes.SHA256())
    return certificate.public_bytes(Encoding.PEM).decode()


def constraints(permitted: Subtrees = None, excluded: Subtrees = None) -> list[NameConstraints]:
    found = constraints_of(ca_pem(x509.NameConstraints(permitted, excluded)))
    assert found is not None
    return list(found)


def is_permitted(name: Name, permitted: Subtrees = None, excluded: Subtrees = None) -> bool:
    faults = list(judge_constraints(name, constraints(permitted, excluded), "/names/0"))
    assert all((fault.pointer, fault.code) == ("/names/0", "name-constrained") for fault in faults)
    assert all("'CN=Narrow CA'" in fault.detail for fault in faults)
    return not faults


@pytest.mark.parametrize(
    ("constraint", "name", "within", "excluded"),
    [
        ("example.test", "example.test", True, True),
        ("EXAMPLE.test.", "a.b.example.test", True, True),
        ("example.test", "notexample.test", False, False),
        ("example.test", "test", False, False),
        ("example.test", "*.example.test", True, True),
        ("a.example.test", "*.example.test", False, True),
        ("b.a.example.test", "*.example.test", False, False),
        (".example.test", "a.example.test", True, True),
        (".example.test", "example.test", False, True),
        ("", "anything.test", True, True),
    ],
)
def test_dns_subtrees(constraint: str, name: str, within: bool, excluded: bool) -> None:
    dns, subtrees = Name(NameKind.DNS, name), [x509.DNSName(constraint)]
    assert is_permitted(dns, permitted=subtrees) is within
    assert is_permitted(dns, excluded=subtrees) is not excluded


@pytest.mark.parametrize(
    ("constraint", "name", "within"),
    [
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "2001:db8::1", False),
        ("2001:db8::/32", "2001:db8::1", True),
    ],
)
def test_address_subtrees(constraint: str, name: str, within: bool) -> None:
    address, subtrees = Name(NameKind.IP, name), [x509.IPAddress(ip_network(constraint))]
    assert is_permitted(address, permitted=subtrees) is within
    assert is_permitted(address, excluded=subtrees) is not within


@pytest.mark.parametrize(
    ("constraint", "name", "within"),
    [
        ("jo@EXAMPLE.test", "jo@example.test", True),
        ("jo@example.test", "Jo@example.test", False),
        ("example.test", "jo@example.test", True),
        ("example.test", "jo@mail.example.test", False),
        (".example.test", "jo@mail.example.test", True),
        (".example.test", "jo@example.test", False),
    ],
)
def test_email_subtrees(constraint: str, name: str, within: bool) -> None:
    email, subtrees = Name(NameKind.EMAIL, name), [x509.RFC822Name(constraint)]
    assert is_permitted(email, permitted=subtrees) is within
    assert is_permitted(email, excluded=subtrees) is not within


@pytest.mark.parametrize(
    ("constraint", "name", "within"),
    [
        ("example.test", "spiffe://example.test/a", True),
        ("Example.test", "https://example.test:8443/", True),
        ("example.test", "spiffe://a.example.test/a", False),
        (".example.test", "spiffe://a.example.test/a", True),
        (".example.test", "spiffe://example.test/a", False),
    ],
)
def test_uri_subtrees(constraint: str, name: str, within: bool) -> None:
    uri, subtrees = Name(NameKind.URI, name), [x509.UniformResourceIdentifier(constraint)]
    assert is_permitted(uri, permitted=subtrees) is within
    assert is_permitted(uri, excluded=subtrees) is not within


@pytest.mark.parametrize("name", ["urn:a", "https://192.0.2.1/", "https://[2001:db8::1]/"])
def test_uris_without_a_host_name_are_refused_where_uris_are_constrained(name: str) -> None:
    uri, subtrees = Name(NameKind.URI, name), [x509.UniformResourceIdentifier("example.test")]
    assert not is_permitted(uri, permitted=subtrees)
    assert not is_permitted(uri, excluded=subtrees)


def test_a_constraint_of_one_kind_says_nothing_about_another() -> None:
    dns = [x509.DNSName("example.test")]
    assert is_permitted(Name(NameKind.IP, "192.0.2.1"), permitted=dns)
    assert is_permitted(Name(NameKind.DIRECTORY, "CN=x"), permitted=dns)
    assert is_permitted(Name(NameKind.UPN, "jo@x.test"), [x509.RegisteredID(_oid("1.2.3"))])


def test_constraints_on_upns_are_not_understood_so_nothing_passes() -> None:
    upn = Name(NameKind.UPN, "jo@example.test")
    subtrees = [x509.OtherName(_oid("1.3.6.1.4.1.311.20.2.3"), tlv(0x0C, b"example.test"))]
    assert not is_permitted(upn, permitted=list(subtrees))
    assert not is_permitted(upn, excluded=list(subtrees))
    assert is_permitted(upn, permitted=[x509.OtherName(_oid("1.2.3"), tlv(0x0C, b"x"))])


def test_subjects_begin_with_the_constraint() -> None:
    subtree = x509.DirectoryName(subject(None, "Example  GmbH"))
    inside = ((ORGANIZATION, "example gmbh"), (CN, "a"))
    outside = ((CN, "a"), (ORGANIZATION, "example gmbh"))

    def codes(who: tuple[tuple[str, str], ...], *both: Subtrees) -> list[str]:
        return [fault.code for fault in judge_subject(who, constraints(*both), "/csr")]

    assert codes(inside, [subtree]) == []
    assert codes(outside, [subtree]) == ["name-constrained"]
    assert codes((), [subtree]) == []
    assert codes(inside, None, [subtree]) == ["name-constrained"]
    assert codes(outside, None, [subtree]) == []


def test_every_ca_of_a_chain_counts_and_says_its_name() -> None:
    narrow = ca_pem(x509.NameConstraints([x509.DNSName("example.test")], None))
    never = ca_pem(x509.NameConstraints(None, [x509.DNSName("b.example.test")]), "Never b")
    chain = constraints_of(narrow + ca_pem(None, "Free CA") + never)
    assert chain is not None
    assert [each.ca for each in chain] == ["CN=Narrow CA", "CN=Never b"]
    _, faults = judge_names(
        DomainPolicy(),
        ["a.test", "b.example.test"],
        facts_of(request_for("a.test", "b.example.test")),
        None,
        constraints=chain,
    )
    accepted = "'example.test'"
    assert faults == [
        Fault(
            "/csr",
            "name-constrained",
            "The name constraints of the CA 'CN=Narrow CA' do not permit dns 'a.test'.",
            accepted,
        ),
        Fault(
            "/csr",
            "name-constrained",
            "The name constraints of the CA 'CN=Never b' exclude dns 'b.example.test' by "
            "'b.example.test'.",
            "names outside 'b.example.test'",
        ),
    ]


def test_the_subject_is_judged_with_the_names() -> None:
    permitted = constraints([x509.DirectoryName(subject(None, "Example"))])
    facts = facts_of(request_for("a.test", subject=[rdn(ORGANIZATION, "Evil")]))
    _, faults = judge_names(DomainPolicy(), ["a.test"], facts, None, constraints=permitted)
    assert [(fault.code, fault.accepted) for fault in faults] == [
        ("name-constrained", "'2.5.4.10=example'")
    ]
    assert "the subject '2.5.4.10=Evil'" in faults[0].detail


def test_certificates_that_cannot_be_read() -> None:
    assert constraints_of("no certificate") is None
    broken = x509.UnrecognizedExtension(x509.NameConstraints.oid, b"\x30\x03\x02\x01\x01")
    assert constraints_of(ca_pem(broken)) is None
    assert constraints_of(ca_pem(None)) == ()


def _oid(dotted: str) -> x509.ObjectIdentifier:
    return x509.ObjectIdentifier(dotted)
