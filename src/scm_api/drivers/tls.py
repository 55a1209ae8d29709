"""TLS to a CA beyond the defaults: its own trust anchors, a client certificate from memory."""

import os
import ssl
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from scm_api.core.certificate_facts import public_key_of
from scm_api.drivers.private_keys import ACCEPTED, private_key


def tls_objection(certificate_pem: str, key_pem: str) -> str | None:
    """Why certificate and key make no client credential; None if they do."""
    try:
        certificates = x509.load_pem_x509_certificates(certificate_pem.encode())
    except ValueError:
        return "The client certificate cannot be read as PEM."
    try:
        key = private_key(key_pem)
    except (ValueError, TypeError):
        return f"The client key is not {ACCEPTED}."
    if key.public_key() != public_key_of(certificates[0]):
        return "The client key does not belong to the client certificate, which comes first."
    return None


def tls_context(trusted_pem: str | None, credential_pem: str | None) -> ssl.SSLContext:
    """Verifies against `trusted_pem` in place of the system's anchors, where it is given.

    `credential_pem` is certificate, chain and key. The key is handed to OpenSSL through memory: it
    is never in a file of the disk. Raises ssl.SSLError and ValueError for what cannot be used.
    """
    context = ssl.create_default_context(cadata=trusted_pem)
    if credential_pem is not None:
        descriptor = os.memfd_create("client-credential", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb") as memory:
            memory.write(credential_pem.encode())
            memory.flush()
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    return context


def system_trust() -> ssl.SSLContext:
    """Verifies against the system's trust anchors, as they are now."""
    paths = ssl.get_default_verify_paths()
    return _trusting_system(*map(_changed, (paths.cafile, paths.capath)))


@lru_cache(maxsize=1)
def _trusting_system(*_changed: int) -> ssl.SSLContext:
    """Reading the anchors takes 30 ms of CPU, so it is done once for each state of their files."""
    return ssl.create_default_context()


def _changed(path: str | None) -> int:
    """When it was changed, in nanoseconds; 0 for what is not there."""
    found = Path(path) if path else None
    return found.stat().st_mtime_ns if found and found.exists() else 0
