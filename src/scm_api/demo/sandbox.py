"""What the demo asks the AWS simulator directly: how to reach it, and which root to trust."""

from typing import Any

import httpx
from cryptography import x509


class Sandbox:
    """The simulator as its control interface describes it.

    Its roots are taken from here and not from the API, so that the API's chains are verified
    against something the API did not say.
    """

    def __init__(self, url: str) -> None:
        """Raises httpx.HTTPError when the simulator does not answer."""
        answer = httpx.get(f"{url}/_sandbox", timeout=10, trust_env=False).raise_for_status()
        self._url = url
        self._told: dict[str, Any] = answer.json()

    @property
    def options(self) -> dict[str, Any]:
        """Connection options of a local CA backend that reaches the simulator."""
        return {
            "backend_type": "aws",
            "region": self._told["region"],
            "endpoint_url": self._url,
            "credentials": {"mode": "static_keys"},
        }

    @property
    def secrets(self) -> dict[str, str]:
        """Secrets of that local CA backend."""
        return {
            "backend_type": "aws",
            "access_key_id": self._told["access_key_id"],
            "secret_access_key": self._told["secret_access_key"],
        }

    def root_of(self, chain: bytes) -> bytes:
        """The simulator's own copy of the root that issued the top of a PEM chain.

        Raises LookupError when it has no such root.
        """
        issuer = x509.load_pem_x509_certificates(chain)[-1].issuer
        for authority in self._told["certificate_authorities"]:
            pem: str = authority["certificate_pem"]
            root = x509.load_pem_x509_certificate(pem.encode())
            if root.subject == root.issuer == issuer:
                return pem.encode()
        raise LookupError(issuer.rfc4514_string())
