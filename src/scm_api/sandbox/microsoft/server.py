"""The listeners: certsrv and WinRM over TLS, RPC, LDAP, and the control interface."""

import ssl
from collections.abc import Sequence
from typing import Self

from aiohttp import web

from scm_api.sandbox.controls import PREFIX
from scm_api.sandbox.listening import Runner
from scm_api.sandbox.microsoft import iis
from scm_api.sandbox.microsoft.authentication import Admitted, Gate
from scm_api.sandbox.microsoft.authority import IssuingDesk
from scm_api.sandbox.microsoft.beside import Beside, open_beside
from scm_api.sandbox.microsoft.catalogue import CA_HOST
from scm_api.sandbox.microsoft.control import control_routes
from scm_api.sandbox.microsoft.credentials import AGENT_NAMES
from scm_api.sandbox.microsoft.entrance import Entrance
from scm_api.sandbox.microsoft.kerberos import Tickets, open_keytab, open_tickets
from scm_api.sandbox.microsoft.revocation import note_agents
from scm_api.sandbox.microsoft.settings import Settings
from scm_api.sandbox.microsoft.simulator import Simulator, open_simulator
from scm_api.sandbox.microsoft.site import PREFIX as SITE_PREFIX
from scm_api.sandbox.microsoft.site import Site, asked_of
from scm_api.sandbox.microsoft.winrm import PATH as WINRM_PATH
from scm_api.sandbox.microsoft.winrm import Shells

_KEEP_ALIVE_SECONDS = 120.0
_LONGEST_BODY = 1024 * 1024


class RunningServer:
    """A simulator that listens. Use as an async context manager or call `aclose`.

    `desk` takes requests by whichever protocol they come, `beside` is what speaks RPC and LDAP;
    `simulator.domain` is the directory as it is at the moment.
    """

    def __init__(
        self,
        simulator: Simulator,
        desk: IssuingDesk,
        runners: Sequence[Runner],
        beside: Beside,
    ) -> None:
        self.simulator = simulator
        self.desk = desk
        self.beside = beside
        self._runners = runners
        self._site, self._winrm, self._control = runners

    @property
    def url(self) -> str:
        """`https://host:port` of the web site, with the port that was really taken."""
        return "https://{}:{}".format(*_address(self._site))

    @property
    def winrm_url(self) -> str:
        """Where WinRM is, over TLS."""
        return "https://{}:{}{}".format(*_address(self._winrm), WINRM_PATH)

    @property
    def ldaps_url(self) -> str:
        """Where the directory is, over TLS."""
        return f"ldaps://{self.simulator.settings.host}:{self.beside.ldaps.port}"

    @property
    def control_url(self) -> str:
        """Where the control interface is, over plain HTTP."""
        return "http://{}:{}{}".format(*_address(self._control), PREFIX)

    async def aclose(self) -> None:
        """Stop listening and release the state directory."""
        for runner in self._runners:
            await runner.cleanup()
        await self.beside.aclose()
        self.simulator.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def serve(settings: Settings) -> RunningServer:
    """Start a simulator in the running event loop.

    Raises StateError for an unusable state directory or keytab, OSError for an unusable address.
    """
    keytab = open_keytab(settings.keytab)
    tickets = open_tickets(keytab)
    simulator = open_simulator(settings)
    if not any(simulator.documents.of("agent")):
        note_agents(simulator, [simulator.agents.path(name) for name in AGENT_NAMES])
    desk = IssuingDesk(simulator)
    context = simulator.transport.context(asks_for_certificate=True)
    listeners = (
        (_site(desk, tickets), settings.port, context),
        (_winrm(desk, tickets), settings.winrm_port, context),
        (_controls(desk), settings.control_port, None),
    )
    runners: list[Runner] = []
    try:
        for app, port, tls in listeners:
            runners.append(await _listen(app, settings.host, port, tls))
        beside = await open_beside(desk, keytab)
    except BaseException:
        for runner in runners:
            await runner.cleanup()
        simulator.close()
        raise
    simulator.on_change.append(beside.follow)
    return RunningServer(simulator, desk, runners, beside)


async def _listen(app: web.Application, host: str, port: int, tls: ssl.SSLContext | None) -> Runner:
    runner = Runner(app, keepalive_timeout=_KEEP_ALIVE_SECONDS)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner


def _site(desk: IssuingDesk, tickets: Tickets | None) -> web.Application:
    site = Site(desk)
    simulator = desk.simulator
    gate = Gate(simulator, tickets, lambda: simulator.behaviour.schemes, CA_HOST)
    entrance = Entrance(simulator, gate, iis.unauthorized)

    async def handle(request: web.Request) -> web.StreamResponse:
        path = request.path.lower()
        prefix, _, name = path.rpartition("/")
        page = site.pages.get(name) if prefix == SITE_PREFIX else None
        if path == SITE_PREFIX:
            name, page = "", Site.with_slash
        if page is None:
            return iis.error_page(404)

        async def act(request: web.Request, admitted: Admitted) -> web.Response:
            return page(await asked_of(request, admitted.account))

        return await entrance.enter(request, name or "default.asp", act)

    app = web.Application(client_max_size=_LONGEST_BODY)
    app.router.add_route("*", "/{rest:.*}", handle)
    app.on_response_prepare.append(_sign)
    return app


def _winrm(desk: IssuingDesk, tickets: Tickets | None) -> web.Application:
    simulator = desk.simulator
    shells = Shells(simulator)
    gate = Gate(simulator, tickets, lambda: simulator.behaviour.winrm_schemes, "WSMAN")
    entrance = Entrance(simulator, gate, iis.empty_unauthorized)

    async def handle(request: web.Request) -> web.StreamResponse:
        operation = Shells.operation(await request.read())
        return await entrance.enter(request, operation, shells.handle)

    app = web.Application(client_max_size=_LONGEST_BODY)
    app.router.add_post(WINRM_PATH, handle)
    return app


async def _sign(_: web.Request, response: web.StreamResponse) -> None:
    """The headers of IIS, unless the kernel driver answered."""
    if response.headers.get("Server") != iis.KERNEL:
        response.headers["Server"] = iis.SERVER
    response.headers["X-Powered-By"] = "ASP.NET"


def _controls(desk: IssuingDesk) -> web.Application:
    app = web.Application()
    app.add_routes(control_routes(desk))
    return app


def _address(runner: Runner) -> tuple[str, int]:
    host, port = runner.addresses[0][:2]
    return str(host), int(port)
