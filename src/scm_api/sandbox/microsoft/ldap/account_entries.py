"""Users, computers and groups as AD keeps them (MS-ADA, MS-SAMR)."""

from collections.abc import Iterator
from typing import Final
from zlib import crc32

from scm_api.sandbox.microsoft.domain import Account, Domain, Group
from scm_api.sandbox.microsoft.ldap.entries import Attributes, Entry, make_entry
from scm_api.sandbox.microsoft.ldap.identifiers import encode_sid, guid_of
from scm_api.sandbox.microsoft.ldap.names import Name, first_value, parse_name

_DISABLED, _NORMAL, _WORKSTATION, _NEVER_EXPIRES = 0x2, 0x200, 0x1000, 0x10000
_USER_TYPE, _COMPUTER_TYPE, _GROUP_TYPE = 0x30000000, 0x30000001, 0x10000000
_GLOBAL_SECURITY_GROUP: Final = -0x7FFFFFFE
_WELL_KNOWN: Final = ((512, "Domain Admins"), (513, "Domain Users"), (515, "Domain Computers"))
_USERS, _COMPUTERS = 513, 515


class Membership:
    """The groups of a domain: those it lists, those accounts name, and the well-known ones."""

    def __init__(self, domain: Domain, domain_sid: str) -> None:
        self.domain_sid = domain_sid
        self.groups: dict[Name, Group] = {
            parse_name(each.distinguished_name): each for each in domain.groups
        }
        known = {each.sid for each in domain.groups}
        for number, name in _WELL_KNOWN:
            if (sid := f"{domain_sid}-{number}") not in known:
                self._add(Group(name, f"CN={name},CN=Users,{domain.naming_context}", sid))
        for account in domain.accounts:
            for dn in account.groups:
                number = 10_000 + crc32(dn.casefold().encode()) % 1_000_000
                self._add(Group(first_value(dn), dn, f"{domain_sid}-{number}"))

    def _add(self, group: Group) -> None:
        self.groups.setdefault(parse_name(group.distinguished_name), group)

    def primary(self, account: Account) -> int:
        """The RID of the primary group, which is in no `member` and no `memberOf`."""
        return _COMPUTERS if account.sam.endswith("$") else _USERS

    def of(self, account: Account) -> list[Group]:
        """The groups in `memberOf`."""
        primary = f"{self.domain_sid}-{self.primary(account)}"
        found = [self.groups[parse_name(dn)] for dn in account.groups]
        return [each for each in found if each.sid != primary]

    def sids(self, account: Account) -> list[bytes]:
        """tokenGroups: all groups with the primary one."""
        primary = f"{self.domain_sid}-{self.primary(account)}"
        return [encode_sid(each) for each in (primary, *(one.sid for one in self.of(account)))]


def account_entries(domain: Domain, configuration: str, domain_sid: str) -> Iterator[Entry]:
    """All accounts and groups."""
    membership = Membership(domain, domain_sid)
    members: dict[str, list[str]] = {}
    for account in domain.accounts:
        for group in membership.of(account):
            members.setdefault(group.sid, []).append(account.distinguished_name)
        yield _account(account, membership, configuration)
    for group in membership.groups.values():
        yield _group(group, members.get(group.sid, []), configuration)


def _account(account: Account, membership: Membership, configuration: str) -> Entry:
    dn = account.distinguished_name
    is_computer = account.sam.endswith("$")
    name = first_value(dn)
    classes = ["top", "person", "organizationalPerson", "user"]
    control = _WORKSTATION if is_computer else _NORMAL | _NEVER_EXPIRES
    category = "Computer" if is_computer else "Person"
    attributes: Attributes = {
        "objectClass": [*classes, "computer"] if is_computer else classes,
        "objectCategory": f"CN={category},CN=Schema,{configuration}",
        "objectGUID": guid_of(dn).bytes_le,
        "objectSid": encode_sid(account.sid),
        "cn": name,
        "name": name,
        "displayName": name,
        "sAMAccountName": account.sam,
        "sAMAccountType": _COMPUTER_TYPE if is_computer else _USER_TYPE,
        "userAccountControl": control | (_DISABLED if account.disabled else 0),
        "userPrincipalName": account.upn,
        "mail": account.mail,
        "dNSHostName": account.dns_host_name,
        "adminCount": 1 if account.admin_count else None,
        "memberOf": [each.distinguished_name for each in membership.of(account)],
        "primaryGroupID": membership.primary(account),
        "tokenGroups": membership.sids(account),
        "instanceType": 4,
    }
    if is_computer:
        host = account.sam.rstrip("$")
        spoken = [host, account.dns_host_name] if account.dns_host_name else [host]
        principals = [f"HOST/{each}" for each in spoken]
        attributes = {**attributes, "servicePrincipalName": principals}
    return make_entry(dn, attributes, ("tokenGroups",))


def _group(group: Group, members: list[str], configuration: str) -> Entry:
    attributes: Attributes = {
        "objectClass": ["top", "group"],
        "objectCategory": f"CN=Group,CN=Schema,{configuration}",
        "objectGUID": guid_of(group.distinguished_name).bytes_le,
        "objectSid": encode_sid(group.sid),
        "cn": group.name,
        "name": group.name,
        "sAMAccountName": group.name,
        "sAMAccountType": _GROUP_TYPE,
        "groupType": _GLOBAL_SECURITY_GROUP,
        "member": members,
        "instanceType": 4,
    }
    return make_entry(group.distinguished_name, attributes)
