"""ApiPassthrough of IssueCertificate: subject and extensions given in the call itself."""

import ipaddress
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from scm_api.sandbox.aws.errors import ApiError, invalid_args
from scm_api.sandbox.aws.templates import key_usage

Extension = tuple[x509.ExtensionType, bool]
Given = TypeVar("Given")
Result = TypeVar("Result")

_SUBJECT: Mapping[str, ObjectIdentifier] = {
    "Country": NameOID.COUNTRY_NAME,
    "State": NameOID.STATE_OR_PROVINCE_NAME,
    "Locality": NameOID.LOCALITY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DistinguishedNameQualifier": NameOID.DN_QUALIFIER,
    "SerialNumber": NameOID.SERIAL_NUMBER,
    "Title": NameOID.TITLE,
    "Surname": NameOID.SURNAME,
    "GivenName": NameOID.GIVEN_NAME,
    "Initials": NameOID.INITIALS,
    "Pseudonym": NameOID.PSEUDONYM,
    "GenerationQualifier": NameOID.GENERATION_QUALIFIER,
    "CommonName": NameOID.COMMON_NAME,
}
_KEY_USAGE: Mapping[str, str] = {
    "DigitalSignature": "digital_signature",
    "NonRepudiation": "content_commitment",
    "KeyEncipherment": "key_encipherment",
    "DataEncipherment": "data_encipherment",
    "KeyAgreement": "key_agreement",
    "KeyCertSign": "key_cert_sign",
    "CRLSign": "crl_sign",
    "EncipherOnly": "encipher_only",
    "DecipherOnly": "decipher_only",
}
_EXTENDED_KEY_USAGE: Mapping[str, ObjectIdentifier] = {
    "SERVER_AUTH": ExtendedKeyUsageOID.SERVER_AUTH,
    "CLIENT_AUTH": ExtendedKeyUsageOID.CLIENT_AUTH,
    "CODE_SIGNING": ExtendedKeyUsageOID.CODE_SIGNING,
    "EMAIL_PROTECTION": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "TIME_STAMPING": ExtendedKeyUsageOID.TIME_STAMPING,
    "OCSP_SIGNING": ExtendedKeyUsageOID.OCSP_SIGNING,
    "SMART_CARD_LOGIN": ExtendedKeyUsageOID.SMARTCARD_LOGON,
    "DOCUMENT_SIGNING": ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),
    "CERTIFICATE_TRANSPARENCY": ExtendedKeyUsageOID.CERTIFICATE_TRANSPARENCY,
}


def api_subject(passthrough: Mapping[str, Any]) -> x509.Name | None:
    """The subject the call asks for, if any. Raises ApiError InvalidArgsException."""
    subject = passthrough.get("Subject")
    return _read(_name, subject) if subject else None


def api_extensions(passthrough: Mapping[str, Any]) -> list[Extension]:
    """The extensions the call asks for, each with its critical flag.

    Raises ApiError InvalidArgsException for what is not an extension, or cannot be encoded.
    """
    return _read(lambda given: list(_extensions(given)), passthrough.get("Extensions") or {})


def _read(convert: Callable[[Given], Result], given: Given) -> Result:
    try:
        return convert(given)
    except ApiError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise invalid_args(f"ApiPassthrough is not valid: {error}") from error


def _extensions(given: Mapping[str, Any]) -> Iterator[Extension]:
    if names := given.get("SubjectAlternativeNames"):
        yield x509.SubjectAlternativeName([_general_name(name) for name in names]), False
    if bits := given.get("KeyUsage"):
        chosen = frozenset(_KEY_USAGE[name] for name, is_set in bits.items() if is_set)
        yield key_usage(chosen), True
    if usages := given.get("ExtendedKeyUsage"):
        yield x509.ExtendedKeyUsage([_usage(usage) for usage in usages]), False
    if policies := given.get("CertificatePolicies"):
        yield x509.CertificatePolicies([_policy(policy) for policy in policies]), False
    for extension in given.get("CustomExtensions") or ():
        oid = ObjectIdentifier(extension["ObjectIdentifier"])
        value = b64decode(extension["Value"], validate=True)
        yield x509.UnrecognizedExtension(oid, value), bool(extension.get("Critical"))


def _name(subject: Mapping[str, Any]) -> x509.Name:
    custom = subject.get("CustomAttributes")
    if custom and len(subject) > 1:
        raise invalid_args("CustomAttributes cannot be combined with other subject attributes")
    if custom:
        pairs = [(ObjectIdentifier(a["ObjectIdentifier"]), a["Value"]) for a in custom]
    else:
        if unknown := set(subject) - set(_SUBJECT):
            raise invalid_args(f"Unknown subject attributes: {', '.join(sorted(unknown))}")
        pairs = [(oid, subject[name]) for name, oid in _SUBJECT.items() if subject.get(name)]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def _general_name(given: Mapping[str, Any]) -> x509.GeneralName:
    if len(given) != 1:
        raise invalid_args("A GeneralName must contain exactly one name")
    ((kind, value),) = given.items()
    match kind:
        case "DnsName":
            return x509.DNSName(value)
        case "IpAddress":
            return x509.IPAddress(ipaddress.ip_address(value))
        case "Rfc822Name":
            return x509.RFC822Name(value)
        case "UniformResourceIdentifier":
            return x509.UniformResourceIdentifier(value)
        case "DirectoryName":
            return x509.DirectoryName(_name(value))
        case "RegisteredId":
            return x509.RegisteredID(ObjectIdentifier(value))
        case "OtherName":
            return x509.OtherName(ObjectIdentifier(value["TypeId"]), _utf8_string(value["Value"]))
        case _:
            raise invalid_args(f"{kind} is not a name this simulator can encode")


def _usage(given: Mapping[str, Any]) -> ObjectIdentifier:
    if len(given) != 1:
        raise invalid_args("An ExtendedKeyUsage must contain exactly one usage")
    if "ExtendedKeyUsageObjectIdentifier" in given:
        return ObjectIdentifier(given["ExtendedKeyUsageObjectIdentifier"])
    return _EXTENDED_KEY_USAGE[given["ExtendedKeyUsageType"]]


def _policy(given: Mapping[str, Any]) -> x509.PolicyInformation:
    qualifiers: list[str | x509.UserNotice] = [
        qualifier["Qualifier"]["CpsUri"] for qualifier in given.get("PolicyQualifiers") or ()
    ]
    return x509.PolicyInformation(ObjectIdentifier(given["CertPolicyId"]), qualifiers or None)


def _utf8_string(text: str) -> bytes:
    """DER of a UTF8String; the API allows at most 256 characters, so up to 1024 bytes."""
    content = text.encode()
    if len(content) < 0x80:
        return bytes((0x0C, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((0x0C, 0x80 | len(length))) + length + content
