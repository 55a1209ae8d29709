"""Subject and alternative names of what is issued: from the request, or from AD by name flags."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from scm_api.sandbox.microsoft import catalogue as C  # noqa: N812 -- a table of flags
from scm_api.sandbox.microsoft import hresults as H  # noqa: N812 -- a table of codes
from scm_api.sandbox.microsoft.attributes import principal_name
from scm_api.sandbox.microsoft.domain import Account, Domain, Template
from scm_api.sandbox.microsoft.hresults import Refusal

_KINDS = {
    "CN": NameOID.COMMON_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DC": NameOID.DOMAIN_COMPONENT,
    "O": NameOID.ORGANIZATION_NAME,
    "L": NameOID.LOCALITY_NAME,
    "C": NameOID.COUNTRY_NAME,
}


@dataclass(frozen=True, slots=True)
class Names:
    """What a certificate says whose it is."""

    subject: x509.Name
    alternative: Sequence[x509.GeneralName]


def names_for(
    template: Template, account: Account, domain: Domain, csr: x509.CertificateSigningRequest
) -> Names:
    """Raises Refusal where the request or AD lacks what the template demands."""
    flags = template.name_flags
    supplied = _supplied(csr)
    if flags & C.SUPPLIED_SUBJECT:
        if not list(csr.subject) and not supplied:
            raise Refusal(H.BAD_REQUEST_SUBJECT)
        return Names(csr.subject, supplied)
    alternative = supplied if flags & C.SUPPLIED_SAN else _alternative(flags, account, domain)
    if flags & C.SUPPLIED_SAN and not supplied:
        raise Refusal(H.SAN_REQUIRED)
    return Names(_subject(flags, account), alternative)


def from_ad(template: Template) -> bool:
    """Whether the CA builds the subject, whatever the request says."""
    return not template.name_flags & C.SUPPLIED_SUBJECT


def _supplied(csr: x509.CertificateSigningRequest) -> Sequence[x509.GeneralName]:
    try:
        return list(csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def _subject(flags: int, account: Account) -> x509.Name:
    parts: list[x509.NameAttribute[str]] = []
    path = _components(account.distinguished_name)
    if flags & C.DIRECTORY_PATH:
        parts = [x509.NameAttribute(_KINDS[kind], text) for kind, text in reversed(path)]
    elif flags & C.COMMON_NAME:
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, path[0][1])]
    elif flags & C.DNS_AS_CN:
        name = _required(account.dns_host_name, H.DNS_REQUIRED)
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if flags & C.SUBJECT_EMAIL:
        mail = _required(account.mail, H.EMAIL_REQUIRED)
        parts.insert(0, x509.NameAttribute(NameOID.EMAIL_ADDRESS, mail))
    return x509.Name(parts)


def _alternative(flags: int, account: Account, domain: Domain) -> Sequence[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    if flags & C.SAN_GUID:
        raise Refusal(H.GUID_REQUIRED)  # the accounts of this domain have none
    if flags & C.SAN_UPN:
        found.append(principal_name(_required(account.upn, H.UPN_REQUIRED)))
    if flags & C.SAN_EMAIL:
        found.append(x509.RFC822Name(_required(account.mail, H.EMAIL_REQUIRED)))
    if flags & C.SAN_DNS:
        found.append(x509.DNSName(_required(account.dns_host_name, H.DNS_REQUIRED)))
    if flags & C.SAN_DOMAIN_DNS:
        found.append(x509.DNSName(domain.realm.lower()))
    return found


def _components(distinguished_name: str) -> list[tuple[str, str]]:
    parts = (each.partition("=") for each in distinguished_name.split(","))
    return [(kind.upper(), text) for kind, _, text in parts if kind.upper() in _KINDS]


def _required(value: str | None, missing: int) -> str:
    if not value:
        raise Refusal(missing)
    return value
