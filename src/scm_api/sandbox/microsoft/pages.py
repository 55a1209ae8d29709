"""The pages of certsrv: their element ids are the same in every language, their words are not."""

from dataclasses import dataclass
from html import escape
from typing import Final

from scm_api.sandbox.microsoft.catalogue import CA_NAME
from scm_api.sandbox.microsoft.desk import Reply
from scm_api.sandbox.microsoft.domain import Template
from scm_api.sandbox.microsoft.hresults import text
from scm_api.sandbox.microsoft.settings import Behaviour

_EOL: Final = "\r\n"


@dataclass(frozen=True, slots=True)
class _Words:
    language: str
    service: str
    home: str
    issued: str
    issued_text: str
    pending: str
    pending_text: str
    request_id: str
    denied: str
    denied_text: str
    reason: str
    error: str
    error_text: str
    mode: str
    disposition: str
    message: str
    none: str
    unknown: str
    result: str
    status: str
    download: str
    chain: str
    welcome: str
    submit: str


_ENGLISH: Final = _Words(
    "en",
    "Active Directory Certificate Services",
    "Home",
    "Certificate Issued",
    "The certificate you requested was issued to you.",
    "Certificate Pending",
    "Your certificate request has been received. However, you must wait for an administrator to "
    "issue the certificate you requested.",
    "Your Request Id is {}.",
    "Certificate Request Denied",
    "Your certificate request was denied.",
    'Your Request Id is {}. The disposition message is "{}".',
    "Error",
    "Your request failed. An error occurred while the server was processing your request.",
    "Request Mode:",
    "Disposition:",
    "Disposition message:",
    "(none)",
    "(unknown)",
    "Result:",
    "LastStatus:",
    "Download certificate",
    "Download certificate chain",
    "Welcome",
    "Submit a Certificate Request or Renewal Request",
)
_FRENCH: Final = _Words(
    "fr",
    "Services de certificats Active Directory",
    "Accueil",
    "Certificat émis",
    "Le certificat que vous avez demandé a été émis.",
    "Certificat en attente",
    "Votre demande de certificat a été reçue. Vous devez attendre qu’un administrateur émette le "
    "certificat demandé.",
    "L’identificateur de votre requête est {}.",
    "Demande de certificat refusée",
    "Votre demande de certificat a été refusée.",
    "L’identificateur de votre requête est {}. Le message de disposition est «\xa0{}\xa0».",
    "Erreur",
    "Votre requête a échoué. Une erreur s’est produite lors du traitement de votre requête.",
    "Mode de requête\xa0:",
    "Disposition\xa0:",
    "Message de disposition\xa0:",
    "(aucun)",
    "(inconnu)",
    "Résultat\xa0:",
    "Dernier statut\xa0:",
    "Télécharger le certificat",
    "Télécharger la chaîne de certificats",
    "Bienvenue",
    "Soumettre une demande de certificat ou de renouvellement",
)
_GERMAN: Final = _Words(
    "de",
    "Active Directory-Zertifikatdienste",
    "Startseite",
    "Zertifikat wurde ausgestellt",
    "Das angeforderte Zertifikat wurde Ihnen ausgestellt.",
    "Zertifikat ausstehend",
    "Die Zertifikatanforderung wurde empfangen. Ein Administrator muss das angeforderte Zertifikat "
    "jedoch erst ausstellen.",
    "Die Anforderungs-ID ist {}.",
    "Zertifikatanforderung verweigert",
    "Die Zertifikatanforderung wurde verweigert.",
    "Die Anforderungs-ID ist {}. Die Dispositionsmeldung lautet „{}“.",
    "Fehler",
    "Fehler bei der Anforderung. Bei der Verarbeitung der Anforderung ist ein Fehler aufgetreten.",
    "Anforderungsmodus:",
    "Disposition:",
    "Dispositionsmeldung:",
    "(keine)",
    "(unbekannt)",
    "Ergebnis:",
    "Letzter Status:",
    "Download des Zertifikats",
    "Download der Zertifikatkette",
    "Willkommen",
    "Zertifikat- oder Erneuerungsanforderung einreichen",
)
_NOBODYS: Final = _Words("xx", *["⸮⸮"] * 6, "⸮⸮ {} ⸮⸮", "⸮⸮", "⸮⸮", "⸮⸮ {} ⸮ {} ⸮", *["⸮⸮"] * 13)
_LANGUAGES: Final = {"en": _ENGLISH, "fr": _FRENCH, "de": _GERMAN, "xx": _NOBODYS}


class Pages:
    """The pages as the present settings have them."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._words = _LANGUAGES[behaviour.language]
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
