"""Answers that are well formed and wrong: a certificate for another key."""

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from scm_api.sandbox.faults import Fault
from scm_api.sandbox.microsoft.certificates import signed_again
from scm_api.sandbox.microsoft.simulator import Simulator


def twisted(fault: Fault, answer: web.Response, simulator: Simulator) -> web.Response:
    """The answer as the fault has it; one that it is not about stays as it is."""
    content = answer.body
    if not isinstance(content, bytes) or fault.action != "other_key":
        return answer
    encoding = Encoding.PEM if content.startswith(b"-----") else Encoding.DER
    match answer.content_type:
        case "application/x-pkcs7-certificates":
            answer.body = _bag(content, encoding, simulator)
        case "application/pkix-cert":
            is_pem = encoding is Encoding.PEM
            load = x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
            answer.body = _for_another_key(simulator, load(content)).public_bytes(encoding)
    return answer


def _bag(content: bytes, encoding: Encoding, simulator: Simulator) -> bytes:
    is_pem = encoding is Encoding.PEM
    load = pkcs7.load_pem_pkcs7_certificates if is_pem else pkcs7.load_der_pkcs7_certificates
    found = load(content.replace(b" CERTIFICATE-", b" PKCS7-") if is_pem else content)
    bent = [each if _is_ca(each) else _for_another_key(simulator, each) for each in found]
    return pkcs7.serialize_certificates(bent, encoding)


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _for_another_key(simulator: Simulator, leaf: x509.Certificate) -> x509.Certificate:
    key = rsa.generate_private_key(65537, 2048).public_key()
    return signed_again(simulator.hierarchy.issuing, leaf, key)
