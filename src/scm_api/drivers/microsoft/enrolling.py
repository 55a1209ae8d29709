"""What both enrollers send and read alike."""

import re
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from scm_api.drivers.errors import OrderRefused

_TEMPLATE: Final = re.compile(r"[^\x00-\x1f\x7f:&\\\"<>]{1,64}")


def request_attributes(template: str) -> str:
    """The only attribute we send. Raises OrderRefused for a value that could carry another."""
    if _TEMPLATE.fullmatch(template) is None:
        raise OrderRefused("This cannot be the name of a template.", code="name-invalid")
    return f"CertificateTemplate:{template}"


def chain_in(bag: bytes, leaf_der: bytes) -> tuple[bytes, ...]:
    """The other certificates of a PKCS #7 bag, in DER or PEM. Raises ValueError."""
    is_pem = bag.lstrip().startswith(b"-----BEGIN")
    load = pkcs7.load_pem_pkcs7_certificates if is_pem else pkcs7.load_der_pkcs7_certificates
    try:
        ders = [each.public_bytes(Encoding.DER) for each in load(bag)]
    except UnsupportedAlgorithm as error:  # PKCS #7 of another kind
        raise ValueError("no bag of certificates") from error
    return tuple(each for each in ders if each != leaf_der)
