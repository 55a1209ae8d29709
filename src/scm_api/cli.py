"""The `scm-api` command. What each command needs is imported when it runs: `--help` is instant."""

from pathlib import Path
from typing import Annotated

import typer

from scm_api import __version__
from scm_api.operating import (
    database_in_words,
    files_in_words,
    leave,
    migrate_database,
    opened_database,
    settings_of_this_machine,
    with_database,
)
from scm_api.sandbox.commands import sandbox

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_CONTRACT = Path(__file__).parents[2] / "openapi" / "openapi.yaml"
admin = typer.Typer(help="Admins, as an operator makes them.", no_args_is_help=True)
secrets = typer.Typer(help="The key ring that seals secrets.", no_args_is_help=True)
audit = typer.Typer(help="Audit events, as they were sealed.", no_args_is_help=True)
app.add_typer(admin, name="admin")
app.add_typer(audit, name="audit")
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
    with opened_database(settings_of_this_machine()) as settings, files_in_words():
        load_key_ring(settings)  # told before anything is started
        try:
            serve(settings)
        except ServeError as error:
            leave(str(error))


@app.command()
def worker() -> None:
    """Run the durable jobs until SIGTERM or Ctrl-C."""
    import uvloop

    from scm_api.serving import end_on_signals
    from scm_api.worker import run_worker

    end_on_signals()
    with (
        opened_database(settings_of_this_machine()) as settings,
        database_in_words(settings),
        files_in_words(),
    ):
        uvloop.run(run_worker(settings))


@app.command()
def migrate() -> None:
    """Bring the database to the schema of this version."""
    settings = settings_of_this_machine()
    with opened_database(settings) as placed:
        if placed is settings:  # the embedded database is migrated whenever it is opened
            migrate_database(settings)
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
        leave("openapi/openapi.yaml differs from the code. Run `scm-api openapi --write`.")


@app.command()
def health() -> None:
    """Exit with 0 when the API on this machine is alive; for the container's health check."""
    from http.client import HTTPConnection, HTTPException

    settings = settings_of_this_machine()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    connection = HTTPConnection(host, settings.port, timeout=5)
    try:
        connection.request("GET", "/health/live")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        leave(f"Nothing answers on {host} port {settings.port} ({error}).")
    if status != 200:
        leave(f"The API answers {status}.")


@admin.command("create")
def admin_create(
    email: Annotated[str, typer.Option(help="E-mail address, the admin's identity.")],
    name: Annotated[str, typer.Option(help="Name shown in audit events.")],
) -> None:
    """Make an MRAO admin and print an API key, once."""
    from scm_api.access.provisioning import create_admin_with_key
    from scm_api.database_url import place_of

    settings = settings_of_this_machine()
    url = settings.database_url
    place = place_of(url) if url else f"embedded in {settings.data_directory.absolute()}"
    key = with_database(settings, lambda database, _: create_admin_with_key(database, name, email))
    typer.echo(f"An API key for the database {place}; it is shown only now:", err=True)
    typer.echo(key)


@audit.command("verify")
def audit_verify(
    head: Annotated[
        typer.FileText | None,
        typer.Option(help="A head that was exported before, to see whether the tail was cut off."),
    ] = None,
) -> None:
    """Compare every audit event with its seal; print the head, or name the first that is wrong."""
    import json

    from scm_api.audit.verifying import verify
    from scm_api.core.audit_seals import exported, kept_head
    from scm_api.secret_keys import load_key_ring

    try:
        kept = kept_head(head.read()) if head else None
    except ValueError as error:
        leave(str(error))
    done = with_database(
        settings_of_this_machine(),
        lambda database, placed: verify(database, load_key_ring(placed), kept),
    )
    if done.broken is not None:
        leave(
            f"Audit event {done.broken.number}: {done.broken.why}. "
            f"{done.sealed} events before it are as they were sealed."
        )
    waiting = f", the oldest from {done.since:%Y-%m-%dT%H:%M:%SZ}" if done.since else ""
    typer.echo(
        f"{done.sealed} audit events are as they were sealed, "
        f"{done.unsealed} are not sealed yet{waiting}.",
        err=True,
    )
    typer.echo(json.dumps(exported(done.head)))


@secrets.command("add-key")
def secrets_add_key() -> None:
    """Put a new key in front of the generated key ring (embedded database only)."""
    from scm_api.secret_keys import add_generated_key

    settings = settings_of_this_machine()
    if settings.secret_keys is not None:
        leave("The key ring is set by SCM_SECRET_KEYS: put the new key in front there.")
    with files_in_words():
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

    done = with_database(
        settings_of_this_machine(),
        lambda database, placed: reseal_all(database, load_key_ring(placed)),
    )
    typer.echo(f"{done.secrets} secrets and {done.answers} kept answers were sealed again.")
    if done.lost_answers:
        typer.echo(
            f"{done.lost_answers} answers kept for an Idempotency-Key open with no key of the "
            "ring; a repeat of those requests is refused until they are a day old.",
            err=True,
        )
    if done.unproven_audit:
        typer.echo(f"{done.unproven_audit} Run `scm-api audit verify`.", err=True)
    if done.unreadable:
        leave(
            "These local CA backends have secrets no key of the ring opens; give them new ones: "
            + ", ".join(done.unreadable)
        )
    if done.unproven_audit:
        raise typer.Exit(1)
