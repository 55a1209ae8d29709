"""The directory in which the demo keeps everything: its state, and what it leaves for you."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Files:
    """Paths below the demo's directory."""

    directory: Path

    @property
    def data(self) -> Path:
        """The service's data directory: database and key ring."""
        return self.directory / "data"

    @property
    def sandbox(self) -> Path:
        """The AWS simulator's CAs and ledger."""
        return self.directory / "sandbox"

    def simulator(self, name: str) -> Path:
        """The state of another CA's simulator."""
        return self.directory / f"sandbox-{name}"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def api_key(self) -> Path:
        return self.directory / "api-key"

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate.pem"

    @property
    def chain(self) -> Path:
        """The certificate followed by its issuers, as TLS servers take it."""
        return self.directory / "chain.pem"

    @property
    def root(self) -> Path:
        """What a TLS client has to trust."""
        return self.directory / "root.pem"

    @property
    def key(self) -> Path:
        return self.directory / "key.pem"

    @property
    def csr(self) -> Path:
        return self.directory / "request.csr"


def write_private(path: Path, content: bytes) -> None:
    """Write a file only its owner may read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
