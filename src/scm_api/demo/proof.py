"""Proof that a certificate is good, by verifiers that share no code with the service."""

import shutil
import subprocess

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from scm_api.demo.csr import Key
from scm_api.demo.files import Files
from scm_api.demo.processes import DemoError


def verify(chain: bytes, root: bytes, name: str, key: Key) -> int:
    """Verify as a TLS client that trusts only `root` would; returns the length of the path.

    `chain` is PEM, the certificate first. Raises DemoError when anything does not hold.
    """
    leaf, *intermediates = x509.load_pem_x509_certificates(chain)
    if leaf.public_key() != key.public_key():
        raise DemoError("The certificate holds another key than the CSR.")
    anchors = Store(x509.load_pem_x509_certificates(root))
    verifier = PolicyBuilder().store(anchors).build_server_verifier(x509.DNSName(name))
    try:
        return len(verifier.verify(leaf, intermediates))
    except VerificationError as error:
        raise DemoError(f"The chain does not verify: {error}") from error


def verify_with_openssl(files: Files, name: str) -> str | None:
    """What `openssl verify` says of the files, or None where there is no openssl.

    Raises DemoError when it refuses them.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    done = subprocess.run(
        [
            *(openssl, "verify", "-purpose", "sslserver", "-verify_hostname", name),
            *("-CAfile", str(files.root), "-untrusted", str(files.chain), str(files.certificate)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DemoError(f"openssl verify refuses the chain: {done.stderr.strip()}")
    return done.stdout.strip()
