"""Active Directory as the port `Directory`: CAs, templates and accounts, read by LDAPS."""

import contextlib
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from scm_api.drivers.errors import BackendRefused, OrderRefused
from scm_api.drivers.microsoft.ldap import LdapServer, NoSuchObject, Session
from scm_api.drivers.microsoft.ldap_messages import (
    All,
    Either,
    Entry,
    Equal,
    Filter,
    Present,
    Scope,
)
from scm_api.drivers.microsoft.ports import AccountRecord, EnrollmentService, TemplateRecord
from scm_api.drivers.microsoft.security_descriptors import (
    AUTHENTICATED_USERS,
    EVERYONE,
    may_change,
    may_enroll,
    sid_text,
)

_PKI: Final = "CN=Public Key Services,CN=Services,"
_CA: Final = ("cn", "displayName", "dNSHostName", "cACertificate", "certificateTemplates")
_TEMPLATE: Final = (
    "cn",
    "displayName",
    "flags",
    "msPKI-Template-Schema-Version",
    "msPKI-Certificate-Name-Flag",
    "msPKI-Enrollment-Flag",
    "msPKI-RA-Signature",
    "msPKI-RA-Application-Policies",
    "msPKI-Minimal-Key-Size",
    "pKIExtendedKeyUsage",
    "pKIExpirationPeriod",
    "nTSecurityDescriptor",
)
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
_TICKS_A_DAY: Final = 864_000_000_000  # of 100 ns
_BEGINS_A_DN: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]* ?=")


class ActiveDirectory:
    """Fulfils `ports.Directory`. Each call is one connection; `enrolling_account` is the one that
    hands in requests, whose rights on templates are told."""

    def __init__(self, server: LdapServer, enrolling_account: str | None = None) -> None:
        self._server = server
        self._enrolling_account = enrolling_account

    async def enrollment_services(self) -> Sequence[EnrollmentService]:
        """See `Directory.enrollment_services`."""
        async with self._server.session() as session:
            base = f"CN=Enrollment Services,{_PKI}{await _naming(session, 'configuration')}"
            found = await _below(session, base, Equal("objectClass", "pKIEnrollmentService"), _CA)
            return [_service(entry) for entry in found]

    async def templates(self) -> Sequence[TemplateRecord]:
        """See `Directory.templates`."""
        async with self._server.session() as session:
            base = f"CN=Certificate Templates,{_PKI}{await _naming(session, 'configuration')}"
            sought = Equal("objectClass", "pKICertificateTemplate")
            found = await _below(session, base, sought, _TEMPLATE)
            sids = await self._enrolling_sids(session)
            return [template_record(entry, sids) for entry in found]

    async def account(self, name: str) -> AccountRecord | None:
        """See `Directory.account`. `groups` has security groups, also the primary one; one of
        another domain, which this server does not hold, by its SID."""
        async with self._server.session() as session:
            found = await _find(session, name)
            if found is None:
                return None
            entry, domain = found
            groups = await _groups(session, await _group_sids(session, entry.dn))
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
                groups=groups,
            )

    async def aclose(self) -> None:
        """Nothing is kept open."""

    async def _enrolling_sids(self, session: Session) -> frozenset[str] | None:
        found = self._enrolling_account and await _find(session, self._enrolling_account)
        if not found:
            return None
        sids = [*found[0].values("objectSid"), *await _group_sids(session, found[0].dn)]
        return frozenset({AUTHENTICATED_USERS, EVERYONE, *map(sid_text, sids)})


async def _naming(session: Session, which: str) -> str:
    attribute = f"{which}NamingContext"
    context = (await session.read("", attribute)).text(attribute)
    if context is None:
        raise BackendRefused("The server is no domain controller: it has no " + attribute + ".")
    return context


async def _below(
    session: Session, base: str, sought: Filter, attributes: tuple[str, ...]
) -> list[Entry]:
    try:
        return await session.search(base, "one", sought, attributes)
    except NoSuchObject:
        detail = f"{base} is not there or may not be read: is AD CS installed in this forest?"
        raise BackendRefused(detail) from None


async def _domains(session: Session) -> list[tuple[str, str, str]]:
    """NetBIOS name, distinguished name and DNS name of each domain of the forest."""
    base = f"CN=Partitions,{await _naming(session, 'configuration')}"
    wanted = ("nETBIOSName", "nCName", "dnsRoot")
    found = await _below(session, base, Present("nETBIOSName"), wanted)
    return [tuple(each.text(name) or "" for name in wanted) for each in found]  # type: ignore[misc]  # three, as wanted


async def _find(session: Session, name: str) -> tuple[Entry, str] | None:
    """The account and the NetBIOS name of its domain. A bare name is nobody's."""
    domains = await _domains(session)
    base = await _naming(session, "default")
    scope: Scope = "subtree"
    condition: Filter | None = None
    domain, separator, sam = name.partition("\\")
    if _BEGINS_A_DN.match(name):
        base, scope, condition = name, "base", Present("sAMAccountName")
    elif separator:
        base = next((dn for short, dn, _ in domains if short.lower() == domain.lower()), "")
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
    holders = [(len(dn), short) for short, dn, _ in domains if _is_below(found[0].dn, dn)]
    return found[0], max(holders)[1]


def _by_upn(name: str, base: str, domains: list[tuple[str, str, str]]) -> Filter:
    """An account also answers to `sam@domain` (MS-ADTS 5.1.1.1.1): one called like that makes the
    name ambiguous."""
    upn, (sam, _, suffix) = Equal("userPrincipalName", name), name.rpartition("@")
    if any(dn.lower() == base.lower() and dns.lower() == suffix.lower() for _, dn, dns in domains):
        return Either((upn, Equal("sAMAccountName", sam)))
    return upn


def _is_below(dn: str, base: str) -> bool:
    return dn.lower().endswith("," + base.lower())


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
    base, names = await _naming(session, "default"), set()
    unknown = {sid_text(sid) for sid in sids}
    for start in range(0, len(sids), _SIDS_AT_ONCE):
        some = Either(tuple(Equal("objectSid", sid) for sid in sids[start : start + _SIDS_AT_ONCE]))
        for entry in await session.search(base, "subtree", some, ("objectSid",)):
            names.add(entry.dn)
            unknown -= {sid_text(sid) for sid in entry.values("objectSid")}
    return frozenset(names | unknown)


def _service(entry: Entry) -> EnrollmentService:
    name = entry.text("cn") or ""
    return EnrollmentService(
        name=name,
        display_name=entry.text("displayName") or name,
        dns_host_name=entry.text("dNSHostName") or "",
        certificate_der=next(iter(entry.values("cACertificate")), b""),
        templates=frozenset(entry.texts("certificateTemplates")),
    )


def template_record(entry: Entry, sids: frozenset[str] | None) -> TemplateRecord:
    """The template in an entry, with the right of an account with these SIDs, None if unknown."""
    descriptor = next(iter(entry.values("nTSecurityDescriptor")), b"")
    enrolls, changes = None, False
    if sids is not None and descriptor:
        with contextlib.suppress(ValueError):  # one that nobody can read is one that cannot be told
            changes = may_change(descriptor, sids)
            enrolls = may_enroll(descriptor, sids)
    name = entry.text("cn") or ""
    return TemplateRecord(
        name=name,
        display_name=entry.text("displayName") or name,
        schema_version=entry.number("msPKI-Template-Schema-Version", 1),
        name_flags=entry.number("msPKI-Certificate-Name-Flag") & 0xFFFFFFFF,
        enrollment_flags=entry.number("msPKI-Enrollment-Flag") & 0xFFFFFFFF,
        general_flags=entry.number("flags") & 0xFFFFFFFF,
        ra_signatures=entry.number("msPKI-RA-Signature"),
        ra_policies=tuple(_policies(entry)),
        extended_key_usages=entry.texts("pKIExtendedKeyUsage"),
        minimal_key_size=entry.number("msPKI-Minimal-Key-Size"),
        validity_days=_days(entry),
        may_enroll=enrolls,
        may_change=changes,
    )


def _policies(entry: Entry) -> Iterator[str]:
    """Plain OIDs, or name, type and value in turn, ended by back-quotes (MS-CRTD 2.23)."""
    for text in entry.texts("msPKI-RA-Application-Policies"):
        parts = text.split("`")
        if len(parts) == 1:
            yield text
        for name, _, value in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
            if name == "msPKI-RA-Application-Policies":
                yield from value.split(",")


def _days(entry: Entry) -> float:
    raw = next(iter(entry.values("pKIExpirationPeriod")), bytes(8))
    return -float(struct.unpack("<q", raw)[0]) / _TICKS_A_DAY if len(raw) == 8 else 0.0
