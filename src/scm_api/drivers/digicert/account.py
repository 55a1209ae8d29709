"""What an account of CertCentral has, from its payloads."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scm_api.drivers.base import ExternalOrganization, ExternalValidation, Product
from scm_api.drivers.digicert.wire import Unreadable, number, text


def read_organizations(content: Any) -> tuple[list[ExternalOrganization], int]:
    """One page of organizations, and how many there are in all. Raises Unreadable."""
    if not isinstance(content, dict):
        raise Unreadable
    found = [_organization(each) for each in content.get("organizations") or ()]
    page = content.get("page") or {}
    return found, int(page.get("total", len(found)))


def read_products(content: Any) -> list[Product]:
    """Every product, with its terms, hashes and intermediates. Raises Unreadable."""
    if not isinstance(content, dict):
        raise Unreadable
    return [_product(each) for each in content.get("products") or ()]


def read_roles(content: Any) -> tuple[str, ...]:
    """The access roles of whoever the key belongs to. Raises Unreadable."""
    if not isinstance(content, dict) or "id" not in content:
        raise Unreadable
    return tuple(str(each.get("name", "")) for each in content.get("access_roles") or ())


def _product(content: Any) -> Product:
    hashes = content.get("signature_hash_types") or {}
    return Product(
        id=text(content, "name_id"),
        name=text(content, "name"),
        validation_type=str(content.get("validation_type", "")),
        terms_years=tuple(content.get("allowed_order_validity_years") or ()),
        signature_hashes=tuple(text(each, "id") for each in hashes.get("allowed_hash_types") or ()),
        facts={
            "type": content.get("type"),
            "group": content.get("group_name"),
            "ca_certs": [
                {"id": each.get("id"), "name": each.get("name")}
                for each in content.get("allowed_ca_certs") or ()
            ],
        },
    )


def _organization(content: Any) -> ExternalOrganization:
    validations = tuple(
        ExternalValidation(text(each, "type"), text(each, "status"), _instant(each))
        for each in content.get("validations") or ()
    )
    parts = (content.get(name) for name in ("address", "zip", "city", "state", "country"))
    is_active = bool(content.get("is_active", content.get("status") != "inactive"))
    return ExternalOrganization(
        id=number(content, "id"),
        name=text(content, "name"),
        address=", ".join(str(part) for part in parts if part),
        status="active" if is_active else "inactive",
        usable=is_active and any(each.status == "active" for each in validations),
        validations=validations,
    )


def _instant(content: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(content["validated_until"])
    except (KeyError, TypeError, ValueError):
        return None
