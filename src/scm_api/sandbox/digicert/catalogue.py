"""The accounts a simulator starts with: keys, divisions, organizations, domains, products."""

from dataclasses import dataclass
from typing import Any, Final, Literal

Restriction = Literal[0, 100, 101, 102]
ADMINISTRATOR: Final = 1
MANAGER: Final = 4
STANDARD_USER: Final = 5
ROLE_NAMES: Final = {1: "Administrator", 4: "Manager", 5: "Standard User"}
CONTAINER_ID: Final = 55

ADMIN_KEY: Final = "SANDBOXADMINKEYSANDBOXADMINKEYSANDBOXADMINKEY"
STANDARD_KEY: Final = "SANDBOXSTANDARDKEYSANDBOXSTANDARDKEY"
ORDERS_KEY: Final = "SANDBOXORDERSKEYSANDBOXORDERSKEY"
VIEW_KEY: Final = "SANDBOXVIEWKEYSANDBOXVIEWKEY"
OTHER_KEY: Final = "SANDBOXOTHERACCOUNTKEYSANDBOXOTHER"

VALIDATED_ORGANIZATION: Final = 700123
PENDING_ORGANIZATION: Final = 700124
EXPIRED_ORGANIZATION: Final = 700125
INACTIVE_ORGANIZATION: Final = 700126
OTHER_ORGANIZATION: Final = 800001


@dataclass(frozen=True, slots=True)
class Key:
    """One API key: whose it is, with which access role and restriction."""

    text: str
    account_id: int
    user_id: int
    role: int
    restriction: Restriction = 0


KEYS: Final = (
    Key(ADMIN_KEY, 1001, 9001, ADMINISTRATOR),
    Key(STANDARD_KEY, 1001, 9002, STANDARD_USER),
    Key(ORDERS_KEY, 1001, 9003, MANAGER, 100),
    Key(VIEW_KEY, 1001, 9004, ADMINISTRATOR, 102),
    Key(OTHER_KEY, 2002, 9101, ADMINISTRATOR),
)


def organizations() -> list[dict[str, Any]]:
    """What `GET /organization` shows, and the account each belongs to."""
    return [
        _organization(1001, VALIDATED_ORGANIZATION, "Umbra Works Ltd", ov="active", ev="active"),
        _organization(1001, PENDING_ORGANIZATION, "Penumbra GmbH", ov="pending"),
        _organization(1001, EXPIRED_ORGANIZATION, "Antumbra SA", ov="expired"),
        _organization(1001, INACTIVE_ORGANIZATION, "Old Shade Inc", active=False, ov="active"),
        _organization(2002, OTHER_ORGANIZATION, "Somebody Else plc", ov="active"),
    ]


def domains() -> list[dict[str, Any]]:
    """What `GET /domain` shows; `waits` are those whose control was not shown yet."""
    return [
        _domain(81001, VALIDATED_ORGANIZATION, "umbra.example"),
        _domain(81002, VALIDATED_ORGANIZATION, "example.com"),
        _domain(81003, VALIDATED_ORGANIZATION, "new.example", active=False),
        _domain(81004, PENDING_ORGANIZATION, "penumbra.example"),
        _domain(81101, OTHER_ORGANIZATION, "else.example"),
    ]


def products() -> list[dict[str, Any]]:
    """What `GET /product` shows to an account of flex products."""
    return [
        _product("ssl_basic", "Basic OV", "ssl_certificate", "ov"),
        _product("ssl_securesite_flex", "Secure Site OV", "securesite_ssl_certificate", "ov"),
        _product("ssl_ev_basic", "Basic EV", "ssl_certificate", "ev"),
        _product("ssl_dv_geotrust_flex", "GeoTrust DV SSL", "dv_ssl_certificate", "dv"),
        _product("private_ssl_flex", "Private SSL", "private_ssl_certificate", "private"),
        _product("code_signing", "Code Signing", "code_signing_certificate", "cs"),
    ]


def _organization(
    account_id: int, number: int, name: str, *, active: bool = True, **validations: str
) -> dict[str, Any]:
    until = {"active": "2099-03-05T09:00:00+00:00", "expired": "2025-03-05T09:00:00+00:00"}
    shown = []
    for kind, status in validations.items():
        description = {
            "ov": "Normal Organization Validation",
            "ev": "Extended Organization Validation (EV)",
        }[kind]
        entry = {"type": kind, "name": kind.upper(), "description": description, "status": status}
        if status in until:
            entry |= {
                "date_created": "2024-02-01T09:00:00+00:00",
                "validated_until": until[status],
            }
        shown.append(entry)
    return {
        "account_id": account_id,
        "id": number,
        "status": "active" if active else "inactive",
        "name": name,
        "display_name": name,
        "is_active": active,
        "address": "1 Test Quay",
        "zip": "D02 XY12",
        "city": "Dublin",
        "state": "Dublin",
        "country": "ie",
        "telephone": "+353 1 555 0100",
        "container": {"id": CONTAINER_ID, "parent_id": 0, "name": "Main", "is_active": True},
        "validations": shown,
    }


def _domain(number: int, organization_id: int, name: str, *, active: bool = True) -> dict[str, Any]:
    return {
        "id": number,
        "organization_id": organization_id,
        "name": name,
        "status": "complete" if active else "pending",
        "date_created": "2026-01-10T10:00:00+00:00",
    }


def _product(name_id: str, name: str, group: str, validation: str) -> dict[str, Any]:
    hashes = [{"id": each, "name": each.upper().replace("SHA", "SHA-")} for each in HASHES]
    public = validation != "private"
    kind = "code_signing_certificate" if validation == "cs" else "ssl_certificate"
    return {
        "group_name": group,
        "name_id": name_id,
        "name": name,
        "type": kind,
        "validation_type": "ov" if validation == "private" else validation,
        "allowed_container_ids": [CONTAINER_ID],
        "allowed_validity_years": [1] if public else [1, 2, 3],
        "allowed_order_validity_years": [1] if public else [1, 2, 3],
        "signature_hash_types": {
            "allowed_hash_types": hashes,
            "default_hash_type_id": "sha256",
        },
        "allowed_ca_certs": [],
        "csr_required": True,
        "replacement_product_name_id": "",
    }


HASHES: Final = ("sha256", "sha384")
