"""Whom a certificate may be made for on behalf: accounts as the directory has them now."""

import re
from collections.abc import Sequence

from scm_api.core.explain import quoted
from scm_api.core.subjects import Subject
from scm_api.drivers.errors import OrderRefused
from scm_api.drivers.microsoft.account_names import expected_names
from scm_api.drivers.microsoft.ports import TemplateRecord
from scm_api.drivers.windows.accounts import AccountRecord


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
