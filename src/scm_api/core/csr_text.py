"""The form in which a CSR comes, and what came in its place.

The sentences made here repeat nothing of the input but labels of well-known PEM blocks: what is no
CSR may be a private key.
"""

import base64
import binascii
import re
from contextlib import suppress
from typing import Final

_LABELS: Final = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_OTHER_LABELS: Final = frozenset(
    {
        "CERTIFICATE",
        "X509 CERTIFICATE",
        "TRUSTED CERTIFICATE",
        "ATTRIBUTE CERTIFICATE",
        "X509 CRL",
        "PKCS7",
        "CMS",
        "PUBLIC KEY",
        "RSA PUBLIC KEY",
        "EC PARAMETERS",
        "DH PARAMETERS",
        "DSA PARAMETERS",
    }
)
"""Of RFC 7468 and OpenSSL; labels that are not here are not shown."""

_PEM = re.compile(
    r"-----BEGIN (NEW )?CERTIFICATE REQUEST-----[ \t]*\r?\n"
    r"([A-Za-z0-9+/=\s]+)"
    r"-----END (?(1)NEW )CERTIFICATE REQUEST-----",
    re.ASCII,
)
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_LINE_END = re.compile(r"[ \t]*\r?\n")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+", re.ASCII)
_BASE64URL = re.compile(r"M[A-Za-z0-9_\s-]+=*", re.ASCII)  # M: the first octet is a SEQUENCE's
_ESCAPED_LINE_END = re.compile(r"\\[nr]")
_PRIVATE_KEY = re.compile(r"PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File", re.IGNORECASE)

_SEQUENCE = rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83...)"
_PRIVATE_KEY_BEGINNINGS = (
    rb"\x02\x01[\x00\x01\x03]" + _SEQUENCE + rb"\x06",  # PKCS#8 (RFC 5958), PKCS#12 (RFC 7292)
    rb"\x02\x01[\x00\x01]\x02",  # RSA (RFC 8017 appendix A.1.2), and OpenSSL's form for DSA
    rb"\x02\x01\x01\x04",  # EC (RFC 5915)
    _SEQUENCE + rb"\x06.\x2a\x86\x48\x86\xf7\x0d\x01[\x05\x0c]",  # sealed: PKCS#5, PKCS#12
)
_PRIVATE_KEY_DER = re.compile(
    _SEQUENCE + rb"(?:" + rb"|".join(_PRIVATE_KEY_BEGINNINGS) + rb")", re.DOTALL
)
_CERTIFICATE_DER = re.compile(_SEQUENCE + _SEQUENCE + rb"\xa0\x03\x02\x01", re.DOTALL)


class Undecoded(str):
    """What is wrong with a text, as a sentence."""

    __slots__ = ()


def decoded(text: str) -> bytes | Undecoded:
    """The DER in one PEM block or in base64; everything else is refused."""
    block = _PEM.fullmatch(text)
    encoded = block[2] if block else text
    with suppress(binascii.Error):
        if _BASE64.fullmatch(encoded):
            return base64.b64decode("".join(encoded.split()), validate=True)
    return Undecoded(_what_is_wrong_with(text))


def holds_private_key(text: str) -> bool:
    """Whether a private key, in PEM or PuTTY's form, stands anywhere in the text.

    NULs are passed over: text in UTF-16 that was read as something else is full of them.
    """
    return _PRIVATE_KEY.search(text.replace("\0", "")) is not None


def is_pem(der: bytes) -> bool:
    """Whether the octets are a PEM block, so that its text was encoded once more."""
    return der.lstrip().startswith(b"-----BEGIN ")


def is_private_key(der: bytes) -> bool:
    """Whether the octets begin as private keys and PKCS#12 files do, encrypted ones included.

    Only their beginning is looked at, so that a damaged key is one too, and because reading a key
    may have the library compute its public half: seconds for numbers made for that.
    """
    return _PRIVATE_KEY_DER.match(der) is not None


def is_certificate(der: bytes) -> bool:
    """Whether the octets begin as an X.509 certificate of version 2 or 3 does."""
    return _CERTIFICATE_DER.match(der) is not None


def _what_is_wrong_with(text: str) -> str:
    if not text:
        return "The CSR is empty."
    if "\0" in text:
        return "The CSR holds NUL characters, as UTF-16 does that was read as something else."
    if text.startswith("\ufeff"):
        return "The CSR begins with a byte order mark (U+FEFF); save it without one."
    if _ESCAPED_LINE_END.search(text):
        return r"The CSR holds the two characters \n in place of line breaks: it was escaped twice."
    labels = _BEGIN.findall(text)
    if len(labels) > 1:
        return f"The CSR holds {len(labels)} PEM blocks."
    if labels:
        return _what_is_wrong_with_block(text, labels[0])
    if _BASE64.fullmatch(text):
        return "The base64 of the CSR is damaged: characters or padding are missing."
    if _BASE64URL.fullmatch(text):
        return "The CSR is in base64url, which has - and _ where base64 has + and /."
    return "The CSR is neither a PEM block nor base64."


def _what_is_wrong_with_block(text: str, label: str) -> str:
    if label not in _LABELS:
        shown = label if label in _OTHER_LABELS else "of another kind"
        return f"The CSR is a PEM block {shown}, not a PEM block {_LABELS[0]}."
    before, _, rest = text.partition(f"-----BEGIN {label}-----")
    body, end, after = rest.partition(f"-----END {label}-----")
    if not end:
        return "The PEM block of the CSR has no END line with the label of its BEGIN line."
    if before or after:
        return (
            "There is text outside the PEM block of the CSR, as openssl req writes with -text and "
            "certtool without --no-text."
        )
    if not _LINE_END.match(body):
        return "The PEM block of the CSR lacks the line break after its BEGIN line."
    if not _BASE64.fullmatch(body):
        return "The PEM block of the CSR holds something that is not base64."
    return "The base64 in the PEM block of the CSR is damaged: characters or padding are missing."
