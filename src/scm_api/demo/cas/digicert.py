"""DigiCert CertCentral in the demo."""

import re
from pathlib import Path
from typing import Final

from scm_api.demo.cas.simulated import Ca, Simulated, root_in, tell


def _meet(said: tuple[str, ...], state: Path) -> Ca:
    url, key = said

    def prove(done: bool) -> None:
        tell(f"{url}/_sandbox/domains/example.com", {"complete": done})

    return Ca(
        "digicert",
        DIGICERT.title,
        {
            "options": {"backend_type": "digicert", "endpoint_url": url},
            "secrets": {"backend_type": "digicert", "api_key": key},
        },
        {"backend_type": "digicert", "product": "ssl_basic"},
        root_in(state / "public.pem"),
        prove,
    )


DIGICERT: Final = Simulated(
    "digicert",
    "DigiCert CertCentral",
    re.compile(r"listening on (http\S+)/services/v2 \(API key (\S+)\)"),
    _meet,
)
