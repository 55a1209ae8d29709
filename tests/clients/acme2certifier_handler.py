"""One enrollment and one revocation by a CA handler of acme2certifier, told as JSON.

Runs in the clients' own environment: `python acme2certifier_handler.py digicert CSR_FILE`, with the
handler's configuration in the file that ACME_SRV_CONFIGFILE names.
"""

import base64
import importlib
import json
import logging
import sys
from pathlib import Path


def main(vendor: str, csr_file: str) -> None:
    module = importlib.import_module(f"acme2certifier.cahandlers.{vendor}_ca_handler")
    der = Path(csr_file).read_bytes()
    csr = base64.b64encode(der).decode()  # as its server hands it to handlers
    with module.CAhandler(False, logging.getLogger("client")) as handler:
        error, bundle, leaf, reference = handler.enroll(csr)
        revoked = None if error else handler.revoke(leaf, "keyCompromise")
    said = {
        "error": error,
        "bundle": bundle,
        "leaf": leaf,
        "reference": reference,
        "revoked": revoked,
    }
    sys.stdout.write(json.dumps(said))


main(*sys.argv[1:])
