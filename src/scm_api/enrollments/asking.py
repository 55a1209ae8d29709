"""What the CA itself says about a request, without it being ordered."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from scm_api.core.errors import Fault
from scm_api.core.subjects import Subject
from scm_api.drivers.base import ChecksOrders, Order
from scm_api.drivers.errors import BackendUnavailable, DriverError, OrderRefused
from scm_api.gateway.choices import PATIENCE, learn
from scm_api.gateway.connections import connection_of
from scm_api.issuance.intake import Judged, external_organization
from scm_api.web.deps import Resources


async def learn_first(app: Resources, judged: Judged) -> bool:
    """Read what the CA offers where that is not known, or was read a while ago; whether it was, so
    that the request is to be judged again. A CA that is away leaves it as it is."""
    assert judged.facts is not None
    async with app.database.transaction() as session:
        connection = await connection_of(session, judged.facts.rules.ca_backend_id)
    with suppress(DriverError):
        return await learn(app.database, app.gateway, connection)
    return False


async def ask_ca(app: Resources, judged: Judged) -> tuple[Judged, bool]:
    """Have the CA judge a request without faults; no transaction is open meanwhile.

    Returns what is known with the CA's objection, code `ca-would-refuse`, and whether it was
    asked. Raises DriverError where it cannot be.
    """
    facts, csr, judgement = judged.facts, judged.csr, judged.judgement
    assert facts is not None
    assert csr is not None
    assert judgement is not None
    assert judgement.term is not None
    async with app.database.transaction() as session:
        connection = await connection_of(session, facts.rules.ca_backend_id)
    driver = await app.gateway.driver(connection)
    if not isinstance(driver, ChecksOrders):
        return judged, False
    nobody = uuid4()
    order = Order(
        enrollment_id=nobody,
        token=nobody.hex,
        csr_der=csr.der,
        term_days=judgement.term.days,
        now=facts.now,
        not_after=judgement.term.not_after,
        common_name=csr.common_names[0] if csr.common_names else None,
        names=tuple(judgement.names),
        external_organization=external_organization(facts),
        comment=judged.request.comment,
        subject=judged.request.subject if isinstance(judged.request.subject, Subject) else None,
    )
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await driver.check_order(order, facts.rules.options_of(judged.request.order_options))
    except OrderRefused as error:
        fault = Fault("", "ca-would-refuse", f"The CA would refuse it: {error.detail}")
        return replace(judged, faults=[fault]), True
    except TimeoutError as error:
        raise BackendUnavailable("The CA did not judge the request in time.") from error
    return judged, True
