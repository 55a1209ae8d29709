"""Web Enrollment from request to certificate, chain and CRL."""

import datetime as dt
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from microsoft_client import Adcs, Windows, der, failure, issued, pending

from csrs import csr_for
from loop_thread import LoopThread
from scm_api.sandbox import microsoft
from scm_api.sandbox.microsoft import catalogue

WWW = "www.corp.example"


def names_of(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)


def test_a_request_is_issued_at_once_and_can_be_fetched_in_every_form(adcs: Adcs) -> None:
    number = issued(adcs.submit(csr_for(WWW), "CorpWeb"))
    leaf = adcs.fetch(number)
    assert names_of(leaf) == [WWW]
    text = adcs.get(f"certnew.cer?ReqID={number}&ENC=b64").text
    assert "\r\n" in text
    assert x509.load_pem_x509_certificate(text.encode()) == leaf
    bag = adcs.get(f"certnew.p7b?reqid={number}&enc=bin")
    assert bag.headers["content-type"] == "application/x-pkcs7-certificates"
    assert leaf in pkcs7.load_der_pkcs7_certificates(bag.content)
    mislabelled = adcs.get(f"certnew.p7b?ReqID={number}&Enc=b64").text
    assert mislabelled.startswith("-----BEGIN CERTIFICATE-----")
    with pytest.raises(ValueError):
        x509.load_pem_x509_certificate(mislabelled.encode())


def test_the_chain_verifies_with_openssl(adcs: Adcs, tmp_path: Path) -> None:
    number = issued(adcs.submit(csr_for(WWW), "CorpWeb"))
    bag = pkcs7.load_der_pkcs7_certificates(adcs.get(f"certnew.p7b?ReqID={number}").content)
    leaf, issuing, root = (
        next(each for each in bag if name in each.subject.rfc4514_string())
        for name in (WWW, catalogue.CA_NAME, catalogue.ROOT_NAME)
    )
    for name, each in (("leaf", leaf), ("issuing", issuing), ("root", root)):
        (tmp_path / name).write_bytes(each.public_bytes(Encoding.PEM))
    verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"]
    files = [tmp_path / "root", "-untrusted", tmp_path / "issuing", tmp_path / "leaf"]
    done = subprocess.run([*verify, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_microsoft_puts_into_a_certificate(adcs: Adcs) -> None:
    leaf = adcs.issue(csr_for(WWW), "CorpWeb")
    template = adcs.simulator.domain.template("CorpWeb")
    assert template is not None
    found = leaf.extensions.get_extension_for_class(x509.MSCertificateTemplate).value
    assert found.template_id.dotted_string == template.oid
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [each.dotted_string for each in usages] == [catalogue.SERVER_AUTH]
    policies = x509.ObjectIdentifier("1.3.6.1.4.1.311.21.10")
    value = leaf.extensions.get_extension_for_oid(policies).value
    assert isinstance(value, x509.UnrecognizedExtension)
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert points[0].full_name is not None
    assert points[0].full_name[0].value.endswith("/CORP%20Issuing%20CA%201.crl")
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == dt.timedelta(days=365)


def test_a_schema_1_template_is_named_and_not_numbered(adcs: Adcs) -> None:
    leaf = adcs.issue(csr_for(WWW), "WebServer")
    name = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2")
    value = leaf.extensions.get_extension_for_oid(name).value
    assert isinstance(value, x509.UnrecognizedExtension)
    assert value.value[2:].decode("utf-16-be") == "WebServer"
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.MSCertificateTemplate)


def test_no_certificate_outlives_its_ca(adcs: Adcs) -> None:
    adcs.control("PATCH", "/templates/CorpWeb", {"validity_days": 36_500})
    leaf = adcs.issue(csr_for(WWW), "CorpWeb")
    issuing = adcs.simulator.hierarchy.issuing.certificate
    assert leaf.not_valid_after_utc == issuing.not_valid_after_utc


def test_a_pending_request_is_issued_by_a_manager(adcs: Adcs) -> None:
    number = pending(adcs.submit(csr_for(WWW), "CorpWebApproved"))
    assert failure(adcs.get(f"certnew.cer?ReqID={number}").text) == ("5", "Taken Under Submission")
    adcs.control("POST", f"/requests/{number}", {"action": "issue"})
    assert names_of(adcs.fetch(number)) == [WWW]
    (entry,) = adcs.ledger("certificate")
    assert entry["message"] == "Resubmitted by CORP\\camanager"
    adcs.control("POST", f"/requests/{number}", {"action": "deny"}, status=409)


def test_a_pending_request_is_denied_by_a_manager(adcs: Adcs) -> None:
    number = pending(adcs.submit(csr_for(WWW), "CorpWebApproved"))
    adcs.control("POST", f"/requests/{number}", {"action": "deny"})
    page = adcs.get(f"certnew.cer?ReqID={number}").text
    assert failure(page) == ("2", "Denied by CORP\\camanager")
    assert [each["id"] for each in adcs.ledger("denial")] == [number]


def test_a_template_that_went_in_the_meantime_denies_a_pending_request(adcs: Adcs) -> None:
    number = pending(adcs.submit(csr_for(WWW), "CorpWebApproved"))
    adcs.control("PATCH", "/templates/CorpWebApproved", {"published": False})
    adcs.control("POST", f"/requests/{number}", {"action": "issue"})
    disposition, message = failure(adcs.get(f"certnew.cer?ReqID={number}").text)
    assert disposition == "2"
    assert "0x80094800" in message


def test_numbers_ascend_and_survive_the_end_of_the_process(tmp_path: Path) -> None:
    with LoopThread() as loop:
        for expected in (1, 2):
            server = loop.run(microsoft.serve(microsoft.Settings(tmp_path)))
            adcs = Adcs(server)
            assert issued(adcs.submit(csr_for(WWW), "CorpWeb")) == expected
            assert names_of(adcs.fetch(1)) == [WWW]
            loop.run(server.aclose())


def test_the_ca_certificate_and_how_often_it_was_renewed(adcs: Adcs) -> None:
    assert "var nRenewals=0;" in adcs.get("certcarc.asp").text
    answer = adcs.get("certnew.cer?ReqID=CACert&Renewal=0&Enc=bin")
    assert x509.load_der_x509_certificate(answer.content) == (
        adcs.simulator.hierarchy.issuing.certificate
    )
    bag = adcs.get("certnew.p7b?ReqID=CACert&Renewal=0&Enc=bin")
    assert len(pkcs7.load_der_pkcs7_certificates(bag.content)) == 2


def test_a_site_that_serves_another_ca_shows_and_uses_it(adcs: Adcs) -> None:
    adcs.behave(site_ca="other")
    answer = adcs.get("certnew.cer?ReqID=CACert&Renewal=0&Enc=bin")
    other = x509.load_der_x509_certificate(answer.content)
    assert catalogue.OTHER_CA_NAME in other.subject.rfc4514_string()
    adcs.issue(csr_for(WWW), "CorpWeb").verify_directly_issued_by(other)


def test_the_crl_is_of_the_ca(adcs: Adcs) -> None:
    answer = adcs.get("certcrl.crl?Type=base&Renewal=0&Enc=bin")
    crl = x509.load_der_x509_crl(answer.content)
    key = adcs.simulator.hierarchy.issuing.key.public_key()
    assert crl.is_signature_valid(key)
    assert len(crl) == 0


def test_the_form_lists_what_the_caller_may_enroll_with(adcs: Adcs) -> None:
    def listed(account: object) -> set[str]:
        page = adcs.get("certrqxt.asp", auth=Windows(account)).text  # type: ignore[arg-type]
        return {each.split(";")[1] for each in page.split('Option Value="')[1:]}

    assert "CorpWeb" in listed(catalogue.ENROLLER)
    assert "CorpAdmins" not in listed(catalogue.ENROLLER)
    assert catalogue.UNPUBLISHED not in listed(catalogue.ENROLLER)
    assert "CorpAdmins" in listed(catalogue.MANAGER)


def test_what_is_no_browser_gets_another_content_type(adcs: Adcs) -> None:
    number = issued(adcs.submit(csr_for(WWW), "CorpWeb"))
    with adcs.session(**{"User-Agent": "python-httpx"}) as client:
        answer = client.get(f"/certsrv/certnew.cer?ReqID={number}")
    assert answer.headers["content-type"] == "application/octet-stream"


def test_an_elliptic_ca_signs(tmp_path: Path) -> None:
    with LoopThread() as loop:
        server = loop.run(microsoft.serve(microsoft.Settings(tmp_path, ca_key="ecdsa")))
        leaf = Adcs(server).issue(csr_for(WWW), "CorpWeb")
        leaf.verify_directly_issued_by(server.simulator.hierarchy.issuing.certificate)
        assert leaf.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA256
        loop.run(server.aclose())


def test_only_http_1_1_is_offered(adcs: Adcs) -> None:
    context = adcs.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with adcs.session(context=context) as client:
        answer = client.get("/certsrv/")
        tls: ssl.SSLObject = answer.extensions["network_stream"].get_extra_info("ssl_object")
        assert tls.selected_alpn_protocol() == "http/1.1"


def test_the_ledger_says_who_asked_for_what(adcs: Adcs) -> None:
    csr = csr_for(WWW)
    leaf = adcs.issue(csr, "CorpWeb", "Other:thing")
    (request,), (certificate,) = adcs.ledger("request"), adcs.ledger("certificate")
    assert request["caller"] == "CORP\\svc-enroll"
    assert request["template"] == "CorpWeb"
    assert request["attributes"] == ["CertificateTemplate:CorpWeb", "Other:thing"]
    assert request["requester"] is None
    assert certificate["serial"] == f"{leaf.serial_number:x}"
    known = adcs.control("GET", "/requests")["entries"][0]["csr"]
    assert der(known) == der(csr)
