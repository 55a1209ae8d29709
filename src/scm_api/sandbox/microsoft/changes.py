"""Changes of the directory at run time: templates and accounts with other members."""

from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter

from scm_api.sandbox.microsoft.domain import Account, Domain, Template


def changed_template(domain: Domain, name: str, changes: dict[str, Any]) -> Domain:
    """`published` says whether our CA offers it. Raises KeyError and pydantic's ValidationError."""
    present = domain.template(name)
    if present is None:
        raise KeyError(f"template {name}")
    ours, *others = domain.services
    published = changes.pop("published", present.name in ours.templates)
    _require_known(changes, present)
    template = _TEMPLATE.validate_python(asdict(present) | changes)
    offered = [each for each in ours.templates if each != present.name]
    if published:
        offered.append(template.name)
    templates = tuple(template if each is present else each for each in domain.templates)
    services = (replace(ours, templates=tuple(offered)), *others)
    return replace(domain, templates=templates, services=services)


def changed_account(domain: Domain, name: str, changes: dict[str, Any]) -> Domain:
    """Raises KeyError and pydantic's ValidationError."""
    present = domain.account(name)
    if present is None:
        raise KeyError(f"account {name}")
    _require_known(changes, present)
    account = _ACCOUNT.validate_python(asdict(present) | changes)
    accounts = tuple(account if each is present else each for each in domain.accounts)
    return replace(domain, accounts=accounts)


def _require_known(changes: dict[str, Any], present: Template | Account) -> None:
    for name in changes:
        if name not in asdict(present):
            raise KeyError(f"member {name}")


_TEMPLATE = TypeAdapter(Template)
_ACCOUNT = TypeAdapter(Account)
