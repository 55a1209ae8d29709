"""WS-Management messages (MS-WSMV), as far as a command shell needs them."""

import base64
import uuid
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

_SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_WSMAN: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_SHELL: Final = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
_TRANSFER: Final = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_FAULT: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"
CMD: Final = f"{_SHELL}/cmd"
CREATE, DELETE = f"{_TRANSFER}/Create", f"{_TRANSFER}/Delete"
COMMAND, RECEIVE = f"{_SHELL}/Command", f"{_SHELL}/Receive"
SIGNAL, SEND = f"{_SHELL}/Signal", f"{_SHELL}/Send"
_NAMES: Final = {"s": _SOAP, "a": _ADDRESSING, "w": _WSMAN, "rsp": _SHELL, "x": _TRANSFER}


class SoapFault(Exception):
    """A fault. `subcode` is a QName, `number` the Windows error in the detail."""

    def __init__(self, subcode: str, number: int, reason: str, *, sender: bool = True) -> None:
        super().__init__(reason)
        self.subcode = subcode
        self.number = number
        self.reason = reason
        self.sender = sender


@dataclass(frozen=True, slots=True)
class Message:
    """One request."""

    action: str
    message_id: str
    resource: str
    shell_id: str
    options: dict[str, str]
    body: ET.Element

    def text(self, path: str) -> str | None:
        """Of the first element there, None without one."""
        return self.body.findtext(path, namespaces=_NAMES)

    def texts(self, path: str) -> list[str]:
        return [each.text or "" for each in self.body.iterfind(path, _NAMES)]

    def attribute(self, path: str, name: str) -> str:
        found = self.body.find(path, _NAMES)
        return "" if found is None else found.get(name, "")


def read(content: bytes) -> Message:
    """Raises SoapFault for what is no request."""
    try:
        envelope = ET.fromstring(content)  # noqa: S314 -- what the tester sends to a simulator
    except ET.ParseError as error:
        raise SoapFault("w:SchemaValidationError", 0x80338041, "The XML is not valid.") from error
    header, body = envelope.find("s:Header", _NAMES), envelope.find("s:Body", _NAMES)
    if header is None or body is None:
        raise SoapFault("w:SchemaValidationError", 0x80338041, "The envelope is not complete.")
    options = header.iterfind("w:OptionSet/w:Option", _NAMES)
    selectors = header.iterfind("w:SelectorSet/w:Selector", _NAMES)
    shell = (each.text or "" for each in selectors if each.get("Name") == "ShellId")
    return Message(
        action=header.findtext("a:Action", "", _NAMES).strip(),
        message_id=header.findtext("a:MessageID", "", _NAMES).strip(),
        resource=header.findtext("w:ResourceURI", "", _NAMES).strip(),
        shell_id=next(shell, ""),
        options={each.get("Name", ""): each.text or "" for each in options},
        body=body,
    )


def created(asked: Message, shell_id: str, url: str) -> str:
    content = (
        f"<x:ResourceCreated><a:Address>{escape(url)}</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{CMD}</w:ResourceURI><w:SelectorSet>"
        f'<w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet>'
        "</a:ReferenceParameters></x:ResourceCreated>"
        f"<rsp:Shell><rsp:ShellId>{shell_id}</rsp:ShellId><rsp:ResourceUri>{CMD}</rsp:ResourceUri>"
        "<rsp:InputStreams>stdin</rsp:InputStreams>"
        "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>"
    )
    return _envelope(asked, f"{_TRANSFER}/CreateResponse", content)


def started(asked: Message, command_id: str) -> str:
    content = (
        f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>"
    )
    return _envelope(asked, f"{_SHELL}/CommandResponse", content)


def received(
    asked: Message, command_id: str, streams: dict[str, bytes], exit_code: int | None
) -> str:
    """Output; without an exit code the command still runs."""
    parts = [
        f'<rsp:Stream Name="{name}" CommandId="{command_id}">'
        f"{base64.b64encode(content).decode()}</rsp:Stream>"
        for name, content in streams.items()
        if content
    ]
    if exit_code is not None:
        parts += [
            f'<rsp:Stream Name="{name}" CommandId="{command_id}" End="true"></rsp:Stream>'
            for name in streams
        ]
    state = "Running" if exit_code is None else "Done"
    code = "" if exit_code is None else f"<rsp:ExitCode>{exit_code}</rsp:ExitCode>"
    parts.append(
        f'<rsp:CommandState CommandId="{command_id}" State="{_SHELL}/CommandState/{state}">'
        f"{code}</rsp:CommandState>"
    )
    content = f"<rsp:ReceiveResponse>{''.join(parts)}</rsp:ReceiveResponse>"
    return _envelope(asked, f"{_SHELL}/ReceiveResponse", content)


def signalled(asked: Message) -> str:
    return _envelope(asked, f"{_SHELL}/SignalResponse", "<rsp:SignalResponse/>")


def deleted(asked: Message) -> str:
    return _envelope(asked, f"{_TRANSFER}/DeleteResponse", "")


def fault(message_id: str, fault: SoapFault) -> str:
    reason, code = escape(fault.reason), "s:Sender" if fault.sender else "s:Receiver"
    detail = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
    content = (
        f"<s:Fault><s:Code><s:Value>{code}</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value>"
        f'</s:Subcode></s:Code><s:Reason><s:Text xml:lang="">{reason}</s:Text></s:Reason>'
        f'<s:Detail><f:WSManFault xmlns:f="{detail}" Code="{fault.number}" Machine="ca">'
        f"<f:Message>{reason}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    return _framed(_FAULT, message_id, content)


def _envelope(asked: Message, action: str, content: str) -> str:
    return _framed(action, asked.message_id, content)


def _framed(action: str, relates_to: str, content: str) -> str:
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in _NAMES.items())
    return (
        f'<s:Envelope xml:lang="en-US" {spaces}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<a:To>{_ADDRESSING}/role/anonymous</a:To><a:RelatesTo>{escape(relates_to)}</a:RelatesTo>"
        f"</s:Header><s:Body>{content}</s:Body></s:Envelope>"
    )
