"""The `scm-api` command. What each command needs is imported when it runs: `--help` is instant."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from scm_api import __version__
from scm_api.sandbox.commands import sandbox

if TYPE_CHECKING:
    from scm_api.db.session import Database
    from scm_api.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_CONTRACT = Path(__file__).parents[2] / "openapi" / "openapi.yaml"
_T = TypeVar("_T")
admin = typer.Typer(help="Admins, as an operator makes them.", no_args_is_help=True)
secrets = typer.Typer(help="The key ring that seals secrets.", no_args_is_help=True)
app.add_typer(admin, name="admin")
app.add_typer(secrets, name="secrets")
app.add_typer(sandbox, name="sandbox")


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scm-api {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """One API for every certificate authority a company buys from."""


@app.command()
def serve() -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    from scm_api.secret_keys import load_key_ring
    from scm_api.serving import ServeError, end_on_signals, serve

    end_on_signals()
    with _database(_settings()) as settings, _files_in_words():
        load_key_ring(settings)  # told before anything is started
        try:
            serve(settings)
        except ServeError as error:
            _leave(str(error))


@app.command()
def worker() -> None:
    """Run the durable jobs until SIGTERM or Ctrl-C."""
    import uvloop

    from scm_api.serving import end_on_signals
    from scm_api.worker import run_worker

    end_on_signals()
    with _database(_settings()) as settings, _database_in_words(settings), _files_in_words():
        uvloop.run(run_worker(settings))


@app.command()
def migrate() -> None:
    """Bring the database to the schema of this version."""
    settings = _settings()
    with _database(settings) as placed:
        if placed is settings:  # the embedded database is migrated whenever it is opened
            _upgrade(settings)
    typer.echo("The database has the schema of this version.")


@app.command()
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="End after the job; status 0 only if all held.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")] = 8000,
    sandbox_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the AWS simulator.")
    ] = 4010,
    directory: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("demo"),
) -> None:
    """Start everything on this machine, issue a certificate, stay up until Ctrl-C."""
    from scm_api.demo.stage import run

    raise typer.Exit(run(directory, port, sandbox_port, once=once))


@app.command()
def openapi(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Fail unless the committed contract equals the code.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write openapi/openapi.yaml instead of printing.")
    ] = False,
) -> None:
    """Print the OpenAPI contract."""
    from scm_api.app import create_app
    from scm_api.settings import Settings
    from scm_api.web.openapi import as_yaml

    contract = as_yaml(create_app(Settings()))
    if write:
        _CONTRACT.write_text(contract)
    elif not check:
        typer.echo(contract, nl=False)
    elif not _CONTRACT.exists() or _CONTRACT.read_text() != contract:
        _leave("openapi/openapi.yaml differs from the code. Run `scm-api openapi --write`.")


@app.command()
def health() -> None:
    """Exit with 0 when the API on this machine is alive; for the container's health check."""
    from http.client import HTTPConnection, HTTPException

    settings = _settings()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    connection = HTTPConnection(host, settings.port, timeout=5)
    try:
        connection.request("GET", "/health/live")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        _leave(f"Nothing answers on {host} port {settings.port} ({error}).")
    if status != 200:
        _leave(f"The API answers {status}.")


@admin.command("create")
def admin_create(
    email: Annotated[str, typer.Option(help="E-mail address, the admin's identity.")],
    name: Annotated[str, typer.Option(help="Name shown in audit events.")],
) -> None:
    """Make an MRAO admin and print an API key, once."""
    from scm_api.access.provisioning import create_admin_with_key
    from scm_api.database_url import place_of

    settings = _settings()
    url = settings.database_url
    place = place_of(url) if url else f"embedded in {settings.data_directory.absolute()}"
    key = _with_database(settings, lambda database, _: create_admin_with_key(database, name, email))
    typer.echo(f"An API key for the database {place}; it is shown only now:", err=True)
    typer.echo(key)


@secrets.command("add-key")
def secrets_add_key() -> None:
    """Put a new key in front of the generated key ring (embedded database only)."""
    from scm_api.secret_keys import add_generated_key

    settings = _settings()
    if settings.secret_keys is not None:
        _leave("The key ring is set by SCM_SECRET_KEYS: put the new key in front there.")
    with _files_in_words():
        ring = add_generated_key(settings)
    typer.echo(
        f"{ring.active} is the active key. Restart the API and the workers, "
        "then run `scm-api secrets rotate`."
    )


@secrets.command("rotate")
def secrets_rotate() -> None:
    """Seal what is stored again with the first key of the ring."""
    from scm_api.connectors.resealing import reseal_all
    from scm_api.secret_keys import load_key_ring

    done = _with_database(
        _settings(), lambda database, placed: reseal_all(database, load_key_ring(placed))
    )
    typer.echo(f"{done.secrets} secrets and {done.answers} kept answers were sealed again.")
    if done.lost_answers:
        typer.echo(
            f"{done.lost_answers} answers kept for an Idempotency-Key open with no key of the "
            "ring; a repeat of those requests is refused until they are a day old.",
            err=True,
        )
    if done.unreadable:
        _leave(
            "These local CA backends have secrets no key of the ring opens; give them new ones: "
            + ", ".join(done.unreadable)
        )


def _settings() -> "Settings":
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
def _database(settings: "Settings") -> Iterator["Settings"]:
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
            _leave(str(error))
        except OSError as error:
            where = error.filename or settings.data_directory
            _leave(f"The embedded PostgreSQL cannot be set up: {where}: {error.strerror}.")
        settings = settings.model_copy(update={"database_url": url})
        _upgrade(settings)
        yield settings
    finally:
        server.stop()


def _upgrade(settings: "Settings") -> None:
    from scm_api.db.migrate import MigrationError, upgrade

    with _database_in_words(settings):
        try:
            upgrade(_url(settings))
        except MigrationError as error:
            _leave(str(error))


@contextmanager
def _database_in_words(settings: "Settings") -> Iterator[None]:
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
        _leave(f"The database {place_of(_url(settings))} cannot be used: {why}")


@contextmanager
def _files_in_words() -> Iterator[None]:
    """Say in a sentence why the key ring or the list of bad keys cannot be used."""
    from scm_api.key_blocklist import BlocklistError
    from scm_api.secret_keys import KeyRingError

    try:
        yield
    except (KeyRingError, BlocklistError) as error:
        _leave(str(error))


def _with_database(
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

    with _database(settings) as placed, _database_in_words(placed), _files_in_words():
        try:
            return asyncio.run(run(placed))
        except Unavailable:
            raise
        except (ScmError, ValueError) as error:
            _leave(str(error))


def _url(settings: "Settings") -> str:
    if settings.database_url is None:
        raise ValueError("no database URL")
    return settings.database_url


def _leave(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
