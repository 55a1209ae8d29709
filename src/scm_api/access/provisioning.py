"""The first admin cannot come through the API: an operator makes one on the command line."""

from typing import Final

from pydantic import TypeAdapter, ValidationError

from scm_api.access.service import email_of
from scm_api.core.errors import Fault, Invalid
from scm_api.core.vocabulary import Role
from scm_api.db.audit import record
from scm_api.db.base import new_id
from scm_api.db.models import Admin, ApiKey
from scm_api.db.session import Database
from scm_api.web.auth import new_key
from scm_api.web.schemas import Name

_NAME: Final = TypeAdapter(Name)


async def create_admin_with_key(database: Database, name: str, email: str) -> str:
    """Make an MRAO and return the text of an API key, which is not kept anywhere.

    Raises Conflict when another admin has the e-mail address and Invalid when it or the name is
    none.
    """
    try:
        name = _NAME.validate_python(name)
    except ValidationError as error:
        why = "A name has 1 to 128 visible characters on one line and no blank at its ends."
        raise Invalid([Fault("/name", "invalid-value", why)]) from error
    address = email_of(email)
    text, prefix, digest = new_key()
    admin_id, key_id = new_id(), new_id()
    async with database.transaction() as session:
        session.add(Admin(id=admin_id, name=name, email=address, role=Role.MRAO, active=True))
        await session.flush()
        session.add(
            ApiKey(id=key_id, admin_id=admin_id, name="first key", prefix=prefix, digest=digest)
        )
        record(session, None, "admin.created", ("admin", admin_id))
        record(session, None, "api_key.created", ("api_key", key_id))
    return text
