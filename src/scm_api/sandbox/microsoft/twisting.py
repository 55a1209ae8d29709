"""Answers that are well formed and wrong: a certificate for another key, a chain turned round."""

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
    if not isinstance(content, bytes) or fault.action not in ("other_key", "chain_reversed"):
        return answer
    if answer.content_type == "application/x-pkcs7-certificates":
        return _bag(fault, answer, content, simulator)
    if fault.action == "other_key" and answer.content_type == "application/pkix-cert":
        is_pem = content.startswith(b"-----")
        load = x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
        other = _for_another_key(simulator, load(content))
        answer.body = other.public_bytes(Encoding.PEM if is_pem else Encoding.DER)
    return answer


def _bag(fault: Fault, answer: web.Response, content: bytes, simulator: Simulator) -> web.Response:
    encoding = Encoding.PEM if content.startswith(b"-----") else Encoding.DER
    if encoding is Encoding.PEM:
        content = content.replace(b" CERTIFICATE-", b" PKCS7-")
        found = pkcs7.load_pem_pkcs7_certificates(content)
    else:
        found = pkcs7.load_der_pkcs7_certificates(content)
    leaves = [each for each in found if not _is_ca(each)]
    rest = [each for each in found if _is_ca(each)]
    if fault.action == "other_key":
        leaves = [_for_another_key(simulator, each) for each in leaves]
    turned = [*rest[::-1], *leaves] if fault.action == "chain_reversed" else [*leaves, *rest]
    answer.body = pkcs7.serialize_certificates(turned, encoding)
    return answer


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _for_another_key(simulator: Simulator, leaf: x509.Certificate) -> x509.Certificate:
    key = rsa.generate_private_key(65537, 2048).public_key()
    return signed_again(simulator.hierarchy.issuing, leaf, key)
