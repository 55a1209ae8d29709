"""What is different at CAs that validate: an organization is assigned, a domain is proven, and a
certificate lives its whole life."""

import time
from dataclasses import dataclass
from typing import Any, Final

from scm_api.demo import proof
from scm_api.demo.client import Client
from scm_api.demo.csr import Request
from scm_api.demo.files import Files, write_private
from scm_api.demo.processes import DemoError
from scm_api.demo.show import Show
from scm_api.demo.validating import ValidatingCa

_NAME: Final = "shop.demo.example.com"
_PATIENCE: Final = 150  # seconds; a pending order is looked at again after a minute


@dataclass(frozen=True, slots=True)
class ValidatedStory:
    """One CA's story; every step raises DemoError when anything is not as it should be."""

    api: Client
    show: Show
    ca: ValidatingCa
    files: Files

    def tell(self) -> None:
        """Assign, enroll, prove the domain, renew, replace, revoke."""
        self.ca.prove(False)
        self.show.step(f"{self.ca.title}: connected like the first CA, with its own credentials")
        backend = self._connect()
        organization = self._found("/organizations", "Demo Corp")
        self._assign(backend, organization)
        order = {
            "organization_id": organization["id"],
            "certificate_profile_id": self._allow(backend, organization),
        }
        first = self._enroll(order)
        self.show.step("Renew it, then replace the renewed one: the CA revokes what was replaced")
        second = self._follow(first, "renew", {})
        third = self._follow(second, "replace", {"reason": "superseded"})
        self._until(f"/certificates/{second}", "status", "revoked")
        self.api.post(
            f"/certificates/{first}/revoke", "no longer used", {"reason": "superseded"}, status=202
        )
        self._until(f"/certificates/{first}", "status", "revoked")
        made = (first, second, third)
        states = [self.api.get(f"/certificates/{each}")["status"] for each in made]
        self.show.fact(f"the three certificates are {', '.join(states)}")
        if states != ["revoked", "revoked", "valid"]:
            raise DemoError("The last certificate alone should be valid.")

    def _connect(self) -> dict[str, Any]:
        connector = self._found("/connectors", "demo")
        path = f"/connectors/{connector['id']}/local-ca-backends"
        name = f"{self.ca.name}-simulator"
        local = self.api.find(path, name)
        if local is None:
            local = self.api.post(path, "address, credentials", {"name": name, **self.ca.local})
        else:
            address = f"{path}/{local['id']}"
            self.api.patch(address, "today's address", self.ca.local, local["version"])
        wanted = {"name": f"demo-{self.ca.name}", "local_ca_backend_id": local["id"]}
        name = wanted["name"]
        backend = self.api.find("/ca-backends", name, name=name) or self.api.post(
            "/ca-backends", f"name {name}", wanted
        )
        path = f"/ca-backends/{backend['id']}/check"
        checked = self.api.post(path, "does it answer?", status=200)
        if checked["status"] != "available":
            raise DemoError(f"The CA backend is {checked['status']}: {checked['status_detail']}")
        return backend

    def _assign(self, backend: dict[str, Any], organization: dict[str, Any]) -> None:
        self.show.step("It issues for organizations that it validated: assign one of them to ours")
        path = f"/ca-backends/{backend['id']}/external-organizations"
        listed = self.api.get(path, refresh="true")["items"]
        self.show.table(
            ("id", "name", "validations"),
            [
                (
                    each["id"],
                    each["name"],
                    ", ".join(f"{one['type']} {one['status']}" for one in each["validations"]),
                )
                for each in listed
            ],
        )
        chosen = next(each for each in listed if each["usable"])
        path = f"/organizations/{organization['id']}/external-assignments"
        there = self.api.get(path)["items"]
        if backend["id"] not in [each["ca_backend_id"] for each in there]:
            body = {"ca_backend_id": backend["id"], "external_organization_id": chosen["id"]}
            self.api.post(path, chosen["name"], body)
        self.show.fact(f"assigned: {chosen['name']}")

    def _allow(self, backend: dict[str, Any], organization: dict[str, Any]) -> str:
        name = f"demo-{self.ca.name}-web-servers"
        body = {
            "name": name,
            "ca_backend_id": backend["id"],
            "certificate_type": "ssl",
            "term": {"allowed_days": [90], "default_days": 90},
            "options": self.ca.ordering,
            "organization_ids": [organization["id"]],
        }
        path = "/certificate-profiles"
        profile = self.api.find(path, name, name=name) or self.api.post(path, f"name {name}", body)
        return str(profile["id"])

    def _enroll(self, order: dict[str, str]) -> str:
        self.show.step("Enroll: nobody has proven control over the domain yet, so it waits")
        request = Request.new(_NAME)
        body = order | {"csr": request.csr, "comment": "issued by the demo"}
        made = self.api.post("/enrollments", "a CSR", body, status=202)
        path = f"/enrollments/{made['id']}"
        waiting = self._until(path, "state", "pending_ca")
        for _ in range(60):
            if "example.com" in (waiting["waits_for"] or ""):
                break
            time.sleep(0.5)
            waiting = self.api.look(path)
        self.show.fact(f"waits for: {waiting['waits_for']}")
        self.show.fact(f"order {waiting['ca_ref']}; looked at next at {waiting['next_step_at']}")
        self.show.step("The owner of the domain does that; the certificate comes by itself")
        self.ca.prove(True)
        issued = self._until(path, "state", "issued")
        self._keep(issued["certificate_id"], request)
        return str(issued["certificate_id"])

    def _follow(self, certificate: str, verb: str, body: dict[str, Any]) -> str:
        request = Request.new(_NAME)
        path = f"/certificates/{certificate}/{verb}"
        accepted = self.api.post(path, "a new CSR", body | {"csr": request.csr}, status=202)
        issued = self._until(f"/enrollments/{accepted['enrollment_id']}", "state", "issued")
        self._keep(issued["certificate_id"], request)
        return str(issued["certificate_id"])

    def _keep(self, certificate: str, request: Request) -> None:
        content, files = f"/certificates/{certificate}/content", self.files
        files.directory.mkdir(parents=True, exist_ok=True)
        files.certificate.write_bytes(self.api.download(content, format="pem"))
        files.chain.write_bytes(self.api.download(content, format="chain"))
        files.root.write_bytes(self.ca.root)
        write_private(files.key, request.key_pem)
        write_private(files.csr, request.csr.encode())
        proof.verify(files.chain.read_bytes(), self.ca.root, _NAME, request.key)
        said = proof.verify_with_openssl(files, _NAME)
        self.show.proof(f"openssl verify: {said}" if said else "cryptography verifies the chain")

    def _found(self, path: str, name: str) -> dict[str, Any]:
        found = self.api.find(path, name, name=name)
        if found is None:
            raise DemoError(f"{path} has no {name} any more.")
        return found

    def _until(self, path: str, member: str, value: str) -> dict[str, Any]:
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
