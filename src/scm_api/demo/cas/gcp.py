"""Google Cloud CA Service in the demo: a pool, a template, the key of a service account."""

import re
from pathlib import Path
from typing import Final

from scm_api.demo.cas.simulated import Ca, Simulated, root_in

_LOCATION: Final = "projects/umbra-pki/locations/europe-west1"


def _meet(said: tuple[str, ...], state: Path) -> Ca:
    address, trust, key_file = said
    return Ca(
        "gcp",
        GCP.title,
        {
            "options": {
                "backend_type": "gcp",
                "project": "umbra-pki",
                "location": "europe-west1",
                "endpoint_url": f"https://{address}",
                "trusted_certificates": Path(trust).read_text(),
            },
            "secrets": {"backend_type": "gcp", "service_account": Path(key_file).read_text()},
        },
        {
            "backend_type": "gcp",
            "certificate_authority": f"{_LOCATION}/caPools/web",
            "template": f"{_LOCATION}/certificateTemplates/server",
        },
        root_in(state / "web-1.pem"),
    )


GCP: Final = Simulated(
    "gcp",
    "Google Cloud CA Service",
    re.compile(r"listening on (\S+) \(trust (.+), service account (.+)\), control at"),
    _meet,
    ("--port", "0", "--control-port", "0"),
)
