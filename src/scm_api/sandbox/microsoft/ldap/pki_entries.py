"""What AD CS keeps in the Configuration naming context (MS-WCCE 2.2.2.11, MS-CRTD)."""

import struct
from collections.abc import Iterator
from typing import Final

from scm_api.sandbox.microsoft.domain import Domain, EnrollmentService, Template
from scm_api.sandbox.microsoft.ldap.entries import Attributes, Entry, make_entry
from scm_api.sandbox.microsoft.ldap.identifiers import (
    AUTHENTICATED_USERS,
    AUTO_ENROLL,
    ENROLL,
    FULL,
    READ,
    Ace,
    encode_descriptor,
    extended_right,
    guid_of,
)
from scm_api.sandbox.microsoft.ldap.names import escape_value

_OBJECT_CLASSES: Final = {
    "container": ("container", "Container"),
    "template": ("pKICertificateTemplate", "PKI-Certificate-Template"),
    "service": ("pKIEnrollmentService", "PKI-Enrollment-Service"),
    "oid": ("msPKI-Enterprise-Oid", "ms-PKI-Enterprise-Oid"),
    "authority": ("certificationAuthority", "Certification-Authority"),
}
_TICKS_PER_DAY: Final = 864_000_000_000
_OVERLAP_DAYS: Final = 42
_AUTO_ENROLLMENT: Final = 0x20
_SERVICE_FLAGS: Final = 10  # the CA knows templates, and is on an advanced server


def pki_entries(domain: Domain, configuration: str, domain_sid: str) -> Iterator[Entry]:
    """The container Public Key Services and all below it."""
    services = f"CN=Public Key Services,CN=Services,{configuration}"
    for name in (
        "AIA", "CDP", "Certificate Templates", "Certification Authorities",
        "Enrollment Services", "KRA", "OID",
    ):  # fmt: skip
        yield _entry("container", f"CN={name},{services}", configuration, {"cn": name})
    certificates = [each.certificate_der for each in domain.services]
    yield _authority(f"CN=NTAuthCertificates,{services}", configuration, certificates)
    for service in domain.services:
        yield _service(service, services, configuration, domain_sid)
        dn = f"CN={escape_value(service.name)},CN=AIA,{services}"
        yield _authority(dn, configuration, [service.certificate_der])
    for template in domain.templates:
        yield _template(template, services, configuration, domain_sid)
        yield _oid(template, services, configuration)


def _entry(kind: str, dn: str, configuration: str, attributes: Attributes) -> Entry:
    structural, category = _OBJECT_CLASSES[kind]
    members: Attributes = {
        "objectClass": ["top", structural],
        "objectCategory": f"CN={category},CN=Schema,{configuration}",
        "objectGUID": guid_of(dn).bytes_le,
        "name": attributes["cn"],
        "showInAdvancedViewOnly": True,
        "instanceType": 4,
    }
    return make_entry(dn, {**members, **attributes}, ("nTSecurityDescriptor",))


def _authority(dn: str, configuration: str, certificates: list[bytes]) -> Entry:
    name = dn.partition("=")[2].partition(",")[0]
    return _entry("authority", dn, configuration, {"cn": name, "cACertificate": certificates})


def _service(
    service: EnrollmentService, services: str, configuration: str, domain_sid: str
) -> Entry:
    dn = f"CN={escape_value(service.name)},CN=Enrollment Services,{services}"
    aces = [*_administrators(domain_sid), extended_right(AUTHENTICATED_USERS, ENROLL)]
    attributes: Attributes = {
        "cn": service.name,
        "displayName": service.name,
        "dNSHostName": service.dns_host_name,
        "cACertificate": service.certificate_der,
        "certificateTemplates": list(service.templates),
        "flags": _SERVICE_FLAGS,
        "nTSecurityDescriptor": encode_descriptor(f"{domain_sid}-519", aces),
    }
    return _entry("service", dn, configuration, attributes)


def _template(template: Template, services: str, configuration: str, domain_sid: str) -> Entry:
    dn = f"CN={escape_value(template.name)},CN=Certificate Templates,{services}"
    aces = _administrators(domain_sid)
    for sid in template.enroll:
        aces.append(extended_right(sid, ENROLL))
        if template.enrollment_flags & _AUTO_ENROLLMENT:
            aces.append(extended_right(sid, AUTO_ENROLL))
    attributes: Attributes = {
        "cn": template.name,
        "displayName": template.display_name,
        "flags": template.general_flags,
        "revision": 100 if template.schema_version > 1 else 4,
        "pKIDefaultKeySpec": 1,
        "pKIKeyUsage": b"\xa0\x00",
        "pKIMaxIssuingDepth": 0,
        "pKICriticalExtensions": "2.5.29.15",
        "pKIExpirationPeriod": _period(template.validity_days),
        "pKIOverlapPeriod": _period(min(_OVERLAP_DAYS, template.validity_days // 2)),
        "pKIExtendedKeyUsage": list(template.extended_key_usages),
        "msPKI-Cert-Template-OID": template.oid,
        "msPKI-Certificate-Name-Flag": _signed(template.name_flags),
        "msPKI-Enrollment-Flag": _signed(template.enrollment_flags),
        "msPKI-Private-Key-Flag": 0x10,
        "msPKI-RA-Signature": template.ra_signatures,
        "msPKI-Minimal-Key-Size": template.minimal_key_size,
        "nTSecurityDescriptor": encode_descriptor(f"{domain_sid}-519", aces),
    }
    if template.schema_version > 1:
        attributes = {**attributes, **_of_version_2(template)}
    return _entry("template", dn, configuration, attributes)


def _of_version_2(template: Template) -> Attributes:
    """What templates of schema version 1 do not have."""
    policies: str | list[str] = list(template.ra_policies)
    if template.schema_version >= 4 and template.ra_policies:
        policies = "".join(
            f"msPKI-RA-Application-Policies`PZPWSTR`{each}`" for each in template.ra_policies
        )
    return {
        "msPKI-Template-Schema-Version": template.schema_version,
        "msPKI-Template-Minor-Revision": 3,
        "msPKI-RA-Application-Policies": policies,
        "msPKI-Certificate-Application-Policy": list(template.extended_key_usages),
    }


def _oid(template: Template, services: str, configuration: str) -> Entry:
    number = template.oid.rpartition(".")[2]
    name = f"{number}.{guid_of(template.oid).hex.upper()}"
    attributes: Attributes = {
        "cn": name,
        "displayName": template.display_name,
        "flags": 1,
        "msPKI-Cert-Template-OID": template.oid,
    }
    return _entry("oid", f"CN={name},CN=OID,{services}", configuration, attributes)


def _administrators(domain_sid: str) -> list[Ace]:
    return [
        Ace(AUTHENTICATED_USERS, READ),
        Ace(f"{domain_sid}-512", FULL),
        Ace(f"{domain_sid}-519", FULL),
    ]


def _period(days: int) -> bytes:
    """A negative FILETIME (MS-CRTD 2.23)."""
    return struct.pack("<q", -days * _TICKS_PER_DAY)


def _signed(flags: int) -> int:
    """AD keeps flags as signed 32-bit integers."""
    return (flags & 0x7FFFFFFF) - (flags & 0x80000000)
