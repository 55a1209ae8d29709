"""Active Directory as the port `Directory`: CAs, templates and accounts, read by LDAPS."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from scm_api.drivers.errors import BackendRefused
from scm_api.drivers.microsoft.ports import EnrollmentService, TemplateRecord
from scm_api.drivers.windows.account_search import naming_context, read_account, read_sids
from scm_api.drivers.windows.accounts import AccountRecord
from scm_api.drivers.windows.ldap import LdapServer, NoSuchObject, Session
from scm_api.drivers.windows.ldap_messages import Entry, Equal
from scm_api.drivers.windows.security_descriptors import has_right, may_change

ENROLL: Final = UUID("0e10c968-78fb-11d2-90d4-00c04f79dc55")
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
_TICKS_A_DAY: Final = 864_000_000_000  # of 100 ns


class ActiveDirectory:
    """Fulfils `ports.Directory`. Each call is one connection; `enrolling_account` is the one that
    hands in requests, whose rights on templates are told."""

    def __init__(self, server: LdapServer, enrolling_account: str | None) -> None:
        self._server = server
        self._enrolling_account = enrolling_account

    async def enrollment_services(self) -> Sequence[EnrollmentService]:
        """See `Directory.enrollment_services`."""
        async with self._server.session() as session:
            found = await _listed(session, "Enrollment Services", "pKIEnrollmentService", _CA)
            return [_service(entry) for entry in found]

    async def templates(self) -> Sequence[TemplateRecord]:
        """See `Directory.templates`."""
        async with self._server.session() as session:
            kind = ("Certificate Templates", "pKICertificateTemplate")
            found = await _listed(session, *kind, _TEMPLATE)
            sids = await read_sids(session, self._enrolling_account or "")
            return [template_record(entry, sids) for entry in found]

    async def account(self, name: str) -> AccountRecord | None:
        """See `Directory.account`."""
        async with self._server.session() as session:
            return await read_account(session, name)


async def _listed(
    session: Session, container: str, kind: str, attributes: tuple[str, ...]
) -> list[Entry]:
    base = f"CN={container},{_PKI}{await naming_context(session, 'configuration')}"
    try:
        return await session.search(base, "one", Equal("objectClass", kind), attributes)
    except NoSuchObject as error:
        raise BackendRefused(f"{error.detail} Is AD CS installed in this forest?") from None


def _service(entry: Entry) -> EnrollmentService:
    name = entry.text("cn") or ""
    return EnrollmentService(
        name=name,
        display_name=entry.text("displayName") or name,
        dns_host_name=entry.text("dNSHostName") or "",
        certificate_der=entry.first("cACertificate"),
        templates=frozenset(entry.texts("certificateTemplates")),
    )


def template_record(entry: Entry, sids: frozenset[str] | None) -> TemplateRecord:
    """The template in an entry, with the right of an account with these SIDs, None if unknown."""
    descriptor = entry.first("nTSecurityDescriptor")
    enrolls, changes = None, False
    if sids is not None and descriptor:
        with contextlib.suppress(ValueError):  # one that nobody can read is one that cannot be told
            changes = may_change(descriptor, sids)
            enrolls = has_right(descriptor, sids, ENROLL)
    period = int.from_bytes(entry.first("pKIExpirationPeriod"), "little", signed=True)
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
        validity_days=-period / _TICKS_A_DAY,
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
