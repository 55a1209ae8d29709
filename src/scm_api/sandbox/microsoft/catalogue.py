"""The domain a simulator starts with: CORP.EXAMPLE, its accounts, templates and rights."""

from typing import Final

from scm_api.sandbox.microsoft.domain import Account, Domain, EnrollmentService, Group, Template

REALM: Final = "CORP.EXAMPLE"
NETBIOS: Final = "CORP"
DNS_DOMAIN: Final = "corp.example"
NAMING_CONTEXT: Final = "DC=corp,DC=example"
CA_HOST: Final = "ca.corp.example"
DC_HOST: Final = "dc1.corp.example"
CA_NAME: Final = "CORP Issuing CA 1"
OTHER_CA_NAME: Final = "CORP Issuing CA 2"
ROOT_NAME: Final = "CORP Root CA"
DOMAIN_SID: Final = "S-1-5-21-1004336348-1177238915-682003330"
TEMPLATE_OIDS: Final = "1.3.6.1.4.1.311.21.8.15154161.2870119.5457038.1401285.8341921.66"
TEMPLATE_MAJOR, TEMPLATE_MINOR = 100, 3

SUPPLIED_SUBJECT: Final = 0x1
SUPPLIED_SAN: Final = 0x10000
SAN_DOMAIN_DNS: Final = 0x400000
SAN_GUID: Final = 0x1000000
SAN_UPN: Final = 0x2000000
SAN_EMAIL: Final = 0x4000000
SAN_DNS: Final = 0x8000000
DNS_AS_CN: Final = 0x10000000
SUBJECT_EMAIL: Final = 0x20000000
COMMON_NAME: Final = 0x40000000
DIRECTORY_PATH: Final = 0x80000000
"""msPKI-Certificate-Name-Flag (MS-CRTD 2.28)."""

PEND_ALL: Final = 0x2
ON_BEHALF_OF: Final = 0x800
NO_SECURITY_EXTENSION: Final = 0x80000
"""msPKI-Enrollment-Flag (MS-CRTD 2.26)."""

MACHINE: Final = 0x40
"""`flags` of a template for computers."""

REQUEST_AGENT: Final = "1.3.6.1.4.1.311.20.2.1"
SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
CODE_SIGNING: Final = "1.3.6.1.5.5.7.3.3"
EMAIL_PROTECTION: Final = "1.3.6.1.5.5.7.3.4"
SMARTCARD_LOGON: Final = "1.3.6.1.4.1.311.20.2.2"
ANY_PURPOSE: Final = "2.5.29.37.0"


def _sid(number: int) -> str:
    return f"{DOMAIN_SID}-{number}"


def _group(name: str, number: int) -> Group:
    return Group(name, f"CN={name},CN=Users,{NAMING_CONTEXT}", _sid(number))


DOMAIN_USERS: Final = _group("Domain Users", 513)
DOMAIN_COMPUTERS: Final = _group("Domain Computers", 515)
ENROLLERS: Final = _group("Certificate Enrollers", 1201)
MANAGERS: Final = _group("Certificate Managers", 1202)
GROUPS: Final = (DOMAIN_USERS, DOMAIN_COMPUTERS, ENROLLERS, MANAGERS)

MAY_ENROLL: Final = frozenset((DOMAIN_USERS.sid, DOMAIN_COMPUTERS.sid))
"""Who holds "Request Certificates" on the CA."""
MAY_MANAGE: Final = frozenset((MANAGERS.sid,))
"""Who holds "Issue and Manage Certificates" on the CA."""
MAY_LOG_ON: Final = frozenset((ENROLLERS.sid, MANAGERS.sid))
"""Who may log on to the CA's host by WinRM (Remote Management Users)."""


def _account(
    sam: str, number: int, name: str, unit: str, *groups: Group, **attributes: object
) -> Account:
    members: dict[str, object] = {
        "sam": sam,
        "password": f"{sam.rstrip('$').title()}-Pa55",
        "distinguished_name": f"CN={name},{unit},{NAMING_CONTEXT}",
        "sid": _sid(number),
        "groups": tuple(each.distinguished_name for each in groups),
    }
    # members are as they are named
    return Account(**(members | attributes))  # type: ignore[arg-type]


_SERVICES: Final = "OU=Services"
_STAFF: Final = "OU=Staff"

ENROLLER: Final = _account(
    "svc-enroll", 1101, "Enrolment Service", _SERVICES, DOMAIN_USERS, ENROLLERS,
    upn="svc-enroll@corp.example",
)  # fmt: skip
REVOKER: Final = _account(
    "svc-revoke", 1102, "Revocation Service", _SERVICES, DOMAIN_USERS, MANAGERS,
    upn="svc-revoke@corp.example",
)  # fmt: skip
READER: Final = _account(
    "svc-ldap", 1103, "Directory Service", _SERVICES, DOMAIN_USERS, upn="svc-ldap@corp.example"
)
NOBODY: Final = _account("svc-nothing", 1104, "No Rights", _SERVICES, upn="nothing@corp.example")
MANAGER: Final = _account(
    "camanager", 1105, "CA Manager", _STAFF, DOMAIN_USERS, MANAGERS, upn="camanager@corp.example"
)
USER: Final = _account(
    "alovelace", 1110, "Ada Lovelace", _STAFF, DOMAIN_USERS,
    upn="ada.lovelace@corp.example", mail="ada.lovelace@corp.example",
)  # fmt: skip
OTHER_USER: Final = _account(
    "cbabbage", 1111, "Charles Babbage", _STAFF, DOMAIN_USERS,
    upn="charles.babbage@corp.example", mail="charles.babbage@corp.example",
)  # fmt: skip
DISABLED_USER: Final = _account(
    "gone", 1112, "Gone Person", "OU=Leavers", DOMAIN_USERS,
    upn="gone@corp.example", mail="gone@corp.example", disabled=True,
)  # fmt: skip
PROTECTED_USER: Final = _account(
    "domadmin", 1113, "Domain Admin", _STAFF, DOMAIN_USERS,
    upn="domadmin@corp.example", mail="domadmin@corp.example", admin_count=True,
)  # fmt: skip
USER_WITHOUT_MAIL: Final = _account(
    "nomail", 1114, "No Mail", _STAFF, DOMAIN_USERS, upn="nomail@corp.example"
)
USER_WITHOUT_UPN: Final = _account(
    "noupn", 1115, "No Principal", _STAFF, DOMAIN_USERS, mail="noupn@corp.example"
)
COMPUTER: Final = _account(
    "PRINTER7$", 1120, "PRINTER7", "CN=Computers", DOMAIN_COMPUTERS,
    dns_host_name="printer7.corp.example",
)  # fmt: skip
ACCOUNTS: Final = (
    ENROLLER, REVOKER, READER, NOBODY, MANAGER, USER, OTHER_USER, DISABLED_USER, PROTECTED_USER,
    USER_WITHOUT_MAIL, USER_WITHOUT_UPN, COMPUTER,
)  # fmt: skip

UNPUBLISHED: Final = "Retired"


def _template(
    number: int, name: str, title: str, names: int, usages: tuple[str, ...], **changes: object
) -> Template:
    members: dict[str, object] = {
        "name": name,
        "display_name": title,
        "oid": f"{TEMPLATE_OIDS}.{number}",
        "schema_version": 2,
        "name_flags": names,
        "enrollment_flags": 0,
        "ra_signatures": 0,
        "ra_policies": (),
        "extended_key_usages": usages,
        "minimal_key_size": 2048,
        "validity_days": 365,
        "enroll": (ENROLLERS.sid,),
    }
    # members are as they are named
    return Template(**(members | changes))  # type: ignore[arg-type]


_FROM_AD: Final = COMMON_NAME | SAN_UPN
_AGENT: Final[dict[str, object]] = {
    "ra_signatures": 1,
    "ra_policies": (REQUEST_AGENT,),
    "enroll": (ENROLLERS.sid, DOMAIN_USERS.sid, DOMAIN_COMPUTERS.sid),
}

TEMPLATES: Final = (
    _template(1, "CorpWeb", "Corp Web Server", SUPPLIED_SUBJECT, (SERVER_AUTH,)),
    _template(
        2, "CorpWebApproved", "Corp Web Server (approved)", SUPPLIED_SUBJECT, (SERVER_AUTH,),
        enrollment_flags=PEND_ALL,
    ),
    _template(
        3, "CorpLogon", "Corp Client Logon", _FROM_AD | SAN_EMAIL | SUBJECT_EMAIL,
        (CLIENT_AUTH, EMAIL_PROTECTION, SMARTCARD_LOGON), **_AGENT,
    ),
    _template(
        4, "CorpLogonWeak", "Corp Client Logon (no SID)", _FROM_AD, (CLIENT_AUTH,),
        enrollment_flags=NO_SECURITY_EXTENSION, **_AGENT,
    ),
    _template(5, "CorpCode", "Corp Code Signing", SUPPLIED_SUBJECT, (CODE_SIGNING,)),
    _template(
        6, "CorpDevice", "Corp Device", DNS_AS_CN | SAN_DNS, (CLIENT_AUTH, SERVER_AUTH),
        general_flags=MACHINE, **_AGENT,
    ),
    _template(
        7, "CorpDeviceRequest", "Corp Device (in request)", SUPPLIED_SUBJECT,
        (CLIENT_AUTH, SERVER_AUTH), general_flags=MACHINE,
    ),
    _template(8, "CorpClient", "Corp Client (in request)", SUPPLIED_SUBJECT, (CLIENT_AUTH,)),
    _template(9, "CorpAny", "Corp Any Purpose", SUPPLIED_SUBJECT, (ANY_PURPOSE,)),
    _template(
        10, "WebServer", "Web Server", SUPPLIED_SUBJECT, (SERVER_AUTH,), schema_version=1,
        validity_days=730,
    ),
    _template(11, UNPUBLISHED, "Corp Retired", SUPPLIED_SUBJECT, (SERVER_AUTH,)),
    _template(
        12, "CorpAdmins", "Corp Administrators", SUPPLIED_SUBJECT, (SERVER_AUTH,),
        enroll=(MANAGERS.sid,),
    ),
    _template(
        13, "CorpStrong", "Corp Web Server 4096", SUPPLIED_SUBJECT, (SERVER_AUTH,),
        minimal_key_size=4096,
    ),
    _template(14, "CorpSelf", "Corp User (self)", _FROM_AD, (CLIENT_AUTH,)),
)  # fmt: skip


def starting_domain(certificates: dict[str, bytes]) -> Domain:
    """The domain with its CAs, whose certificates (DER) are given by name; the first is ours."""
    published = tuple(each.name for each in TEMPLATES if each.name != UNPUBLISHED)
    return Domain(
        realm=REALM,
        netbios=NETBIOS,
        naming_context=NAMING_CONTEXT,
        accounts=ACCOUNTS,
        templates=TEMPLATES,
        services=(
            EnrollmentService(CA_NAME, CA_HOST, certificates[CA_NAME], published),
            EnrollmentService(
                OTHER_CA_NAME, f"ca2.{DNS_DOMAIN}", certificates[OTHER_CA_NAME], ("WebServer",)
            ),
        ),
        groups=GROUPS,
    )
