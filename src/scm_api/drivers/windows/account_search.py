"""Looks accounts up in Active Directory, by each of their names, with every group they are in."""

import re
from dataclasses import dataclass
from typing import Final

from scm_api.drivers.errors import BackendRefused, OrderRefused
from scm_api.drivers.windows.accounts import AccountRecord
from scm_api.drivers.windows.ldap import NoSuchObject, Session
from scm_api.drivers.windows.ldap_messages import All, Either, Entry, Equal, Filter, Present, Scope
from scm_api.drivers.windows.security_descriptors import AUTHENTICATED_USERS, EVERYONE, sid_text

_ACCOUNT: Final = (
    "sAMAccountName",
    "objectSid",
    "userPrincipalName",
    "mail",
    "dNSHostName",
    "cn",
    "userAccountControl",
    "adminCount",
)
_DISABLED: Final = 0x2
_SIDS_AT_ONCE: Final = 200
_BEGINS_A_DN: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]* ?=")


async def read_account(session: Session, name: str) -> AccountRecord | None:
    """By `DOMAIN\\sam`, UPN or distinguished name. None: there is none.

    Raises OrderRefused with the code `person-unknown` for a name that several accounts have.
    """
    found = await _find(session, name)
    if found is None:
        return None
    entry, domain = found
    return AccountRecord(
        account=f"{domain}\\{entry.text('sAMAccountName')}",
        distinguished_name=entry.dn,
        sid=sid_text(entry.values("objectSid")[0]),
        upn=entry.text("userPrincipalName"),
        mail=entry.text("mail"),
        dns_host_name=entry.text("dNSHostName"),
        common_name=entry.text("cn") or "",
        disabled=bool(entry.number("userAccountControl", _DISABLED) & _DISABLED),
        protected=entry.number("adminCount") > 0,
        groups=await _groups(session, await _group_sids(session, entry.dn)),
    )


async def read_sids(session: Session, name: str) -> frozenset[str] | None:
    """All that an access token of the account would have: itself, its groups, everybody's. None:
    there is no such account. Raises as `read_account` does."""
    found = await _find(session, name)
    if found is None:
        return None
    sids = [*found[0].values("objectSid"), *await _group_sids(session, found[0].dn)]
    return frozenset({AUTHENTICATED_USERS, EVERYONE, *map(sid_text, sids)})


async def naming_context(session: Session, which: str) -> str:
    """The distinguished name of the `default` or `configuration` naming context."""
    attribute = f"{which}NamingContext"
    context = (await session.read("", attribute)).text(attribute)
    if context is None:
        raise BackendRefused("The server is no domain controller: it has no " + attribute + ".")
    return context


@dataclass(frozen=True, slots=True)
class _Domain:
    """One domain of the forest: its NetBIOS, distinguished and DNS name."""

    netbios: str
    dn: str
    dns: str

    def holds(self, dn: str) -> bool:
        return dn.lower().endswith("," + self.dn.lower())


async def _domains(session: Session) -> list[_Domain]:
    base = f"CN=Partitions,{await naming_context(session, 'configuration')}"
    wanted = ("nETBIOSName", "nCName", "dnsRoot")
    found = await session.search(base, "one", Present("nETBIOSName"), wanted)
    return [_Domain(*(each.text(name) or "" for name in wanted)) for each in found]


async def _find(session: Session, name: str) -> tuple[Entry, str] | None:
    """The account and the NetBIOS name of its domain. A bare name is nobody's."""
    domains = await _domains(session)
    base = await naming_context(session, "default")
    scope: Scope = "subtree"
    condition: Filter | None = None
    domain, separator, sam = name.partition("\\")
    if _BEGINS_A_DN.match(name):
        base, scope, condition = name, "base", Present("sAMAccountName")
    elif separator:
        base = next((each.dn for each in domains if each.netbios.lower() == domain.lower()), "")
        condition = Equal("sAMAccountName", sam) if base and sam else None
    elif "@" in name:
        condition = _by_upn(name, base, domains)
    if condition is None:
        return None
    sought = All((Equal("objectClass", "user"), condition))
    try:
        found = await session.search(base, scope, sought, _ACCOUNT)
    except NoSuchObject:
        return None
    if len(found) > 1:
        raise OrderRefused(f"{len(found)} accounts are called {name}.", code="person-unknown")
    if not found:
        return None
    holders = [each for each in domains if each.holds(found[0].dn)]
    return found[0], max(holders, key=lambda each: len(each.dn)).netbios


def _by_upn(name: str, base: str, domains: list[_Domain]) -> Filter:
    """An account also answers to `sam@domain` (MS-ADTS 5.1.1.1.1): one called like that makes the
    name ambiguous."""
    upn, (sam, _, suffix) = Equal("userPrincipalName", name), name.rpartition("@")
    own = next((each.dns for each in domains if each.dn.lower() == base.lower()), "")
    return Either((upn, Equal("sAMAccountName", sam))) if own.lower() == suffix.lower() else upn


async def _group_sids(session: Session, dn: str) -> tuple[bytes, ...]:
    """Of every security group, also through others. There is always one, the primary group."""
    found = (await session.read(dn, "tokenGroups")).values("tokenGroups")
    if not found:
        detail = (
            f"The groups of {dn} cannot be read (tokenGroups): add the reading account to the "
            "group Windows Authorization Access Group."
        )
        raise BackendRefused(detail)
    return found


async def _groups(session: Session, sids: tuple[bytes, ...]) -> frozenset[str]:
    base, names = await naming_context(session, "default"), set()
    unknown = {sid_text(sid) for sid in sids}
    for start in range(0, len(sids), _SIDS_AT_ONCE):
        some = Either(tuple(Equal("objectSid", sid) for sid in sids[start : start + _SIDS_AT_ONCE]))
        for entry in await session.search(base, "subtree", some, ("objectSid",)):
            names.add(entry.dn)
            unknown -= {sid_text(sid) for sid in entry.values("objectSid")}
    return frozenset(names | unknown)
