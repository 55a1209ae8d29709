"""The `scm-api` command as a person and as a process supervisor meet it."""

import asyncio
import base64
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from command_line import CLEAN, KEYS, run
from databases import Databases
from plain_http import NO_TRUST
from processes import ServiceProcess, command, finished, free_port, fresh, started
from scm_api import __version__
from scm_api.core.sealing import KeyRing
from scm_api.db.base import new_id
from scm_api.db.models import AuditEvent, Connector, LocalCaBackend
from scm_api.db.secrets import secrets_owner
from scm_api.db.session import Database

SERVE = command("serve")


@pytest.fixture(scope="session")
def database(databases: Databases) -> Iterator[dict[str, str]]:
    """Environment with a migrated database."""
    url = databases.clone()
    yield {"SCM_DATABASE_URL": url, "SCM_SECRET_KEYS": KEYS}
    databases.drop(url)


@pytest.fixture
def unmigrated(databases: Databases, database: dict[str, str]) -> Iterator[dict[str, str]]:
    """Environment with a database in which there is nothing."""
    template = make_url(database["SCM_DATABASE_URL"]).set(database="template0")
    url = databases.clone(template.render_as_string(hide_password=False))
    yield database | {"SCM_DATABASE_URL": url}
    databases.drop(url)


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(port: int) -> bool:
    try:
        return (
            httpx.get(f"http://127.0.0.1:{port}/health/ready", verify=NO_TRUST).status_code == 200
        )
    except httpx.TransportError:
        return False


@contextmanager
def serving(
    port: int, work: Callable[[], None] = SERVE, **environment: str
) -> Iterator[ServiceProcess]:
    with started(work, CLEAN | {"SCM_PORT": str(port)} | environment) as process:
        eventually(lambda: process.exit_code is not None or answers(port))
        assert process.exit_code is None, process.errors.read_text()
        yield process


def listeners(pid: int, port: int) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(pid).children()
        if any(c.laddr.port == port and c.status == "LISTEN" for c in child.net_connections())
    ]


def test_help_names_every_command() -> None:
    shown = finished(fresh("--help"), CLEAN).stdout
    assert "Usage: scm-api " in shown
    assert run("--version").stdout == f"scm-api {__version__}\n"
    for name in ("serve", "worker", "migrate", "openapi", "health", "admin", "audit", "secrets"):
        assert f" {name} " in shown
    assert "aws" in run("sandbox", "--help").stdout


def test_wrong_settings_end_with_status_2_and_one_line_each() -> None:
    done = run("serve", SCM_PROT="1", SCM_LOG_LEVEL="loud", SCM_DATABASE_URL="mysql://u:canary@h/d")
    assert done.returncode == 2
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "SCM_PROT",
        "SCM_DATABASE_URL",
        "SCM_LOG_LEVEL",
    ]
    assert "canary" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["migrate"], ["admin", "create", "--email", "a@b.test", "--name", "A"]]
)
def test_an_absent_database_is_told_in_a_sentence(arguments: list[str]) -> None:
    url = f"postgresql://scm:canary@127.0.0.1:{free_port()}/scm"
    done = run(*arguments, SCM_DATABASE_URL=url, SCM_SECRET_KEYS=KEYS)
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert "canary" not in done.stderr


def test_an_absent_schema_is_told_in_a_sentence(unmigrated: dict[str, str]) -> None:
    done = run("admin", "create", "--email", "a@b.test", "--name", "A", **unmigrated)
    assert done.returncode == 1
    assert done.stderr.endswith(
        "the database lacks the schema of this version; run `scm-api migrate`\n"
    )
    assert "SQL" not in done.stderr


@pytest.mark.parametrize("arguments", [["worker"], ["secrets", "add-key"]])
def test_a_damaged_key_ring_is_told_in_a_sentence(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "secret-keys").write_text("k1:canary")
    done = run(*arguments, SCM_DATA_DIRECTORY=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}/secret-keys is damaged: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_taken_port_is_told_in_a_sentence(processes: str, database: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", SCM_PORT=str(port), SCM_API_PROCESSES=processes, **database)
    assert done.returncode == 1
    assert done.stderr == (
        f"127.0.0.1 port {port} is taken by another program. Stop that program, or choose "
        "another port with SCM_PORT.\n"
    )


def test_an_unknown_host_is_told_in_a_sentence(database: dict[str, str]) -> None:
    done = run("serve", SCM_HOST="nowhere.invalid", **database)
    assert done.returncode == 1
    assert done.stderr.startswith("Cannot listen on nowhere.invalid port 8000 (")


def test_health_asks_the_api_on_this_machine(database: dict[str, str]) -> None:
    port = free_port()
    assert run("health", SCM_PORT=str(port)).returncode == 1
    with serving(port, **database):
        # A wildcard address, as in the container, is asked on loopback.
        assert run("health", SCM_PORT=str(port), SCM_HOST="0.0.0.0").returncode == 0


def test_t49_proxies_say_whose_wrong_keys_they_pass_on(database: dict[str, str]) -> None:
    port = free_port()
    limit = {"SCM_WRONG_KEYS_PER_MINUTE": "1", "SCM_TRUSTED_PROXIES": "198.51.100.0/24"}
    with serving(port, **limit, **database):
        found = [
            httpx.get(
                f"http://127.0.0.1:{port}/connectors",
                headers={"Authorization": "Bearer scm_wrong", "X-Forwarded-For": senders},
                verify=NO_TRUST,
            ).status_code
            for senders in (
                "192.0.2.1",
                "192.0.2.1, 198.51.100.7",
                "192.0.2.1, 192.0.2.2",  # who says so is not trusted
                "2001:db8::1",
                "2001:db8::2",
            )
        ]
    assert found == [401, 429, 401, 401, 429]


def test_processes_have_a_listener_each_and_end_together(database: dict[str, str]) -> None:
    port = free_port()
    with serving(port, SCM_API_PROCESSES="2", **database) as process:
        eventually(lambda: len(listeners(process.pid, port)) == 2)
        listening = listeners(process.pid, port)
        process.send(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not any(child.is_running() for child in listening)


def test_processes_end_when_their_parent_is_killed(database: dict[str, str]) -> None:
    port = free_port()
    with serving(port, SCM_API_PROCESSES="2", **database) as process:
        eventually(lambda: len(listeners(process.pid, port)) == 2)
        listening = listeners(process.pid, port)
        process.send(signal.SIGKILL)
        process.wait()
        eventually(lambda: not any(child.is_running() for child in listening), 30)


def test_the_others_end_when_one_process_dies(database: dict[str, str]) -> None:
    port = free_port()
    with serving(port, SCM_API_PROCESSES="2", **database) as process:
        eventually(lambda: len(listeners(process.pid, port)) == 2)
        listeners(process.pid, port)[0].kill()
        assert process.wait(30) == 1


@pytest.mark.parametrize(
    ("number", "work"), [(signal.SIGTERM, fresh("serve")), (signal.SIGINT, SERVE)]
)
def test_a_signal_ends_the_api_with_status_0(
    number: signal.Signals, work: Callable[[], None], database: dict[str, str]
) -> None:
    with serving(free_port(), work, **database) as process:
        process.send(number)
        assert process.wait(30) == 0


def test_a_created_admin_can_use_the_printed_key_and_is_unique(database: dict[str, str]) -> None:
    create = ["admin", "create", "--email", "first@example.test", "--name", "First"]
    done = run(*create, **database)
    key = done.stdout.removesuffix("\n")
    assert key not in done.stderr
    assert make_url(database["SCM_DATABASE_URL"]).database in done.stderr
    port = free_port()
    with serving(port, **database):
        answer = httpx.get(
            f"http://127.0.0.1:{port}/admins",
            headers={"Authorization": f"Bearer {key}"},
            verify=NO_TRUST,
        )
    assert [admin["email"] for admin in answer.json()["items"]] == ["first@example.test"]
    again = run(*create, **database)
    assert (again.returncode, again.stderr) == (1, "Another admin has this e-mail address.\n")


def test_an_operators_key_ring_is_not_added_to(database: dict[str, str]) -> None:
    done = run("secrets", "add-key", **database)
    assert done.returncode == 1
    assert "SCM_SECRET_KEYS" in done.stderr


def test_migrating_twice_at_once_is_harmless(unmigrated: dict[str, str]) -> None:
    migrate = command("migrate")
    with (
        started(migrate, CLEAN | unmigrated) as one,
        started(migrate, CLEAN | unmigrated) as other,
    ):
        for process in (one, other):
            assert process.wait() == 0
            assert process.log.read_text() == "The database has the schema of this version.\n"


def test_a_worker_without_the_schema_says_what_to_do(unmigrated: dict[str, str]) -> None:
    with started(command("worker"), CLEAN | unmigrated) as process:
        eventually(lambda: "job queue interrupted" in process.errors.read_text())
        told = process.errors.read_text()
    assert "run `scm-api migrate`" in told
    assert "Traceback" not in told


def test_rotating_seals_with_the_first_key_and_names_what_no_key_opens(
    database: dict[str, str],
) -> None:
    first, second, lost = (base64.b64encode(bytes([n] * 32)).decode() for n in (1, 2, 3))
    old = KeyRing.parse([f"first:{first}"])
    good, bad = new_id(), new_id()

    async def two_backends() -> None:
        opened = Database(database["SCM_DATABASE_URL"], pool_size=1)
        async with opened.transaction() as session:
            connector = Connector(name="here", kind="embedded")
            session.add(connector)
            await session.flush()
            for local_id, name, ring in (
                (good, "good", old),
                (bad, "bad", KeyRing.parse([f"lost:{lost}"])),
            ):
                sealed = ring.seal(b"canary", secrets_owner(local_id))
                session.add(
                    LocalCaBackend(
                        id=local_id,
                        connector_id=connector.id,
                        name=name,
                        backend_type="aws",
                        options={},
                        sealed_secrets=sealed,
                    )
                )
        await opened.aclose()

    async def stored() -> tuple[bytes, int, list[str]]:
        opened = Database(database["SCM_DATABASE_URL"], pool_size=1)
        async with opened.transaction() as session:
            row = await session.get_one(LocalCaBackend, good)
            events = await session.scalars(
                select(AuditEvent.action).where(AuditEvent.subject_id == good)
            )
            found = row.sealed_secrets, row.version, list(events)
        await opened.aclose()
        return found

    asyncio.run(two_backends())
    ring = {"SCM_SECRET_KEYS": f"second:{second},first:{first}"}
    for moved in (1, 0):
        done = run("secrets", "rotate", **database | ring)
        assert done.stdout == f"{moved} secrets and 0 kept answers were sealed again.\n"
        assert done.returncode == 1
        assert "bad (the key it was sealed with is not in the key ring)" in done.stderr
        assert "good" not in done.stderr
    sealed, version, events = asyncio.run(stored())
    new = KeyRing.parse([f"second:{second}"])
    assert new.open(sealed, secrets_owner(good)) == b"canary"
    assert version == 1
    assert events == ["local_ca_backend.resealed"]
