"""Revocation by `certutil -revoke`, which is run on a Windows host through WinRM over HTTPS.

Source: MS-WSMV (the shell cmd), DSP0226; what certutil prints is localised and never read.
"""

from typing import Final
from uuid import uuid4
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    DriverError,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.microsoft.hresults import failure, hresult_in
from scm_api.drivers.microsoft.ports import REASONS
from scm_api.drivers.microsoft.site import Site

PATH: Final = "/wsman"
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
_E_ACCESSDENIED: Final = 0x80070005
_MOST_LOOKS: Final = 6
_OPTIONS: Final = {"Create": "WINRS_NOPROFILE", "Command": "WINRS_SKIP_CMD_SHELL"}


class WinRm:
    """Fulfils `ports.Revoker`. `ca_config` is `HOST\\CA`, as certutil takes it."""

    def __init__(self, site: Site, url: str, ca_config: str) -> None:
        self._site = site
        self._url = url + PATH
        # WinRM joins arguments with blanks; the options let in no quote and no final backslash.
        self._ca_config = f'"{ca_config}"'

    async def check(self) -> None:
        """See `Revoker.check`."""
        try:
            code = await self._run("-config", self._ca_config, "-ping")
        except OutcomeUnknown as error:  # there is no outcome of a ping
            raise BackendUnavailable(error.detail) from None
        if code != 0:
            raise _failed("certutil -ping", code)

    async def revoke(self, serial_number: int, reason: RevocationReason) -> None:
        """See `Revoker.revoke`. Repeating it only sets date and reason again."""
        if reason not in REASONS:
            raise OrderRefused(f"AD CS knows no revocation reason {reason}.", code="reason")
        number = str(REASONS[reason])
        serial = serial_text(serial_number)
        code = await self._run("-config", self._ca_config, "-revoke", serial, number)
        if code != 0:
            raise _failed("certutil -revoke", code)

    async def aclose(self) -> None:
        """See `Revoker.aclose`."""
        await self._site.aclose()

    async def _run(self, *arguments: str) -> int:
        """The exit code of certutil; it is started directly, so no shell reads the arguments."""
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
            line = f"<rsp:Command>certutil.exe</rsp:Command>{given}"
            started = await self._asked(
                f"{_SHELL}/Command", shell, f"<rsp:CommandLine>{line}</rsp:CommandLine>", write=True
            )
            command = started.findtext(".//rsp:CommandId", "", _NAMES)
            return await self._exit_code(shell, command)
        finally:
            await self._left(shell)

    async def _exit_code(self, shell: str, command: str) -> int:
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
        raise OutcomeUnknown("WinRM did not tell how certutil ended.")

    async def _left(self, shell: str) -> None:
        """Windows closes a shell that is idle; a failure here changes nothing."""
        try:
            await self._asked(f"{_TRANSFER}/Delete", shell, "", write=False)
        except DriverError:
            return

    async def _asked(
        self, action: str, shell: str | None, body: str, *, write: bool
    ) -> ElementTree.Element:
        """One call; `write` says that the revocation may have been made when it fails."""
        unsure = OutcomeUnknown if write else BackendUnavailable
        content = _envelope(self._url, action, shell, body).encode()
        try:
            reply = await self._site.write(PATH, content, _SOAP)
        except OutcomeUnknown as error:
            raise unsure(error.detail) from None
        try:
            answer = _parsed(reply.body)
        except ElementTree.ParseError:
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


def serial_text(serial_number: int) -> str:
    """Hex in pairs of digits, as the CA keeps it: 0x0ABC is 0abc, and 0x80 gets no sign octet."""
    text = f"{serial_number:x}"
    return text.rjust(len(text) + len(text) % 2, "0")


def _failed(what: str, code: int) -> DriverError:
    """An exit code of certutil is the HRESULT of what it could not do."""
    message = f"{what} ended with exit code 0x{code:08X}."
    if code == _E_ACCESSDENIED:
        right = "The account lacks Issue and Manage Certificates on the CA's tab Security."
        return BackendRefused(f"{right} {message}", whole_backend=False)
    found = hresult_in(message)
    error = failure(found, message) if found is not None else None
    if error is None or isinstance(error, OrderRefused):
        return BackendRefused(message, whole_backend=False)
    return error


def _parsed(body: bytes) -> ElementTree.Element:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:  # SOAP 1.2 section 5: none may be there
        raise ElementTree.ParseError
    return ElementTree.fromstring(body)  # noqa: S314 -- without a DTD nothing can expand


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
