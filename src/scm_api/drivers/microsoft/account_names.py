"""Which names a CA builds for an account of Active Directory (MS-CRTD 2.28)."""

import re
from typing import Final

from scm_api.core.explain import quoted
from scm_api.core.names import Name, normalise
from scm_api.core.vocabulary import NameKind
from scm_api.drivers.microsoft.ports import TemplateRecord
from scm_api.drivers.windows.accounts import AccountRecord

_DOMAIN: Final = re.compile(r"(?:^|,)DC=([^,]+)", re.IGNORECASE)


def expected_names(
    record: TemplateRecord, account: AccountRecord
) -> tuple[tuple[Name, ...], tuple[str, ...]]:
    """The subjectAltNames that the CA builds for an account, and a sentence for each attribute it
    needs and does not find (`person-incomplete`)."""
    names, missing = [], []
    domain = ".".join(_DOMAIN.findall(account.distinguished_name))
    for flag, kind, value, attribute, setting in (
        (0x2000000, NameKind.UPN, account.upn, "userPrincipalName", "User principal name (UPN)"),
        (0x4000000, NameKind.EMAIL, account.mail, "mail", "E-mail name"),
        (0x8000000, NameKind.DNS, account.dns_host_name, "dNSHostName", "DNS name"),
        (0x400000, NameKind.DNS, domain, "distinguishedName", "domain's DNS name"),
        (0x20000000, None, account.mail, "mail", "Include e-mail name in subject name"),
        (0x10000000, None, account.dns_host_name, "dNSHostName", "Subject name format DNS name"),
    ):
        if not record.name_flags & flag:
            continue
        if not value:
            missing.append(_incomplete(account, record, f"has no {attribute}", setting))
        elif kind is not None:
            name = normalise(Name(kind, value))
            if isinstance(name, Name):
                names.append(name)
            else:
                said = f"has {attribute} {quoted(value)}, which is no name for a certificate"
                missing.append(_incomplete(account, record, said, setting))
    return tuple(dict.fromkeys(names)), tuple(missing)


def _incomplete(account: AccountRecord, record: TemplateRecord, said: str, setting: str) -> str:
    return (
        f"{account.account} {said}; the template {record.name} wants it (Subject Name: {setting})."
    )
