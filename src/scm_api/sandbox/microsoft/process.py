"""The simulator as a process of its own, ended by SIGTERM or SIGINT."""

from scm_api.sandbox.microsoft.catalogue import ENROLLER, NETBIOS
from scm_api.sandbox.microsoft.server import RunningServer, serve
from scm_api.sandbox.microsoft.settings import Settings
from scm_api.sandbox.until_signal import serve_until_signal


def run(settings: Settings) -> None:
    """Serve until a signal arrives, after one line on standard output saying where and as whom.

    Raises SystemExit(1), after one sentence on standard error, when an address, the keytab or the
    state directory cannot be used.
    """
    ports = (
        settings.port,
        settings.winrm_port,
        settings.control_port,
        settings.epm_port,
        settings.rpc_port,
        settings.ldap_port,
        settings.clear_ldap_port,
    )
    shown = " or ".join(str(each) for each in ports)
    serve_until_signal(lambda: serve(settings), _announcement, f"{settings.host} port {shown}")


def _announcement(server: RunningServer) -> str:
    return (
        f"microsoft sandbox listening on {server.url}/certsrv "
        f"(account {NETBIOS}\\{ENROLLER.sam}, password {ENROLLER.password}, "
        f"trust {server.simulator.transport.trust}), "
        f"RPC endpoint mapper on port {server.beside.rpc.epm_port}, directory at "
        f"{server.ldaps_url}, WinRM at {server.winrm_url}, control at {server.control_url}"
    )
