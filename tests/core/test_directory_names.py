"""Names that a CA takes from its directory are judged like those of a CSR."""

from typing import Any

from csr_builder import facts_of, request_for, tlv

from scm_api.core.domain_policy import DomainPolicy
from scm_api.core.errors import Fault
from scm_api.core.name_constraints import NameConstraints
from scm_api.core.names import Name
from scm_api.core.requested_names import judge_names
from scm_api.core.vocabulary import CertificateType, NameKind

UPN = Name(NameKind.UPN, "jdoe@example.com")
EMAIL = Name(NameKind.EMAIL, "jo@example.com")
OWNED = ("example.com",)


def judge(
    *directory: Name, in_csr: tuple[bytes, ...] = (), **options: Any
) -> tuple[list[Name], list[Fault]]:
    facts = facts_of(request_for(*in_csr, cn=options.pop("cn", None)))
    asked = options.pop("asked", None)
    return judge_names(
        DomainPolicy(email=True, upn=True),
        OWNED,
        facts,
        asked,
        certificate_type=CertificateType.CLIENT,
        directory_names=directory,
        **options,
    )


def found(*directory: Name, **options: Any) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in judge(*directory, **options)[1]]


def test_a_csr_needs_no_names_of_its_own() -> None:
    names, faults = judge(UPN, EMAIL, cn="whoever")
    assert (set(names), faults) == ({UPN, EMAIL}, [])


def test_names_of_the_csr_may_only_repeat_the_directory() -> None:
    assert found(UPN, EMAIL, in_csr=(tlv(0x81, b"jo@example.com"),)) == []
    boss = (tlv(0x81, b"boss@example.com"),)
    assert found(UPN, EMAIL, in_csr=boss) == [("/csr", "names-differ")]


def test_names_that_are_expected_must_be_in_the_directory() -> None:
    boss = Name(NameKind.EMAIL, "boss@example.com")
    assert found(EMAIL, asked=[boss]) == [("/names", "names-differ")]
    ((fault),) = judge(asked=[boss])[1]
    assert fault.accepted == "no names"


def test_what_nobody_owns_is_refused_at_the_account() -> None:
    foreign = Name(NameKind.EMAIL, "jo@elsewhere.test")
    assert found(foreign) == [("/order_options/on_behalf_of", "name-not-allowed")]


def test_name_constraints_of_the_ca_hold_for_accounts_too() -> None:
    narrow = NameConstraints("CN=Narrow CA", ((NameKind.EMAIL, "other.test"),), ())
    pointer = ("/order_options/on_behalf_of", "name-constrained")
    assert pointer in found(EMAIL, constraints=[narrow])
