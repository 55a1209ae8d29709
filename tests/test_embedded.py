"""The embedded PostgreSQL: shared, found again, ended with its last user however that one ends."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import asyncpg
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from scm_api.db.embedded import EmbeddedError, EmbeddedPostgres

pytestmark = pytest.mark.xdist_group("embedded")  # one seed serves them all

FAST = {"fsync": "off"}
USER = """
import signal, sys, time
from pathlib import Path
from scm_api.db.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]), options={"fsync": "off"})
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs this aside
print(postgres.start(), flush=True)
time.sleep(600)
"""


def reachable() -> Path:
    """A place `nobody` can reach, unlike pytest's own, so that nothing is placed elsewhere."""
    path = Path(tempfile.mkdtemp(prefix="scm-embedded-"))
    path.chmod(0o711)
    return path


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where a cluster may be made; there is none yet."""
    path = reachable()
    yield path / "postgres"
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def seed() -> Iterator[Path]:
    """A cluster made once and stopped."""
    path = reachable()
    with EmbeddedPostgres(path / "postgres", options=FAST):
        pass
    yield path / "postgres"
    shutil.rmtree(path)


@pytest.fixture
def cluster(seed: Path, directory: Path) -> Path:
    """A cluster of the test's own, copied from the seed: ten times quicker than making one."""
    subprocess.run(["cp", "-a", str(seed), str(directory)], check=True)
    return directory


def query(url: str, sql: str) -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(ask())


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def server_of(directory: Path) -> psutil.Process:
    pid = int((directory / "data" / "postmaster.pid").read_text().splitlines()[0])
    return psutil.Process(pid)


def is_over(server: psutil.Process) -> bool:
    """Also where its new parent has not asked for its end yet (a zombie runs for psutil)."""
    try:
        return not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def another_user(directory: Path) -> subprocess.Popen[str]:
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(directory)], stdout=subprocess.PIPE, text=True
    )
    assert user.stdout is not None
    assert user.stdout.readline().startswith("postgresql+asyncpg://")
    return user


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_data_is_found_again_by_a_second_start(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, options=FAST) as postgres:
        query(postgres.start(), "CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres(cluster) as postgres:
        assert query(postgres.start(), "SELECT answer FROM kept") == 42


def test_it_is_durable_unless_told_otherwise(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as postgres:
        assert query(postgres.start(), "SHOW fsync") == "on"


def test_it_listens_on_a_private_socket_only(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, options=FAST) as postgres:
        url = postgres.start()
        server = server_of(cluster)
        assert server.net_connections("inet") == []
        socket_directory = Path(unquote(url.partition("host=")[2]))
        assert socket_directory.stat().st_mode & 0o777 == 0o700
        assert (cluster / "data").stat().st_mode & 0o777 == 0o700
        assert server.uids().effective != 0
        assert query(url, "SHOW server_encoding") == "UTF8"
        assert query(url, "SHOW timezone") == "UTC"


async def test_sqlalchemy_takes_the_url(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, options=FAST) as postgres:
        engine = create_async_engine(postgres.start())
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
        await engine.dispose()


def test_users_share_one_server_which_ends_with_the_last(cluster: Path) -> None:
    postgres = EmbeddedPostgres(cluster, options=FAST)
    postgres.start()
    first = server_of(cluster)
    other = another_user(cluster)
    assert server_of(cluster) == first
    postgres.stop()
    assert first.is_running()
    kill(other)
    eventually(lambda: is_over(first))
    assert not (cluster / "data" / "postmaster.pid").exists()


def test_f42_a_killed_starter_leaves_no_server_behind(cluster: Path) -> None:
    user = another_user(cluster)
    server = server_of(cluster)
    kill(user)
    eventually(lambda: is_over(server))
    with EmbeddedPostgres(cluster, options=FAST) as postgres:
        assert query(postgres.start(), "SELECT 1") == 1


def test_f42_a_killed_keeper_takes_its_server_along(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, options=FAST) as postgres:
        url = postgres.start()
        query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        server = server_of(cluster)
        keeper = server.parent()
        assert keeper is not None
        keeper.kill()
        eventually(lambda: is_over(server))
        postgres.up()
        assert query(url, "SELECT answer FROM kept") == 42


def test_f42_a_lock_file_whose_number_a_stranger_has_now(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, options=FAST) as postgres:
        url = postgres.start()
        query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        lock_file = cluster / "data" / "postmaster.pid"
        lines = lock_file.read_text().splitlines()
        postgres.down("kill")
        lock_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
        postgres.up()
        assert query(url, "SELECT answer FROM kept") == 42


@pytest.mark.parametrize("mode", ["fast", "immediate", "kill"])
def test_f42_committed_data_survives_every_way_to_end(cluster: Path, mode: Any) -> None:
    async def commit_and_lose_the_server(url: str, postgres: EmbeddedPostgres) -> None:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        await asyncio.to_thread(postgres.restart, mode)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.fetchval("SELECT 1")
        connection.terminate()

    with EmbeddedPostgres(cluster) as postgres:
        url = postgres.start()
        asyncio.run(commit_and_lose_the_server(url, postgres))
        assert query(url, "SELECT answer FROM kept") == 42


def test_f42_an_interrupted_first_start_is_begun_anew(directory: Path) -> None:
    (directory / "data.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(directory, options=FAST) as postgres:
        assert query(postgres.start(), "SELECT 1") == 1


def test_two_first_starts_at_once_make_one_cluster(directory: Path) -> None:
    users = [
        subprocess.Popen(
            [sys.executable, "-c", USER, str(directory)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    lines = {user.stdout.readline() for user in users if user.stdout}
    assert len(lines) == 1
    assert lines.pop().startswith("postgresql+asyncpg://")
    server = server_of(directory)
    for user in users:
        kill(user)
    eventually(lambda: is_over(server))


def test_long_paths_get_a_short_socket(directory: Path) -> None:
    far = directory.joinpath(*["x" * 60] * 3, "with, comma")
    with EmbeddedPostgres(far, options=FAST) as postgres:
        url = postgres.start()
        run = Path(unquote(url.partition("host=")[2]))
        assert query(url, "SELECT 1") == 1
    assert not run.is_relative_to(far)
    run.rmdir()


def test_an_unknown_option_is_told_with_the_servers_words(cluster: Path) -> None:
    postgres = EmbeddedPostgres(cluster, options=FAST | {"no_such_option": "1"})
    with pytest.raises(EmbeddedError, match="unrecognized configuration parameter"):
        postgres.start()
    postgres.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_root_places_the_cluster_where_nobody_reaches_it(directory: Path) -> None:
    directory.parent.chmod(0o700)
    with EmbeddedPostgres(directory, options=FAST) as postgres:
        assert query(postgres.start(), "SELECT 1") == 1
        elsewhere = Path((directory / "PLACED-ELSEWHERE").read_text().splitlines()[0])
        assert (elsewhere / "data" / "PG_VERSION").exists()
    directory.parent.chmod(0o711)
    with EmbeddedPostgres(directory, options=FAST) as postgres:  # the note, not the way, decides
        assert postgres.start().endswith(f"host={elsewhere}/run")
    shutil.rmtree(elsewhere)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_a_cluster_out_of_reach_is_not_replaced_by_an_empty_one(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, options=FAST):
        pass
    cluster.parent.chmod(0o700)
    with pytest.raises(EmbeddedError, match="no longer reaches"):
        EmbeddedPostgres(cluster).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_a_directory_that_was_made_and_not_yet_handed_over_is(directory: Path) -> None:
    """As two starts at once see it of each other, and as a start that was killed leaves it."""
    directory.mkdir(exist_ok=True)
    directory.chmod(0o711)
    (directory / "run").mkdir(mode=0o700)
    with EmbeddedPostgres(directory) as postgres:
        assert postgres.start()
    assert (directory / "run").stat().st_uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_a_cluster_of_another_account_is_refused(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, options=FAST):
        pass
    os.chown(cluster / "run", 12345, 12345)
    with pytest.raises(EmbeddedError, match="belongs to another account"):
        EmbeddedPostgres(cluster).start()


def test_ctrl_c_at_the_terminal_leaves_the_server_to_its_users(cluster: Path) -> None:
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(cluster)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert user.stdout is not None
    user.stdout.readline()
    server = server_of(cluster)
    with EmbeddedPostgres(cluster, options=FAST):
        os.killpg(user.pid, signal.SIGINT)
        user.communicate()
        assert server.is_running()
    eventually(lambda: is_over(server))
