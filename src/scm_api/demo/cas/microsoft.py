"""Microsoft AD CS in the demo: Web Enrollment, the directory that tells of templates, and WinRM for
revoking, each with an account of its own."""

import re
from pathlib import Path
from typing import Any, Final

from scm_api.demo.cas.simulated import Ca, Simulated, root_in
from scm_api.sandbox.microsoft.catalogue import (
    CA_HOST,
    CA_NAME,
    ENROLLER,
    NETBIOS,
    READER,
    REVOKER,
)


def _meet(said: tuple[str, ...], state: Path) -> Ca:
    url, trust, directory, winrm = said
    secrets: dict[str, Any] = {
        port: {"username": f"{NETBIOS}\\{account.sam}", "password": account.password}
        for port, account in (("enroller", ENROLLER), ("directory", READER), ("revoker", REVOKER))
    }
    return Ca(
        "microsoft",
        MICROSOFT.title,
        {
            "options": {
                "backend_type": "microsoft",
                "issuing_ca": CA_NAME,
                "enroller": {"transport": "certsrv", "base_url": url, "auth": "ntlm"},
                "directory": {"url": directory, "auth": "ntlm"},
                "revoker": {
                    "base_url": winrm,
                    "ca_config": f"{CA_HOST}\\{CA_NAME}",
                    "auth": "ntlm",
                },
                "trusted_certificates": Path(trust).read_text(),
            },
            "secrets": {"backend_type": "microsoft"} | secrets,
        },
        {"backend_type": "microsoft", "issuing_ca": CA_NAME, "ms_template": "CorpWeb"},
        root_in(state / "ca" / "root.pem"),
        # Its template has keys of 2048 bits at least, and certificates for a year.
        key_types=("rsa-2048",),
        days=365,
    )


MICROSOFT: Final = Simulated(
    "microsoft",
    "Microsoft AD CS",
    re.compile(
        r"listening on (https\S+)/certsrv .*trust (.+)\), .*directory at (ldaps\S+), "
        r"WinRM at (https\S+)/wsman"
    ),
    _meet,
    tuple(
        word
        for name in ("", "winrm-", "control-", "epm-", "rpc-", "ldap-", "clear-ldap-")
        for word in (f"--{name}port", "0")
    ),
)
