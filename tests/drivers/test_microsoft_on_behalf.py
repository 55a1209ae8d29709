"""Requests on behalf of an account, read back by openssl and bit by bit."""

import subprocess
from pathlib import Path

import pytest
from asn1crypto import cms, core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from microsoft_forest import AGENT_POLICY, certificate, pem

from csrs import RSA_KEY, Key, client_csr
from scm_api.drivers.errors import BackendRefused, OrderRefused
from scm_api.drivers.microsoft.on_behalf import EnrollmentAgent, Form

AGENT = x509.ExtendedKeyUsage([x509.ObjectIdentifier(AGENT_POLICY)])
CLIENT = x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.2")])
NAME_VALUE_PAIR = "1.3.6.1.4.1.311.13.2.1"
CSR = x509.load_pem_x509_csr(client_csr("ada@corp.example").encode()).public_bytes(Encoding.DER)
ROOT_KEY = ec.generate_private_key(ec.SECP256R1())
ROOT = certificate("Root", ROOT_KEY, x509.BasicConstraints(ca=True, path_length=None))
KEYS: dict[str, Key] = {
    "rsa": RSA_KEY,
    "ecdsa": ec.generate_private_key(ec.SECP384R1()),
}


def agent(
    key: Key = KEYS["rsa"],
    usage: x509.ExtensionType = AGENT,
    days: tuple[int, int] = (-1, 30),
    form: Form = "pkcs7",
) -> EnrollmentAgent:
    made = certificate("agent", key, usage, issuer=(ROOT, ROOT_KEY), days=days)
    chain = "".join(each.public_bytes(Encoding.PEM).decode() for each in (made, ROOT))
    return EnrollmentAgent(chain, pem(key), form)


def verified(folder: Path, message: bytes) -> bytes:
    """What openssl takes out of a message that it accepts. Raises CalledProcessError."""
    (folder / "message.der").write_bytes(message)
    (folder / "root.pem").write_bytes(ROOT.public_bytes(Encoding.PEM))
    command = "openssl cms -verify -purpose any -binary -inform DER -in message.der"
    command += " -CAfile root.pem -out content.der"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return (folder / "content.der").read_bytes()


def signer_of(message: bytes) -> cms.SignerInfo:
    return cms.ContentInfo.load(message)["content"]["signer_infos"][0]


@pytest.mark.parametrize("kind", KEYS)
def test_openssl_accepts_the_message_and_finds_the_csr(tmp_path: Path, kind: str) -> None:
    message = agent(KEYS[kind]).sign(CSR, "CORP\\ada")
    assert verified(tmp_path, message) == CSR


@pytest.mark.parametrize("kind", KEYS)
def test_openssl_refuses_another_requester(tmp_path: Path, kind: str) -> None:
    message = agent(KEYS[kind]).sign(CSR, "CORP\\ada")
    ada, eve = ("CORP\\ada".encode("utf-16-be"), "CORP\\eve".encode("utf-16-be"))
    assert message.count(ada) == 1
    with pytest.raises(subprocess.CalledProcessError):
        verified(tmp_path, message.replace(ada, eve))


def test_openssl_refuses_another_csr(tmp_path: Path) -> None:
    message = agent().sign(CSR, "CORP\\ada")
    with pytest.raises(subprocess.CalledProcessError):
        verified(tmp_path, message.replace(b"ada@corp", b"eve@corp"))


def test_the_requester_is_a_signed_pair_of_bmp_strings() -> None:
    signed = signer_of(agent().sign(CSR, "CORP\\web01$"))["signed_attrs"]
    (found,) = [each for each in signed if each["type"].dotted == NAME_VALUE_PAIR]
    name, value = "requestername".encode("utf-16-be"), "CORP\\web01$".encode("utf-16-be")
    pair = b"\x1e" + bytes([len(name)]) + name + b"\x1e" + bytes([len(value)]) + value
    assert found["values"].dump() == b"\x31" + bytes([len(pair) + 2, 0x30, len(pair)]) + pair


def test_the_signed_attributes_are_ordered_as_der_wants_them() -> None:
    raw = signer_of(agent().sign(CSR, "CORP\\ada"))["signed_attrs"].untag().dump()
    listed = [each.dump() for each in cms.CMSAttributes.load(raw)]
    assert raw[0] == 0x31
    assert listed == sorted(listed)


def test_the_agent_and_its_chain_are_in_the_message() -> None:
    content = cms.ContentInfo.load(agent().sign(CSR, "CORP\\ada"))["content"]
    names = [each.chosen.subject.native["common_name"] for each in content["certificates"]]
    assert sorted(names) == ["Root", "agent"]
    assert content["version"].native == "v1"


@pytest.mark.parametrize("kind", KEYS)
def test_cmc_names_account_and_template_in_its_controls(tmp_path: Path, kind: str) -> None:
    message = agent(KEYS[kind], form="cmc").sign(CSR, "CORP\\ada", "A&B=100%")
    content = verified(tmp_path, message)
    data = core.SequenceOf.load(content, spec=core.Any)
    controls, requests, messages, others = (each.parsed for each in data)
    assert (messages.contents, others.contents) == (b"", b"")
    assert b"requestername=CORP%5Cada&CertificateTemplate=A%26B%3D100%25" in controls.contents
    assert requests.contents[0] == 0xA0
    assert requests.contents.endswith(CSR)
    kinds = cms.ContentInfo.load(message)["content"]["encap_content_info"]["content_type"]
    assert kinds.dotted == "1.3.6.1.5.5.7.12.2"


def test_nothing_of_asn1crypto_is_changed_for_others() -> None:
    agent().sign(CSR, "CORP\\ada")
    assert NAME_VALUE_PAIR not in cms.CMSAttributeType._map


@pytest.mark.parametrize(
    "account",
    ["ada", "CORP\\", "\\ada", "CORP\\ada\r\nx:y", "CORP\\a\0b", "CORP\\a\\b", "C&P\\ada\x7f",
     "CORP\\\U0001f600", "A-NETBIOS-NAME-TOO-LONG\\ada", "ada@corp.example"],
)  # fmt: skip
def test_a_name_that_is_no_account_is_not_signed(account: str) -> None:
    with pytest.raises(OrderRefused, match="no account"):
        agent().sign(CSR, account)


@pytest.mark.parametrize("days", [(-30, -1), (1, 30)], ids=["expired", "not yet"])
def test_an_agent_out_of_its_validity_signs_nothing(days: tuple[int, int]) -> None:
    with pytest.raises(BackendRefused, match="valid from"):
        agent(days=days).sign(CSR, "CORP\\ada")


def test_an_agent_without_the_usage_signs_nothing() -> None:
    with pytest.raises(BackendRefused, match="Certificate Request Agent"):
        agent(usage=CLIENT).sign(CSR, "CORP\\ada")


def test_a_key_of_another_certificate_signs_nothing() -> None:
    made = certificate("agent", KEYS["rsa"], AGENT).public_bytes(Encoding.PEM).decode()
    with pytest.raises(BackendRefused, match="does not belong"):
        EnrollmentAgent(made, pem(KEYS["ecdsa"])).sign(CSR, "CORP\\ada")
