"""How the service is set up and started in tests."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from pydantic import SecretStr

from scm_api.app import create_app
from scm_api.settings import Settings

KEY_RING = f"test:{base64.b64encode(bytes(range(32))).decode()}"

StartApi = Callable[[Settings], AbstractAsyncContextManager[FastAPI]]


def settings_for(database_url: str, data_directory: Path, **changes: object) -> Settings:
    """Settings as a test needs them; `changes` are further fields."""
    fields: dict[str, object] = {
        "database_url": database_url,
        "data_directory": data_directory,
        "secret_keys": (SecretStr(KEY_RING),),
        "allow_loopback_endpoints": True,
        "machine_identities": ("aws", "aws:111122223333"),
        "test_mode": True,
        "rate_limit_per_second": 0,
        "wrong_keys_per_minute": 0,
        "worker_pool_size": 2,
    }
    return Settings.model_validate(fields | changes)


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app
