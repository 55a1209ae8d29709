"""Databases to clone: with an admin who has a key, and with all that an enrollment needs besides.

Making those through the API takes longer than most tests of what comes after them.
"""

from copy import deepcopy
from dataclasses import dataclass

from api_client import Api, Contract
from estate import Chain, Estate
from running import started
from scm_api.access.provisioning import create_admin_with_key
from scm_api.db.session import Database
from scm_api.settings import Settings

_FIRST_NUMBER = 1_000  # of its names, so that a test's own estate never gives the same ones


@dataclass(frozen=True, slots=True)
class Founded:
    """The database's URL and the text of the MRAO's API key."""

    url: str
    key: str


@dataclass(frozen=True, slots=True)
class Prepared(Founded):
    """The chain too, as the API shows it."""

    made: Chain

    @property
    def chain(self) -> Chain:
        """The caller's own copy."""
        return deepcopy(self.made)


async def found(url: str) -> Founded:
    """Make an MRAO in the database, and leave it."""
    database = Database(url, pool_size=1)
    try:
        key = await create_admin_with_key(database, "Ada Lovelace", "ada@example.com")
    finally:
        await database.aclose()
    return Founded(url, key)


async def prepare(settings: Settings, contract: Contract, key: str, aws_url: str) -> Prepared:
    """Make everything else as whose key it is, in the database of the settings, and leave it."""
    assert settings.database_url is not None
    async with started(settings) as app:
        api = Api(app, contract, key)
        chain = await Estate(api, aws_url, first_number=_FIRST_NUMBER).chain()
        listed = await api.get(f"/ca-backends/{chain.ca_backend['id']}/issuing-cas")
        usable = [each for each in listed["items"] if each["usable"]]
        assert usable
        assert all(each["certificate_pem"] for each in usable)
        return Prepared(settings.database_url, key, chain)
