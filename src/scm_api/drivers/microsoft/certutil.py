"""Revocation by `certutil -revoke`, which is run on a Windows host through WinRM."""

from typing import Final

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.errors import BackendRefused, OrderRefused, only_asking
from scm_api.drivers.microsoft.hresults import failure
from scm_api.drivers.microsoft.ports import REASONS
from scm_api.drivers.windows.remote_commands import RemoteCommands

_E_ACCESSDENIED: Final = 0x80070005


class Certutil:
    """Fulfils `ports.Revoker`. `ca_config` is `HOST\\CA`, as certutil takes it."""

    def __init__(self, commands: RemoteCommands, ca_config: str) -> None:
        self._commands = commands
        # The options let in no quote and no final backslash, which would end the argument.
        self._ca_config = f'"{ca_config}"'

    async def check(self) -> None:
        """See `Revoker.check`."""
        with only_asking():
            await self._run("-ping")

    async def revoke(self, serial_number: int, reason: RevocationReason) -> None:
        """See `Revoker.revoke`. Repeating it only sets date and reason again."""
        number = REASONS.get(reason)
        if number is None:
            raise OrderRefused(f"AD CS knows no revocation reason {reason}.", code="reason")
        await self._run("-revoke", serial_text(serial_number), str(number))

    async def aclose(self) -> None:
        """See `Revoker.aclose`."""
        await self._commands.aclose()

    async def _run(self, verb: str, *arguments: str) -> None:
        """Raises what its exit code means, which is the HRESULT of what it could not do."""
        code = await self._commands.run("certutil", "-config", self._ca_config, verb, *arguments)
        if code == 0:
            return
        message = f"certutil {verb} ended with exit code 0x{code:08X}."
        error = failure(code, message)
        if code == _E_ACCESSDENIED:
            right = "The account lacks Issue and Manage Certificates on the CA's tab Security."
            error = BackendRefused(f"{right} {message}", whole_backend=False)
        elif error is None or isinstance(error, OrderRefused):
            error = BackendRefused(message, whole_backend=False)
        raise error


def serial_text(serial_number: int) -> str:
    """Hex in pairs of digits, as the CA keeps it: 0x0ABC is 0abc, and 0x80 gets no sign octet."""
    text = f"{serial_number:x}"
    return text.rjust(len(text) + len(text) % 2, "0")
