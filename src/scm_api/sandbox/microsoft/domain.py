"""What a simulated Active Directory knows: accounts, certificate templates, enrollment services."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """One account. `sam` is without the domain, with a final `$` for computers.

    `groups` are distinguished names, `disabled` is bit 2 of userAccountControl. Attributes that are
    None are not in the directory.
    """

    sam: str
    password: str
    distinguished_name: str
    sid: str
    upn: str | None = None
    mail: str | None = None
    dns_host_name: str | None = None
    groups: tuple[str, ...] = ()
    disabled: bool = False
    admin_count: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """One security group; accounts name its `distinguished_name`."""

    name: str
    distinguished_name: str
    sid: str


@dataclass(frozen=True, slots=True)
class Template:
    """One pKICertificateTemplate, with its flags as AD keeps them (MS-CRTD).

    `validity_days` becomes pKIExpirationPeriod. `enroll` are the SIDs of the accounts and groups
    that hold the extended right Enroll.
    """

    name: str
    display_name: str
    oid: str
    schema_version: int
    name_flags: int
    enrollment_flags: int
    ra_signatures: int
    ra_policies: tuple[str, ...]
    extended_key_usages: tuple[str, ...]
    minimal_key_size: int
    validity_days: int
    enroll: tuple[str, ...]
    general_flags: int = 0


@dataclass(frozen=True, slots=True)
class EnrollmentService:
    """One pKIEnrollmentService: a CA, and the templates it is published with."""

    name: str
    dns_host_name: str
    certificate_der: bytes
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """The whole directory of one domain.

    `realm` such as CORP.EXAMPLE, `netbios` such as CORP, `naming_context` such as
    DC=corp,DC=example.
    """

    realm: str
    netbios: str
    naming_context: str
    accounts: tuple[Account, ...]
    templates: tuple[Template, ...]
    services: tuple[EnrollmentService, ...]
    groups: tuple[Group, ...] = ()

    def account(self, name: str) -> Account | None:
        """By `DOMAIN\\sam`, `sam`, UPN or distinguished name, in any case."""
        wanted = name.casefold()
        for each in self.accounts:
            known = (each.sam, f"{self.netbios}\\{each.sam}", each.upn, each.distinguished_name)
            if wanted in (one.casefold() for one in known if one):
                return each
        return None

    def template(self, name: str) -> Template | None:
        """By cn or OID, in any case of letters."""
        wanted = name.casefold()
        found = (one for one in self.templates if wanted in (one.name.casefold(), one.oid))
        return next(found, None)

    def sids_of(self, account: Account) -> frozenset[str]:
        """The SIDs of an account and of the groups it is in."""
        groups = (each.sid for each in self.groups if each.distinguished_name in account.groups)
        return frozenset((account.sid, *groups))

    def qualified(self, account: Account) -> str:
        """`DOMAIN\\sam`."""
        return f"{self.netbios}\\{account.sam}"
