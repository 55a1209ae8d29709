"""WinRM on the CA's host: a command shell in which `certutil` can be run."""

import uuid
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from scm_api.sandbox.microsoft import catalogue, certutil, wsman
from scm_api.sandbox.microsoft.authentication import Admitted
from scm_api.sandbox.microsoft.certutil import Ended
from scm_api.sandbox.microsoft.simulator import Simulator
from scm_api.sandbox.microsoft.wsman import Message, SoapFault

PATH: Final = "/wsman"
_KIND: Final = "application/soap+xml"
_ACCESS_DENIED: Final = 5
_TIMED_OUT: Final = 2150858793
_NO_SHELL: Final = 2150858843
_INVALID_RESOURCE: Final = 2150858752
_UNSUPPORTED: Final = 2150858817
_NOISE: Final = (
    b'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    b'<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T>'
    b'<T>System.Object</T></TN><MS><I64 N="SourceId">1</I64><PR N="Record"><AV>Preparing modules '
    b"for first use.</AV><AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC><T>Completed</T><SR>-1</SR><SD> "
    b"</SD></PR></MS></Obj></Objs>"
)
_OPERATIONS: Final = {
    wsman.CREATE: "winrm.create",
    wsman.COMMAND: "winrm.command",
    wsman.RECEIVE: "winrm.receive",
    wsman.SIGNAL: "winrm.signal",
    wsman.DELETE: "winrm.delete",
}


@dataclass
class _Shell:
    owner: str
    codepage: str
    commands: dict[str, Ended] = field(default_factory=dict)


class Shells:
    """The shells that are open, and what their commands said."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._shells: dict[str, _Shell] = {}
        self._waits = 0

    @staticmethod
    def operation(content: bytes) -> str:
        """The name of the call for faults and the list of calls."""
        try:
            return _OPERATIONS.get(wsman.read(content).action, "winrm")
        except SoapFault:
            return "winrm"

    async def handle(self, request: web.Request, admitted: Admitted) -> web.Response:
        """One message; 500 with a SOAP fault where it fails."""
        message_id = ""
        try:
            asked = wsman.read(await request.read())
            message_id = asked.message_id
            answer = self._act(asked, admitted, str(request.url))
        except SoapFault as fault:
            text = wsman.fault(message_id, fault)
            return web.Response(status=500, text=text, content_type=_KIND, charset="UTF-8")
        return web.Response(text=answer, content_type=_KIND, charset="UTF-8")

    def _act(self, asked: Message, admitted: Admitted, url: str) -> str:
        domain = self._simulator.domain
        if not domain.sids_of(admitted.account) & catalogue.MAY_LOG_ON:
            raise SoapFault("w:AccessDenied", _ACCESS_DENIED, "Access is denied. ")
        if asked.resource != wsman.CMD:
            text = "The WS-Management service cannot process the request: no such resource."
            raise SoapFault("w:InvalidResourceURI", _INVALID_RESOURCE, text)
        if asked.action == wsman.CREATE:
            return self._create(asked, admitted, url)
        shell = self._shells.get(asked.shell_id)
        if shell is None or shell.owner != admitted.account.sam:
            text = (
                "The request for the Windows Remote Shell with ShellId "
                f"{asked.shell_id} failed because the shell was not found on the server."
            )
            raise SoapFault("w:InvalidSelectors", _NO_SHELL, text)
        match asked.action:
            case wsman.COMMAND:
                return self._command(asked, shell, admitted)
            case wsman.RECEIVE:
                return self._receive(asked, shell)
            case wsman.SIGNAL:
                shell.commands.pop(asked.attribute("rsp:Signal", "CommandId"), None)
                return wsman.signalled(asked)
            case wsman.DELETE:
                del self._shells[asked.shell_id]
                return wsman.deleted(asked)
        raise SoapFault("a:ActionNotSupported", _UNSUPPORTED, "The action is not supported.")

    def _create(self, asked: Message, admitted: Admitted, url: str) -> str:
        shell_id = str(uuid.uuid4()).upper()
        codepage = asked.options.get("WINRS_CODEPAGE", "437")
        self._shells[shell_id] = _Shell(admitted.account.sam, codepage)
        self._waits = self._simulator.behaviour.winrm_waits
        return wsman.created(asked, shell_id, url)

    def _command(self, asked: Message, shell: _Shell, admitted: Admitted) -> str:
        line = asked.text("rsp:CommandLine/rsp:Command") or ""
        arguments = asked.texts("rsp:CommandLine/rsp:Arguments")
        ended = certutil.run(self._simulator, admitted.account, " ".join((line, *arguments)))
        command_id = asked.attribute("rsp:CommandLine", "CommandId") or str(uuid.uuid4()).upper()
        shell.commands[command_id] = ended
        return wsman.started(asked, command_id)

    def _receive(self, asked: Message, shell: _Shell) -> str:
        command_id = asked.attribute("rsp:Receive/rsp:DesiredStream", "CommandId")
        ended = shell.commands.get(command_id)
        if ended is None:
            raise SoapFault("w:InvalidParameter", 87, "The parameter is incorrect. ")
        if self._waits:
            self._waits -= 1
            text = "The WS-Management service cannot complete the operation within the time."
            raise SoapFault("w:TimedOut", _TIMED_OUT, text, sender=False)
        encoding = "utf-8" if shell.codepage == "65001" else f"cp{shell.codepage}"
        noise = _NOISE if self._simulator.behaviour.winrm_noise else b""
        streams = {
            "stdout": _encoded(ended.output, encoding),
            "stderr": noise + _encoded(ended.error, encoding),
        }
        return wsman.received(asked, command_id, streams, ended.exit_code)


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding, "replace")
    except LookupError:
        return text.encode("cp437", "replace")
