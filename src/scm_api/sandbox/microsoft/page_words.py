"""The words of certsrv's pages, in each language of Windows."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """`language` is that of the messages in between; braces stand for number and message."""

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


_ENGLISH: Final = Words(
    language="en",
    service="Active Directory Certificate Services",
    home="Home",
    issued="Certificate Issued",
    issued_text="The certificate you requested was issued to you.",
    pending="Certificate Pending",
    pending_text=(
        "Your certificate request has been received. However, you must wait for an "
        "administrator to issue the certificate you requested."
    ),
    request_id="Your Request Id is {}.",
    denied="Certificate Request Denied",
    denied_text="Your certificate request was denied.",
    reason='Your Request Id is {}. The disposition message is "{}".',
    error="Error",
    error_text=(
        "Your request failed. An error occurred while the server was processing your request."
    ),
    mode="Request Mode:",
    disposition="Disposition:",
    message="Disposition message:",
    none="(none)",
    unknown="(unknown)",
    result="Result:",
    status="LastStatus:",
    download="Download certificate",
    chain="Download certificate chain",
    welcome="Welcome",
    submit="Submit a Certificate Request or Renewal Request",
)
_FRENCH: Final = Words(
    language="fr",
    service="Services de certificats Active Directory",
    home="Accueil",
    issued="Certificat émis",
    issued_text="Le certificat que vous avez demandé a été émis.",
    pending="Certificat en attente",
    pending_text=(
        "Votre demande de certificat a été reçue. Vous devez attendre qu’un administrateur "
        "émette le certificat demandé."
    ),
    request_id="L’identificateur de votre requête est {}.",
    denied="Demande de certificat refusée",
    denied_text="Votre demande de certificat a été refusée.",
    reason="L’identificateur de votre requête est {}. Le message de disposition est «\xa0{}\xa0».",
    error="Erreur",
    error_text=(
        "Votre requête a échoué. Une erreur s’est produite lors du traitement de votre requête."
    ),
    mode="Mode de requête\xa0:",
    disposition="Disposition\xa0:",
    message="Message de disposition\xa0:",
    none="(aucun)",
    unknown="(inconnu)",
    result="Résultat\xa0:",
    status="Dernier statut\xa0:",
    download="Télécharger le certificat",
    chain="Télécharger la chaîne de certificats",
    welcome="Bienvenue",
    submit="Soumettre une demande de certificat ou de renouvellement",
)
_GERMAN: Final = Words(
    language="de",
    service="Active Directory-Zertifikatdienste",
    home="Startseite",
    issued="Zertifikat wurde ausgestellt",
    issued_text="Das angeforderte Zertifikat wurde Ihnen ausgestellt.",
    pending="Zertifikat ausstehend",
    pending_text=(
        "Die Zertifikatanforderung wurde empfangen. Ein Administrator muss das angeforderte "
        "Zertifikat jedoch erst ausstellen."
    ),
    request_id="Die Anforderungs-ID ist {}.",
    denied="Zertifikatanforderung verweigert",
    denied_text="Die Zertifikatanforderung wurde verweigert.",
    reason="Die Anforderungs-ID ist {}. Die Dispositionsmeldung lautet „{}“.",
    error="Fehler",
    error_text=(
        "Fehler bei der Anforderung. Bei der Verarbeitung der Anforderung ist ein Fehler "
        "aufgetreten."
    ),
    mode="Anforderungsmodus:",
    disposition="Disposition:",
    message="Dispositionsmeldung:",
    none="(keine)",
    unknown="(unbekannt)",
    result="Ergebnis:",
    status="Letzter Status:",
    download="Download des Zertifikats",
    chain="Download der Zertifikatkette",
    welcome="Willkommen",
    submit="Zertifikat- oder Erneuerungsanforderung einreichen",
)
_NOBODYS: Final = Words(
    language="xx",
    service="⸮⸮",
    home="⸮⸮",
    issued="⸮⸮",
    issued_text="⸮⸮",
    pending="⸮⸮",
    pending_text="⸮⸮",
    request_id="⸮⸮ {} ⸮⸮",
    denied="⸮⸮",
    denied_text="⸮⸮",
    reason="⸮⸮ {} ⸮ {} ⸮",
    error="⸮⸮",
    error_text="⸮⸮",
    mode="⸮⸮",
    disposition="⸮⸮",
    message="⸮⸮",
    none="⸮⸮",
    unknown="⸮⸮",
    result="⸮⸮",
    status="⸮⸮",
    download="⸮⸮",
    chain="⸮⸮",
    welcome="⸮⸮",
    submit="⸮⸮",
)
LANGUAGES: Final = {"en": _ENGLISH, "fr": _FRENCH, "de": _GERMAN, "xx": _NOBODYS}
