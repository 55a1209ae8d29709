"""`scm-api audit verify`, as cron runs it."""

import asyncio
import json
import subprocess
from pathlib import Path

from sqlalchemy import text

from command_line import KEYS, run
from scm_api.core.sealing import KeyRing
from scm_api.db.audit_seals import seal_events
from scm_api.db.session import Database


def test_t63_audit_verify_ends_with_status_1_and_the_first_number_that_is_wrong(
    database_url: str, tmp_path: Path
) -> None:
    environment = {"SCM_DATABASE_URL": database_url, "SCM_SECRET_KEYS": KEYS}
    head = tmp_path / "head.json"

    async def sealed(*statements: str) -> None:
        """After these, by who owns the tables."""
        opened = Database(database_url, pool_size=1)
        async with opened.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await session.execute(text(statement))
        await seal_events(opened, KeyRing.parse([KEYS]))
        await opened.aclose()

    def verified(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run("audit", "verify", *arguments, **environment)

    assert run("admin", "create", "--email", "a@b.test", "--name", "A", **environment).stdout
    unsealed = verified()
    assert unsealed.returncode == 0
    assert "0 audit events are as they were sealed, 2 are not sealed yet, the" in unsealed.stderr
    asyncio.run(sealed())
    done = verified()
    assert done.stderr == "2 audit events are as they were sealed, 0 are not sealed yet.\n"
    told = json.loads(done.stdout)
    assert (told["seal"], told["number"]) == (1, 2)
    head.write_text(done.stdout)
    assert verified("--head", str(head)).stdout == done.stdout

    asyncio.run(sealed("DELETE FROM audit_seals", "DELETE FROM audit_events WHERE number = 2"))
    assert verified().returncode == 0
    cut = verified("--head", str(head))
    assert (cut.returncode, cut.stdout) == (1, "")
    assert cut.stderr.startswith("Audit event 1: audit seal 1 is not the one that was exported.")
    asyncio.run(sealed("UPDATE audit_events SET principal_name = 'B'"))
    assert verified().stderr.startswith("Audit event 1: the event was changed.")
    head.write_text("no head")
    assert "as it was exported" in verified("--head", str(head)).stderr
