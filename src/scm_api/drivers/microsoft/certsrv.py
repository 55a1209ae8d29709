"""Enrollment through the Web Enrollment pages of AD CS (certsrv), the CA's own certificate too."""

import base64
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.drivers.errors import BackendUnavailable, OutcomeUnknown
from scm_api.drivers.http import Reply
from scm_api.drivers.microsoft.certsrv_pages import (
    Unreadable,
    read_renewals,
    read_retrieval,
    read_submission,
)
from scm_api.drivers.microsoft.enrolling import chain_in, request_attributes
from scm_api.drivers.microsoft.ports import Answer, Disposition
from scm_api.drivers.windows.site import Session, Site

BASE: Final = "/certsrv/"
KNOCK: Final = ("GET", BASE)
HEADERS: Final = {
    # certnew.cer has another content type for what is no browser.
    "User-Agent": "Mozilla/5.0 (compatible; scm-api)",
    "Accept": "*/*",
}
_FORM: Final = "application/x-www-form-urlencoded"
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
        which = f"ReqID={int(request_id)}&Enc=bin"
        reply = await self._site.read(f"{BASE}certnew.cer?{which}")
        try:
            leaf = _certificate(reply.body)
        except ValueError:
            with _expected("certnew.cer", reply):
                return read_retrieval(_text(reply), request_id)
        reply = await self._site.read(f"{BASE}certnew.p7b?{which}")
        with _expected("certnew.p7b", reply):
            chain = chain_in(reply.body, leaf)
        return Answer(Disposition.ISSUED, request_id, leaf_der=leaf, chain_ders=chain)

    async def ca_certificate(self, session: Session | None = None) -> bytes:
        """See `ChainSource.ca_certificate`."""
        reply = await self._site.read(f"{BASE}certcarc.asp", session)
        with _expected("certcarc.asp", reply):
            renewals = read_renewals(_text(reply))
        target = f"{BASE}certnew.cer?ReqID=CACert&Renewal={renewals}&Enc=bin"
        reply = await self._site.read(target, session)
        with _expected("certnew.cer", reply):
            return _certificate(reply.body)

    async def aclose(self) -> None:
        """See `Enroller.aclose`."""
        await self._site.aclose()

    async def _look_at(self, session: Session) -> None:
        await self._accept(await self.ca_certificate(session))


def _certificate(body: bytes) -> bytes:
    """The one certificate of a body, whatever its label says. Raises ValueError."""
    is_pem = body.lstrip().startswith(b"-----BEGIN")
    load = x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
    return load(body).public_bytes(Encoding.DER)


def _text(reply: Reply) -> str:
    return reply.body.decode("utf-8", errors="replace")


@contextmanager
def _expected(page: str, reply: Reply) -> Iterator[None]:
    """Of a question, what cannot be read is no answer."""
    try:
        yield
    except ValueError:
        kind = reply.headers.get("content-type", "nothing known")[:80]
        detail = f"{page} answered with something that Web Enrollment does not send ({kind})."
        raise BackendUnavailable(detail) from None
