"""Pages of Web Enrollment, in three languages and in none: ids and numbers decide, never prose."""

import pytest

from scm_api.drivers.microsoft.certsrv_pages import (
    Unreadable,
    read_renewals,
    read_retrieval,
    read_submission,
)
from scm_api.drivers.microsoft.ports import Disposition

ISSUED = """<HTML><HEAD><TITLE>{title}</TITLE></HEAD><BODY>
<P ID=locPageTitle>{title}<P>{said}
<A Href="certnew.cer?ReqID=412{joint}Enc=bin">{link}</A>
<A Href="certnew.p7b?ReqID=412{joint}Enc=bin">{link}</A></BODY></HTML>"""
PENDING = """<HTML><HEAD><TITLE>{title}</TITLE><SCRIPT>var x = 99;</SCRIPT></HEAD><BODY>
<P ID=locPageTitle>{title}<P ID=locInfo>{said}
<P ID=locInfoReqID>{number}<B>57</B>.<P ID=locInfoDays>10</BODY></HTML>"""
DENIED = """<HTML><HEAD><TITLE>{title}</TITLE></HEAD><BODY>
<P ID=locDenied>{said}<P ID=locInfoReqIDandReason>{number}58. {words} &quot;{policy}
0x80094012, {cause} 0x80094012 (-2146877422 CERTSRV_E_TEMPLATE_DENIED)&quot;</BODY></HTML>"""
ERROR = """<HTML><HEAD><TITLE>{title}</TITLE></HEAD><BODY><P><B>{said}</B>
<PRE>{words} 0x800706ba (-2147023174 RPC_S_SERVER_UNAVAILABLE)</PRE></BODY></HTML>"""
RETRIEVED = """<HTML><BODY><TABLE><TR><TD ID=locDispLabel>{label}</TD><TD>{words} {number}
<SPAN ID=locDispSpacer>&nbsp;</SPAN></TD></TR><TR><TD>{message}:\r\n\t\t{said}</TD></TR>
<TR><TD>LastStatus:\r\n\t\t0x80094014 (-2146877420 CERTSRV_E_ADMIN_DENIED_REQUEST)</TD></TR>
</TABLE></BODY></HTML>"""
LANGUAGES = {
    "en": {
        "title": "Certificate Pending",
        "said": "Your certificate request has been received.",
        "number": "Your Request Id is ",
        "words": "The disposition message is",
        "policy": "Denied by Policy Module",
        "cause": "The permissions do not allow the user to enroll.",
        "link": "Download certificate",
        "label": "Disposition:",
        "message": "Disposition message",
    },
    "fr": {
        "title": "Certificat en attente",
        "said": "Votre demande de certificat a &eacute;t&eacute; re&ccedil;ue.",
        "number": "Votre identificateur de demande est ",
        "words": "Le message de disposition est",
        "policy": "Refus&eacute; par le module de strat&eacute;gie",
        "cause": "Les autorisations ne permettent pas l'inscription.",
        "link": "T&eacute;l&eacute;charger le certificat",
        "label": "Disposition :",
        "message": "Message de disposition",
    },
    "de": {
        "title": "Zertifikat steht aus",
        "said": "Ihre Zertifikatanforderung wurde empfangen.",
        "number": "Ihre Anforderungs-ID lautet ",
        "words": "Die Verarbeitungsmeldung lautet",
        "policy": "Verweigert vom Richtlinienmodul",
        "cause": "Die Berechtigungen erlauben keine Registrierung.",
        "link": "Zertifikat herunterladen",
        "label": "Verarbeitung:",
        "message": "Verarbeitungsmeldung",
    },
}


@pytest.fixture(params=sorted(LANGUAGES))
def words(request: pytest.FixtureRequest) -> dict[str, str]:
    return LANGUAGES[request.param]


@pytest.mark.parametrize("joint", ["&", "&amp;"])
def test_issued_in_every_language(words: dict[str, str], joint: str) -> None:
    answer = read_submission(ISSUED.format(**words, joint=joint))
    assert (answer.disposition, answer.request_id) == (Disposition.ISSUED, "412")


def test_pending_in_every_language(words: dict[str, str]) -> None:
    answer = read_submission(PENDING.format(**words))
    assert (answer.disposition, answer.request_id) == (Disposition.PENDING, "57")


def test_denied_in_every_language(words: dict[str, str]) -> None:
    answer = read_submission(DENIED.format(**words))
    assert (answer.disposition, answer.request_id) == (Disposition.DENIED, "58")
    assert answer.hresult == 0x80094012
    assert "&" not in answer.message


def test_an_error_of_the_ca_in_every_language(words: dict[str, str]) -> None:
    answer = read_submission(ERROR.format(**words))
    assert (answer.disposition, answer.hresult) == (Disposition.ERROR, 0x800706BA)


@pytest.mark.parametrize(
    ("number", "disposition", "code"),
    [(5, Disposition.PENDING, None), (2, Disposition.DENIED, 0x80094014)],
)
def test_what_is_not_there_yet_in_every_language(
    words: dict[str, str], number: int, disposition: Disposition, code: int | None
) -> None:
    page = RETRIEVED.format(**(words | {"number": str(number)}))
    answer = read_retrieval(page, "58")
    assert (answer.disposition, answer.request_id) == (disposition, "58")
    assert answer.hresult == code


def test_a_failed_look_has_the_code_for_a_disposition(words: dict[str, str]) -> None:
    answer = read_retrieval(RETRIEVED.format(**(words | {"number": "80094014"})), "58")
    assert (answer.disposition, answer.hresult) == (Disposition.DENIED, 0x80094014)


def test_an_unknown_request_is_told_by_its_code() -> None:
    page = "<TITLE>Fehler</TITLE><PRE>0x80094004 (-2146877436 CERTSRV_E_PROPERTY_EMPTY)</PRE>"
    assert read_retrieval(page, "7").hresult == 0x80094004


STRANGE = {
    "empty": "",
    "iis": "<html><head><title>500 - Internal server error.</title></head><h2>500</h2>",
    "iis with a code": "<title>IIS Detailed Error</title><td>Error Code</td><td>0x80070005</td>",
    "asp": "<font face=Arial>Active Server Pages error 'ASP 0113'<p>Script timed out</font>",
    "vbscript": "<p>Microsoft VBScript runtime error '800a000d'</p>Type mismatch",
    "sign-in": "<title>Sign in</title><form action=/login><input name=user></form>",
    "prose only": "<title>Certificate Pending</title>Your Request Id is 57.",
    "prose denial": "Your certificate request was denied. Denied by Policy Module",
    "two requests": '<a href="certnew.cer?ReqID=1&a">1</a><a href="certnew.cer?ReqID=2&a">2</a>',
    "pending without a number": "<P ID=locInfoReqID>soon",
    "pending as request 0": "<P ID=locInfoReqID>0",
    "code that proves nothing": "<PRE>0x800706be (-2147023170 RPC_S_CALL_FAILED)</PRE>",
    "decimal of another code": "<PRE>0x80094012 (-1)</PRE>",
    "script": "<script><P ID=locInfoReqID>57</script>",
    "endless": "<P ID=locInfoReqID>57" + " " * 200_000,
}


@pytest.mark.parametrize("name", sorted(STRANGE))
def test_a_page_that_says_nothing_certain_is_unreadable(name: str) -> None:
    with pytest.raises(Unreadable):
        read_submission(STRANGE[name])


@pytest.mark.parametrize(
    "page", ["", STRANGE["iis"], RETRIEVED.format(**LANGUAGES["en"] | {"number": "9"})]
)
def test_no_page_of_a_request_is_unreadable(page: str) -> None:
    with pytest.raises(Unreadable):
        read_retrieval(page, "1")


def test_renewals_are_counted() -> None:
    assert read_renewals("<script>\nvar nRenewals=3;\n</script>") == 3
    with pytest.raises(Unreadable):
        read_renewals("<script>var nRenewals=many;</script>")
