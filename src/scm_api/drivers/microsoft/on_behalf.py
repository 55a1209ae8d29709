"""Requests on behalf of an account, signed by an enrollment agent (MS-WCCE 3.2.2.6.2.1.2.1): a
CSR in CMS, which Windows' own smart card enrollment sends, or in CMC, which is a setting."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any, Final, Literal

from asn1crypto import cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.core.certificate_facts import public_key_of
from scm_api.core.explain import quoted
from scm_api.drivers.errors import BackendRefused, OrderRefused
from scm_api.drivers.microsoft.ports import AGENT_USAGE
from scm_api.drivers.private_keys import private_key
from scm_api.drivers.windows.asn1 import choice, sequence, sequence_of, set_of, tagged

_NAME_VALUE_PAIR: Final = "1.3.6.1.4.1.311.13.2.1"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_DATA, _PKI_DATA = "1.2.840.113549.1.7.1", "1.3.6.1.5.5.7.12.2"
_REG_INFO: Final = "1.3.6.1.5.5.7.7.18"
# NetBIOS domain and SAM name, in the Basic Multilingual Plane, as a BMPString can carry no other.
_REQUESTER: Final = re.compile(r'[^\x00-\x1f\x7f\\/:*?"<>|@]{1,15}\\[^\x00-\x1f\x7f\\@]{1,256}')
_ESCAPED: Final = {ord(each): f"%{ord(each):02X}" for each in "\\&=%"}

Form = Literal["pkcs7", "cmc"]


_Values = set_of(core.Any)
_Attribute = sequence(("type", core.ObjectIdentifier), ("values", _Values))
_Attributes = set_of(_Attribute)
_Pair = sequence(("name", core.BMPString), ("value", core.BMPString))
# TaggedAttribute and TaggedRequest, of which `tcr` is the one needed (RFC 5272 section 3.2.1).
_Control = sequence(("id", core.Integer), ("type", core.ObjectIdentifier), ("values", _Values))
_Request = choice(("tcr", sequence(("id", core.Integer), ("csr", core.Any)), tagged(0)))
_PkiData = sequence(
    ("controls", sequence_of(_Control)),
    ("requests", sequence_of(_Request)),
    ("messages", sequence_of(core.Any)),
    ("others", sequence_of(core.Any)),
)


class EnrollmentAgent:
    """The agent's certificate, which comes first, its chain and its key, in PEM.

    Its key can get certificates in the name of every account the CA allows it: it stays in here.
    """

    def __init__(self, certificates_pem: str, key_pem: str, form: Form = "pkcs7") -> None:
        self._chain = x509.load_pem_x509_certificates(certificates_pem.encode())
        self._key = private_key(key_pem)
        self._form: Form = form
        self.certificate = self._chain[0]

    def objection(self) -> str | None:
        """Why the CA would reject what this agent signs; None if nothing is wrong with it."""
        why = self._defect()
        return why and f"The enrollment agent's certificate cannot be used: {why}."

    def _defect(self) -> str | None:
        if self._key.public_key() != public_key_of(self.certificate):
            return "its key does not belong to it"
        if not isinstance(self._key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            return "its key is neither RSA nor ECDSA"
        first, last = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        if not first <= datetime.now(UTC) < last:
            return f"it is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d} only"
        try:
            usages = self.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        except (x509.ExtensionNotFound, ValueError):
            usages = None
        if usages is None or AGENT_USAGE not in {each.dotted_string for each in usages.value}:
            return f"it lacks the usage Certificate Request Agent ({AGENT_USAGE})"
        return None

    def sign(self, csr_der: bytes, account: str, template: str = "") -> bytes:
        """The message that asks for a certificate in the name of `DOMAIN\\sam`, as DER.

        `template` goes into CMC alone. Raises OrderRefused for a name that cannot be written, and
        BackendRefused with the objection to the agent.
        """
        if not _REQUESTER.fullmatch(account) or max(account) > "\uffff":
            detail = f"{quoted(account)} is no account of the form DOMAIN\\name."
            raise OrderRefused(detail, code="person-unknown")
        objection = self.objection()
        if objection is not None:
            raise BackendRefused(objection, whole_backend=False)
        if self._form == "cmc":
            return self._signed(_PKI_DATA, _pki_data(csr_der, account, template))
        pair = _attribute(_NAME_VALUE_PAIR, _Pair({"name": "requestername", "value": account}))
        return self._signed(_DATA, csr_der, pair)

    def _signed(self, content_type: str, content: bytes, *signed: Any) -> bytes:
        attributes = _Attributes(
            [
                _attribute(_CONTENT_TYPE, core.ObjectIdentifier(content_type)),
                _attribute(_MESSAGE_DIGEST, core.OctetString(hashlib.sha256(content).digest())),
                *signed,
            ]
        )
        to_sign = attributes.dump()  # as a SET OF in DER (RFC 5652 section 5.4)
        if isinstance(self._key, rsa.RSAPrivateKey):
            name = "sha256_rsa"
            signature = self._key.sign(to_sign, padding.PKCS1v15(), hashes.SHA256())
        else:
            assert isinstance(self._key, ec.EllipticCurvePrivateKey)
            name = "sha256_ecdsa"
            signature = self._key.sign(to_sign, ec.ECDSA(hashes.SHA256()))
        chain = [
            asn1_x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in self._chain
        ]
        own = {"issuer": chain[0].issuer, "serial_number": chain[0].serial_number}
        signer = {
            "version": "v1",
            "sid": {"issuer_and_serial_number": own},
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": cms.CMSAttributes.load(to_sign),
            "signature_algorithm": {"algorithm": name},
            "signature": signature,
        }
        message = {
            "version": "v1" if content_type == _DATA else "v3",  # RFC 5652 section 5.1
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": content_type, "content": content},
            "certificates": [cms.CertificateChoices("certificate", each) for each in chain],
            "signer_infos": [cms.SignerInfo(signer)],
        }
        info = {"content_type": "signed_data", "content": cms.SignedData(message)}
        return bytes(cms.ContentInfo(info).dump())


def _attribute(kind: str, value: Any) -> Any:
    return _Attribute({"type": kind, "values": [value]})


def _pki_data(csr_der: bytes, account: str, template: str) -> bytes:
    pairs = {"requestername": account} | ({"CertificateTemplate": template} if template else {})
    text = "&".join(f"{name}={value.translate(_ESCAPED)}" for name, value in pairs.items())
    info = {"id": 1, "type": _REG_INFO, "values": [core.OctetString(text.encode())]}
    request = _Request("tcr", {"id": 2, "csr": core.Any.load(csr_der)})
    asked = {"controls": [info], "requests": [request], "messages": [], "others": []}
    return bytes(_PkiData(asked).dump())
