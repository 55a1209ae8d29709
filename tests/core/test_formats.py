from ca_builder import authority, leaf
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from scm_api.core.formats import to_pem, to_pem_chain, to_pkcs7

LEAF = leaf()
CHAIN = (authority("Issuing CA", "Root CA").der, authority("Root CA").der)


def ders(certificates: list[x509.Certificate]) -> list[bytes]:
    return [certificate.public_bytes(Encoding.DER) for certificate in certificates]


def test_pem_reads_back() -> None:
    text = to_pem(LEAF)
    assert text.endswith("-----END CERTIFICATE-----\n")
    assert ders(x509.load_pem_x509_certificates(text.encode())) == [LEAF]


def test_a_pem_chain_begins_with_the_leaf() -> None:
    text = to_pem_chain(LEAF, CHAIN)
    assert ders(x509.load_pem_x509_certificates(text.encode())) == [LEAF, *CHAIN]


def test_pkcs7_holds_all_certificates() -> None:
    binary = to_pkcs7(LEAF, CHAIN)
    assert sorted(ders(pkcs7.load_der_pkcs7_certificates(binary))) == sorted([LEAF, *CHAIN])
