"""What came in place of a CSR."""

import base64

import pytest
from csr_builder import NULL, integer, pem, request_for, sequence, tlv

from scm_api.core.csr import read_csr

GOOD = request_for("a.example.test", cn="a.example.test")
DER64 = base64.b64encode(GOOD).decode()
CERTIFICATE = tlv(0x30, sequence(tlv(0xA0, integer(2)), integer(7)) + sequence(NULL))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        (pem(GOOD) + "\0", "NUL"),
        (pem(GOOD).encode("utf-16-le").decode("latin-1"), "NUL"),
        ("\ufeff" + pem(GOOD), "byte order mark"),
        (pem(GOOD).replace("\n", "\\n"), r"two characters \n in place of line breaks"),
        (pem(GOOD).replace("\n", "\\r\\n"), r"two characters \n in place of line breaks"),
        (pem(GOOD, "CERTIFICATE"), "PEM block CERTIFICATE, not a PEM block CERTIFICATE REQUEST"),
        (pem(GOOD, "PUBLIC KEY"), "PEM block PUBLIC KEY, not a PEM block CERTIFICATE REQUEST"),
        (pem(GOOD, "CANARY"), "PEM block of another kind, not a PEM block CERTIFICATE REQUEST"),
        (pem(GOOD) + pem(GOOD), "2 PEM blocks"),
        (pem(GOOD) + pem(GOOD, "CERTIFICATE") * 2, "3 PEM blocks"),
        ("Certificate Request:\n    Data:\n" + pem(GOOD), "text outside the PEM block"),
        (pem(GOOD) + "canary", "certtool without --no-text"),
        (pem(GOOD).replace("END CERT", "END NEW CERT"), "no END line"),
        (pem(GOOD)[:-40], "no END line"),
        (pem(GOOD).replace("\n", " "), "lacks the line break after its BEGIN line"),
        (pem(GOOD).replace("\nMI", "\nProc-Type: 4,ENCRYPTED\n\nMI"), "is not base64"),
        (pem(GOOD).replace("\nMI", "\nM"), "base64 in the PEM block of the CSR is damaged"),
        (DER64[:-1], "base64 of the CSR is damaged"),
        ((DER64[:40] + "/+" + DER64[42:]).translate({0x2B: "-", 0x2F: "_"}), "base64url"),
        ("hello, canary", "neither a PEM block nor base64"),
        (base64.b64encode(CERTIFICATE).decode(), "is an X.509 certificate"),
        (pem(CERTIFICATE), "is an X.509 certificate"),
        (CERTIFICATE, "is an X.509 certificate"),
        (base64.b64encode(pem(GOOD).encode()).decode(), "is the base64 of a PEM block"),
        (DER64[:-4], "not a PKCS#10 certification request"),
    ],
)
def test_what_came_in_place_of_a_csr_is_said_and_not_repeated(text: str | bytes, why: str) -> None:
    facts, (fault,) = read_csr(text)
    assert facts is None
    assert fault.code == "csr-malformed"
    assert why in fault.detail
    assert fault.accepted is not None
    assert "PEM" in fault.accepted
    assert "canary" not in fault.detail.lower()
    assert "MII" not in fault.detail
