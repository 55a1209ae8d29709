"""The accounts a simulator starts with: API users, clients, organizations, domains, inventory."""

from dataclasses import dataclass
from typing import Any, Final

ACCOUNT: Final = 1
OTHER_ACCOUNT: Final = 2


@dataclass(frozen=True, slots=True)
class User:
    """An API user; with `needs_certificate` each connection must bring its client certificate.

    `is_queued`: what it asks for waits for an administrator of the account.
    """

    name: str
    api_key: str
    account_id: int
    needs_certificate: bool = False
    is_queued: bool = False


API_USER: Final = User("api-user", "SANDBOXENTRUSTAPIKEY0001", ACCOUNT)
CERTIFICATE_USER: Final = User(
    "cert-user", "SANDBOXENTRUSTAPIKEY0002", ACCOUNT, needs_certificate=True
)
QUEUED_USER: Final = User("queued-user", "SANDBOXENTRUSTAPIKEY0003", ACCOUNT, is_queued=True)
OTHER_USER: Final = User("other-user", "SANDBOXENTRUSTAPIKEY0004", OTHER_ACCOUNT)
USERS: Final = (API_USER, CERTIFICATE_USER, QUEUED_USER, OTHER_USER)

VALIDATED_ORGANIZATION: Final = "Umbra Works Ltd"
PENDING_ORGANIZATION: Final = "Umbra Labs GmbH"
EXPIRED_ORGANIZATION: Final = "Antumbra SA"
SECOND_ORGANIZATION: Final = "Umbra Stores Ltd"

_UNTIL: Final = "2099-05-01T00:00:00Z"


def clients() -> list[dict[str, Any]]:
    """`GET /clients`: 1 is the primary one of its account."""
    return [
        _client(ACCOUNT, 1, VALIDATED_ORGANIZATION, ov="APPROVED", ev="APPROVED"),
        _client(
            ACCOUNT, 4, PENDING_ORGANIZATION, ov="INITIAL_VERIFICATION", ev="INITIAL_VERIFICATION"
        ),
        _client(ACCOUNT, 5, EXPIRED_ORGANIZATION, ov="EXPIRED", ev="EXPIRED"),
        _client(OTHER_ACCOUNT, 1, "Somebody Else plc", ov="APPROVED", ev="DECLINED"),
    ]


def organizations() -> list[dict[str, Any]]:
    """`GET /organizations`: without ids of their own; several may belong to client 1."""
    entries = (
        (ACCOUNT, 1, VALIDATED_ORGANIZATION, "APPROVED"),
        (ACCOUNT, 1, SECOND_ORGANIZATION, "APPROVED"),
        (ACCOUNT, 4, PENDING_ORGANIZATION, "INITIAL_VERIFICATION"),
        (ACCOUNT, 5, EXPIRED_ORGANIZATION, "EXPIRED"),
        (OTHER_ACCOUNT, 1, "Somebody Else plc", "APPROVED"),
    )
    return [
        {"id": number, "account_id": account, "clientId": client, "name": name, "status": status}
        for number, (account, client, name, status) in enumerate(entries, 1)
    ]


def domains() -> list[dict[str, Any]]:
    """`GET /domains`."""
    return [
        _domain(1, ACCOUNT, 1, "umbra.example", "APPROVED"),
        _domain(2, ACCOUNT, 1, "example.com", "APPROVED"),
        _domain(3, ACCOUNT, 1, "new.example", "INITIAL_VERIFICATION"),
        _domain(4, ACCOUNT, 1, "late.example", "EXPIRED"),
        _domain(5, ACCOUNT, 4, "labs.example", "INITIAL_VERIFICATION"),
        _domain(6, OTHER_ACCOUNT, 1, "else.example", "APPROVED"),
    ]


def inventories() -> list[dict[str, Any]]:
    """`GET /inventories`: what was bought; FLEX pays for every `*_SSL` but `PD_SSL`."""
    bought = (
        (ACCOUNT, "STANDARD_SSL", 100_000),
        (ACCOUNT, "ADVANTAGE_SSL", 100_000),
        (ACCOUNT, "UC_SSL", 100_000),
        (ACCOUNT, "WILDCARD_SSL", 100_000),
        (ACCOUNT, "EV_SSL", 100_000),
        (ACCOUNT, "PRIVATE_SSL", 100_000),
        (ACCOUNT, "CODE_SIGNING", 5),
        (OTHER_ACCOUNT, "STANDARD_SSL", 1),
        (OTHER_ACCOUNT, "FLEX", 1),
    )
    return [
        {"id": number, "account_id": account, "productType": product, "total": total, "used": 0}
        for number, (account, product, total) in enumerate(bought, 1)
    ]


def _client(account: int, client_id: int, name: str, *, ov: str, ev: str) -> dict[str, Any]:
    return {
        "id": account * 1000 + client_id,
        "account_id": account,
        "clientId": client_id,
        "clientName": name,
        "verificationStatus": ov,
        "evVerificationStatus": ev,
        "until": _UNTIL,
        "locality": "Dublin",
        "country": "IE",
    }


def _domain(number: int, account: int, client: int, name: str, status: str) -> dict[str, Any]:
    return {
        "id": number,
        "account_id": account,
        "clientId": client,
        "domainName": name,
        "verificationStatus": status,
        "verificationMethod": "DNS",
        "value": f"{number:032X}",
        "value_ready_at": 0,
        "until": _UNTIL,
    }
