"""The operations of ECS, each a function of one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scm_api.sandbox.documents import Document
from scm_api.sandbox.entrust import changes, shapes
from scm_api.sandbox.entrust.catalogue import User
from scm_api.sandbox.entrust.certificates import certificate_of, issued_body, settle
from scm_api.sandbox.entrust.errors import not_found
from scm_api.sandbox.entrust.simulator import Simulator


@dataclass(frozen=True, slots=True)
class Call:
    """One call by an API user; `body` is empty where there is none."""

    simulator: Simulator
    user: User
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON content."""

    content: Any
    status: int = 200


def get_version(_: Call) -> Answer:
    """What every client asks first."""
    return Answer({"version": "13.4.0"})


def list_organizations(call: Call) -> Answer:
    entries = [shapes.organization(each) for each in _own(call, "organization")]
    return Answer(shapes.listed(call.simulator, "organizations", entries, call.query))


def list_clients(call: Call) -> Answer:
    entries = [shapes.client(each) for each in _own(call, "client")]
    return Answer(shapes.listed(call.simulator, "clients", entries, call.query))


def list_domains(call: Call) -> Answer:
    entries = [shapes.domain(call.simulator, each) for each in _own(call, "domain")]
    return Answer(shapes.listed(call.simulator, "domains", entries, call.query))


def list_client_domains(call: Call) -> Answer:
    found = changes.domains_of(call.simulator, call.user, call.path["client"])
    entries = [shapes.domain(call.simulator, each) for each in found]
    return Answer(shapes.listed(call.simulator, "domains", entries, call.query))


def get_domain(call: Call) -> Answer:
    found = changes.domain_of(call.simulator, call.user, call.path["client"], call.path["domain"])
    return Answer(shapes.domain(call.simulator, found))


def add_domain(call: Call) -> Answer:
    made = changes.add_domain(call.simulator, call.user, call.path["client"], call.body)
    return Answer(shapes.domain(call.simulator, made))


def reverify_domain(call: Call) -> Answer:
    client, name = call.path["client"], call.path["domain"]
    begun = changes.reverify_domain(call.simulator, call.user, client, name, call.body)
    return Answer(shapes.domain(call.simulator, begun))


def list_inventories(call: Call) -> Answer:
    entries = [shapes.inventory(each) for each in _own(call, "inventory")]
    return Answer(shapes.listed(call.simulator, "inventories", entries, call.query))


def list_certificates(call: Call) -> Answer:
    """What is APPROVED or DECLINED is not in it, nor what is very new."""
    simulator = call.simulator
    newest = simulator.now().timestamp() - simulator.behaviour.lookup_delay_seconds
    entries = [
        shapes.certificate_line(document)
        for each in _own(call, "certificate")
        if (document := settle(simulator, each))["status"] not in ("APPROVED", "DECLINED")
        and document["placed_at"] <= newest
    ]
    found = shapes.listed(simulator, "certificates", entries, call.query)
    if not found["certificates"] and simulator.behaviour.empty_list_is_404:
        raise not_found("certificate")
    return Answer(found)


def get_certificate(call: Call) -> Answer:
    found = certificate_of(call.simulator, call.user, call.path["id"])
    return Answer(shapes.certificate(found))


def enroll(call: Call) -> Answer:
    made = changes.enroll(call.simulator, call.user, call.body)
    return Answer({}) if made is None else _made(made)


def renew(call: Call) -> Answer:
    return _made(changes.renew(call.simulator, call.user, call.path["id"], call.body))


def reissue(call: Call) -> Answer:
    return _made(changes.reissue(call.simulator, call.user, call.path["id"], call.body))


def operate(call: Call) -> Answer:
    """Approve, decline, suspend, unsuspend."""
    changed = changes.operate(call.simulator, call.user, call.path["id"], call.body)
    content = issued_body(changed) if changed["serial_number"] else {"trackingId": changed["id"]}
    return Answer(content)


def revoke(call: Call) -> Answer:
    changes.revoke(call.simulator, call.user, call.path["id"], call.body)
    return Answer({})


def deactivate(call: Call) -> Answer:
    changes.deactivate(call.simulator, call.user, call.path["id"])
    return Answer({})


def _made(certificate: Document) -> Answer:
    """201 with the certificate, 202 with the tracking id alone."""
    if certificate["serial_number"]:
        return Answer(issued_body(certificate), 201)
    return Answer({"trackingId": certificate["id"]}, 202)


def _own(call: Call, kind: str) -> list[Document]:
    account = call.user.account_id
    return [each for each in call.simulator.documents.of(kind) if each["account_id"] == account]


OPERATIONS: Final[tuple[tuple[str, str, Callable[[Call], Answer]], ...]] = (
    ("GET", "/application/version", get_version),
    ("GET", "/organizations", list_organizations),
    ("GET", "/clients", list_clients),
    ("GET", "/domains", list_domains),
    ("GET", "/clients/{client}/domains", list_client_domains),
    ("POST", "/clients/{client}/domains", add_domain),
    ("GET", "/clients/{client}/domains/{domain}", get_domain),
    ("PUT", "/clients/{client}/domains/{domain}", reverify_domain),
    ("GET", "/inventories", list_inventories),
    ("GET", "/certificates", list_certificates),
    ("POST", "/certificates", enroll),
    ("GET", "/certificates/{id}", get_certificate),
    ("PATCH", "/certificates/{id}", operate),
    ("POST", "/certificates/{id}/renewals", renew),
    ("POST", "/certificates/{id}/reissues", reissue),
    ("POST", "/certificates/{id}/revocations", revoke),
    ("POST", "/certificates/{id}/deactivations", deactivate),
)
