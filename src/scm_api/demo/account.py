"""What an operator does before anybody can use the API: migrate, and make an admin with a key."""

import asyncio
from contextlib import suppress
from pathlib import Path

from scm_api.access.provisioning import create_admin_with_key
from scm_api.core.errors import Unauthenticated
from scm_api.db.base import new_id
from scm_api.db.migrate import upgrade
from scm_api.db.session import Database
from scm_api.demo.files import write_private
from scm_api.demo.story import ADMIN
from scm_api.web.auth import Authenticator


def open_account(url: str, path: Path) -> str:
    """Migrate the database; returns the API key in `path`, made anew if it is not known there."""
    upgrade(url)
    kept = path.read_text().strip() if path.exists() else None
    key = asyncio.run(_known_key(url, kept))
    if key != kept:
        write_private(path, f"{key}\n".encode())
    return key


async def _known_key(url: str, kept: str | None) -> str:
    database = Database(url, pool_size=1)
    try:
        if kept is not None:
            with suppress(Unauthenticated):
                await Authenticator(database).principal(kept)
                return kept
        # The e-mail address is an admin's identity; a new one never meets an earlier one.
        email = f"demo-{new_id().hex[-6:]}@example.com"
        return await create_admin_with_key(database, ADMIN, email)
    finally:
        await database.aclose()
