"""`scm-api sandbox`. Each simulator is imported when it is started."""

from pathlib import Path
from typing import Annotated

import typer

sandbox = typer.Typer(help="Simulators of certificate authorities.", no_args_is_help=True)


@sandbox.command("aws")
def aws(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 4010,
    state: Annotated[
        Path, typer.Option(help="Directory with its CAs, certificates and ledger.")
    ] = Path(".scm-api/sandbox-aws"),
    *,
    quotas: Annotated[bool, typer.Option(help="Throttle at the documented quotas.")] = True,
    pending_gets: Annotated[
        int, typer.Option(min=0, help="How often a new certificate is still in progress.")
    ] = 1,
    latency_ms: Annotated[float, typer.Option(min=0, help="Added to every answer.")] = 0,
) -> None:
    """Simulate AWS Private CA until SIGTERM or Ctrl-C."""
    from scm_api.sandbox.aws import run

    run(host, port, state, quotas=quotas, pending_gets=pending_gets, latency_ms=latency_ms)


@sandbox.command("digicert")
def digicert(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 4020,
    state: Annotated[Path, typer.Option(help="Directory with its CAs, orders and ledger.")] = Path(
        ".scm-api/sandbox-digicert"
    ),
    *,
    limits: Annotated[bool, typer.Option(help="Refuse calls over the documented limits.")] = True,
    immediate: Annotated[
        bool, typer.Option(help="Issue what is validated in the answer to the order.")
    ] = True,
) -> None:
    """Simulate DigiCert CertCentral until SIGTERM or Ctrl-C."""
    from scm_api.sandbox.digicert import run

    run(host, port, state, limits=limits, immediate=immediate)


@sandbox.command("entrust")
def entrust(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 4030,
    state: Annotated[
        Path, typer.Option(help="Directory with its CAs, TLS files, certificates and ledger.")
    ] = Path(".scm-api/sandbox-entrust"),
    *,
    limits: Annotated[bool, typer.Option(help="Refuse more than 50 calls a second.")] = True,
    immediate: Annotated[
        bool, typer.Option(help="Issue what is approved in the answer to the request.")
    ] = True,
) -> None:
    """Simulate Entrust Certificate Services and CA Gateway over TLS until SIGTERM or Ctrl-C."""
    from scm_api.sandbox.entrust import run

    run(host, port, state, limits=limits, immediate=immediate)


@sandbox.command("gcp")
def gcp(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the gRPC service; 0 takes a free one.")] = 4040,
    control_port: Annotated[
        int, typer.Option(help="Port of the control interface, over plain HTTP.")
    ] = 4041,
    state: Annotated[
        Path, typer.Option(help="Directory with its CAs, service account, certificates and ledger.")
    ] = Path(".scm-api/sandbox-gcp"),
    *,
    limits: Annotated[
        bool, typer.Option(help="Refuse more certificates a second than the quotas.")
    ] = True,
) -> None:
    """Simulate Google Cloud CA Service over gRPC and TLS until SIGTERM or Ctrl-C."""
    from scm_api.sandbox.gcp import run

    run(host, port, control_port, state, limits=limits)


@sandbox.command("microsoft")
def microsoft(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the web site; 0 takes a free one.")] = 4050,
    winrm_port: Annotated[int, typer.Option(help="Port of WinRM.")] = 4051,
    control_port: Annotated[
        int, typer.Option(help="Port of the control interface, over plain HTTP.")
    ] = 4052,
    epm_port: Annotated[int, typer.Option(help="Port of the RPC endpoint mapper.")] = 4053,
    rpc_port: Annotated[int, typer.Option(help="Port of ICPR, which the mapper tells.")] = 4054,
    ldap_port: Annotated[int, typer.Option(help="Port of LDAP over TLS.")] = 4055,
    clear_ldap_port: Annotated[int, typer.Option(help="Port of LDAP in clear.")] = 4056,
    state: Annotated[
        Path, typer.Option(help="Directory with its CAs, agents, TLS files, requests and ledger.")
    ] = Path(".scm-api/sandbox-microsoft"),
    keytab: Annotated[
        Path | None, typer.Option(help="Kerberos key of HTTP/<host>; none without it.")
    ] = None,
    *,
    ecdsa: Annotated[bool, typer.Option(help="The issuing CA has an ECDSA key.")] = False,
) -> None:
    """Simulate Microsoft AD CS (Web Enrollment, RPC, WinRM, LDAP) until SIGTERM or Ctrl-C."""
    from scm_api.sandbox.microsoft import Settings, run

    run(
        Settings(
            state,
            host,
            port,
            winrm_port,
            control_port,
            rpc_port,
            epm_port,
            ldap_port,
            clear_ldap_port,
            ca_key="ecdsa" if ecdsa else "rsa",
            keytab=keytab,
        )
    )
