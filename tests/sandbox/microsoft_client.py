"""A client of simulated AD CS that knows the protocols and none of our drivers."""

import base64
import hashlib
import html
import re
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import spnego
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from spnego.channel_bindings import GssChannelBindings

from plain_http import NO_TRUST
from scm_api.sandbox.microsoft import RunningServer
from scm_api.sandbox.microsoft.catalogue import ENROLLER
from scm_api.sandbox.microsoft.domain import Account

BROWSER = {"User-Agent": "Mozilla/5.0 (compatible)"}


class Windows(httpx.Auth):
    """NTLM or Negotiate over one connection. `bindings` are what is sent, None for none."""

    requires_response_body = True

    def __init__(
        self, account: Account, *, protocol: str = "ntlm", bindings: bytes | str | None = "right"
    ) -> None:
        self.account = account
        self.protocol = protocol
        self.bindings = bindings

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        answer = yield request
        if answer.status_code != 401:
            return
        scheme = "NTLM" if self.protocol == "ntlm" else "Negotiate"
        if scheme not in answer.headers.get_list("www-authenticate"):
            return
        context = spnego.client(
            f"CORP\\{self.account.sam}",
            self.account.password,
            hostname="ca.corp.example",
            service="HTTP",
            protocol=self.protocol,
            channel_bindings=self._bindings(answer),
        )
        token = context.step()
        while token:
            request.headers["Authorization"] = f"{scheme} {base64.b64encode(token).decode()}"
            answer = yield request
            told = [
                each.partition(" ")[2]
                for each in answer.headers.get_list("www-authenticate")
                if each.startswith(scheme + " ")
            ]
            if not told:
                break
            token = context.step(base64.b64decode(told[0]))
        del request.headers["Authorization"]

    def _bindings(self, answer: httpx.Response) -> GssChannelBindings | None:
        if self.bindings is None:
            return None
        data = self.bindings
        if not isinstance(data, bytes):
            tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
            data = b"tls-server-end-point:" + hashlib.sha256(tls.getpeercert(True)).digest()
        return GssChannelBindings(application_data=data)


class Adcs:
    """A running simulator: its site as an account sees it, and its controls."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.simulator = server.simulator

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.simulator.transport.trust))

    @contextmanager
    def session(
        self,
        auth: httpx.Auth | tuple[str, str] | None = None,
        context: ssl.SSLContext | None = None,
        **headers: str,
    ) -> Iterator[httpx.Client]:
        """One connection, of the enrolling account by NTLM unless another is given."""
        with httpx.Client(
            base_url=self.server.url,
            verify=context or self.context(),
            auth=auth or Windows(ENROLLER),
            headers=BROWSER | headers,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            trust_env=False,
            timeout=20,
        ) as client:
            yield client

    def get(self, page: str, auth: Any = None) -> httpx.Response:
        with self.session(auth) as client:
            return client.get(f"/certsrv/{page}")

    def submit(
        self, request: str | bytes, template: str | None, *lines: str, auth: Any = None
    ) -> str:
        """The page that answers a request."""
        if isinstance(request, bytes):
            request = base64.b64encode(request).decode()
        named = [f"CertificateTemplate:{template}"] if template else []
        form = {
            "Mode": "newreq",
            "CertRequest": request,
            "CertAttrib": "\r\n".join([*named, *lines]),
            "TargetStoreFlags": "0",
            "SaveCert": "yes",
        }
        with self.session(auth) as client:
            answer = client.post("/certsrv/certfnsh.asp", data=form)
        assert answer.status_code == 200, answer.text
        return answer.text

    def issue(
        self, request: str | bytes, template: str, *lines: str, auth: Any = None
    ) -> x509.Certificate:
        number = issued(self.submit(request, template, *lines, auth=auth))
        return self.fetch(number)

    def fetch(self, number: int) -> x509.Certificate:
        answer = self.get(f"certnew.cer?ReqID={number}&Enc=bin")
        assert answer.headers["content-type"] == "application/pkix-cert", answer.text
        return x509.load_der_x509_certificate(answer.content)

    def control(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        answer = httpx.request(
            method,
            self.server.control_url + path,
            json=body,
            verify=NO_TRUST,
            trust_env=False,
            timeout=10,
        )
        assert answer.status_code == (status or answer.status_code), answer.text
        assert status or answer.is_success, answer.text
        return answer.json() if answer.content else None

    def behave(self, **changes: Any) -> None:
        self.control("PATCH", "/settings", changes)

    def ledger(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"/ledger?kind={kind}")["entries"]
        return found

    def calls(self, operation: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"/calls?operation={operation}")[
            "entries"
        ]
        return found


def issued(page: str) -> int:
    """The number of a request that became a certificate."""
    found = re.search(r"certnew\.cer\?ReqID=(\d+)&", page)
    assert found, page
    return int(found[1])


def pending(page: str) -> int:
    found = re.search(r"ID=locInfoReqID>[^<]*?(\d+)", page)
    assert found, page
    return int(found[1])


def denial(page: str) -> tuple[int, int]:
    """Number and HRESULT of a request that was denied."""
    assert "ID=locDenied" in page, page
    found = re.search(r"ID=locInfoReqIDandReason>([^<]*)", page)
    assert found, page
    told = html.unescape(found[1])
    number, code = re.search(r"\d+", told), re.search(r"0x[0-9a-f]{8}", told)
    assert number, told
    assert code, told
    return int(number[0]), int(code[0], 16)


def failure(page: str) -> tuple[str, str]:
    """Disposition and message of an error page, by its layout: CR/LF and two tabs."""
    number = re.search(r"ID=locDispLabel>.*?\r\n\t\t([0-9A-F]+) <LocID ID=locDispSpacer>", page)
    message = re.search(r"ID=locDispMsgLabel>[^\t]+\t\t([^\r\n]+)", page)
    assert number, page
    assert message, page
    return number[1], html.unescape(message[1])


def der(csr_pem: str) -> bytes:
    return x509.load_pem_x509_csr(csr_pem.encode()).public_bytes(Encoding.DER)
