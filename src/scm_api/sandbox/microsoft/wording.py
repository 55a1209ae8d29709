"""Disposition messages in the languages of the CA."""

from typing import Final

from scm_api.sandbox.microsoft.hresults import Refusal, text

_STAGES: Final = {
    "policy": {
        "en": "Denied by Policy Module",
        "fr": "Refusé par le module de stratégie",
        "de": "Vom Richtlinienmodul verweigert",
    },
    "parsing": {
        "en": "Error Parsing Request",
        "fr": "Erreur lors de l’analyse de la demande",
        "de": "Fehler beim Analysieren der Anforderung",
    },
    "verifying": {
        "en": "Error Verifying Request Signature or Signing Certificate",
        "fr": "Erreur lors de la vérification de la signature de la demande ou du certificat de "
        "signature",
        "de": "Fehler beim Überprüfen der Anforderungssignatur oder des Signaturzertifikats",
    },
}
_OUTCOMES: Final = {
    "issued": {"en": "Issued", "fr": "Émis", "de": "Ausgestellt"},
    "pending": {
        "en": "Taken Under Submission",
        "fr": "Pris en compte pour soumission",
        "de": "Zur Übermittlung angenommen",
    },
    "resubmitted": {
        "en": "Resubmitted by {}",
        "fr": "Soumis à nouveau par {}",
        "de": "Erneut übermittelt von {}",
    },
    "denied": {"en": "Denied by {}", "fr": "Refusé par {}", "de": "Verweigert von {}"},
    "revoked": {"en": "Revoked by {}", "fr": "Révoqué par {}", "de": "Gesperrt von {}"},
    "unrevoked": {
        "en": "Unrevoked by {}",
        "fr": "Révocation annulée par {}",
        "de": "Sperrung aufgehoben von {}",
    },
}
_UNKNOWN: Final = "⸮⸮⸮"


def outcome(kind: str, language: str, who: str = "") -> str:
    """What the CA notes about a request, such as `Issued` or `Denied by CORP\\camanager`."""
    return _OUTCOMES[kind].get(language, _UNKNOWN + " {}").format(who).strip()


def refusal_message(refusal: Refusal, language: str) -> str:
    """`Denied by Policy Module  words 0x80094800 (-2146875392 SYMBOL)`."""
    stage = _STAGES[refusal.stage].get(language, _UNKNOWN)
    return f"{stage}  {text(refusal.hresult, language)}"
