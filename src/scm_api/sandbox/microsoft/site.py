"""The web site `/certsrv`: its pages over TLS, behind the gate, with faults on command."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from scm_api.sandbox.microsoft.authority import IssuingDesk
from scm_api.sandbox.microsoft.desk import Reply
from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.hresults import PROPERTY_EMPTY
from scm_api.sandbox.microsoft.pages import Pages
from scm_api.sandbox.microsoft.revocation import Revocations

PREFIX: Final = "/certsrv"
_ARMOUR: Final = re.compile(r"-----[^-\r\n]*-----")
_NAMES: Final = "Content-Disposition"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a page. Names of parameters are in lower case: ASP tells none apart."""

    caller: Account
    query: Mapping[str, str]
    form: Mapping[str, str]
    user_agent: str


Page = Callable[[Asked], web.Response]


class Site:
    """The pages, by the last part of their path."""

    def __init__(self, desk: IssuingDesk) -> None:
        self._desk = desk
        self.pages: dict[str, Page] = {
            "": self.home,
            "default.asp": self.home,
            "certfnsh.asp": self.submit,
            "certnew.cer": self.certificate,
            "certnew.p7b": self.chain,
            "certcarc.asp": self.renewals,
            "certcrl.crl": self.crl,
            "certrqxt.asp": self.request_form,
        }

    @staticmethod
    def with_slash(_: Asked) -> web.Response:
        """Where IIS sends who leaves the last slash out."""
        return web.Response(status=301, headers={"Location": f"{PREFIX}/"})

    def home(self, _: Asked) -> web.Response:
        return _html(self._pages.home())

    def submit(self, asked: Asked) -> web.Response:
        """Hand in a request. HTTP 200, whatever becomes of it."""
        text = _ARMOUR.sub("", asked.form.get("certrequest", ""))
        try:
            request = base64.b64decode("".join(text.split()), validate=True)
        except ValueError:
            request = b""
        attributes = asked.form.get("certattrib", "")
        reply = self._desk.submit(asked.caller, "", attributes, request)
        return _html(self._pages.submitted(reply))

    def certificate(self, asked: Asked) -> web.Response:
        """`certnew.cer?ReqID=&Enc=`: the certificate of a request, or of the CA."""
        found = self._certificates(asked)
        if isinstance(found, web.Response):
            return found
        der = found[0].public_bytes(Encoding.DER)
        content = der if _is_binary(asked) else _pem(der)
        # what certsrv sends to what it does not take for a browser
        kind = "application/pkix-cert" if "Mozilla" in asked.user_agent else _OTHER_KIND
        return web.Response(
            body=content, content_type=kind, headers={_NAMES: "inline; filename=certnew.cer"}
        )

    def chain(self, asked: Asked) -> web.Response:
        """`certnew.p7b?ReqID=&Enc=`: the same with its chain, as PKCS#7."""
        found = self._certificates(asked)
        if isinstance(found, web.Response):
            return found
        der = pkcs7.serialize_certificates(list(found), Encoding.DER)
        content = der if _is_binary(asked) else _pem(der)
        return web.Response(
            body=content,
            content_type="application/x-pkcs7-certificates",
            headers={_NAMES: "inline; filename=certnew.p7b"},
        )

    def renewals(self, _: Asked) -> web.Response:
        return _html(self._pages.renewals(0))

    def crl(self, _: Asked) -> web.Response:
        revocations = Revocations(self._desk.simulator)
        der = revocations.current_crl(self._desk.site_authority)
        return web.Response(body=der, content_type="application/pkix-crl")

    def request_form(self, asked: Asked) -> web.Response:
        """The published templates that the caller may enroll with."""
        domain = self._desk.simulator.domain
        sids = domain.sids_of(asked.caller)
        published = domain.services[0].templates
        listed = [
            each for each in domain.templates if each.name in published and sids & set(each.enroll)
        ]
        return _html(self._pages.request_form(listed))

    @property
    def _pages(self) -> Pages:
        return Pages(self._desk.simulator.behaviour)

    def _certificates(self, asked: Asked) -> Sequence[x509.Certificate] | web.Response:
        """The leaf and its chain, or the page that says why not."""
        wanted = asked.query.get("reqid", "")
        hierarchy = self._desk.simulator.hierarchy
        if wanted.casefold() == "cacert":
            if asked.query.get("renewal", "0") != "0":
                return self._failed(Reply(0, PROPERTY_EMPTY, "", hresult=PROPERTY_EMPTY))
            return [self._desk.site_authority.certificate, hierarchy.root.certificate]
        number = int(wanted) if wanted.isascii() and wanted.isdigit() else 0
        reply = self._desk.retrieve(asked.caller, "", number)
        if reply.leaf_der is None:
            return self._failed(reply)
        ders = (reply.leaf_der, *reply.chain_ders)
        return [x509.load_der_x509_certificate(each) for each in ders]

    def _failed(self, reply: Reply) -> web.Response:
        return _html(self._pages.failed(reply))


async def asked_of(request: web.Request, caller: Account) -> Asked:
    """The request with its form, if it brings one."""
    content = (await request.read()).decode("utf-8", "replace")
    is_form = request.content_type == "application/x-www-form-urlencoded"
    form = parse_qsl(content, keep_blank_values=True) if is_form else []
    return Asked(
        caller,
        {name.lower(): value for name, value in request.query.items()},
        {name.lower(): value for name, value in form},
        request.headers.get("User-Agent", ""),
    )


def _is_binary(asked: Asked) -> bool:
    return asked.query.get("enc", "bin").casefold() == "bin"


def _pem(der: bytes) -> bytes:
    """Under the label CERTIFICATE, which certsrv puts on PKCS#7 too."""
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    framed = ("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", "")
    return "\r\n".join(framed).encode()


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", charset="UTF-8")


_OTHER_KIND: Final = "application/octet-stream"
