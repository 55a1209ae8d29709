"""Every call CertCentral answers here: method, path, name, and what it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from scm_api.sandbox.digicert import catalogue, changes, orders, shapes
from scm_api.sandbox.digicert.catalogue import Key
from scm_api.sandbox.digicert.errors import ApiError, not_found
from scm_api.sandbox.digicert.simulator import Simulator
from scm_api.sandbox.documents import Document

MOST: Final = 1000
_LONGEST_WINDOW: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Call:
    """One call by somebody whose key was accepted."""

    simulator: Simulator
    caller: Key
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]

    def mine(self, kind: str) -> list[Document]:
        """Documents of the caller's account."""
        found = self.simulator.documents.of(kind)
        return [each for each in found if each["account_id"] == self.caller.account_id]

    def page(self, name: str, items: list[Any]) -> dict[str, Any]:
        """A list with `page`, by `limit` and `offset` in items."""
        limit = min(int(self.query.get("limit", MOST)), MOST)
        offset = int(self.query.get("offset", 0))
        page = {"total": len(items), "limit": limit, "offset": offset}
        return {name: items[offset : offset + limit], "page": page}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON, or a file of a media type."""

    status: int = 200
    content: Any = None
    media_type: str = "application/json"


def whoami(call: Call) -> Answer:
    role = {"id": call.caller.role, "name": catalogue.ROLE_NAMES[call.caller.role]}
    content = {
        "id": call.caller.user_id,
        "username": f"user{call.caller.user_id}",
        "account": {"id": call.caller.account_id},
        "status": "active",
        "access_roles": [role],
        "container": {"id": catalogue.CONTAINER_ID},
    }
    return Answer(content=content)


def list_organizations(call: Call) -> Answer:
    with_validation = call.query.get("include_validation") == "true"
    status = call.query.get("filters[status]")
    found = [
        shapes.organization(each, with_validation=with_validation)
        for each in call.mine("organization")
        if status is None or each["status"] == status
    ]
    return Answer(content=call.page("organizations", found))


def get_organization(call: Call) -> Answer:
    for each in call.mine("organization"):
        if str(each["id"]) == call.path["id"]:
            return Answer(content=shapes.organization(each, with_validation=False))
    raise not_found("organization")


def get_validation(call: Call) -> Answer:
    for each in call.mine("organization"):
        if str(each["id"]) == call.path["id"]:
            return Answer(content={"validations": each["validations"]})
    raise not_found("organization")


def list_domains(call: Call) -> Answer:
    mine = {each["id"] for each in call.mine("organization")}
    found = [
        shapes.domain(call.simulator, each)
        for each in call.simulator.documents.of("domain")
        if each["organization_id"] in mine
    ]
    return Answer(content=call.page("domains", found))


def list_products(_: Call) -> Answer:
    return Answer(content={"products": catalogue.products()})


def get_product(call: Call) -> Answer:
    extra = {
        "duplicates_allowed": True,
        "additional_dns_names_allowed": True,
        "custom_expiration_date_allowed": True,
        "server_platforms": [{"id": 2, "name": "Apache"}, {"id": 45, "name": "nginx"}],
    }
    return Answer(content=orders.product_of(call.path["name_id"]) | extra)


def place_order(call: Call) -> Answer:
    order = orders.place(call.simulator, call.caller, call.path["name_id"], call.body)
    return Answer(201, shapes.created(call.simulator, order))


def get_order(call: Call) -> Answer:
    order = orders.order_of(call.simulator, call.caller, call.path["id"])
    return Answer(content=shapes.order_info(call.simulator, order))


def list_orders(call: Call) -> Answer:
    wanted = {
        name: call.query[f"filters[{name}]"]
        for name in ("status", "common_name", "organization_id")
        if f"filters[{name}]" in call.query
    }
    found = [
        shapes.listed_order(each, orders.product_of(each["product"]))
        for each in (orders.advance(call.simulator, each) for each in call.mine("order"))
        if all(str(each[name]) == value for name, value in wanted.items())
    ]
    return Answer(content=call.page("orders", list(reversed(found))))


def status_changes(call: Call) -> Answer:
    """The cheap way to follow many orders; an empty result is an empty object."""
    seconds = int(call.query.get("seconds", 0)) + 60 * int(call.query.get("minutes", 0))
    window = timedelta(seconds=seconds)
    if not window or window > _LONGEST_WINDOW:
        raise ApiError(400, "time_frame_too_long", "The time frame is not from 1 s to 7 days.")
    since = call.simulator.now() - window
    found = [
        shapes.status_line(each)
        for each in (orders.advance(call.simulator, each) for each in call.mine("order"))
        if datetime.fromtimestamp(each["changed_at"], UTC) >= since
    ]
    return Answer(content={"orders": found} if found else {})


def by_alternative_id(call: Call) -> Answer:
    """Not unique: every order with that id, as far as they are found yet."""
    visible = call.simulator.now().timestamp() - call.simulator.behaviour.lookup_delay_seconds
    found = [
        shapes.status_line(orders.advance(call.simulator, each))
        for each in call.mine("order")
        if each["alternative_order_id"] == call.path["id"] and each["placed_at"] <= visible
    ]
    return Answer(content=call.page("orders", found))


def cancel_order(call: Call) -> Answer:
    changes.cancel(call.simulator, call.caller, call.path["id"], call.body)
    return Answer(204)


def check_dcv(call: Call) -> Answer:
    return Answer(content=changes.check_dcv(call.simulator, call.caller, call.path["id"]))


def reissue(call: Call) -> Answer:
    order, request, certificate = changes.reissue(
        call.simulator, call.caller, call.path["id"], call.body
    )
    requests = [{"id": request["id"], "status": request["status"]}]
    content: dict[str, Any] = {"id": order["id"], "requests": requests}
    if certificate is not None:
        content |= {
            "certificate_id": certificate["id"],
            "certificate_chain": shapes.chain(certificate),
        }
    return Answer(201, content)


def list_reissues(call: Call) -> Answer:
    order = orders.order_of(call.simulator, call.caller, call.path["id"])
    found = changes.certificates_of(call.simulator, order)
    return Answer(content={"certificates": [shapes.listed_certificate(each) for each in found]})


def revoke_certificate(call: Call) -> Answer:
    certificate = changes.certificate_of(call.simulator, call.caller, call.path["id"])
    return _revoked(changes.revoke(call.simulator, call.caller, [certificate], call.body))


def revoke_order(call: Call) -> Answer:
    return _revoked(changes.revoke_order(call.simulator, call.caller, call.path["id"], call.body))


def list_requests(call: Call) -> Answer:
    status = call.query.get("status")
    found = [
        shapes.request(each)
        for each in call.mine("request")
        if status is None or each["status"] == status
    ]
    return Answer(content=call.page("requests", found))


def get_request(call: Call) -> Answer:
    for each in call.mine("request"):
        if str(each["id"]) == call.path["id"]:
            return Answer(content=shapes.request(each))
    raise not_found("request")


def decide_request(call: Call) -> Answer:
    changes.decide(call.simulator, call.caller, call.path["id"], call.body)
    return Answer(204)


def download(call: Call) -> Answer:
    certificate = changes.certificate_of(call.simulator, call.caller, call.path["id"])
    return _file(certificate, call.path["format"])


def download_of_order(call: Call) -> Answer:
    order = orders.order_of(call.simulator, call.caller, call.path["id"])
    issued = changes.certificates_of(call.simulator, order)
    if not issued:
        raise not_found("certificate")
    return _file(issued[-1], call.path.get("format", "pem_all"))


def get_chain(call: Call) -> Answer:
    """Called intermediates, but the first is the leaf."""
    certificate = changes.certificate_of(call.simulator, call.caller, call.path["id"])
    return Answer(content={"intermediates": shapes.chain(certificate)})


def _revoked(request: Document | None) -> Answer:
    return Answer(204) if request is None else Answer(201, shapes.request(request))


def _file(certificate: Document, form: str) -> Answer:
    leaf = certificate["pem"]
    issuing, root = certificate["chain"]
    forms = {
        "pem_all": [leaf, issuing, root],
        "pem_noroot": [leaf, issuing],
        "pem_nointermediate": [leaf, root],
        "pem": [leaf],
        "crt": [leaf],
    }
    if form in forms:
        return Answer(200, "".join(forms[form]), "application/x-pem-file")
    if form in ("p7b", "cer"):
        loaded = [x509.load_pem_x509_certificate(each.encode()) for each in (root, issuing, leaf)]
        armoured = pkcs7.serialize_certificates(loaded, Encoding.PEM).decode()
        return Answer(200, armoured, "application/x-pkcs7-certificates")
    raise not_found("route")


OPERATIONS: Final[tuple[tuple[str, str, Callable[[Call], Answer]], ...]] = (
    ("GET", "/user/me", whoami),
    ("GET", "/organization", list_organizations),
    ("GET", "/organization/{id}", get_organization),
    ("GET", "/organization/{id}/validation", get_validation),
    ("GET", "/domain", list_domains),
    ("GET", "/product", list_products),
    ("GET", "/product/{name_id}", get_product),
    ("GET", "/order/certificate", list_orders),
    ("GET", "/order/certificate/status-changes", status_changes),
    ("GET", "/order/alternate/{id}", by_alternative_id),
    ("GET", "/order/certificate/{id}", get_order),
    ("POST", "/order/certificate/{name_id}", place_order),
    ("PUT", "/order/certificate/{id}/status", cancel_order),
    ("PUT", "/order/certificate/{id}/check-dcv", check_dcv),
    ("POST", "/order/certificate/{id}/reissue", reissue),
    ("GET", "/order/certificate/{id}/reissue", list_reissues),
    ("PUT", "/order/certificate/{id}/revoke", revoke_order),
    ("GET", "/request", list_requests),
    ("GET", "/request/{id}", get_request),
    ("PUT", "/request/{id}/status", decide_request),
    ("GET", "/certificate/download/order/{id}", download_of_order),
    ("GET", "/certificate/download/order/{id}/format/{format}", download_of_order),
    ("GET", "/certificate/{id}/download/format/{format}", download),
    ("GET", "/certificate/{id}/chain", get_chain),
    ("PUT", "/certificate/{id}/revoke", revoke_certificate),
)
NOT_FOR_ORDERS_KEYS: Final = frozenset(
    {"list_organizations", "get_organization", "get_validation", "list_domains"}
)
