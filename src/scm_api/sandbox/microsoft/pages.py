"""The pages of certsrv: their element ids are the same in every language, their words are not."""

from html import escape
from typing import Final

from scm_api.sandbox.microsoft.catalogue import CA_NAME
from scm_api.sandbox.microsoft.desk import Reply
from scm_api.sandbox.microsoft.domain import Template
from scm_api.sandbox.microsoft.hresults import text
from scm_api.sandbox.microsoft.page_words import LANGUAGES
from scm_api.sandbox.microsoft.settings import Behaviour

_EOL: Final = "\r\n"


class Pages:
    """The pages as the present settings have them."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._words = LANGUAGES[behaviour.language]
        self._is_unknown = behaviour.unknown_pages

    def submitted(self, reply: Reply) -> str:
        """`certfnsh.asp` after a request: issued, pending, denied or failed."""
        if self._is_unknown:
            return _UNKNOWN_PAGE
        if reply.leaf_der is not None:
            return self._issued(reply.request_id)
        if reply.request_id and not reply.hresult:
            return self._pending(reply.request_id)
        if reply.request_id:
            return self._denied(reply)
        return self.failed(reply, "locModeNewReqNN")

    def failed(self, reply: Reply, mode: str = "locModeCertFetch") -> str:
        """The page with the disposition, for whatever is no certificate. CR/LF and two tabs stand
        before each value: clients look for that."""
        if self._is_unknown:
            return _UNKNOWN_PAGE
        words = self._words
        shown = reply.message or words.none
        status = text(reply.hresult, words.language) if reply.hresult else f"{words.none} 0x0"
        rows = (
            ("locModeLabel", words.mode, f"<LocID ID={mode}>{words.unknown}</LocID>"),
            (
                "locDispLabel",
                words.disposition,
                f"{reply.disposition:X} <LocID ID=locDispSpacer>-</LocID> "
                f"<LocID ID=locDispUnknown>{words.unknown}</LocID>",
            ),
            ("locDispMsgLabel", words.message, escape(shown, quote=False)),
            ("locResultLabel", words.result, escape(status, quote=False)),
            ("locLastStatLabel", words.status, escape(status, quote=False)),
        )
        listed = _EOL.join(
            f"\t<DT ID={name}><Font Size=-1><B>{label}</B></Font></DT><DD>{_EOL}\t\t{value}{_EOL}"
            f"\t</DD>{_EOL}"
            for name, label, value in rows
        )
        body = f"<P ID=locErrorText>{words.error_text}</P>{_EOL}<DL>{_EOL}{listed}</DL>"
        return self._page(words.error, body)

    def home(self) -> str:
        if self._is_unknown:
            return _UNKNOWN_PAGE
        words = self._words
        return self._page(
            words.welcome, f"<P ID=locPageDesc>{words.service}</P><A Href=certrqxt.asp>&nbsp;</A>"
        )

    def request_form(self, templates: list[Template]) -> str:
        """`certrqxt.asp`: the cn is the second field of each option's value."""
        if self._is_unknown:
            return _UNKNOWN_PAGE
        options = _EOL.join(
            f'\t<Option Value="E;{escape(each.name)};0;{each.minimal_key_size};;">'
            f"{escape(each.display_name)}"
            for each in templates
        )
        form = (
            f"<Form Name=SubmittedData Action=certfnsh.asp Method=Post>{_EOL}"
            f"<TextArea ID=locTaRequest Name=taRequest></TextArea>{_EOL}"
            f"<Select Name=lbCertTemplateID ID=lbCertTemplateID>{_EOL}{options}{_EOL}</Select>"
            "</Form>"
        )
        return self._page(self._words.submit, form)

    def renewals(self, count: int) -> str:
        """`certcarc.asp`: how often the CA's certificate was renewed stands in a script."""
        if self._is_unknown:
            return _UNKNOWN_PAGE
        script = f"<Script Language=JavaScript>{_EOL}\tvar nRenewals={count};{_EOL}</Script>"
        return self._page(self._words.download, script)

    def _issued(self, number: int) -> str:
        words = self._words
        links = _EOL.join(
            f'<A Href="certnew.{kind}?ReqID={number}&amp;Enc={encoding}">{label} {encoding}</A>'
            for kind, label in (("cer", words.download), ("p7b", words.chain))
            for encoding in ("bin", "b64")
        )
        return self._page(words.issued, f"<P ID=locInstallCert>{words.issued_text}</P>{links}")

    def _pending(self, number: int) -> str:
        words = self._words
        shown = words.request_id.format(number)
        return self._page(
            words.pending,
            f"<P ID=locInfoNewReq>{words.pending_text}</P>{_EOL}"
            f"<P ID=locInfoReqID>{_EOL}{shown}{_EOL}</P>",
        )

    def _denied(self, reply: Reply) -> str:
        words = self._words
        reason = words.reason.format(reply.request_id, escape(reply.message, quote=False))
        return self._page(
            words.denied,
            f"<P ID=locDenied>{words.denied_text}</P>{_EOL}"
            f"<P ID=locInfoReqIDandReason>{_EOL}{reason}{_EOL}</P>",
        )

    def _page(self, title: str, body: str) -> str:
        words = self._words
        lines = (
            "<HTML>",
            "<Head>",
            '\t<Meta HTTP-Equiv="Content-Type" Content="text/html; charset=UTF-8">',
            f"\t<Title>Microsoft {words.service}</Title>",
            "</Head>",
            "<Body BgColor=#FFFFFF><Font ID=locPageFont Face=Arial>",
            f"<LocID ID=locMSCertSrv><I>Microsoft</I> {words.service} -- {CA_NAME}</LocID>",
            f'<A Href="/certsrv"><LocID ID=locHomeLink>{words.home}</LocID></A>',
            f"<P ID=locPageTitle> <B> {title} </B>",
            body,
            "</Font>",
            "</Body>",
            "</HTML>",
            "",
        )
        return _EOL.join(lines)


_UNKNOWN_PAGE: Final = (
    "<html><head><title>⸮</title></head><body><div class=portal>⸮⸮⸮ ⸮⸮</div></body></html>"
)
