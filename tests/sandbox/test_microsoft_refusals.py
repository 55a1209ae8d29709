"""What the CA refuses, with which HRESULT, and how its pages say so in several languages."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from microsoft_agents import Agent, on_behalf
from microsoft_client import Adcs, Windows, denial, der, failure, issued, pending

from csrs import csr_for
from scm_api.sandbox.microsoft import catalogue
from scm_api.sandbox.microsoft.domain import Account

WWW = "www.corp.example"
NAME_V1 = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2")


def csr_with(extension: x509.ExtensionType) -> str:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = request.add_extension(extension, critical=False)
    key = rsa.generate_private_key(65537, 2048)
    return request.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("Nope", 0x80094800),
        (catalogue.UNPUBLISHED, 0x80094800),
        ("Corp Web Server", 0x80094800),  # the display name is not the name
        (None, 0x80094801),
        ("CorpAdmins", 0x80094012),
        ("CorpLogon", 0x80094809),
        ("CorpSelf", 0x80094812),
    ],
)
def test_templates_that_cannot_be_had(adcs: Adcs, template: str | None, code: int) -> None:
    if template == "CorpSelf":
        flags = catalogue.COMMON_NAME | catalogue.SAN_EMAIL
        adcs.control("PATCH", "/templates/CorpSelf", {"name_flags": flags})
    number, told = denial(adcs.submit(csr_for(WWW), template))
    assert hex(told) == hex(code)
    (entry,) = adcs.ledger("denial")
    assert (entry["id"], entry["hresult"]) == (number, code)
    assert adcs.ledger("certificate") == []


def test_a_template_named_twice_differently(adcs: Adcs) -> None:
    page = adcs.submit(csr_for(WWW), "CorpWeb", "CertificateTemplate:CorpCode")
    assert denial(page)[1] == 0x80094802


def test_a_template_named_in_the_request_too(adcs: Adcs) -> None:
    csr = csr_with(
        x509.UnrecognizedExtension(NAME_V1, b"\x1e\x10" + "CorpCode".encode("utf-16-be"))
    )
    assert denial(adcs.submit(csr, "CorpWeb"))[1] == 0x80094802


def test_a_template_by_its_oid_in_the_request_alone(adcs: Adcs) -> None:
    template = adcs.simulator.domain.template("CorpAdmins")
    assert template is not None
    csr = csr_with(x509.MSCertificateTemplate(x509.ObjectIdentifier(template.oid), 100, 3))
    assert denial(adcs.submit(csr, None))[1] == 0x80094012


def test_a_name_of_a_template_is_in_any_case(adcs: Adcs) -> None:
    issued(adcs.submit(csr_for(WWW), "corpweb"))


@pytest.mark.parametrize(
    ("size", "template", "is_issued"),
    [(1024, "CorpWeb", False), (2048, "CorpWeb", True), (2048, "CorpStrong", False)],
)
def test_key_sizes(adcs: Adcs, size: int, template: str, *, is_issued: bool) -> None:
    page = adcs.submit(csr_for(WWW, key=rsa.generate_private_key(65537, size)), template)
    if is_issued:
        issued(page)
    else:
        assert denial(page)[1] == 0x80094811


def test_elliptic_keys_are_too_short_where_they_are_measured_alike(adcs: Adcs) -> None:
    adcs.behave(size_counts_for_ecc=True)
    assert denial(adcs.submit(csr_for(WWW), "CorpWeb"))[1] == 0x80094811


def test_an_account_without_rights_on_the_ca(adcs: Adcs) -> None:
    page = adcs.submit(csr_for(WWW), "CorpWeb", auth=Windows(catalogue.NOBODY))
    assert denial(page)[1] == 0x80094011


def test_a_request_without_any_name(adcs: Adcs) -> None:
    csr = csr_with(x509.KeyUsage(*[True] + [False] * 8))
    assert denial(adcs.submit(csr, "CorpWeb"))[1] == 0x80094001


def test_a_request_that_is_none_gets_no_number(adcs: Adcs) -> None:
    disposition, message = failure(adcs.submit(b"nonsense", "CorpWeb"))
    assert disposition == "8007000D"
    assert "0x8007000d" in message
    assert adcs.ledger("request") == []


def test_a_request_whose_signature_is_wrong(adcs: Adcs) -> None:
    broken = bytearray(x509.load_pem_x509_csr(csr_for(WWW).encode()).public_bytes(Encoding.DER))
    at = broken.index(WWW.encode())
    broken[at : at + 3] = b"xxx"
    assert denial(adcs.submit(bytes(broken), "CorpWeb"))[1] == 0x80090006


@pytest.mark.parametrize("at", range(52, 400, 12))
def test_requests_with_a_byte_that_is_wrong_are_answered(adcs: Adcs, at: int) -> None:
    """Whatever it breaks: an answer of the CA, not a failure of the simulator."""
    agent = Agent(adcs.simulator.agents.path("ecdsa"))
    message = bytearray(on_behalf(agent, der(csr_for(WWW)), "CORP\\alovelace"))
    message[at] ^= 0x55
    page = adcs.submit(bytes(message), "CorpLogon")
    assert "ID=locDenied" in page or "ID=locDispLabel" in page
    assert adcs.ledger("certificate") == []


@pytest.mark.parametrize("names", ["dns=ü.example", "email=ü", "url=ü"])
def test_names_in_attributes_that_cannot_be_encoded(adcs: Adcs, names: str) -> None:
    adcs.behave(san_attribute=True)
    assert denial(adcs.submit(csr_for(WWW), "CorpWeb", f"SAN:{names}"))[1] == 0x8007000D


def test_an_unknown_number(adcs: Adcs) -> None:
    _, message = failure(adcs.get("certnew.cer?ReqID=999&Enc=bin").text)
    assert "The requested property value is empty. 0x80094004" in message


def test_names_in_attributes_count_only_with_the_dangerous_flag(adcs: Adcs) -> None:
    line = "san:dns=evil.example&upn=administrator@corp.example"
    plain = adcs.issue(csr_for(WWW), "CorpWeb", line)
    adcs.behave(san_attribute=True)
    forged = adcs.issue(csr_for(WWW), "CorpWeb", line)

    def count(certificate: x509.Certificate) -> int:
        return len(
            certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        )

    assert (count(plain), count(forged)) == (1, 3)
    honoured = [each["san_attribute_honoured"] for each in adcs.ledger("request")]
    assert honoured == [False, True]


@pytest.mark.parametrize("line", ["no colon", ":CorpCode", "Certificate Template;CorpCode"])
def test_malformed_attributes_are_ignored_and_kept(adcs: Adcs, line: str) -> None:
    issued(adcs.submit(csr_for(WWW), "CorpWeb", line))
    assert adcs.ledger("request")[0]["attributes"][1] == line


@pytest.mark.parametrize(
    "name", ["Certificate Template", "certificate-template", "CERTIFICATETEMPLATE"]
)
def test_blanks_and_minus_signs_in_names_do_not_count(adcs: Adcs, name: str) -> None:
    issued(adcs.submit(csr_for(WWW), None, f"{name}:CorpWeb"))


@pytest.mark.parametrize(
    ("language", "title", "word"),
    [
        ("en", "Certificate Pending", "Your Request Id is"),
        ("fr", "Certificat en attente", "L’identificateur"),
        ("de", "Zertifikat ausstehend", "Die Anforderungs-ID"),
        ("xx", "⸮⸮", "⸮⸮"),
    ],
)
def test_pages_differ_in_words_and_not_in_ids(
    adcs: Adcs, language: str, title: str, word: str
) -> None:
    adcs.behave(language=language)
    page = adcs.submit(csr_for(WWW), "CorpWebApproved")
    assert title in page
    assert word in page
    assert ("Certificate Pending" in page) == (language == "en")
    number = pending(page)
    assert failure(adcs.get(f"certnew.cer?ReqID={number}").text)[0] == "5"
    assert denial(adcs.submit(csr_for(WWW), "Nope"))[1] == 0x80094800
    issued(adcs.submit(csr_for(WWW), "CorpWeb"))


def test_pages_without_ids_or_known_words(adcs: Adcs) -> None:
    adcs.behave(unknown_pages=True)
    for template in ("CorpWeb", "CorpWebApproved", "Nope"):
        page = adcs.submit(csr_for(WWW), template)
        assert "ID=" not in page
        assert "ReqID" not in page
    assert len(adcs.ledger("certificate")) == 1


def test_what_an_account_that_left_may_still_do(adcs: Adcs) -> None:
    adcs.control("PATCH", "/accounts/svc-enroll", {"disabled": True})
    assert adcs.get("certcarc.asp").status_code == 401


def test_a_right_that_an_account_lost(adcs: Adcs) -> None:
    groups = [catalogue.DOMAIN_USERS.distinguished_name]
    adcs.control("PATCH", "/accounts/svc-enroll", {"groups": groups})
    assert denial(adcs.submit(csr_for(WWW), "CorpWeb"))[1] == 0x80094012


def test_a_template_that_was_renamed(adcs: Adcs) -> None:
    adcs.control("PATCH", "/templates/CorpWeb", {"name": "CorpWeb2"})
    assert denial(adcs.submit(csr_for(WWW), "CorpWeb"))[1] == 0x80094800
    issued(adcs.submit(csr_for(WWW), "CorpWeb2"))


@pytest.mark.parametrize("account", [catalogue.ENROLLER, catalogue.MANAGER])
def test_rights_on_templates_are_those_of_groups(adcs: Adcs, account: Account) -> None:
    page = adcs.submit(csr_for(WWW), "CorpAdmins", auth=Windows(account))
    if account is catalogue.MANAGER:
        issued(page)
    else:
        assert denial(page)[1] == 0x80094012
