"""The main job of the service, told step by step through the public REST API.

Everything that has a name is looked up by it first, so that a second start goes on with what the
first one made and only orders new certificates.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scm_api.demo import proof
from scm_api.demo.client import Client
from scm_api.demo.csr import Request, bad_csr
from scm_api.demo.files import Files, write_private
from scm_api.demo.joining import Proven
from scm_api.demo.processes import DemoError
from scm_api.demo.sandbox import Sandbox
from scm_api.demo.show import Show

ADMIN = "Demo admin"
NAME = "www.demo.example.com"
_DOMAINS = ("demo.example.com", "*.demo.example.com")
_ISSUING_CA = "SCM Sandbox EC Issuing"
_EXPECTED_FAULTS = {
    "key-not-allowed",
    "name-not-allowed",
    "address-not-allowed",
    "cn-not-in-san",
}


@dataclass(frozen=True, slots=True)
class Story:
    """Who takes part; every step raises DemoError when anything is not as it should be."""

    api: Client
    show: Show
    sandbox: Sandbox
    files: Files

    def tell(self) -> Proven:
        """Do the main job and leave a verified certificate in the files."""
        began = datetime.now(UTC)
        backend = self._connect()
        issuing_ca = self._choose_issuing_ca(backend)
        organization = self._organize()
        profile = self._allow(backend, issuing_ca, organization)
        order = {"organization_id": organization, "certificate_profile_id": profile}
        self._be_refused(order)
        first = self._enroll(order)
        renewed, said = self._renew(first)
        self._revoke(first, renewed)
        self._give_key()
        self._audit(began)
        shown = self.api.look(f"/certificates/{renewed}")
        return Proven.of("AWS Private CA", shown, said)

    def _connect(self) -> str:
        """From the connector to a CA backend whose check succeeds; returns the latter's id."""
        self.show.step("A connector is what reaches CAs; this kind runs inside the service")
        connector = self.api.find("/connectors", "demo", name="demo") or self.api.post(
            "/connectors", "name demo", {"name": "demo", "kind": "embedded"}
        )
        self.show.fact(f"id {connector['id']}")

        self.show.step("A local CA backend: connection and credentials for one CA account")
        local = self._local_ca_backend(f"/connectors/{connector['id']}/local-ca-backends")
        self.show.fact(f"id {local['id']}; its secrets are sealed and never shown again")

        self.show.step("A CA backend is the name by which profiles refer to that CA")
        wanted = {"name": "demo-aws", "local_ca_backend_id": local["id"]}
        backend = self.api.find("/ca-backends", "demo-aws", name="demo-aws") or self.api.post(
            "/ca-backends", "name demo-aws", wanted
        )
        self.show.fact(f"id {backend['id']}")
        path = f"/ca-backends/{backend['id']}/check"
        checked = self.api.post(path, "does it answer?", status=200)
        self.show.fact(f"{checked['status']}, {checked['visible_cas']} CAs in sight")
        if checked["status"] != "available":
            raise DemoError(f"The CA backend is {checked['status']}: {checked['status_detail']}")
        return str(backend["id"])

    def _local_ca_backend(self, path: str) -> dict[str, Any]:
        body = {"options": self.sandbox.options, "secrets": self.sandbox.secrets}
        found = self.api.find(path, "aws-simulator")
        if found is None:
            return self.api.post(path, "address, access key", {"name": "aws-simulator", **body})
        address = f"{path}/{found['id']}"
        return self.api.patch(address, "today's address, access key", body, found["version"])

    def _choose_issuing_ca(self, backend: str) -> str:
        self.show.step("Which CAs are behind it? Read live from AWS, here from its simulator")
        listed = self.api.get(f"/ca-backends/{backend}/issuing-cas", refresh="true")["items"]
        named = [(ca["name"].partition(" (")[0], ca) for ca in listed]  # the id is in brackets
        self.show.table(
            ("name", "key", "status"),
            [(name, ca["key_algorithm"], ca["status"]) for name, ca in named],
        )
        usable = {name: ca["id"] for name, ca in named if ca["usable"]}
        if _ISSUING_CA not in usable:
            raise DemoError(f"{_ISSUING_CA} is not among the CAs that can be used.")
        arn: str = usable[_ISSUING_CA]
        self.show.fact(f"chosen: {_ISSUING_CA}, {arn}")
        return arn

    def _organize(self) -> str:
        """An organization that owns its domains; returns its id."""
        self.show.step("An organization owns domains; nobody else gets certificates for them")
        path, name = "/organizations", "Demo Corp"
        organization = self.api.find(path, name, name=name) or self.api.post(
            path, f"name {name}", {"name": name}
        )
        self.show.fact(f"id {organization['id']}")
        domains = f"/organizations/{organization['id']}/domains"
        for domain in _DOMAINS:
            if self.api.find(domains, domain) is None:
                self.api.post(domains, domain, {"name": domain})
        return str(organization["id"])

    def _allow(self, backend: str, issuing_ca: str, organization: str) -> str:
        """A certificate profile for the organization; returns its id."""
        self.show.step("A certificate profile: what may be issued, through which CA, for whom")
        name = "demo-web-servers"
        body = {
            "name": name,
            "ca_backend_id": backend,
            "certificate_type": "ssl",
            "term": {"allowed_days": [30, 90, 365], "default_days": 90},
            "options": {"backend_type": "aws", "private_ca": issuing_ca},
            "renew_with_same_key": True,
            "organization_ids": [organization],
        }
        path = "/certificate-profiles"
        profile = self.api.find(path, name, name=name) or self.api.post(
            path, "ssl for 30, 90 or 365 days, for Demo Corp", body
        )
        self.show.fact(f"id {profile['id']}")
        return str(profile["id"])

    def _be_refused(self, order: dict[str, str]) -> None:
        self.show.step("A bad request is refused with every fault, before any CA hears of it")
        body = order | {"csr": bad_csr(NAME)}
        answer = self.api.post("/enrollments/validate", "a bad CSR", body, status=200)
        faults = [(fault["type"].rpartition(":")[2], fault["detail"]) for fault in answer["errors"]]
        self.show.table(("fault", "in words"), faults)
        missing = _EXPECTED_FAULTS - {code for code, _ in faults}
        if answer["valid"] or missing:
            raise DemoError(f"Validation did not find: {', '.join(sorted(missing))}.")

    def _enroll(self, order: dict[str, str]) -> str:
        """Enroll and wait for the certificate; returns its id."""
        self.show.step(f"Enroll for {NAME} with a CSR made just now, and wait")
        request = Request.new(NAME)
        body = order | {"csr": request.csr, "comment": "issued by the demo"}
        enrollment = self.api.post("/enrollments", "a CSR; Prefer: wait", body, wait=True)
        certificate = self._issued(enrollment)
        self.show.step("Download certificate and chain, and have others verify them")
        self._keep(certificate, request)
        return certificate

    def _renew(self, certificate: str) -> tuple[str, str | None]:
        """Renew with a new key; returns the new certificate's id, and what openssl says of it."""
        self.show.step("Renew it with a new key; the files change to the new certificate")
        request = Request.new(NAME)
        path = f"/certificates/{certificate}/renew"
        accepted = self.api.post(path, "a new CSR", {"csr": request.csr}, status=202)
        path = f"/enrollments/{accepted['enrollment_id']}"
        renewed = self._issued(self.api.get(path, wait=True))
        return renewed, self._keep(renewed, request)

    def _issued(self, enrollment: dict[str, Any]) -> str:
        """The certificate's id, once the enrollment has one."""
        self.show.fact(f"enrollment {enrollment['id']}: {enrollment['state']}")
        if enrollment["state"] != "issued":
            raise DemoError(f"The enrollment is {enrollment['state']}: {enrollment['reason']}")
        self.show.fact(f"certificate {enrollment['certificate_id']}")
        return str(enrollment["certificate_id"])

    def _keep(self, certificate: str, request: Request) -> str | None:
        """Download one certificate, write it with its key and CSR, and verify it.

        Returns what openssl says of it, if it is here.
        """
        content = f"/certificates/{certificate}/content"
        files = self.files
        files.certificate.write_bytes(self.api.download(content, format="pem"))
        chain = self.api.download(content, format="chain")
        root = self.sandbox.root_of(chain)
        files.chain.write_bytes(chain)
        files.root.write_bytes(root)
        write_private(files.key, request.key_pem)
        write_private(files.csr, request.csr.encode())
        length = proof.verify(chain, root, NAME, request.key)
        self.show.proof(f"cryptography: a path of {length} to the root, good for {NAME}")
        said = proof.verify_with_openssl(files, NAME)
        if said is None:
            self.show.fact("openssl is not installed here, so it was not asked")
        else:
            self.show.proof(f"openssl verify: {said}")
        return said

    def _revoke(self, old: str, new: str) -> None:
        self.show.step("Revoke the old one; that counts as done only when the CA did it")
        path = f"/certificates/{old}/revoke"
        self.api.post(path, "reason superseded", {"reason": "superseded"}, status=202)
        revoked = self.api.until_revoked(f"/certificates/{old}")
        self.show.fact(f"the old one is {revoked['status']}")
        valid = self.api.get(f"/certificates/{new}")
        self.show.fact(f"the new one is {valid['status']} until {valid['not_after']}")
        if (revoked["status"], valid["status"]) != ("revoked", "valid"):
            raise DemoError("The old one should be revoked and the new one valid.")

    def _give_key(self) -> None:
        self.show.step("An API key of its own for a deploy pipeline, to be revoked alone")
        admin = self.api.find("/admins", ADMIN)
        if admin is None:
            raise DemoError(f"The admin {ADMIN} is gone, though its API key works.")
        name = "deploy pipeline"
        key = self.api.find("/api-keys", name, admin_id=admin["id"])
        if key is None or key["revoked_at"] is not None:
            body = {"admin_id": admin["id"], "name": name}
            key = self.api.post("/api-keys", f"name {name}", body)
        self.show.fact(f"it begins with {key['prefix']}; only its first answer shows all of it")

    def _audit(self, began: datetime) -> None:
        self.show.step("The audit trail: one event for every change; these are of this start")
        events = self.api.get("/audit-events", since=began.isoformat(), limit=100)["items"]
        rows = [
            (
                event["number"],
                event["action"],
                f"…{event['subject_id'][-6:]}",
                event["principal_name"] or "the service",
            )
            for event in reversed(events)
        ]
        self.show.table(("no.", "what happened", "to id", "by"), rows)
        if [event["action"] for event in events].count("enrollment.issued") != 2:
            raise DemoError("The audit trail does not show both issuances.")
