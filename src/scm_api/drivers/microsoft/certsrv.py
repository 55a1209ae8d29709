"""Enrollment through the Web Enrollment pages of AD CS (certsrv), the CA's own certificate too."""

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from scm_api.drivers.errors import BackendUnavailable, OrderRefused, OutcomeUnknown
from scm_api.drivers.http import Reply
from scm_api.drivers.microsoft.certsrv_pages import (
    Unreadable,
    read_renewals,
    read_retrieval,
    read_submission,
)
from scm_api.drivers.microsoft.ports import Answer, Disposition
from scm_api.drivers.windows.site import Session, Site

BASE: Final = "/certsrv/"
HEADERS: Final = {
    # certnew.cer has another content type for what is no browser.
    "User-Agent": "Mozilla/5.0 (compatible; scm-api)",
    "Accept": "*/*",
}
_FORM: Final = "application/x-www-form-urlencoded"
_TEMPLATE: Final = re.compile(r"[^\x00-\x1f\x7f:&\\\"<>]{1,64}")
Accept = Callable[[bytes], Awaitable[None]]


class Certsrv:
    """Fulfils `ports.Enroller` and `ports.ChainSource`.

    `accept` is given the site's CA certificate on each new connection before anything is asked
    over it, and raises where it is not the one that profiles issue from.
    """

    def __init__(self, site: Site, accept: Accept) -> None:
        self._site = site
        self._accept = accept
        site.before = self._look_at

    async def submit(self, request_der: bytes, template: str) -> Answer:
        """See `Enroller.submit`. What is issued is fetched by `poll`."""
        form = {
            "Mode": "newreq",
            "CertRequest": base64.b64encode(request_der).decode(),
            "CertAttrib": request_attributes(template),
            "TargetStoreFlags": "0",
            "SaveCert": "yes",
            "ThumbPrint": "",
        }
        reply = await self._site.write(f"{BASE}certfnsh.asp", urlencode(form).encode(), _FORM)
        try:
            return read_submission(_text(reply) if reply.status == 200 else "")
        except Unreadable:
            kind = reply.headers.get("content-type", "nothing known")[:80]
            raise OutcomeUnknown(
                f"The site answered the request with status {reply.status} and a page that is "
                f"none of Web Enrollment ({kind}, {len(reply.body)} bytes)."
            ) from None

    async def poll(self, request_id: str) -> Answer:
        """See `Enroller.poll`."""
        reply = await self._site.read(f"{BASE}certnew.cer?ReqID={int(request_id)}&Enc=bin")
        leaf = _certificate(reply.body)
        if leaf is None:
            try:
                return read_retrieval(_text(reply), request_id)
            except Unreadable:
                raise BackendUnavailable(_strange("certnew.cer", reply)) from None
        reply = await self._site.read(f"{BASE}certnew.p7b?ReqID={int(request_id)}&Enc=bin")
        return Answer(
            Disposition.ISSUED, request_id, leaf_der=leaf, chain_ders=_chain(leaf, _bag(reply))
        )

    async def ca_certificates(self) -> Sequence[bytes]:
        """See `ChainSource.ca_certificates`."""
        return await self._ca_certificates(None)

    async def aclose(self) -> None:
        """See `Enroller.aclose`."""
        await self._site.aclose()

    async def _look_at(self, session: Session) -> None:
        own, *_ = await self._ca_certificates(session)
        await self._accept(own)

    async def _ca_certificates(self, session: Session | None) -> list[bytes]:
        reply = await self._site.read(f"{BASE}certcarc.asp", session)
        try:
            renewals = read_renewals(_text(reply))
        except Unreadable:
            raise BackendUnavailable(_strange("certcarc.asp", reply)) from None
        target = f"{BASE}certnew.cer?ReqID=CACert&Renewal={renewals}&Enc=bin"
        reply = await self._site.read(target, session)
        own = _certificate(reply.body)
        if own is None:
            raise BackendUnavailable(_strange("certnew.cer", reply))
        return [own]


def request_attributes(template: str) -> str:
    """The only attribute we send. Raises OrderRefused for a value that could carry another."""
    if _TEMPLATE.fullmatch(template) is None:
        raise OrderRefused("This cannot be the name of a template.", code="name-invalid")
    return f"CertificateTemplate:{template}"


def _certificate(body: bytes) -> bytes | None:
    """The one certificate of a body, whatever its label says; None where it is none."""
    try:
        if body.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(body).public_bytes(Encoding.DER)
        return x509.load_der_x509_certificate(body).public_bytes(Encoding.DER)
    except ValueError:
        return None


def _bag(reply: Reply) -> list[bytes]:
    is_pem = reply.body.lstrip().startswith(b"-----BEGIN")
    load = pkcs7.load_pem_pkcs7_certificates if is_pem else pkcs7.load_der_pkcs7_certificates
    try:
        return [each.public_bytes(Encoding.DER) for each in load(reply.body)]
    except ValueError:
        raise BackendUnavailable(_strange("certnew.p7b", reply)) from None


def _chain(leaf: bytes, others: list[bytes]) -> tuple[bytes, ...]:
    """From the issuer upwards, for the order in the bag is nobody's promise; the rest follows."""
    rest = {each: x509.load_der_x509_certificate(each) for each in others if each != leaf}
    ordered: list[bytes] = []
    current = x509.load_der_x509_certificate(leaf)
    while above := [each for each in rest if rest[each].subject == current.issuer]:
        ordered.append(above[0])
        current = rest.pop(above[0])
    return (*ordered, *rest)


def _text(reply: Reply) -> str:
    return reply.body.decode("utf-8", errors="replace")


def _strange(page: str, reply: Reply) -> str:
    kind = reply.headers.get("content-type", "nothing known")[:80]
    return f"{page} answered with something that Web Enrollment does not send ({kind})."
