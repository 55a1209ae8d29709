"""Enrollment on behalf of others: what the simulator verifies, and what it builds from AD."""

import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from microsoft_agents import Agent, cmc, on_behalf
from microsoft_client import Adcs, Windows, denial, issued, pending

from csrs import csr_for
from scm_api.sandbox.microsoft import catalogue
from scm_api.sandbox.microsoft.domain import Account

SID = x509.ObjectIdentifier("1.3.6.1.4.1.311.25.2")
UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
ADA = "CORP\\alovelace"


@pytest.fixture
def csr() -> bytes:
    pem = csr_for("whatever.the.request.says").encode()
    return x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER)


def agent_of(adcs: Adcs, name: str = "rsa") -> Agent:
    return Agent(adcs.simulator.agents.directory / f"{name}.pem")


def principal(certificate: x509.Certificate) -> str:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (found,) = (each for each in names if isinstance(each, x509.OtherName) and each.type_id == UPN)
    return found.value[2:].decode()


def sid_of(certificate: x509.Certificate) -> str | None:
    try:
        value = certificate.extensions.get_extension_for_oid(SID).value
    except x509.ExtensionNotFound:
        return None
    assert isinstance(value, x509.UnrecognizedExtension)
    return value.value[value.value.index(b"S-1-") :].decode()


@pytest.mark.parametrize("name", ["rsa", "ecdsa"])
def test_the_subject_is_that_of_ad_and_not_of_the_request(
    adcs: Adcs, csr: bytes, name: str
) -> None:
    leaf = adcs.issue(on_behalf(agent_of(adcs, name), csr, ADA), "CorpLogon")
    told = {each.oid: each.value for each in leaf.subject}
    assert told == {
        NameOID.EMAIL_ADDRESS: "ada.lovelace@corp.example",
        NameOID.COMMON_NAME: "Ada Lovelace",
    }
    assert principal(leaf) == catalogue.USER.upn
    assert sid_of(leaf) == catalogue.USER.sid
    (entry,) = adcs.ledger("certificate")
    assert entry["caller"] == "CORP\\svc-enroll"
    assert entry["requester"] == ADA
    assert entry["account"] == "alovelace"
    assert len(entry["agents"]) == 1


def test_openssl_takes_what_the_tests_send(adcs: Adcs, csr: bytes, tmp_path: Path) -> None:
    import subprocess

    for name in ("rsa", "ecdsa"):
        (tmp_path / "message").write_bytes(on_behalf(agent_of(adcs, name), csr, ADA))
        (tmp_path / "ca").write_bytes(
            b"".join(
                each.certificate.public_bytes(Encoding.PEM)
                for each in (adcs.simulator.hierarchy.issuing, adcs.simulator.hierarchy.root)
            )
        )
        verify = "openssl cms -verify -binary -inform DER -purpose any -in message -CAfile ca"
        done = subprocess.run(verify.split(), cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout == csr


def test_the_name_of_the_requester_is_in_any_case(adcs: Adcs, csr: bytes) -> None:
    message = on_behalf(agent_of(adcs), csr, "corp\\ALOVELACE", name="RequesterName")
    assert principal(adcs.issue(message, "CorpLogon")) == catalogue.USER.upn


def test_a_missing_content_type_is_tolerated(adcs: Adcs, csr: bytes) -> None:
    message = on_behalf(agent_of(adcs), csr, ADA, states_content_type=False)
    issued(adcs.submit(message, "CorpLogon"))


def test_a_content_type_that_is_another_than_that_of_the_content(adcs: Adcs, csr: bytes) -> None:
    message = on_behalf(agent_of(adcs), csr, ADA, stated_type="1.3.6.1.5.5.7.12.2")
    assert denial(adcs.submit(message, "CorpLogon"))[1] == 0x80090006


def test_cmc_names_requester_and_template_in_its_own_control(adcs: Adcs, csr: bytes) -> None:
    message = cmc(agent_of(adcs), csr, requestername=ADA, CertificateTemplate="CorpLogon")
    assert principal(adcs.issue(message, "CorpLogon")) == catalogue.USER.upn
    issued(adcs.submit(message, None))
    assert denial(adcs.submit(message, "CorpWeb"))[1] == 0x80094802


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("expired", 0x800B0101),
        ("wrong-eku", 0x8009480B),
        ("foreign", 0x800B010A),
    ],
)
def test_agents_that_are_none(adcs: Adcs, csr: bytes, name: str, code: int) -> None:
    page = adcs.submit(on_behalf(agent_of(adcs, name), csr, ADA), "CorpLogon")
    assert hex(denial(page)[1]) == hex(code)
    assert adcs.ledger("certificate") == []


def test_a_root_that_is_brought_along_is_not_trusted(adcs: Adcs, csr: bytes) -> None:
    root = adcs.simulator.hierarchy.foreign.der
    message = on_behalf(agent_of(adcs, "foreign"), csr, ADA, bag=(root,))
    assert denial(adcs.submit(message, "CorpLogon"))[1] == 0x800B0109


def test_a_request_that_was_exchanged_within_its_signature(adcs: Adcs, csr: bytes) -> None:
    other = hashlib.sha256(b"another request").digest()
    page = adcs.submit(on_behalf(agent_of(adcs), csr, ADA, digest=other), "CorpLogon")
    assert denial(page)[1] == 0x80091007


def test_a_requester_that_was_exchanged_under_the_signature(adcs: Adcs, csr: bytes) -> None:
    message = on_behalf(agent_of(adcs), csr, ADA)
    ours, other = (each.encode("utf-16-be") for each in (ADA, "CORP\\cbabbage0"))
    forged = message.replace(ours, other[: len(ours)])
    assert forged != message
    assert denial(adcs.submit(forged, "CorpLogon"))[1] == 0x80090006


def test_the_signature_is_by_the_certificate_in_it(adcs: Adcs, csr: bytes) -> None:
    agent, other = agent_of(adcs, "rsa"), agent_of(adcs, "ecdsa")
    agent.sign = other.sign  # type: ignore[method-assign]
    assert denial(adcs.submit(on_behalf(agent, csr, ADA), "CorpLogon"))[1] == 0x80090006


@pytest.mark.parametrize(
    ("requester", "code"),
    [
        ("CORP\\nobody-at-all", 0x80070534),
        ("OTHER\\alovelace", 0x80070534),
        ("alovelace", 0x80070534),
        ("CORP\\gone", 0x80070533),
        ("CORP\\nomail", 0x80094812),
        ("CORP\\noupn", 0x8009480D),
    ],
)
def test_requesters_that_cannot_have_one(adcs: Adcs, csr: bytes, requester: str, code: int) -> None:
    page = adcs.submit(on_behalf(agent_of(adcs), csr, requester), "CorpLogon")
    assert hex(denial(page)[1]) == hex(code)


def test_a_computer_by_its_host_name(adcs: Adcs, csr: bytes) -> None:
    leaf = adcs.issue(on_behalf(agent_of(adcs), csr, "CORP\\PRINTER7$"), "CorpDevice")
    assert leaf.subject.rfc4514_string() == "CN=printer7.corp.example"
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["printer7.corp.example"]
    assert sid_of(leaf) == catalogue.COMPUTER.sid


def test_a_user_has_no_host_name(adcs: Adcs, csr: bytes) -> None:
    page = adcs.submit(on_behalf(agent_of(adcs), csr, ADA), "CorpDevice")
    assert denial(page)[1] == 0x8009480F


def test_a_template_that_forgoes_the_sid(adcs: Adcs, csr: bytes) -> None:
    leaf = adcs.issue(on_behalf(agent_of(adcs), csr, ADA), "CorpLogonWeak")
    assert sid_of(leaf) is None


def test_what_is_supplied_in_the_request_has_no_sid(adcs: Adcs) -> None:
    assert sid_of(adcs.issue(csr_for("a.corp.example"), "CorpClient")) is None


def test_who_asks_for_himself_gets_his_own_sid(adcs: Adcs, csr: bytes) -> None:
    leaf = adcs.issue(csr, "CorpSelf")
    assert sid_of(leaf) == catalogue.ENROLLER.sid
    assert leaf.subject.rfc4514_string() == "CN=Enrolment Service"


def test_templates_that_want_no_agent_take_none(adcs: Adcs, csr: bytes) -> None:
    message = on_behalf(agent_of(adcs), csr, ADA)
    assert denial(adcs.submit(message, "CorpSelf"))[1] == 0x80094806
    adcs.control("PATCH", "/templates/CorpSelf", {"enrollment_flags": catalogue.ON_BEHALF_OF})
    assert sid_of(adcs.issue(message, "CorpSelf")) == catalogue.USER.sid


def test_two_signatures_where_one_is_there(adcs: Adcs, csr: bytes) -> None:
    adcs.control("PATCH", "/templates/CorpLogon", {"ra_signatures": 2})
    page = adcs.submit(on_behalf(agent_of(adcs), csr, ADA), "CorpLogon")
    assert denial(page)[1] == 0x8009480A


def test_a_requester_named_outside_the_signature_counts_for_nothing(adcs: Adcs, csr: bytes) -> None:
    leaf = adcs.issue(csr, "CorpSelf", f"requestername:{ADA}", f"RequesterName:{ADA}")
    assert sid_of(leaf) == catalogue.ENROLLER.sid


def test_agents_that_are_restricted(adcs: Adcs, csr: bytes) -> None:
    adcs.behave(agent_denied=["alovelace"])
    page = adcs.submit(on_behalf(agent_of(adcs), csr, ADA), "CorpLogon")
    assert denial(page)[1] == 0x80094009
    issued(adcs.submit(on_behalf(agent_of(adcs), csr, "CORP\\cbabbage"), "CorpLogon"))


def test_the_crl_for_agents_cannot_be_reached(adcs: Adcs, csr: bytes) -> None:
    adcs.behave(revocation_offline=True)
    page = adcs.submit(on_behalf(agent_of(adcs), csr, ADA), "CorpLogon")
    assert denial(page)[1] == 0x80092013


def test_a_pending_request_keeps_its_requester(adcs: Adcs, csr: bytes) -> None:
    adcs.behave(pends_all=True)
    number = pending(adcs.submit(on_behalf(agent_of(adcs), csr, ADA), "CorpLogon"))
    adcs.control("POST", f"/requests/{number}", {"action": "issue"})
    assert sid_of(adcs.fetch(number)) == catalogue.USER.sid


@pytest.mark.parametrize(
    ("caller", "code"), [(catalogue.NOBODY, 0x80094011), (catalogue.USER, None)]
)
def test_the_caller_needs_rights_too(
    adcs: Adcs, csr: bytes, caller: Account, code: int | None
) -> None:
    page = adcs.submit(on_behalf(agent_of(adcs), csr, ADA), "CorpLogon", auth=Windows(caller))
    if code is None:
        issued(page)
    else:
        assert denial(page)[1] == code


def test_an_account_that_moved_is_written_as_it_is_now(adcs: Adcs, csr: bytes) -> None:
    moved = "CN=Ada King,OU=Nobility,DC=corp,DC=example"
    adcs.control("PATCH", "/accounts/alovelace", {"distinguished_name": moved})
    flags = catalogue.DIRECTORY_PATH
    adcs.control("PATCH", "/templates/CorpLogonWeak", {"name_flags": flags})
    leaf = adcs.issue(on_behalf(agent_of(adcs), csr, ADA), "CorpLogonWeak")
    assert leaf.subject.rfc4514_string() == moved
