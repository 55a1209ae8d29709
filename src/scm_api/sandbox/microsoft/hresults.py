"""HRESULTs of AD CS: number, symbol, and the words in which each language of Windows has them."""

from dataclasses import dataclass
from typing import Final

BAD_REQUEST_SUBJECT: Final = 0x80094001
NO_REQUEST: Final = 0x80094002
BAD_REQUEST_STATUS: Final = 0x80094003
PROPERTY_EMPTY: Final = 0x80094004
RESTRICTED_OFFICER: Final = 0x80094009
ENROLL_DENIED: Final = 0x80094011
TEMPLATE_DENIED: Final = 0x80094012
UNSUPPORTED_CERT_TYPE: Final = 0x80094800
NO_CERT_TYPE: Final = 0x80094801
TEMPLATE_CONFLICT: Final = 0x80094802
SAN_REQUIRED: Final = 0x80094803
BAD_RENEWAL_SUBJECT: Final = 0x80094806
SIGNATURE_POLICY_REQUIRED: Final = 0x80094809
SIGNATURE_COUNT: Final = 0x8009480A
SIGNATURE_REJECTED: Final = 0x8009480B
UPN_REQUIRED: Final = 0x8009480D
GUID_REQUIRED: Final = 0x8009480E
DNS_REQUIRED: Final = 0x8009480F
KEY_LENGTH: Final = 0x80094811
EMAIL_REQUIRED: Final = 0x80094812
BAD_SIGNATURE: Final = 0x80090006
HASH_VALUE: Final = 0x80091007
REVOKED: Final = 0x80092010
REVOCATION_OFFLINE: Final = 0x80092013
EXPIRED: Final = 0x800B0101
UNTRUSTED_ROOT: Final = 0x800B0109
CHAINING: Final = 0x800B010A
WRONG_USAGE: Final = 0x800B0110
ACCESS_DENIED: Final = 0x80070005
INVALID_DATA: Final = 0x8007000D
INVALID_ARGUMENT: Final = 0x80070057
ACCOUNT_DISABLED: Final = 0x80070533
NONE_MAPPED: Final = 0x80070534
RPC_UNAVAILABLE: Final = 0x800706BA


class Refusal(Exception):
    """What the CA does not do. `stage` is the part of the CA that says no, as in its message."""

    def __init__(self, hresult: int, stage: str = "policy") -> None:
        super().__init__(f"0x{hresult:08x}")
        self.hresult = hresult
        self.stage = stage


@dataclass(frozen=True, slots=True)
class _Known:
    symbol: str
    english: str
    french: str
    german: str


def text(hresult: int, language: str) -> str:
    """As Windows writes it: `words 0x80094800 (-2146875392 CERTSRV_E_UNSUPPORTED_CERT_TYPE)`."""
    known = _TABLE.get(hresult)
    if known is None:
        return f"0x{hresult:08x} ({_signed(hresult)})"
    words = {"fr": known.french, "de": known.german, "xx": "⸮"}.get(language, known.english)
    number = f"WIN32: {hresult & 0xFFFF}" if hresult >> 16 == 0x8007 else str(_signed(hresult))
    return f"{words} 0x{hresult:08x} ({number} {known.symbol})"


def _signed(hresult: int) -> int:
    return hresult - (1 << 32) if hresult & 0x80000000 else hresult


_TABLE: Final = {
    BAD_REQUEST_SUBJECT: _Known(
        "CERTSRV_E_BAD_REQUESTSUBJECT",
        "The request subject name is invalid or too long.",
        "Le nom de sujet de la demande n’est pas valide ou est trop long.",
        "Der Antragstellername der Anforderung ist ungültig oder zu lang.",
    ),
    NO_REQUEST: _Known(
        "CERTSRV_E_NO_REQUEST",
        "The request does not exist.",
        "La demande n’existe pas.",
        "Die Anforderung ist nicht vorhanden.",
    ),
    BAD_REQUEST_STATUS: _Known(
        "CERTSRV_E_BAD_REQUESTSTATUS",
        "The request's current status does not allow this operation.",
        "Le statut actuel de la demande n’autorise pas cette opération.",
        "Der aktuelle Status der Anforderung lässt diesen Vorgang nicht zu.",
    ),
    PROPERTY_EMPTY: _Known(
        "CERTSRV_E_PROPERTY_EMPTY",
        "The requested property value is empty.",
        "La valeur de propriété demandée est vide.",
        "Der angeforderte Eigenschaftswert ist leer.",
    ),
    RESTRICTED_OFFICER: _Known(
        "CERTSRV_E_RESTRICTEDOFFICER",
        "The operation is denied. It can only be performed by a certificate manager that is "
        "allowed to manage certificates for the current requester.",
        "L’opération est refusée. Elle ne peut être effectuée que par un gestionnaire de "
        "certificats autorisé à gérer les certificats du demandeur actuel.",
        "Der Vorgang wird verweigert. Er kann nur von einer Zertifikatverwaltung ausgeführt "
        "werden, die Zertifikate für den aktuellen Anforderer verwalten darf.",
    ),
    ENROLL_DENIED: _Known(
        "CERTSRV_E_ENROLL_DENIED",
        "The permissions on this certification authority do not allow the current user to enroll "
        "for certificates.",
        "Les autorisations sur cette autorité de certification ne permettent pas à l’utilisateur "
        "actuel de s’inscrire pour obtenir des certificats.",
        "Die Berechtigungen dieser Zertifizierungsstelle lassen es nicht zu, dass der aktuelle "
        "Benutzer Zertifikate registriert.",
    ),
    TEMPLATE_DENIED: _Known(
        "CERTSRV_E_TEMPLATE_DENIED",
        "The permissions on the certificate template do not allow the current user to enroll for "
        "this type of certificate.",
        "Les autorisations sur ce modèle de certificat ne permettent pas à l’utilisateur actuel "
        "de s’inscrire pour obtenir ce type de certificat.",
        "Die Berechtigungen der Zertifikatvorlage lassen nicht zu, dass sich der aktuelle Benutzer "
        "für diesen Zertifikattyp einschreibt.",
    ),
    UNSUPPORTED_CERT_TYPE: _Known(
        "CERTSRV_E_UNSUPPORTED_CERT_TYPE",
        "The requested certificate template is not supported by this CA.",
        "Le modèle de certificat demandé n’est pas pris en charge par cette autorité de "
        "certification.",
        "Die angeforderte Zertifikatvorlage wird von dieser Zertifizierungsstelle nicht "
        "unterstützt.",
    ),
    NO_CERT_TYPE: _Known(
        "CERTSRV_E_NO_CERT_TYPE",
        "The request contains no certificate template information.",
        "La demande ne contient aucune information de modèle de certificat.",
        "Die Anforderung enthält keine Zertifikatvorlageninformationen.",
    ),
    TEMPLATE_CONFLICT: _Known(
        "CERTSRV_E_TEMPLATE_CONFLICT",
        "The request contains conflicting template information.",
        "La demande contient des informations de modèle contradictoires.",
        "Die Anforderung enthält widersprüchliche Vorlageninformationen.",
    ),
    SAN_REQUIRED: _Known(
        "CERTSRV_E_SUBJECT_ALT_NAME_REQUIRED",
        "The request is missing a required Subject Alternate name extension.",
        "Il manque à la demande une extension Autre nom du sujet requise.",
        "In der Anforderung fehlt eine erforderliche Erweiterung für den alternativen Namen.",
    ),
    BAD_RENEWAL_SUBJECT: _Known(
        "CERTSRV_E_BAD_RENEWAL_SUBJECT",
        "The certificate request could not be completed: the request was made on behalf of a "
        "subject other than the caller.",
        "La demande de certificat a été faite au nom d’un sujet autre que l’appelant.",
        "Die Zertifikatanforderung wurde im Auftrag eines anderen Antragstellers gestellt.",
    ),
    SIGNATURE_POLICY_REQUIRED: _Known(
        "CERTSRV_E_SIGNATURE_POLICY_REQUIRED",
        "The request is missing required signature policy information.",
        "Il manque à la demande des informations de stratégie de signature requises.",
        "In der Anforderung fehlen erforderliche Signaturrichtlinieninformationen.",
    ),
    SIGNATURE_COUNT: _Known(
        "CERTSRV_E_SIGNATURE_COUNT",
        "The request is missing one or more required signatures.",
        "Il manque à la demande une ou plusieurs signatures requises.",
        "In der Anforderung fehlen eine oder mehrere erforderliche Signaturen.",
    ),
    SIGNATURE_REJECTED: _Known(
        "CERTSRV_E_SIGNATURE_REJECTED",
        "One or more signatures did not include the required application or issuance policies. The "
        "request is missing one or more required valid signatures.",
        "Une ou plusieurs signatures n’incluaient pas les stratégies d’application ou d’émission "
        "requises.",
        "Mindestens eine Signatur enthielt nicht die erforderlichen Anwendungs- oder "
        "Ausstellungsrichtlinien.",
    ),
    UPN_REQUIRED: _Known(
        "CERTSRV_E_SUBJECT_UPN_REQUIRED",
        "The UPN is unavailable and cannot be added to the Subject Alternate name.",
        "L’UPN n’est pas disponible et ne peut pas être ajouté à l’autre nom du sujet.",
        "Der UPN ist nicht verfügbar und kann dem alternativen Namen nicht hinzugefügt werden.",
    ),
    GUID_REQUIRED: _Known(
        "CERTSRV_E_SUBJECT_DIRECTORY_GUID_REQUIRED",
        "The Active Directory GUID is unavailable and cannot be added to the Subject Alternate "
        "name.",
        "Le GUID Active Directory n’est pas disponible.",
        "Die Active Directory-GUID ist nicht verfügbar.",
    ),
    DNS_REQUIRED: _Known(
        "CERTSRV_E_SUBJECT_DNS_REQUIRED",
        "The DNS name is unavailable and cannot be added to the Subject Alternate name.",
        "Le nom DNS n’est pas disponible et ne peut pas être ajouté à l’autre nom du sujet.",
        "Der DNS-Name ist nicht verfügbar und kann dem alternativen Namen nicht hinzugefügt "
        "werden.",
    ),
    KEY_LENGTH: _Known(
        "CERTSRV_E_KEY_LENGTH",
        "The public key does not meet the minimum size required by the specified certificate "
        "template.",
        "La clé publique ne respecte pas la taille minimale requise par le modèle de certificat.",
        "Der öffentliche Schlüssel erfüllt nicht die Mindestgröße, die von der angegebenen "
        "Zertifikatvorlage gefordert wird.",
    ),
    EMAIL_REQUIRED: _Known(
        "CERTSRV_E_SUBJECT_EMAIL_REQUIRED",
        "The email name is unavailable and cannot be added to the Subject or Subject Alternate "
        "name.",
        "Le nom de messagerie n’est pas disponible et ne peut pas être ajouté au sujet.",
        "Der E-Mail-Name ist nicht verfügbar und kann dem Antragsteller nicht hinzugefügt werden.",
    ),
    BAD_SIGNATURE: _Known(
        "NTE_BAD_SIGNATURE",
        "Invalid Signature.",
        "Signature non valide.",
        "Ungültige Signatur.",
    ),
    HASH_VALUE: _Known(
        "CRYPT_E_HASH_VALUE",
        "The hash value is not correct.",
        "La valeur de hachage n’est pas correcte.",
        "Der Hashwert ist falsch.",
    ),
    REVOKED: _Known(
        "CRYPT_E_REVOKED",
        "The certificate is revoked.",
        "Le certificat est révoqué.",
        "Das Zertifikat ist gesperrt.",
    ),
    REVOCATION_OFFLINE: _Known(
        "CRYPT_E_REVOCATION_OFFLINE",
        "The revocation function was unable to check revocation because the revocation server was "
        "offline.",
        "La fonction de révocation n’a pas pu vérifier la révocation car le serveur de révocation "
        "était hors connexion.",
        "Die Sperrfunktion konnte die Sperrung nicht überprüfen, da der Sperrserver offline war.",
    ),
    EXPIRED: _Known(
        "CERT_E_EXPIRED",
        "A required certificate is not within its validity period when verifying against the "
        "current system clock or the timestamp in the signed file.",
        "Un certificat requis n’est pas dans sa période de validité.",
        "Ein erforderliches Zertifikat befindet sich nicht im Gültigkeitszeitraum.",
    ),
    UNTRUSTED_ROOT: _Known(
        "CERT_E_UNTRUSTEDROOT",
        "A certificate chain processed, but terminated in a root certificate which is not trusted "
        "by the trust provider.",
        "Une chaîne de certificats a été traitée mais s’est terminée par un certificat racine qui "
        "n’est pas approuvé.",
        "Eine Zertifikatkette wurde zwar verarbeitet, endete jedoch mit einem nicht "
        "vertrauenswürdigen Stammzertifikat.",
    ),
    CHAINING: _Known(
        "CERT_E_CHAINING",
        "A certificate chain could not be built to a trusted root authority.",
        "Impossible de créer une chaîne de certificats vers une autorité racine de confiance.",
        "Eine Zertifikatkette zu einer vertrauenswürdigen Stammzertifizierungsstelle konnte nicht "
        "aufgebaut werden.",
    ),
    WRONG_USAGE: _Known(
        "CERT_E_WRONG_USAGE",
        "The certificate is not valid for the requested usage.",
        "Le certificat n’est pas valide pour l’utilisation demandée.",
        "Das Zertifikat ist für die angeforderte Verwendung nicht gültig.",
    ),
    ACCESS_DENIED: _Known(
        "ERROR_ACCESS_DENIED", "Access is denied.", "Accès refusé.", "Zugriff verweigert"
    ),
    INVALID_DATA: _Known(
        "ERROR_INVALID_DATA",
        "The data is invalid.",
        "Les données ne sont pas valides.",
        "Die Daten sind unzulässig.",
    ),
    INVALID_ARGUMENT: _Known(
        "ERROR_INVALID_PARAMETER",
        "The parameter is incorrect.",
        "Paramètre incorrect.",
        "Falscher Parameter.",
    ),
    ACCOUNT_DISABLED: _Known(
        "ERROR_ACCOUNT_DISABLED",
        "This user can't sign in because this account is currently disabled.",
        "Cet utilisateur ne peut pas se connecter car ce compte est actuellement désactivé.",
        "Dieser Benutzer kann sich nicht anmelden, weil das Konto momentan deaktiviert ist.",
    ),
    NONE_MAPPED: _Known(
        "ERROR_NONE_MAPPED",
        "No mapping between account names and security IDs was done.",
        "Le mappage entre les noms de compte et les ID de sécurité n’a pas été effectué.",
        "Zuordnungen von Kontennamen und Sicherheitskennungen wurden nicht durchgeführt.",
    ),
    RPC_UNAVAILABLE: _Known(
        "RPC_S_SERVER_UNAVAILABLE",
        "The RPC server is unavailable.",
        "Le serveur RPC n’est pas disponible.",
        "Der RPC-Server ist nicht verfügbar.",
    ),
}
