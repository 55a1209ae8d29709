"""Whom a certificate may be made for on behalf: accounts as the directory has them now, with the
names that a CA builds for them (MS-CRTD 2.28)."""

import re
from collections.abc import Sequence
from typing import Final

from scm_api.core.explain import quoted
from scm_api.core.names import Name, normalise
from scm_api.core.subjects import Subject
from scm_api.core.vocabulary import NameKind
from scm_api.drivers.errors import OrderRefused
from scm_api.drivers.microsoft.ports import TemplateRecord
from scm_api.drivers.windows.accounts import AccountRecord

_DOMAIN: Final = re.compile(r"(?:^|,)DC=([^,]+)", re.IGNORECASE)


def subject_of(
    wanted: str,
    account: AccountRecord | None,
    template: TemplateRecord,
    base: str | None,
    denied_groups: Sequence[str],
) -> Subject:
    """The subject that the CA builds for an account.

    Raises OrderRefused with the code `person-unknown`, `person-disabled`, `subject-not-allowed` or
    `person-incomplete`.
    """
    if account is None:
        detail = f"Active Directory has no account {quoted(wanted)}."
        raise OrderRefused(detail, code="person-unknown")
    if account.disabled:
        raise OrderRefused(f"The account {account.account} is disabled.", code="person-disabled")
    why = _barred(account, base, denied_groups)
    if why is not None:
        detail = f"Nobody enrolls on behalf of {account.account}: {why}."
        raise OrderRefused(detail, code="subject-not-allowed")
    names, missing = expected_names(template, account)
    if missing:
        raise OrderRefused(" ".join(missing), code="person-incomplete")
    return Subject(
        account.account, account.distinguished_name, account.sid, account.common_name, names
    )


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
    return f"{account.account} {said}; template {record.name} wants it (Subject Name: {setting})."


def _barred(account: AccountRecord, base: str | None, denied_groups: Sequence[str]) -> str | None:
    """Whoever could take over the domain with such a certificate is left out (ESC3)."""
    if account.protected:
        return "it is or was an administrator (adminCount=1)"
    groups = {_comparable(each) for each in account.groups}
    for group in denied_groups:
        if _comparable(group) in groups:
            return f"it is in the denied group {group}"
    own = _comparable(account.distinguished_name)
    if base is not None and not own.endswith(f",{_comparable(base)}"):
        return f"it is not below {base}"
    return None


def _comparable(distinguished_name: str) -> str:
    return re.sub(r"\s*([,=])\s*", r"\1", distinguished_name.strip()).casefold()
