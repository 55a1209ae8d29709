"""Right before an order for an account of a directory is sent: is it still the same account?"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from scm_api.core.subjects import changes, subject_from
from scm_api.drivers.base import Driver, FindsSubjects
from scm_api.drivers.errors import BackendUnavailable, OrderRefused

_WHAT_TO_DO: Final = "Look at the account, then cancel this and enroll anew."


async def account_objection(
    driver: Driver, accepted: Mapping[str, Any], options: Any, deadline: timedelta
) -> tuple[str, str] | None:
    """Reason (code, sentence) not to order any more for the account that was accepted; None while
    it is what it was. Raises DriverError where nobody can tell."""
    if not isinstance(driver, FindsSubjects):
        raise TypeError(f"{type(driver).__name__} finds no subjects")
    before = subject_from(accepted)
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            now = await driver.find_subject(before.account, options)
    except OrderRefused as gone:
        return "subject-changed", f"{gone.detail} {_WHAT_TO_DO}"
    except TimeoutError as error:
        raise BackendUnavailable("The directory did not answer in time.") from error
    found = changes(before, now)
    if not found:
        return None
    return "subject-changed", f"Since it was asked for, {'; '.join(found)}. {_WHAT_TO_DO}"
