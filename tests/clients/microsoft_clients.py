"""One enrollment or revocation at AD CS by other people's clients, told as JSON.

Runs in the clients' own environment: `python microsoft_clients.py COMMAND`, with a JSON object of
arguments on standard input.
"""

import importlib
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any


def certsrv(told: dict[str, Any]) -> Any:
    """certsrv 2.1.1, which most certsrv automation in Python is built on."""
    import certsrv as library

    server = library.Certsrv(
        told["server"], told["user"], told["password"], told["auth"], cafile=told["trust"]
    )
    if not server.check_credentials():
        return {"error": "credentials"}
    try:
        leaf = server.get_cert(told["csr"], told["template"]).decode()
    except library.CertificatePendingException as pending:
        return {"pending": int(pending.req_id)}
    except library.RequestDeniedException as denied:
        return {"denied": str(denied)}
    return {
        "leaf": leaf,
        "ca": server.get_ca_cert().decode(),
        "chain_size": len(server.get_chain()),
    }


def fetch(told: dict[str, Any]) -> Any:
    """certsrv 2.1.1 again, for a request that was pending."""
    import certsrv as library

    server = library.Certsrv(
        told["server"], told["user"], told["password"], "ntlm", cafile=told["trust"]
    )
    try:
        return {"leaf": server.get_existing_cert(told["number"]).decode()}
    except library.CouldNotRetrieveCertificateException as error:
        return {"error": str(error)}


def handler(told: dict[str, Any]) -> Any:
    """The CA handler `mscertsrv` of acme2certifier; its configuration is in a file."""
    module = importlib.import_module("acme2certifier.cahandlers.mscertsrv_ca_handler")
    with module.CAhandler(False, logging.getLogger("client")) as ca:
        error, bundle, leaf, _ = ca.enroll(told["csr"])
    return {"error": error, "bundle": bundle, "leaf": leaf}


def pypsrp(told: dict[str, Any]) -> Any:
    """pypsrp, with a command line in a shell of WinRM."""
    from pypsrp.client import Client

    with Client(
        told["host"],
        port=told["port"],
        username=told["user"],
        password=told["password"],
        ssl=True,
        cert_validation=told["trust"],
        auth=told["auth"],
    ) as client:
        output, error, code = client.execute_cmd(told["line"])
    return {"output": output, "error": error, "code": code}


COMMANDS = {each.__name__: each for each in (certsrv, fetch, handler, pypsrp)}
with tempfile.TemporaryDirectory() as scratch:
    logging.basicConfig(filename=Path(scratch) / "log")
    sys.stdout.write(json.dumps(COMMANDS[sys.argv[1]](json.load(sys.stdin))))
    logging.shutdown()
