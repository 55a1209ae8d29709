"""What every CA of the demo after the first has in common: it is connected, a profile is made, and
what it issued is downloaded and verified."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scm_api.demo import proof
from scm_api.demo.cas.simulated import Ca
from scm_api.demo.client import Client
from scm_api.demo.csr import Request
from scm_api.demo.files import Files, write_private
from scm_api.demo.processes import DemoError
from scm_api.demo.show import Show

NAME: Final = "shop.demo.example.com"
_PATIENCE: Final = 150  # seconds; a pending order is looked at again after a minute


@dataclass(frozen=True, slots=True)
class Proven:
    """A certificate as the table at the end shows it; all of it fits into a line of 80 columns."""

    ca: str
    name: str
    serial: str
    until: str
    verified: str

    @classmethod
    def of(cls, title: str, shown: Mapping[str, Any], said: str | None) -> "Proven":
        """`shown` is the certificate in the API's words, `said` those of openssl."""
        by_openssl = said.rpartition(": ")[2] if said else "not installed"
        return cls(
            title,
            shown["common_name"],
            f"{shown['serial_number'][:6]}…",
            shown["not_after"][:10],
            by_openssl,
        )


@dataclass(frozen=True, slots=True)
class Joining:
    """One CA's part; every step raises DemoError when anything is not as it should be."""

    api: Client
    show: Show
    ca: Ca
    files: Files

    def connect(self) -> dict[str, Any]:
        """A CA backend whose check succeeds."""
        self.show.step(f"{self.ca.title}: connected like the first CA, with its own credentials")
        connector = self.found("/connectors", "demo")
        path = f"/connectors/{connector['id']}/local-ca-backends"
        name = f"{self.ca.name}-simulator"
        local = self.api.find(path, name)
        if local is None:
            local = self.api.post(path, "address, credentials", {"name": name, **self.ca.local})
        else:
            address = f"{path}/{local['id']}"
            self.api.patch(address, "today's address", dict(self.ca.local), local["version"])
        name = f"demo-{self.ca.name}"
        wanted = {"name": name, "local_ca_backend_id": local["id"]}
        backend = self.api.find("/ca-backends", name, name=name) or self.api.post(
            "/ca-backends", f"name {name}", wanted
        )
        path = f"/ca-backends/{backend['id']}/check"
        checked = self.api.post(path, "does it answer?", status=200)
        if checked["status"] != "available":
            raise DemoError(f"The CA backend is {checked['status']}: {checked['status_detail']}")
        return backend

    def order(self, backend: Mapping[str, Any]) -> dict[str, Any]:
        """What an enrollment says besides its CSR: through a profile made for this CA."""
        organization = self.found("/organizations", "Demo Corp")
        name = f"demo-{self.ca.name}-web-servers"
        body: dict[str, Any] = {
            "name": name,
            "ca_backend_id": backend["id"],
            "certificate_type": "ssl",
            "term": {"allowed_days": [self.ca.days], "default_days": self.ca.days},
            "options": dict(self.ca.ordering),
            "organization_ids": [organization["id"]],
        }
        if self.ca.key_types is not None:
            body["key_types"] = list(self.ca.key_types)
        path = "/certificate-profiles"
        profile = self.api.find(path, name, name=name) or self.api.post(path, f"name {name}", body)
        return {
            "organization_id": organization["id"],
            "certificate_profile_id": str(profile["id"]),
            "comment": "issued by the demo",
        }

    def request(self) -> Request:
        """A CSR made just now, with a key that the CA takes."""
        return Request.new(NAME, rsa_key=self.ca.key_types is not None)

    def issue_at_once(self) -> Proven:
        """Connect, enroll and keep, at a CA that issues to whoever has its credentials."""
        order = self.order(self.connect())
        self.show.step("Enroll and wait for the certificate, in one call")
        request = self.request()
        made = self.api.post(
            "/enrollments", "a CSR; Prefer: wait", order | {"csr": request.csr}, wait=True
        )
        return self.keep(made["certificate_id"], request)

    def keep(self, certificate: str, request: Request) -> Proven:
        """Download a certificate, write it with its key and CSR, and have it verified."""
        content, files = f"/certificates/{certificate}/content", self.files
        files.directory.mkdir(parents=True, exist_ok=True)
        files.certificate.write_bytes(self.api.download(content, format="pem"))
        files.chain.write_bytes(self.api.download(content, format="chain"))
        files.root.write_bytes(self.ca.root)
        write_private(files.key, request.key_pem)
        write_private(files.csr, request.csr.encode())
        proof.verify(files.chain.read_bytes(), self.ca.root, NAME, request.key)
        said = proof.verify_with_openssl(files, NAME)
        self.show.proof(f"openssl verify: {said}" if said else "cryptography verifies the chain")
        shown = self.api.look(f"/certificates/{certificate}")
        return Proven.of(self.ca.title, shown, said)

    def found(self, path: str, name: str) -> dict[str, Any]:
        """What an earlier step made."""
        there = self.api.find(path, name, name=name)
        if there is None:
            raise DemoError(f"{path} has no {name} any more.")
        return there

    def until(self, path: str, member: str, value: str) -> dict[str, Any]:
        """Look again and again until `member` has the value."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            content = self.api.look(path)
            if content[member] == value:
                self.api.shown(path, f"{member} {value}")
                return content
            if content.get("reason_code") and content[member] in ("parked", "rejected", "failed"):
                raise DemoError(f"{path} is {content[member]}: {content['reason']}")
            time.sleep(0.2)
        raise DemoError(f"{path} is {content[member]}, not {value}, after {_PATIENCE} seconds.")
