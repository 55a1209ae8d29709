"""The directory of one domain: naming contexts, entries by name, links between them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from scm_api.sandbox.microsoft.domain import Domain
from scm_api.sandbox.microsoft.ldap.account_entries import account_entries
from scm_api.sandbox.microsoft.ldap.entries import Entry, make_entry
from scm_api.sandbox.microsoft.ldap.identifiers import encode_sid, guid_of
from scm_api.sandbox.microsoft.ldap.names import Name, first_value, parse_name
from scm_api.sandbox.microsoft.ldap.pki_entries import pki_entries

PAGED: Final = "1.2.840.113556.1.4.319"
SD_FLAGS: Final = "1.2.840.113556.1.4.801"
DOMAIN_SCOPE: Final = "1.2.840.113556.1.4.1339"
CONTROLS: Final = (PAGED, SD_FLAGS, DOMAIN_SCOPE)
WHO_AM_I: Final = "1.3.6.1.4.1.4203.1.11.3"
_CAPABILITIES: Final = (
    "1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.1791",
    "1.2.840.113556.1.4.1935", "1.2.840.113556.1.4.2080", "1.2.840.113556.1.4.2237",
)  # fmt: skip
_SERVER_2016: Final = 7


class Directory:
    """What one Domain looks like over LDAP."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.root = domain.naming_context
        self.configuration = f"CN=Configuration,{self.root}"
        self.schema = f"CN=Schema,{self.configuration}"
        self.contexts = {
            parse_name(each): each for each in (self.root, self.configuration, self.schema)
        }
        self._entries = {each.name: each for each in self._all()}
        for each in list(self._entries.values()):
            self._fill_above(each.dn)

    def find(self, name: Name) -> Entry | None:
        return self._entries.get(name)

    def context_of(self, name: Name) -> Name | None:
        """The naming context a name belongs to, None for names of other domains."""
        holding = [each for each in self.contexts if name[len(name) - len(each) :] == each]
        return max(holding, key=len, default=None)

    def below(self, base: Name, *, is_deep: bool) -> Iterator[Entry]:
        """Entries below a name in its naming context; without the base itself."""
        context = self.context_of(base)
        for name, entry in self._entries.items():
            depth = len(name) - len(base)
            if depth < 1 or name[depth:] != base or self.context_of(name) != context:
                continue
            if is_deep or depth == 1:
                yield entry

    def references(self, base: Name) -> list[str]:
        """Where a subtree goes on: the naming contexts right below one that is searched."""
        context = self.context_of(base)
        host = self.domain.realm.lower()
        found = []
        for name, dn in self.contexts.items():
            above = self.context_of(name[1:])
            if above == context and name[-len(base) :] == base and name != base:
                found.append(f"ldap://{host}/{dn}")
        if base == parse_name(self.root):
            zones = ("ForestDnsZones", "DomainDnsZones")
            found += [f"ldap://{zone}.{host}/DC={zone},{self.root}" for zone in zones]
        return found

    def leads_to(self, entry: Entry, attribute: str, wanted: bytes) -> bool:
        """LDAP_MATCHING_RULE_IN_CHAIN."""
        try:
            goal = parse_name(wanted.decode())
        except ValueError:
            return False
        seen: set[Name] = set()
        waiting = [entry]
        while waiting:
            for value in waiting.pop().values(attribute):
                name = parse_name(value.decode())
                if name == goal:
                    return True
                if name not in seen and (linked := self.find(name)):
                    waiting.append(linked)
                seen.add(name)
        return False

    def root_dse(self, dns_host_name: str, mechanisms: list[str]) -> Entry:
        """The nameless entry (MS-ADTS 3.1.1.3.2)."""
        site = f"CN=Servers,CN=Default-First-Site-Name,CN=Sites,{self.configuration}"
        server = f"CN={dns_host_name.partition('.')[0].upper()},{site}"
        return make_entry(
            "",
            {
                "objectClass": "top",
                "currentTime": datetime.now(UTC).strftime("%Y%m%d%H%M%S.0Z"),
                "subschemaSubentry": f"CN=Aggregate,{self.schema}",
                "dsServiceName": f"CN=NTDS Settings,{server}",
                "serverName": server,
                "namingContexts": list(self.contexts.values()),
                "defaultNamingContext": self.root,
                "rootDomainNamingContext": self.root,
                "configurationNamingContext": self.configuration,
                "schemaNamingContext": self.schema,
                "supportedControl": list(CONTROLS),
                "supportedExtension": [WHO_AM_I],
                "supportedLDAPVersion": ["3"],
                "supportedSASLMechanisms": mechanisms,
                "supportedCapabilities": list(_CAPABILITIES),
                "dnsHostName": dns_host_name,
                "ldapServiceName": f"{self.domain.realm.lower()}:{dns_host_name}",
                "isSynchronized": True,
                "isGlobalCatalogReady": True,
                "domainFunctionality": _SERVER_2016,
                "forestFunctionality": _SERVER_2016,
                "domainControllerFunctionality": _SERVER_2016,
            },
        )

    def _all(self) -> Iterator[Entry]:
        sids = [each.sid for each in self.domain.accounts]
        domain_sid = sids[0].rpartition("-")[0] if sids else "S-1-5-21-1-2-3"
        yield self._head(self.root, ["top", "domain", "domainDNS"], "Domain-DNS", domain_sid)
        yield self._head(self.configuration, ["top", "configuration"], "Configuration", None)
        yield self._head(self.schema, ["top", "dMD"], "DMD", None)
        yield from self._partitions()
        yield from pki_entries(self.domain, self.configuration, domain_sid)
        yield from account_entries(self.domain, self.configuration, domain_sid)

    def _head(self, dn: str, classes: list[str], category: str, sid: str | None) -> Entry:
        kind = dn.partition("=")[0].lower()
        return make_entry(
            dn,
            {
                "objectClass": classes,
                "objectCategory": f"CN={category},{self.schema}",
                "objectGUID": guid_of(dn).bytes_le,
                "objectSid": encode_sid(sid) if sid else None,
                kind: first_value(dn),
                "name": first_value(dn),
                "instanceType": 5,
            },
        )

    def _partitions(self) -> Iterator[Entry]:
        """crossRefs, of which that of the domain tells its NetBIOS name."""
        partitions = f"CN=Partitions,{self.configuration}"
        realm = self.domain.realm.lower()
        for name, context, netbios, flags in (
            (self.domain.netbios, self.root, self.domain.netbios, 3),
            ("Enterprise Configuration", self.configuration, None, 1),
            ("Enterprise Schema", self.schema, None, 1),
        ):
            dn = f"CN={name},{partitions}"
            yield make_entry(
                dn,
                {
                    "objectClass": ["top", "crossRef"],
                    "objectCategory": f"CN=Cross-Ref,{self.schema}",
                    "objectGUID": guid_of(dn).bytes_le,
                    "cn": name,
                    "name": name,
                    "nCName": context,
                    "dnsRoot": realm,
                    "nETBIOSName": netbios,
                    "systemFlags": flags,
                    "instanceType": 4,
                },
            )

    def _fill_above(self, dn: str) -> None:
        """Containers and organizational units that entries are in without being listed."""
        name = parse_name(dn)
        while len(name) > 1 and name not in self.contexts:
            dn = _parent(dn)
            name = name[1:]
            if name in self._entries:
                return
            is_unit = name[0][0] == "ou"
            structural = "organizationalUnit" if is_unit else "container"
            category = "Organizational-Unit" if is_unit else "Container"
            self._entries[name] = make_entry(
                dn,
                {
                    "objectClass": ["top", structural],
                    "objectCategory": f"CN={category},{self.schema}",
                    "objectGUID": guid_of(dn).bytes_le,
                    name[0][0]: first_value(dn),
                    "name": first_value(dn),
                    "instanceType": 4,
                },
            )


def _parent(dn: str) -> str:
    """A name without its leaf; commas of the leaf are escaped."""
    position = 0
    while dn[position] != ",":
        position += 2 if dn[position] == "\\" else 1
    return dn[position + 1 :].lstrip()
