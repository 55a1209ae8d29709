"""Commands run on a Windows host through WinRM over HTTPS: their exit codes alone, for what they
print is localised and never read. Source: MS-WSMV (the shell cmd), DSP0226."""

import asyncio
from typing import Final
from uuid import uuid4
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError, OutcomeUnknown
from scm_api.drivers.windows.site import Site

PATH: Final = "/wsman"
KNOCK: Final = ("POST", PATH)
BY_CERTIFICATE: Final = {
    "Authorization": "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
}
"""Goes with every request of an account that logs on with a client certificate (DSP0226)."""
_SHELL: Final = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
_TRANSFER: Final = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_DONE: Final = f"{_SHELL}/CommandState/Done"
_NAMES: Final = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "rsp": _SHELL,
}
_SOAP: Final = "application/soap+xml;charset=UTF-8"
_STILL_RUNNING: Final = "2150858793"  # ERROR_WSMAN_OPERATION_TIMEDOUT
_ACCESS_DENIED: Final = "5"
_MOST_LOOKS: Final = 6
_LEAVING_SECONDS: Final = 5.0
_OPTIONS: Final = {"Create": "WINRS_NOPROFILE", "Command": "WINRS_SKIP_CMD_SHELL"}


class RemoteCommands:
    """The WinRM service at `url`, called through `site`."""

    def __init__(self, site: Site, url: str) -> None:
        self._site = site
        self._url = url + PATH

    async def aclose(self) -> None:
        """Close every connection."""
        await self._site.aclose()

    async def run(self, program: str, *arguments: str) -> int:
        """The exit code of the program, which is started directly: no shell reads the arguments,
        which WinRM joins with blanks.

        Raises BackendRefused and BackendUnavailable where it was not started, OutcomeUnknown where
        it may have run.
        """
        streams = "<rsp:InputStreams>stdin</rsp:InputStreams>"
        streams += "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams>"
        made = await self._asked(
            f"{_TRANSFER}/Create", None, f"<rsp:Shell>{streams}</rsp:Shell>", write=False
        )
        shell = made.findtext(".//rsp:ShellId", None, _NAMES) or made.findtext(
            ".//w:Selector[@Name='ShellId']", "", _NAMES
        )
        if not shell:
            raise BackendUnavailable("WinRM opened no shell.")
        try:
            given = "".join(f"<rsp:Arguments>{escape(each)}</rsp:Arguments>" for each in arguments)
            line = f"<rsp:Command>{program}.exe</rsp:Command>{given}"
            started = await self._asked(
                f"{_SHELL}/Command", shell, f"<rsp:CommandLine>{line}</rsp:CommandLine>", write=True
            )
            command = started.findtext(".//rsp:CommandId", "", _NAMES)
            try:
                return await self._exit_code(shell, command, program)
            except (BackendRefused, BackendUnavailable) as error:  # it runs already
                raise OutcomeUnknown(error.detail) from error
        finally:
            await self._left(shell)

    async def _exit_code(self, shell: str, command: str, program: str) -> int:
        stream = f'<rsp:DesiredStream CommandId="{escape(command)}">stdout stderr'
        body = f"<rsp:Receive>{stream}</rsp:DesiredStream></rsp:Receive>"
        for _ in range(_MOST_LOOKS):
            seen = await self._asked(f"{_SHELL}/Receive", shell, body, write=True)
            state = seen.find(".//rsp:CommandState", _NAMES)
            if state is not None and state.get("State") == _DONE:
                ended = state.findtext("rsp:ExitCode", "", _NAMES)
                if ended.lstrip("-").isdecimal():
                    return int(ended) % 2**32
                break
        raise OutcomeUnknown(f"WinRM did not tell how {program} ended.")

    async def _left(self, shell: str) -> None:
        """Windows closes a shell that is idle; a failure here changes nothing."""
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self._asked(f"{_TRANSFER}/Delete", shell, "", write=False)
        except (DriverError, TimeoutError):
            return

    async def _asked(
        self, action: str, shell: str | None, body: str, *, write: bool
    ) -> ElementTree.Element:
        """One call; `write` says that the program may have run when it fails."""
        unsure = OutcomeUnknown if write else BackendUnavailable
        content = _envelope(self._url, action, shell, body).encode()
        try:
            reply = await self._site.write(PATH, content, _SOAP)
        except OutcomeUnknown as error:
            raise unsure(error.detail) from None
        try:
            answer = _parsed(reply.body)
        except (ElementTree.ParseError, UnicodeDecodeError):
            raise unsure(f"WinRM answered with status {reply.status} and no SOAP.") from None
        if reply.status == 200:
            return answer
        fault = answer.find(".//f:WSManFault", _NAMES)
        number = fault.get("Code", "") if fault is not None else ""
        if number == _STILL_RUNNING and action.endswith("/Receive"):
            return answer
        if number == _ACCESS_DENIED:
            raise BackendRefused(
                "WinRM denies access: the account must be in Remote Management Users (or an "
                "administrator) of that host.",
                whole_backend=False,
            )
        raise unsure(f"WinRM failed with status {reply.status}, code {number or 'unknown'}.")


def _parsed(body: bytes) -> ElementTree.Element:
    """In UTF-8, as we asked for: in another encoding a DTD could be hidden. Raises ParseError and
    UnicodeDecodeError."""
    text = body.decode("utf-8-sig")
    if any(each in text for each in ("\0", "<!DOCTYPE", "<!ENTITY")):  # SOAP 1.2 section 5
        raise ElementTree.ParseError
    return ElementTree.fromstring(text)  # noqa: S314 -- without a DTD nothing can expand


def _envelope(url: str, action: str, shell: str | None, body: str) -> str:
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _NAMES.items())
    must = 's:mustUnderstand="true"'
    anonymous = f"{_NAMES['a']}/role/anonymous"
    selected = f'<w:Selector Name="ShellId">{escape(shell)}</w:Selector>' if shell else ""
    selected = f"<w:SelectorSet>{selected}</w:SelectorSet>" if shell else ""
    name = _OPTIONS.get(action.rpartition("/")[2])
    options = f'<w:Option Name="{name}">TRUE</w:Option>' if name else ""
    options = f"<w:OptionSet {must}>{options}</w:OptionSet>" if name else ""
    return (
        f"<s:Envelope {names}><s:Header><a:To>{escape(url)}</a:To>"
        f"<a:ReplyTo><a:Address {must}>{anonymous}</a:Address></a:ReplyTo>"
        f"<a:Action {must}>{action}</a:Action><a:MessageID>uuid:{uuid4()}</a:MessageID>"
        f"<w:ResourceURI {must}>{_SHELL}/cmd</w:ResourceURI>"
        f'<w:MaxEnvelopeSize {must}>153600</w:MaxEnvelopeSize><w:Locale xml:lang="en-US"/>'
        "<w:OperationTimeout>PT20S</w:OperationTimeout>"
        f"{selected}{options}"
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
