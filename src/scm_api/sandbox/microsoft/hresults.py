"""HRESULTs of AD CS (MS-WCCE, winerror.h), what refuses with them, and how Windows writes them."""

from typing import Final

from scm_api.sandbox.microsoft.hresult_words import TABLE

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


def text(hresult: int, language: str) -> str:
    """As Windows writes it: `words 0x80094800 (-2146875392 CERTSRV_E_UNSUPPORTED_CERT_TYPE)`."""
    known = TABLE.get(hresult)
    if known is None:
        return f"0x{hresult:08x} ({_signed(hresult)})"
    words = {"fr": known.french, "de": known.german, "xx": "⸮"}.get(language, known.english)
    number = f"WIN32: {hresult & 0xFFFF}" if hresult >> 16 == 0x8007 else str(_signed(hresult))
    return f"{words} 0x{hresult:08x} ({number} {known.symbol})"


def _signed(hresult: int) -> int:
    return hresult - (1 << 32) if hresult & 0x80000000 else hresult
