"""One simulator for all driver tests, set back before each."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aws_harness import AwsHarness
from contract import Harness, RecordingLimiter
from digicert_harness import DigiCertHarness
from entrust_harness import EntrustHarness
from gcp_harness import GcpHarness
from memory_harness import MemoryHarness
from microsoft_harness import MicrosoftHarness

from gcp_service import running_cas
from loop_thread import LoopThread
from made_states import made_state
from memory_ca.authority import AUTHORITIES
from scm_api.core.vocabulary import BackendType
from scm_api.drivers.base import Driver
from scm_api.sandbox import aws, digicert, entrust, microsoft
from scm_api.sandbox.microsoft.catalogue import CA_HOST
from scm_api.sandbox.microsoft.ldap import serve_ldap
from scm_api.sandbox.microsoft.rpc import serve_rpc

HARNESSES: dict[str, str] = {
    BackendType.AWS: "aws_harness",
    BackendType.DIGICERT: "digicert_harness",
    BackendType.ENTRUST: "entrust_harness",
    BackendType.GCP: "gcp_harness",
    BackendType.MICROSOFT: "microsoft_harness",
    "memory": "memory_harness",
}


@pytest.fixture
def limiter() -> RecordingLimiter:
    return RecordingLimiter()


@pytest.fixture(scope="session")
def _aws_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A simulator in a thread with its own loop: it shares nothing with the driver's."""
    settings = aws.Settings(
        state=tmp_path_factory.mktemp("aws") / "state", behaviour=aws.Behaviour(quotas={})
    )
    with LoopThread() as loop:
        server = loop.run(aws.serve(settings))
        yield server.url
        loop.run(server.aclose())


@pytest.fixture
def aws_harness(_aws_url: str) -> AwsHarness:
    harness = AwsHarness(_aws_url)
    harness.reset()
    return harness


@pytest.fixture(scope="session")
def _digicert_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = made_state("digicert", tmp_path_factory.mktemp("digicert"))
    settings = digicert.Settings(state, behaviour=digicert.Behaviour(rate_limits=[]))
    with LoopThread() as loop:
        server = loop.run(digicert.serve(settings))
        yield server.url
        loop.run(server.aclose())


@pytest.fixture
def digicert_harness(_digicert_url: str) -> DigiCertHarness:
    harness = DigiCertHarness(_digicert_url)
    harness.reset()
    return harness


@pytest.fixture(scope="session")
def entrust_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[entrust.RunningServer]:
    state = made_state("entrust", tmp_path_factory.mktemp("entrust"))
    settings = entrust.Settings(state, behaviour=entrust.Behaviour(rate_limits=[]))
    with LoopThread() as loop:
        server = loop.run(entrust.serve(settings))
        yield server
        loop.run(server.aclose())


@pytest.fixture
def entrust_harness(entrust_server: entrust.RunningServer) -> EntrustHarness:
    harness = EntrustHarness(entrust_server)
    harness.reset()
    return harness


@pytest.fixture(scope="session")
def _gcp_harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcpHarness]:
    with running_cas(tmp_path_factory.mktemp("gcp") / "state") as cas:
        yield GcpHarness(cas)


@pytest.fixture
def gcp_harness(_gcp_harness: GcpHarness) -> GcpHarness:
    _gcp_harness.control("POST", "/reset")
    return _gcp_harness


@pytest.fixture
def memory_harness() -> Iterator[MemoryHarness]:
    yield MemoryHarness()
    AUTHORITIES.clear()


@pytest.fixture(scope="session")
def _microsoft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MicrosoftHarness]:
    state = made_state("microsoft", tmp_path_factory.mktemp("microsoft"))
    with LoopThread() as loop:
        server = loop.run(microsoft.serve(microsoft.Settings(state)))
        transport = server.simulator.transport
        directory = loop.run(
            serve_ldap(
                lambda: server.simulator.domain,
                "127.0.0.1",
                ssl_context=transport.context(asks_for_certificate=False),
                dns_host_name="dc1.corp.example",
                end_point=transport.end_point(),
            )
        )
        rpc = loop.run(
            serve_rpc(
                server.desk, lambda: server.simulator.domain, "127.0.0.1", dns_host_name=CA_HOST
            )
        )
        yield MicrosoftHarness(server, directory.port, rpc.icpr_port)
        loop.run(rpc.aclose())
        loop.run(directory.aclose())
        loop.run(server.aclose())


@pytest.fixture
def microsoft_harness(_microsoft: MicrosoftHarness) -> MicrosoftHarness:
    _microsoft.reset()
    return _microsoft


@pytest.fixture(params=[*map(str, BackendType), "memory"])
def harness(request: pytest.FixtureRequest) -> Harness:
    """The harness of each backend type in turn; a type without one is an error."""
    found: Harness = request.getfixturevalue(HARNESSES[request.param])
    return found


@pytest.fixture
async def driver(harness: Harness, limiter: RecordingLimiter) -> AsyncIterator[Driver]:
    """The driver of the harness's backend type, opened."""
    opened = await harness.kind.open(harness.connection, harness.secrets, limiter)
    yield opened
    await opened.aclose()


@pytest.fixture(autouse=True)
def _no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
