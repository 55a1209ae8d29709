"""What tests of every area share: databases, settings, the API in this process, a simulator.

A fixture imports what it needs: the tests of `core` take less time than the import of the rest.
"""

import gc
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from hypothesis import settings as properties

if TYPE_CHECKING:
    from fastapi import FastAPI

    from api_client import Api, Contract
    from databases import Databases
    from demo_process import Demo
    from estate import Chain, Estate
    from prepared import Founded, Prepared
    from processes import ServiceProcess
    from running import StartApi
    from scm_api.db.embedded import EmbeddedPostgres
    from scm_api.db.session import Database
    from scm_api.settings import Settings
    from simulator import Simulator

# `make test` looks at more cases than a developer waits for, `make test-properties` at many more.
properties.register_profile("quick", max_examples=10, deadline=None)
properties.register_profile("usual", max_examples=50, deadline=None)
properties.register_profile("thorough", max_examples=2000, deadline=None)
properties.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Requests and keys are made anew in every process, which must name the tests alike."""
    return argname if isinstance(val, (str, bytes)) and len(val) > 60 else None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The processes of pytest-xdist are forked from one that has imported everything."""
    from nursery import ADDRESS, open_nursery

    if config.option.tx and ADDRESS not in os.environ:
        open_nursery()
        python = shlex.join([sys.executable, str(Path(__file__).with_name("forked_python.py"))])
        asked = config.option.tx
        config.option.tx = [f"{each}//python={python}" for each in asked if each == "popen"]


_NUMBERS = itertools.count()
_WAITING = {"crash": 0.8, "issuance": 0.9, "worker": 0.9}  # until this part of the run


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups begin first, the demo's before others: each is one test after the other. The rest is
    mixed, always alike, so that at any time some compute while others wait; what waits longest
    comes first of its kind and not at the end."""
    groups: list[pytest.Item] = []
    kinds: dict[float, list[pytest.Item]] = {}
    for item in items:
        area = item.nodeid.split("/")[1]
        grouped = item.get_closest_marker("xdist_group") is not None
        (groups if grouped else kinds.setdefault(_WAITING.get(area, 1.0), [])).append(item)
    groups.sort(key=lambda item: "demo" not in str(item.get_closest_marker("xdist_group")))
    placed: list[tuple[float, pytest.Item]] = []
    for until, kind in kinds.items():
        kind.sort(key=lambda item: ("guard" not in item.path.name, crc32(item.nodeid.encode())))
        placed += [(until * place / len(kind), item) for place, item in enumerate(kind)]
    items[:] = groups + [item for _, item in sorted(placed, key=lambda each: each[0])]


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it for garbage is a tenth of a run."""
    gc.freeze()
    gc.set_threshold(200_000)


@pytest.fixture(scope="session", autouse=True)
def _logging() -> None:
    """As in production: records without pages of local variables under each traceback."""
    from scm_api.logs import configure_logging
    from scm_api.settings import Settings

    configure_logging(Settings(log_level="warning"))


@pytest.fixture(scope="session", autouse=True)
def _states(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each process has a directory of its own in the one of the run."""
    from made_states import keep_in

    own = tmp_path_factory.getbasetemp()
    keep_in((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "states")


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As pytest's own, which reads the names of all that are there already: 4 ms after a thousand
    tests."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    path = tmp_path_factory.getbasetemp() / f"{name}{next(_NUMBERS)}"
    path.mkdir(0o700)
    return path


@pytest.fixture(scope="session")
def databases() -> "Iterator[Databases]":
    """One PostgreSQL for all processes of a test run."""
    from databases import shared_databases

    run_id = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with shared_databases(run_id) as shared:
        yield shared


@pytest.fixture
def _beginning(request: pytest.FixtureRequest) -> "Founded | None":
    """What the test finds in its database: the chain or the first admin, if it wants them."""
    for wanted, beginning in (("chain", "_prepared"), ("api", "_founded")):
        if wanted in request.fixturenames:
            found: Founded = request.getfixturevalue(beginning)
            return found
    return None


@pytest.fixture
def database_url(_beginning: "Founded | None", databases: "Databases") -> Iterator[str]:
    """A migrated database of the test's own."""
    url = databases.clone(_beginning and _beginning.url)
    yield url
    databases.drop(url)


@pytest.fixture
def own_postgres(databases: "Databases") -> "Iterator[tuple[EmbeddedPostgres, str]]":
    """A server the test may stop, and the URL of a migrated database on it."""
    with databases.own_server() as own:
        yield own


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> "Settings":
    """Settings of an API and a worker on the test's database."""
    from running import settings_for

    return settings_for(database_url, tmp_path)


@pytest.fixture
def environment(settings: "Settings") -> dict[str, str]:
    """The same settings for processes the test starts."""
    from running import KEY_RING

    return {name: value for name, value in os.environ.items() if not name.startswith("SCM_")} | {
        "SCM_DATABASE_URL": settings.database_url or "",
        "SCM_DATA_DIRECTORY": str(settings.data_directory),
        "SCM_SECRET_KEYS": KEY_RING,
        "SCM_ALLOW_LOOPBACK_ENDPOINTS": "true",
        "SCM_TEST_MODE": "1",
        "SCM_RATE_LIMIT_PER_SECOND": "0",
    }


@pytest.fixture
async def database(settings: "Settings") -> "AsyncIterator[Database]":
    """The test's own access to its database."""
    from scm_api.db.session import Database

    opened = Database(settings.database_url or "", pool_size=5)
    yield opened
    await opened.aclose()


@pytest.fixture
def start_api() -> "StartApi":
    """Starts a further API in this process, beside others and with settings of its own."""
    from running import started

    return started


@pytest.fixture(scope="session")
def _application() -> "FastAPI":
    """FastAPI works out each route at its first request, which takes longer than a test should."""
    from scm_api.app import create_app
    from scm_api.settings import Settings

    return create_app(Settings())


@pytest.fixture
async def app(_application: "FastAPI", settings: "Settings") -> "AsyncIterator[FastAPI]":
    """The API, started."""
    _application.state.settings = settings
    async with _application.router.lifespan_context(_application):
        yield _application


@pytest.fixture(scope="session")
def contract() -> "Contract":
    """The OpenAPI document every answer is held against, as it is committed."""
    import yaml

    from api_client import Contract

    committed = Path(__file__).parents[1] / "openapi" / "openapi.yaml"
    return Contract(yaml.load(committed.read_text(), yaml.CSafeLoader))


@pytest.fixture
def api(app: "FastAPI", contract: "Contract", _beginning: "Founded") -> "Api":
    """The API as an MRAO calls it."""
    from api_client import Api
    from scm_api.sandbox import aws

    secrets = (aws.SECRET_ACCESS_KEY, aws.READER_SECRET_ACCESS_KEY)
    return Api(app, contract, _beginning.key, secrets)


@pytest.fixture(scope="session")
def _simulator(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Simulator]":
    from simulator import running_simulator

    with running_simulator(tmp_path_factory.mktemp("simulator") / "state") as running:
        yield running


@pytest.fixture
def simulator(_simulator: "Simulator") -> "Simulator":
    """The AWS simulator as it was at its start, with nothing issued."""
    _simulator.reset()
    return _simulator


@pytest.fixture
def estate(api: "Api", simulator: "Simulator") -> "Estate":
    """Builders for what a test needs to exist."""
    from estate import Estate

    return Estate(api, simulator.url)


@pytest.fixture(scope="session")
def _founded(databases: "Databases") -> "Founded":
    from loop_thread import LoopThread
    from prepared import found

    with LoopThread() as loop:
        return loop.run(found(databases.clone()))


@pytest.fixture(scope="session")
def _prepared(
    databases: "Databases",
    contract: "Contract",
    _founded: "Founded",
    _simulator: "Simulator",
    tmp_path_factory: pytest.TempPathFactory,
) -> "Prepared":
    from loop_thread import LoopThread
    from prepared import prepare
    from running import settings_for

    _simulator.reset()  # the test before may have disturbed it, and this is for all that follow
    url = databases.clone(_founded.url)
    settings = settings_for(url, tmp_path_factory.mktemp("prepared"))
    with LoopThread() as loop:
        return loop.run(prepare(settings, contract, _founded.key, _simulator.url))


@pytest.fixture
def chain(_prepared: "Prepared", simulator: "Simulator") -> "Chain":
    """All that an enrollment for names below example.com needs."""
    return _prepared.chain


@pytest.fixture(scope="session", autouse=True)
def _no_credentials_of_this_machine() -> Iterator[None]:
    """Neither the machine's AWS account nor its proxy is any business of a test."""
    with pytest.MonkeyPatch.context() as environment:
        for name in (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_PROFILE",
        ):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
        environment.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
        yield


@pytest.fixture(scope="session")
def first_start(
    tmp_path_factory: pytest.TempPathFactory,
) -> "tuple[Demo, subprocess.CompletedProcess[str]]":
    """A demo that did its job in a fresh directory and ended."""
    from demo_process import Demo

    demo = Demo.in_directory(tmp_path_factory.mktemp("demo"))
    return demo, demo.once()


@pytest.fixture(scope="session")
def second_start(
    first_start: "tuple[Demo, subprocess.CompletedProcess[str]]",
) -> "Iterator[tuple[Demo, ServiceProcess]]":
    """The same demo, started again: it takes a minute, in which other tests can run."""
    again, _ = first_start
    with again.staying() as process:
        yield again, process


@pytest.fixture(scope="session")
def demo(second_start: "tuple[Demo, ServiceProcess]") -> "Iterator[Demo]":
    """It when it has done its job and stays up; Ctrl-C must end it with status 0."""
    from demo_process import PATIENCE

    again, process = second_start
    again.wait_for("Ctrl-C ends everything", process)
    yield again
    process.send(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
