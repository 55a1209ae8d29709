"""What the pages of AD CS Web Enrollment say, in whatever language: links, element ids, numbers.

The prose is shown to people and never decides. A page that is none of these is Unreadable.
"""

import re
from html.parser import HTMLParser
from typing import Final

from scm_api.drivers.microsoft.hresults import DENIED_BY_MANAGER, Kind, hresult_in, meaning_of
from scm_api.drivers.microsoft.ports import Answer, Disposition

_ISSUED: Final = re.compile(r"certnew\.cer\?ReqID=(\d{1,10})&", re.IGNORECASE)
# The signed decimal after the code is how the CA's own messages are written, in every language:
# 0x80094800 (-2146875392 CERTSRV_E_UNSUPPORTED_CERT_TYPE). Errors of IIS are written otherwise.
_OF_THE_CA: Final = re.compile(r"0x([0-9a-f]{8})\s?\((-\d{1,10})\b", re.IGNORECASE)
_ERROR_NUMBER: Final = re.compile(r"Error Number:\s?0x[0-9a-f]{8}", re.IGNORECASE)
_RENEWALS: Final = re.compile(r"\bvar\s{1,9}nRenewals\s{0,9}=\s{0,9}(\d{1,4})\s{0,9};")
_NUMBER: Final = re.compile(r"(?<![\w.-])\d{1,10}(?!\w|\.\d)")
_HRESULT: Final = re.compile(r"(?:0x)?[89a-f][0-9a-f]{7}", re.IGNORECASE)
_BY_NUMBER: Final = {"5": Disposition.PENDING, "2": Disposition.DENIED}
_LONGEST_WORDS: Final = 600
_LONGEST_PAGE: Final = 131_072


class Unreadable(ValueError):
    """A page that Web Enrollment does not send here."""


class _Page(HTMLParser):
    """The text of a page, without scripts, and where its elements begin."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self._pieces: list[str] = []
        self._begins: dict[str, int] = {}
        self._mute = False
        if len(markup) > _LONGEST_PAGE:
            raise Unreadable
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._mute = tag in ("script", "style")
        for name, value in attrs:
            if name == "id" and value:
                self._begins.setdefault(value.lower(), len(self._pieces))

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 -- the library's
        self._mute = False

    def handle_data(self, data: str) -> None:
        if not self._mute:
            self._pieces.append(data)

    def has(self, element: str) -> bool:
        """Whether the page has an element with this id."""
        return element.lower() in self._begins

    def text(self, since: str | None = None, until: str | None = None) -> str:
        """The text between where two elements begin, in one line."""
        start = self._begins[since.lower()] if since else 0
        end = self._begins[until.lower()] if until else len(self._pieces)
        return " ".join(" ".join(self._pieces[start:end]).split())


def read_submission(markup: str) -> Answer:
    """The answer of certfnsh.asp. What is issued is there with its request id alone."""
    issued = set(_ISSUED.findall(markup))
    if len(issued) == 1:
        return Answer(Disposition.ISSUED, issued.pop())
    page = _Page(markup)
    if page.has("locInfoReqID"):
        number = _NUMBER.search(page.text("locInfoReqID"))
        if number is not None and int(number[0]) > 0:
            return Answer(Disposition.PENDING, number[0])
    return _refusal(page, "")


def read_retrieval(markup: str, request_id: str) -> Answer:
    """The page that certnew.cer answers with in place of a certificate."""
    page = _Page(markup)
    if page.has("locDispLabel") and page.has("locDispSpacer"):
        (word,) = page.text("locDispLabel", "locDispSpacer").split()[-1:] or [""]
        if _HRESULT.fullmatch(word):  # in place of a disposition where the request itself failed
            return _refusal(page, request_id)
        disposition = _BY_NUMBER.get(word)
        if disposition is None:
            raise Unreadable
        text = page.text("locDispSpacer")
        code = hresult_in(text) if disposition is Disposition.DENIED else None
        return Answer(disposition, request_id, text[:_LONGEST_WORDS], code)
    return _refusal(page, request_id)


def read_renewals(markup: str) -> int:
    """How often the CA was renewed, from certcarc.asp."""
    found = _RENEWALS.search(markup[:_LONGEST_PAGE])
    if found is None:
        raise Unreadable
    return int(found[1])


def _refusal(page: _Page, request_id: str) -> Answer:
    """A denial, or an error that the CA itself reports and that says that it did nothing."""
    for element in ("locInfoReqIDandReason", "locDenied"):
        if page.has(element):
            text = page.text(element)
            number = _NUMBER.search(text)
            known = request_id or (number[0] if number else "")
            return Answer(Disposition.DENIED, known, text[:_LONGEST_WORDS], hresult_in(text))
    text = page.text()
    code = hresult_in(text)
    is_of_the_ca = _ERROR_NUMBER.search(text) is not None or any(
        int(found, 16) - 2**32 == int(signed) for found, signed in _OF_THE_CA.findall(text)
    )
    if code is None or not is_of_the_ca or meaning_of(code).kind is Kind.UNSURE:
        raise Unreadable
    disposition = Disposition.DENIED if code == DENIED_BY_MANAGER else Disposition.ERROR
    return Answer(disposition, request_id, text[:_LONGEST_WORDS], code)
