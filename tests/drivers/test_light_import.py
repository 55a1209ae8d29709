"""What only some processes or some calls need loads at first use: the service starts without it."""

import subprocess
import sys

import pytest

CLOUD = {"aioboto3", "aiobotocore", "boto3", "botocore", "aiohttp", "google.cloud", "grpc"}
AT_FIRST_USE = {"alembic", "badkeys", "cel", "pgqueuer", "prompt_toolkit", "typer"}
WINDOWS = {"asn1crypto", "spnego"}
CLIENTS = {"h11", "httpcore", "httpx"}
LARGE = {"fastapi", "pydantic", "sqlalchemy"}
NEVER = {"rich"}


# One after the other in one process: each may load less than the one before.
SERVICE = {
    "scm_api.drivers.registry, scm_api.drivers.options, scm_api.drivers.pool": CLOUD | CLIENTS,
    "scm_api.app": CLOUD | WINDOWS | AT_FIRST_USE | CLIENTS | NEVER,
    "scm_api.worker": CLOUD | AT_FIRST_USE - {"pgqueuer"} | CLIENTS | NEVER,
}
COMMAND = {"scm_api.cli": CLOUD | AT_FIRST_USE - {"typer"} | CLIENTS | NEVER | LARGE}


@pytest.mark.parametrize("imports", [SERVICE, COMMAND], ids=["service", "command"])
def test_heavy_libraries_are_not_loaded(imports: dict[str, set[str]]) -> None:
    program = "import sys\n" + "".join(
        f"import {imported}\n"
        f"print({imported!r}, [name for name in {sorted(heavy)} if sys.modules.get(name)])\n"
        for imported, heavy in imports.items()
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == [f"{imported} []" for imported in imports]
