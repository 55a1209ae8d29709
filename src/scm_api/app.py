"""The application: resources opened at start and closed at shutdown, every feature's routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module

from fastapi import FastAPI
from sqlalchemy.orm import configure_mappers

from scm_api import __version__
from scm_api.access.router import router as access
from scm_api.account_settings.router import router as account_settings
from scm_api.audit.router import router as audit
from scm_api.bulk_renewals.router import router as bulk_renewals
from scm_api.bulk_revocations.router import router as bulk_revocations
from scm_api.ca_backends.router import router as ca_backends
from scm_api.certificate_profiles.router import router as certificate_profiles
from scm_api.certificates.router import router as certificates
from scm_api.connectors.router import router as connectors
from scm_api.core.domains import public_suffixes
from scm_api.core.weak_keys import KeyChecks
from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.enrollments.router import router as enrollments
from scm_api.external_assignments.router import router as external_assignments
from scm_api.gateway.connections import Gateway
from scm_api.issuance.waiting import Changes
from scm_api.key_blocklist import key_checks
from scm_api.organizations.router import router as organizations
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.web import openapi, problems
from scm_api.web.auth import Authenticator
from scm_api.web.deps import Resources
from scm_api.web.health import router as health
from scm_api.web.middleware import Frame
from scm_api.web.rate_limits import change_limit, wrong_key_limit
from scm_api.web.state_gauges import StateGauges

_DESCRIPTION = """
Ask for certificates, follow what becomes of them, renew and revoke them: the same way for every
CA behind this service.

**Try it here.** Press *Authorize* and paste an API key (`make demo` prints one;
`scm-api admin create` makes one). Every operation below has an example. In the demo it can be sent
as it stands; elsewhere the ids are made up: take yours from the answers before.

**To the first certificate**

1. `POST /connectors`, then `POST /connectors/{id}/local-ca-backends` with the credentials of a CA.
2. `POST /ca-backends` gives it a name; `POST /ca-backends/{id}/check` tells whether the CA answers,
   and `GET /ca-backends/{id}/issuing-cas` what it offers.
3. `POST /organizations` and `POST /organizations/{id}/domains` say who owns which names.
4. `POST /certificate-profiles` says what may be issued through that CA, and for whom.
5. `POST /enrollments` with a CSR, then `GET /certificates/{id}/content`.

**Good to know**

* Errors are `application/problem+json`: `type` is stable, `errors` lists every fault with a JSON
  pointer. Quote `request_id` when you ask for help.
* Send an `Idempotency-Key` with a creating POST, and repeating it is safe.
* Fields and query parameters that are not known are refused, and so is a query parameter that is
  given twice: a filter with a typo must not find everything. Answers may get further members, so
  ignore those you do not know.
* Updates need `If-Match` with the `ETag` that was read, so that no change is lost.
* Lists come in pages, newest first: follow `next_cursor` or the `Link` header.
"""


def create_app(settings: Settings) -> FastAPI:
    """The API; nothing is opened before it starts. Starting needs `settings.database_url`."""
    app = FastAPI(
        title="scm-api",
        version=__version__,
        description=_DESCRIPTION.strip(),
        openapi_url=None,  # the contract is served by web.openapi
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # to an address made of the Host header
        separate_input_output_schemas=False,
        lifespan=_opened,
    )
    app.state.settings = settings
    app.add_middleware(Frame, max_body_bytes=settings.max_body_bytes)
    problems.install(app)
    for router in (
        enrollments,
        bulk_renewals,
        certificates,
        bulk_revocations,
        certificate_profiles,
        ca_backends,
        connectors,
        organizations,
        external_assignments,
        access,
        account_settings,
        audit,
        health,
    ):
        # As they are: `include_router` would analyse every route a second time, within the first
        # request, and look for what is included twice at each.
        app.router.routes.extend(router.routes)
    openapi.install(app)
    return app


@asynccontextmanager
async def _opened(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    if settings.database_url is None:
        raise ValueError("whoever starts the embedded database passes its URL")
    ring = await asyncio.to_thread(load_key_ring, settings)
    checks = await asyncio.to_thread(_warm, settings)
    async with AsyncExitStack() as opened:
        database = Database(settings.database_url, pool_size=settings.api_pool_size)
        opened.push_async_callback(database.aclose)
        drivers = DriverPool()
        opened.push_async_callback(drivers.aclose)
        changes = Changes(settings.database_url)
        opened.push_async_callback(changes.aclose)
        gauges = StateGauges(database)
        opened.push_async_callback(gauges.aclose)
        gateway = Gateway(database, ring, drivers)
        app.state.resources = Resources(settings, database, ring, gateway, checks)
        app.state.authenticator = Authenticator(database, wrong_key_limit(settings))
        app.state.changes_by_key = change_limit(settings)
        app.state.changes = changes
        app.state.state_gauges = gauges
        yield


def _warm(settings: Settings) -> KeyChecks:
    """Make ready what judging and enqueueing need, so that no request waits for it."""
    for slow_to_load in ("badkeys.checks", "pgqueuer.queries"):
        import_module(slow_to_load)
    configure_mappers()
    public_suffixes()
    return key_checks(settings)
