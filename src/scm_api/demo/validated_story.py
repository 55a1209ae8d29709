"""What is different at CAs that validate: an organization is assigned, a domain is proven, and a
certificate lives its whole life."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scm_api.demo.csr import Request
from scm_api.demo.joining import NAME, Joining, Proven
from scm_api.demo.processes import DemoError


@dataclass(frozen=True, slots=True)
class ValidatedStory:
    """One CA's story; every step raises DemoError when anything is not as it should be."""

    joining: Joining
    prove: Callable[[bool], None]

    def tell(self) -> Proven:
        """Assign, enroll, prove the domain, renew, replace, revoke."""
        joining, api, show = self.joining, self.joining.api, self.joining.show
        self.prove(False)
        backend = joining.connect()
        self._assign(backend, joining.found("/organizations", "Demo Corp"))
        first = self._enroll(joining.order(backend))
        show.step("Renew it, then replace the renewed one: the CA revokes what was replaced")
        second, _ = self._follow(first, "renew", {})
        third, proven = self._follow(second, "replace", {"reason": "superseded"})
        joining.until(f"/certificates/{second}", "status", "revoked")
        api.post(
            f"/certificates/{first}/revoke", "no longer used", {"reason": "superseded"}, status=202
        )
        joining.until(f"/certificates/{first}", "status", "revoked")
        made = (first, second, third)
        states = [api.get(f"/certificates/{each}")["status"] for each in made]
        show.fact(f"the three certificates are {', '.join(states)}")
        if states != ["revoked", "revoked", "valid"]:
            raise DemoError("The last certificate alone should be valid.")
        return proven

    def _assign(self, backend: dict[str, Any], organization: dict[str, Any]) -> None:
        api, show = self.joining.api, self.joining.show
        show.step("It issues for organizations that it validated: assign one of them to ours")
        path = f"/ca-backends/{backend['id']}/external-organizations"
        listed = api.get(path, refresh="true")["items"]
        show.table(
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
        there = api.get(path)["items"]
        if backend["id"] not in [each["ca_backend_id"] for each in there]:
            body = {"ca_backend_id": backend["id"], "external_organization_id": chosen["id"]}
            api.post(path, chosen["name"], body)
        show.fact(f"assigned: {chosen['name']}")

    def _enroll(self, order: dict[str, Any]) -> str:
        joining, show = self.joining, self.joining.show
        show.step("Enroll: nobody has proven control over the domain yet, so it waits")
        request = Request.new(NAME)
        made = joining.api.post("/enrollments", "a CSR", order | {"csr": request.csr}, status=202)
        path = f"/enrollments/{made['id']}"
        waiting = joining.until(path, "state", "pending_ca")
        for _ in range(60):
            if "example.com" in (waiting["waits_for"] or ""):
                break
            time.sleep(0.5)
            waiting = joining.api.look(path)
        show.fact(f"waits for: {waiting['waits_for']}")
        show.fact(f"order {waiting['ca_ref']}; looked at next at {waiting['next_step_at']}")
        show.step("The owner of the domain does that; the certificate comes by itself")
        self.prove(True)
        issued = joining.until(path, "state", "issued")
        joining.keep(issued["certificate_id"], request)
        return str(issued["certificate_id"])

    def _follow(self, certificate: str, verb: str, body: dict[str, Any]) -> tuple[str, Proven]:
        joining, request = self.joining, Request.new(NAME)
        path = f"/certificates/{certificate}/{verb}"
        accepted = joining.api.post(path, "a new CSR", body | {"csr": request.csr}, status=202)
        issued = joining.until(f"/enrollments/{accepted['enrollment_id']}", "state", "issued")
        proven = joining.keep(issued["certificate_id"], request)
        return str(issued["certificate_id"]), proven
