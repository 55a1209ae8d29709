"""What commands run on: settings and a database, and a sentence for what is wrong with them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from scm_api.db.session import Database
    from scm_api.settings import Settings

_T = TypeVar("_T")


def settings_of_this_machine() -> "Settings":
    """Load the settings and set up what every command with settings needs."""
    from scm_api.logs import configure_logging
    from scm_api.settings import SettingsError, load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        for mistake in error.mistakes:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(2) from error
    configure_logging(settings)
    return settings


@contextmanager
def opened_database(settings: "Settings") -> Iterator["Settings"]:
    """The settings with a database URL: the given one, or that of the embedded server.

    The embedded server is started, migrated, and left when the block ends.
    """
    if settings.database_url is not None:
        yield settings
        return
    from scm_api.db.embedded import EmbeddedError, EmbeddedPostgres

    server = EmbeddedPostgres(settings.data_directory / "postgres")
    try:
        try:
            url = server.start()
        except EmbeddedError as error:
            leave(str(error))
        except OSError as error:
            where = error.filename or settings.data_directory
            leave(f"The embedded PostgreSQL cannot be set up: {where}: {error.strerror}.")
        settings = settings.model_copy(update={"database_url": url})
        migrate_database(settings)
        yield settings
    finally:
        server.stop()


def migrate_database(settings: "Settings") -> None:
    """Bring the database of the settings to the schema of this version."""
    from scm_api.db.migrate import MigrationError, upgrade

    with database_in_words(settings):
        try:
            upgrade(_url(settings))
        except MigrationError as error:
            leave(str(error))


@contextmanager
def database_in_words(settings: "Settings") -> Iterator[None]:
    """Say in a sentence why the database cannot be used; other errors pass."""
    import asyncpg
    from sqlalchemy.exc import DBAPIError

    from scm_api.core.errors import Unavailable
    from scm_api.database_url import place_of
    from scm_api.db.schema import without_schema

    try:
        yield
    except (
        DBAPIError,
        OSError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        Unavailable,
    ) as error:
        cause: BaseException = error
        while cause.__cause__ is not None:  # the innermost says it without SQL around it
            cause = cause.__cause__
        why = without_schema(cause) or str(cause) or type(cause).__name__
        leave(f"The database {place_of(_url(settings))} cannot be used: {why}")


@contextmanager
def files_in_words() -> Iterator[None]:
    """Say in a sentence why the key ring or the list of bad keys cannot be used."""
    from scm_api.key_blocklist import BlocklistError
    from scm_api.secret_keys import KeyRingError

    try:
        yield
    except (KeyRingError, BlocklistError) as error:
        leave(str(error))


def with_database(
    settings: "Settings", action: "Callable[[Database, Settings], Awaitable[_T]]"
) -> _T:
    """Run one action on the database of the settings; what it refuses ends in a sentence."""
    from scm_api.core.errors import ScmError, Unavailable
    from scm_api.db.session import Database

    async def run(settings: "Settings") -> _T:
        database = Database(_url(settings), pool_size=1)
        try:
            return await action(database, settings)
        finally:
            await database.aclose()

    with opened_database(settings) as placed, database_in_words(placed), files_in_words():
        try:
            return asyncio.run(run(placed))
        except Unavailable:
            raise
        except (ScmError, ValueError) as error:
            leave(str(error))


def _url(settings: "Settings") -> str:
    if settings.database_url is None:
        raise ValueError("no database URL")
    return settings.database_url


def leave(sentence: str) -> NoReturn:
    """Say it and end the command with status 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
