"""`/account-settings`."""

from fastapi import APIRouter, Response

from scm_api.account_settings import service
from scm_api.account_settings.schemas import AccountSettingsOut, AccountSettingsUpdate
from scm_api.web.auth import Caller
from scm_api.web.concurrency import IfMatch
from scm_api.web.deps import Db
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.replies import reply

router = APIRouter(prefix="/account-settings", tags=["Access"], route_class=Operation)


@router.get(
    "",
    operation_id="get_account_settings",
    summary="Read the account's settings",
    response_model=AccountSettingsOut,
    responses=problems(403),
)
async def read(caller: Caller, database: Db) -> Response:
    """What holds for the whole account. For MRAOs."""
    async with database.transaction() as session:
        return reply(await service.read(session, caller))


@router.patch(
    "",
    operation_id="update_account_settings",
    summary="Change the account's settings",
    response_model=AccountSettingsOut,
    responses=problems(403, 412, 428),
)
async def update(
    body: AccountSettingsUpdate, caller: Caller, database: Db, expected: IfMatch
) -> Response:
    """Fields left out stay as they are. For MRAOs; every change is audited."""
    async with database.transaction() as session:
        return reply(await service.update(session, caller, body, expected))
