"""The symbol of each HRESULT, and its words in each language of Windows."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Known:
    """One of them."""

    symbol: str
    english: str
    french: str
    german: str


TABLE: Final = {
    0x80094001: Known(
        "CERTSRV_E_BAD_REQUESTSUBJECT",
        "The request subject name is invalid or too long.",
        "Le nom de sujet de la demande n’est pas valide ou est trop long.",
        "Der Antragstellername der Anforderung ist ungültig oder zu lang.",
    ),
    0x80094002: Known(
        "CERTSRV_E_NO_REQUEST",
        "The request does not exist.",
        "La demande n’existe pas.",
        "Die Anforderung ist nicht vorhanden.",
    ),
    0x80094003: Known(
        "CERTSRV_E_BAD_REQUESTSTATUS",
        "The request's current status does not allow this operation.",
        "Le statut actuel de la demande n’autorise pas cette opération.",
        "Der aktuelle Status der Anforderung lässt diesen Vorgang nicht zu.",
    ),
    0x80094004: Known(
        "CERTSRV_E_PROPERTY_EMPTY",
        "The requested property value is empty.",
        "La valeur de propriété demandée est vide.",
        "Der angeforderte Eigenschaftswert ist leer.",
    ),
    0x80094009: Known(
        "CERTSRV_E_RESTRICTEDOFFICER",
        "The operation is denied. It can only be performed by a certificate manager that is "
        "allowed to manage certificates for the current requester.",
        "L’opération est refusée. Elle ne peut être effectuée que par un gestionnaire de "
        "certificats autorisé à gérer les certificats du demandeur actuel.",
        "Der Vorgang wird verweigert. Er kann nur von einer Zertifikatverwaltung ausgeführt "
        "werden, die Zertifikate für den aktuellen Anforderer verwalten darf.",
    ),
    0x80094011: Known(
        "CERTSRV_E_ENROLL_DENIED",
        "The permissions on this certification authority do not allow the current user to enroll "
        "for certificates.",
        "Les autorisations sur cette autorité de certification ne permettent pas à l’utilisateur "
        "actuel de s’inscrire pour obtenir des certificats.",
        "Die Berechtigungen dieser Zertifizierungsstelle lassen es nicht zu, dass der aktuelle "
        "Benutzer Zertifikate registriert.",
    ),
    0x80094012: Known(
        "CERTSRV_E_TEMPLATE_DENIED",
        "The permissions on the certificate template do not allow the current user to enroll for "
        "this type of certificate.",
        "Les autorisations sur ce modèle de certificat ne permettent pas à l’utilisateur actuel "
        "de s’inscrire pour obtenir ce type de certificat.",
        "Die Berechtigungen der Zertifikatvorlage lassen nicht zu, dass sich der aktuelle Benutzer "
        "für diesen Zertifikattyp einschreibt.",
    ),
    0x80094800: Known(
        "CERTSRV_E_UNSUPPORTED_CERT_TYPE",
        "The requested certificate template is not supported by this CA.",
        "Le modèle de certificat demandé n’est pas pris en charge par cette autorité de "
        "certification.",
        "Die angeforderte Zertifikatvorlage wird von dieser Zertifizierungsstelle nicht "
        "unterstützt.",
    ),
    0x80094801: Known(
        "CERTSRV_E_NO_CERT_TYPE",
        "The request contains no certificate template information.",
        "La demande ne contient aucune information de modèle de certificat.",
        "Die Anforderung enthält keine Zertifikatvorlageninformationen.",
    ),
    0x80094802: Known(
        "CERTSRV_E_TEMPLATE_CONFLICT",
        "The request contains conflicting template information.",
        "La demande contient des informations de modèle contradictoires.",
        "Die Anforderung enthält widersprüchliche Vorlageninformationen.",
    ),
    0x80094803: Known(
        "CERTSRV_E_SUBJECT_ALT_NAME_REQUIRED",
        "The request is missing a required Subject Alternate name extension.",
        "Il manque à la demande une extension Autre nom du sujet requise.",
        "In der Anforderung fehlt eine erforderliche Erweiterung für den alternativen Namen.",
    ),
    0x80094806: Known(
        "CERTSRV_E_BAD_RENEWAL_SUBJECT",
        "The certificate request could not be completed: the request was made on behalf of a "
        "subject other than the caller.",
        "La demande de certificat a été faite au nom d’un sujet autre que l’appelant.",
        "Die Zertifikatanforderung wurde im Auftrag eines anderen Antragstellers gestellt.",
    ),
    0x80094809: Known(
        "CERTSRV_E_SIGNATURE_POLICY_REQUIRED",
        "The request is missing required signature policy information.",
        "Il manque à la demande des informations de stratégie de signature requises.",
        "In der Anforderung fehlen erforderliche Signaturrichtlinieninformationen.",
    ),
    0x8009480A: Known(
        "CERTSRV_E_SIGNATURE_COUNT",
        "The request is missing one or more required signatures.",
        "Il manque à la demande une ou plusieurs signatures requises.",
        "In der Anforderung fehlen eine oder mehrere erforderliche Signaturen.",
    ),
    0x8009480B: Known(
        "CERTSRV_E_SIGNATURE_REJECTED",
        "One or more signatures did not include the required application or issuance policies. The "
        "request is missing one or more required valid signatures.",
        "Une ou plusieurs signatures n’incluaient pas les stratégies d’application ou d’émission "
        "requises.",
        "Mindestens eine Signatur enthielt nicht die erforderlichen Anwendungs- oder "
        "Ausstellungsrichtlinien.",
    ),
    0x8009480D: Known(
        "CERTSRV_E_SUBJECT_UPN_REQUIRED",
        "The UPN is unavailable and cannot be added to the Subject Alternate name.",
        "L’UPN n’est pas disponible et ne peut pas être ajouté à l’autre nom du sujet.",
        "Der UPN ist nicht verfügbar und kann dem alternativen Namen nicht hinzugefügt werden.",
    ),
    0x8009480E: Known(
        "CERTSRV_E_SUBJECT_DIRECTORY_GUID_REQUIRED",
        "The Active Directory GUID is unavailable and cannot be added to the Subject Alternate "
        "name.",
        "Le GUID Active Directory n’est pas disponible.",
        "Die Active Directory-GUID ist nicht verfügbar.",
    ),
    0x8009480F: Known(
        "CERTSRV_E_SUBJECT_DNS_REQUIRED",
        "The DNS name is unavailable and cannot be added to the Subject Alternate name.",
        "Le nom DNS n’est pas disponible et ne peut pas être ajouté à l’autre nom du sujet.",
        "Der DNS-Name ist nicht verfügbar und kann dem alternativen Namen nicht hinzugefügt "
        "werden.",
    ),
    0x80094811: Known(
        "CERTSRV_E_KEY_LENGTH",
        "The public key does not meet the minimum size required by the specified certificate "
        "template.",
        "La clé publique ne respecte pas la taille minimale requise par le modèle de certificat.",
        "Der öffentliche Schlüssel erfüllt nicht die Mindestgröße, die von der angegebenen "
        "Zertifikatvorlage gefordert wird.",
    ),
    0x80094812: Known(
        "CERTSRV_E_SUBJECT_EMAIL_REQUIRED",
        "The email name is unavailable and cannot be added to the Subject or Subject Alternate "
        "name.",
        "Le nom de messagerie n’est pas disponible et ne peut pas être ajouté au sujet.",
        "Der E-Mail-Name ist nicht verfügbar und kann dem Antragsteller nicht hinzugefügt werden.",
    ),
    0x80090006: Known(
        "NTE_BAD_SIGNATURE",
        "Invalid Signature.",
        "Signature non valide.",
        "Ungültige Signatur.",
    ),
    0x80091007: Known(
        "CRYPT_E_HASH_VALUE",
        "The hash value is not correct.",
        "La valeur de hachage n’est pas correcte.",
        "Der Hashwert ist falsch.",
    ),
    0x80092010: Known(
        "CRYPT_E_REVOKED",
        "The certificate is revoked.",
        "Le certificat est révoqué.",
        "Das Zertifikat ist gesperrt.",
    ),
    0x80092013: Known(
        "CRYPT_E_REVOCATION_OFFLINE",
        "The revocation function was unable to check revocation because the revocation server was "
        "offline.",
        "La fonction de révocation n’a pas pu vérifier la révocation car le serveur de révocation "
        "était hors connexion.",
        "Die Sperrfunktion konnte die Sperrung nicht überprüfen, da der Sperrserver offline war.",
    ),
    0x800B0101: Known(
        "CERT_E_EXPIRED",
        "A required certificate is not within its validity period when verifying against the "
        "current system clock or the timestamp in the signed file.",
        "Un certificat requis n’est pas dans sa période de validité.",
        "Ein erforderliches Zertifikat befindet sich nicht im Gültigkeitszeitraum.",
    ),
    0x800B0109: Known(
        "CERT_E_UNTRUSTEDROOT",
        "A certificate chain processed, but terminated in a root certificate which is not trusted "
        "by the trust provider.",
        "Une chaîne de certificats a été traitée mais s’est terminée par un certificat racine qui "
        "n’est pas approuvé.",
        "Eine Zertifikatkette wurde zwar verarbeitet, endete jedoch mit einem nicht "
        "vertrauenswürdigen Stammzertifikat.",
    ),
    0x800B010A: Known(
        "CERT_E_CHAINING",
        "A certificate chain could not be built to a trusted root authority.",
        "Impossible de créer une chaîne de certificats vers une autorité racine de confiance.",
        "Eine Zertifikatkette zu einer vertrauenswürdigen Stammzertifizierungsstelle konnte nicht "
        "aufgebaut werden.",
    ),
    0x800B0110: Known(
        "CERT_E_WRONG_USAGE",
        "The certificate is not valid for the requested usage.",
        "Le certificat n’est pas valide pour l’utilisation demandée.",
        "Das Zertifikat ist für die angeforderte Verwendung nicht gültig.",
    ),
    0x80070005: Known(
        "ERROR_ACCESS_DENIED", "Access is denied.", "Accès refusé.", "Zugriff verweigert"
    ),
    0x8007000D: Known(
        "ERROR_INVALID_DATA",
        "The data is invalid.",
        "Les données ne sont pas valides.",
        "Die Daten sind unzulässig.",
    ),
    0x80070057: Known(
        "ERROR_INVALID_PARAMETER",
        "The parameter is incorrect.",
        "Paramètre incorrect.",
        "Falscher Parameter.",
    ),
    0x80070533: Known(
        "ERROR_ACCOUNT_DISABLED",
        "This user can't sign in because this account is currently disabled.",
        "Cet utilisateur ne peut pas se connecter car ce compte est actuellement désactivé.",
        "Dieser Benutzer kann sich nicht anmelden, weil das Konto momentan deaktiviert ist.",
    ),
    0x80070534: Known(
        "ERROR_NONE_MAPPED",
        "No mapping between account names and security IDs was done.",
        "Le mappage entre les noms de compte et les ID de sécurité n’a pas été effectué.",
        "Zuordnungen von Kontennamen und Sicherheitskennungen wurden nicht durchgeführt.",
    ),
    0x800706BA: Known(
        "RPC_S_SERVER_UNAVAILABLE",
        "The RPC server is unavailable.",
        "Le serveur RPC n’est pas disponible.",
        "Der RPC-Server ist nicht verfügbar.",
    ),
}
