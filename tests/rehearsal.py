"""What every process of the service does once, done in the one from which the tests' are forked.

Nothing goes on afterwards: no thread, no event loop, no connection. gRPC is imported and not used.
"""

import asyncio
import gc
from importlib import import_module
from typing import Any, Final

from sqlalchemy.orm import configure_mappers

from scm_api.core.domains import public_suffixes
from scm_api.core.vocabulary import BackendType
from scm_api.db.statements import Statement
from scm_api.drivers.registry import REGISTRY
from scm_api.drivers.tls import system_trust

_IMPORTED_LATE: Final = (
    "anyio._backends._asyncio",
    "badkeys.checks",
    "csrs",
    "encodings.idna",
    "encodings.utf_16_le",
    "httpcore",
    "pgqueuer.queries",
    "psutil",
    "scm_api.app",
    "scm_api.cli",
    "scm_api.connectors.resealing",
    "scm_api.db.embedded",
    "scm_api.db.migrate",
    "scm_api.drivers.aws.driver",
    "scm_api.drivers.digicert.driver",
    "scm_api.drivers.entrust.opening",
    "scm_api.drivers.gcp.driver",
    "scm_api.drivers.microsoft.opening",
    "scm_api.sandbox.aws",
    "scm_api.sandbox.gcp",
    "scm_api.serving",
    "scm_api.worker",
    "typer._adapters",
    "typer._click.decorators",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "uvloop",
)


async def _open_aws() -> None:
    """A client of the SDK is made from data files, of which it keeps what it read."""
    aws = REGISTRY[BackendType.AWS]
    options = {"backend_type": "aws", "region": "eu-central-1", "endpoint_url": "http://[::1]:1"}
    secrets = {"backend_type": "aws", "access_key_id": "NOBODY", "secret_access_key": "n" * 40}
    nobody_waits: Any = None
    driver = await aws.open(
        aws.connection_options.model_validate(options),
        aws.secrets.model_validate(secrets),
        nobody_waits,
    )
    await driver.aclose()


for _module in _IMPORTED_LATE:
    import_module(_module)
configure_mappers()
public_suffixes()
system_trust()
for _found in gc.get_objects():
    if type(_found) is Statement:
        _found._compiled  # noqa: B018 -- it is put together when it is first asked for
asyncio.run(_open_aws())
gc.freeze()
