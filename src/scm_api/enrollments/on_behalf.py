"""Enrolling on behalf of an account of a directory: looked up before anything is judged or stored.

It is the strongest right there is: whoever has the certificate is that account. So it is a
privilege of its own, the account is one that the profile and the CA backend let be enrolled for,
and what the directory said is kept with the enrollment and compared before it is sent.
"""

import asyncio
from typing import Final

from scm_api.core.access import Principal, require_privilege
from scm_api.core.errors import Fault, Forbidden
from scm_api.core.subjects import Subject
from scm_api.core.vocabulary import Privilege
from scm_api.drivers.base import FindsSubjects
from scm_api.drivers.errors import BackendUnavailable, OrderRefused
from scm_api.drivers.registry import REGISTRY
from scm_api.enrollments.schemas import EnrollmentCreate
from scm_api.gateway.choices import PATIENCE
from scm_api.gateway.connections import connection_of
from scm_api.issuance.facts import load_facts
from scm_api.web.deps import Resources

_POINTER: Final = "/order_options/on_behalf_of"


async def subject_of(
    app: Resources, caller: Principal, body: EnrollmentCreate
) -> Subject | Fault | None:
    """The account the body names, as the directory has it now, or why it cannot be that one.

    None where it names none, or its profile is not for accounts, which judging will say. No
    transaction is open while the directory is asked. Raises Forbidden, DriverError.
    """
    if body.order_options is None:
        return None
    extras = REGISTRY[body.order_options.backend_type].order_options
    account = extras.account(body.order_options) if extras else None
    if account is None:
        return None
    require_privilege(caller, Privilege.ENROLL, "enroll")
    require_privilege(caller, Privilege.ENROLL_ON_BEHALF, "enroll on behalf of an account")
    async with app.database.transaction() as session:
        facts, _ = await load_facts(
            session,
            caller,
            organization_id=body.organization_id,
            certificate_profile_id=body.certificate_profile_id,
            spki_sha256="",
        )
        if facts is None or not (facts.profile_enabled and facts.delegated):
            return None
        rules = facts.rules
        if not rules.kind.needs_subject(rules.typed_options):
            return None
        connection = await connection_of(session, rules.ca_backend_id)
    driver = await app.gateway.driver(connection)
    if not isinstance(driver, FindsSubjects):
        return None
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await driver.find_subject(account, rules.typed_options)
    except OrderRefused as refused:
        if refused.code == "subject-not-allowed":
            raise Forbidden(refused.detail, code=refused.code) from refused
        return Fault(_POINTER, refused.code, refused.detail)
    except TimeoutError as error:
        raise BackendUnavailable("The directory did not answer in time.") from error
