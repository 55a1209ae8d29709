"""Codes by which AD CS says why it does not issue, in words that say what to do.

Source: MS-ERREF, winerror.h of the Windows SDK, MS-WCCE.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError, OrderRefused


class Kind(Enum):
    """What follows from a code. UNSURE: the CA may have acted."""

    INVALID_REQUEST = "invalid_request"
    NOT_AUTHORISED = "not_authorised"
    MISCONFIGURED = "misconfigured_backend"
    UNAVAILABLE = "unavailable"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code: its symbol, what follows, and a sentence for who has to mend it."""

    symbol: str
    kind: Kind
    advice: str


_TABLE: Final = """
80094001 CERTSRV_E_BAD_REQUESTSUBJECT invalid_request The CA does not take the subject of the request.
80094002 CERTSRV_E_NO_REQUEST invalid_request The CA knows no request with this id: was its database restored, or does the address lead to another CA?
80094003 CERTSRV_E_BAD_REQUESTSTATUS invalid_request The request was decided before; look at it in the CA's console.
80094004 CERTSRV_E_PROPERTY_EMPTY invalid_request The CA knows no request with this id: was its database restored, or does the address lead to another CA?
80094009 CERTSRV_E_RESTRICTEDOFFICER not_authorised The CA restricts its enrollment agents or certificate managers; allow this account, template and target on the CA's tabs Enrollment Agents and Certificate Managers.
8009400B CERTSRV_E_NO_VALID_KRA misconfigured_backend The CA archives keys but has no valid key recovery agent.
80094011 CERTSRV_E_ENROLL_DENIED not_authorised The CA's security tab does not let the account request certificates; grant it Request Certificates.
80094012 CERTSRV_E_TEMPLATE_DENIED not_authorised The account lacks Read and Enroll on the template.
80094014 CERTSRV_E_ADMIN_DENIED_REQUEST invalid_request A certificate manager of the CA denied the request.
80094800 CERTSRV_E_UNSUPPORTED_CERT_TYPE misconfigured_backend The template is not published on this CA, or its name is wrong; the name is its cn, not its display name.
80094801 CERTSRV_E_NO_CERT_TYPE misconfigured_backend The CA saw no template in the request.
80094802 CERTSRV_E_TEMPLATE_CONFLICT invalid_request The request itself names another template than the profile.
80094803 CERTSRV_E_SUBJECT_ALT_NAME_REQUIRED invalid_request The template wants subject alternative names in the request.
80094806 CERTSRV_E_BAD_RENEWAL_SUBJECT misconfigured_backend The request is on behalf of an account, but the template demands no signature of an enrollment agent.
80094809 CERTSRV_E_SIGNATURE_POLICY_REQUIRED misconfigured_backend The template demands the signature of an enrollment agent, and the request has none: switch build_subject_from_ad on or choose another template.
8009480A CERTSRV_E_SIGNATURE_COUNT misconfigured_backend The template demands more signatures than one.
8009480B CERTSRV_E_SIGNATURE_REJECTED misconfigured_backend The CA rejects the enrollment agent's certificate: it must be valid, from a CA in NTAuth, with the application policy Certificate Request Agent.
8009480C CERTSRV_E_ISSUANCE_POLICY_REQUIRED misconfigured_backend The template demands an issuance policy that the enrollment agent's certificate lacks.
8009480D CERTSRV_E_SUBJECT_UPN_REQUIRED invalid_request The account has no user principal name in Active Directory, which the template puts in the certificate.
8009480E CERTSRV_E_SUBJECT_DIRECTORY_GUID_REQUIRED invalid_request The account has no object GUID that the CA could read.
8009480F CERTSRV_E_SUBJECT_DNS_REQUIRED invalid_request The account has no DNS host name in Active Directory, which the template puts in the certificate.
80094811 CERTSRV_E_KEY_LENGTH invalid_request The key is shorter than the template allows.
80094812 CERTSRV_E_SUBJECT_EMAIL_REQUIRED invalid_request The account has no e-mail address in Active Directory, which the template puts in the certificate.
80092010 CRYPT_E_REVOKED misconfigured_backend A certificate of the chain, most likely the enrollment agent's certificate, is revoked.
80092013 CRYPT_E_REVOCATION_OFFLINE misconfigured_backend The CA cannot reach a revocation list of its own chain or of the enrollment agent's certificate: publish it, or mend its distribution point.
800B0101 CERT_E_EXPIRED misconfigured_backend A certificate is out of its validity: the enrollment agent's certificate, or one of the CA's chain.
800B0109 CERT_E_UNTRUSTEDROOT misconfigured_backend The CA does not trust the root of the enrollment agent's certificate.
800B010A CERT_E_CHAINING misconfigured_backend The CA cannot build the chain of the enrollment agent's certificate; add its intermediate certificates.
800B0110 CERT_E_WRONG_USAGE misconfigured_backend A certificate is not for this use; the enrollment agent's certificate needs Certificate Request Agent.
800B0114 CERT_E_INVALID_NAME invalid_request A name is outside the name constraints of the CA.
80070005 E_ACCESSDENIED not_authorised The account lacks a right on the CA or on the template.
80070057 E_INVALIDARG misconfigured_backend The CA does not know the name it was called by, or an argument is wrong: compare issuing_ca with the CA's common name.
8007000D ERROR_INVALID_DATA invalid_request The CA cannot read the request.
800706BA RPC_S_SERVER_UNAVAILABLE unavailable The CA's service does not run, or the site cannot reach it.
800706BB RPC_S_SERVER_TOO_BUSY unavailable The CA is too busy.
800706BF RPC_S_CALL_FAILED_DNE unavailable The call of the CA failed and was not executed.
80080005 CO_E_SERVER_EXEC_FAILURE unavailable The CA's service could not be started.
80070422 ERROR_SERVICE_DISABLED unavailable The CA's service is disabled.
"""  # noqa: E501 -- one row a line


def _row(line: str) -> tuple[int, Meaning]:
    code, symbol, kind, advice = line.split(" ", 3)
    return int(code, 16), Meaning(symbol, Kind(kind), advice)


MEANINGS: Final = dict(_row(line) for line in _TABLE.strip().splitlines())
DENIED_BY_MANAGER: Final = 0x80094014
# By these facilities the CA, its policy module or its cryptography judged: it decided.
_JUDGED: Final = (0x8009, 0x800B)
_IN_TEXT: Final = re.compile(r"0x([0-9a-f]{8})(?![0-9a-f])", re.IGNORECASE)


def hresult_in(text: str) -> int | None:
    """The first failure code in a message, whatever its language."""
    codes = (int(found, 16) for found in _IN_TEXT.findall(text))
    return next((code for code in codes if code >= 0x80000000), None)


def meaning_of(code: int) -> Meaning:
    """What a code means; one that is not in the table by who it comes from."""
    if code in MEANINGS:
        return MEANINGS[code]
    kind = Kind.INVALID_REQUEST if code >> 16 in _JUDGED else Kind.UNSURE
    return Meaning(f"0x{code:08X}", kind, "See MS-ERREF for the code, and the CA's event log.")


def failure(code: int, message: str) -> DriverError | None:
    """The driver's error for a code, with the CA's own words; None for one that leaves it open
    whether the CA acted."""
    meaning = meaning_of(code)
    detail = f"{meaning.advice} The CA says: {message.strip() or 'nothing'} (0x{code:08X})."
    match meaning.kind:
        case Kind.INVALID_REQUEST:
            return OrderRefused(detail, code=meaning.symbol)
        case Kind.UNAVAILABLE:
            return BackendUnavailable(detail)
        case Kind.UNSURE:
            return None
    return BackendRefused(detail, whole_backend=False)
