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


@pytest.mark.parametrize(
    ("imported", "heavy"),
    [
        (
            "scm_api.drivers.registry, scm_api.drivers.options, scm_api.drivers.pool",
            CLOUD | CLIENTS,
        ),
        ("scm_api.app", CLOUD | WINDOWS | AT_FIRST_USE | CLIENTS | NEVER),
        ("scm_api.worker", CLOUD | AT_FIRST_USE - {"pgqueuer"} | CLIENTS | NEVER),
        ("scm_api.cli", CLOUD | AT_FIRST_USE - {"typer"} | CLIENTS | NEVER | LARGE),
    ],
    ids=["registry", "api", "worker", "command"],
)
def test_heavy_libraries_are_not_loaded(imported: str, heavy: set[str]) -> None:
    program = (
        f"import sys, {imported}; print([name for name in {heavy!r} if sys.modules.get(name)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
