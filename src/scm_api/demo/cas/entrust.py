"""Entrust Certificate Services in the demo."""

import re
from pathlib import Path
from typing import Final

from scm_api.demo.cas.simulated import Ca, Simulated, root_in, tell


def _meet(said: tuple[str, ...], state: Path) -> Ca:
    url, user, key, trust = said
    trusted = Path(trust).read_text()

    def prove(done: bool) -> None:
        status = "APPROVED" if done else "INITIAL_VERIFICATION"
        tell(f"{url}/_sandbox/domains/example.com", {"status": status}, trusted)

    requester = {"name": "Demo admin", "email": "demo@example.com", "phone": "+35315550100"}
    return Ca(
        "entrust",
        ENTRUST.title,
        {
            "options": {
                "backend_type": "entrust",
                "endpoint_url": url,
                "trusted_certificates": trusted,
                "requester": requester,
            },
            "secrets": {"backend_type": "entrust", "username": user, "api_key": key},
        },
        {"backend_type": "entrust", "ecs": {"cert_type": "ADVANTAGE_SSL"}},
        root_in(state / "public.pem"),
        prove,
    )


ENTRUST: Final = Simulated(
    "entrust",
    "Entrust Certificate Services",
    re.compile(r"listening on (https\S+) \(user (\S+), API key (\S+), trust (.+)\)"),
    _meet,
)
