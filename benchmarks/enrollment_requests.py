"""Enrollment requests made beforehand, so that sending one costs the load generator nothing."""

import os
from itertools import count

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from benchmarks.provisioning import DOMAIN, Prepared


def signed_csrs(how_many: int) -> list[str]:
    """CSRs with a P-256 key of their own each, a common name and two names."""
    return [_csr(f"host-{number}.{DOMAIN}") for number in range(how_many)]


def _csr(name: str) -> str:
    names = [x509.DNSName(name), x509.DNSName(f"www.{name}")]
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    return request.public_bytes(Encoding.PEM).decode()


class EnrollmentRequests:
    """`POST /enrollments` over and over: CSRs in turn, an Idempotency-Key never seen before."""

    def __init__(self, prepared: Prepared, csrs: list[str]) -> None:
        self._head = (
            "POST /enrollments HTTP/1.1\r\n"
            "Host: 127.0.0.1\r\n"
            f"Authorization: Bearer {prepared.api_key}\r\n"
            "Content-Type: application/json\r\n"
            f"Idempotency-Key: {os.urandom(6).hex()}-"
        ).encode()
        self._tails = [_tail(prepared, csr) for csr in csrs]
        self._numbers = count()

    def __call__(self) -> bytes:
        number = next(self._numbers)
        return self._head + b"%d" % number + self._tails[number % len(self._tails)]


def _tail(prepared: Prepared, csr: str) -> bytes:
    body = orjson.dumps(
        {
            "organization_id": prepared.organization_id,
            "certificate_profile_id": prepared.certificate_profile_id,
            "csr": csr,
        }
    )
    return b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
