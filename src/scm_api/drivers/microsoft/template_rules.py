"""Whether a profile can work with a certificate template (MS-CRTD 2.26 to 2.28), in the words of
the Certificate Templates console."""

import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from scm_api.core.errors import Fault
from scm_api.core.explain import handful
from scm_api.core.vocabulary import CertificateType
from scm_api.drivers.base import Template
from scm_api.drivers.kinds import ProfileFacts
from scm_api.drivers.microsoft.options import MicrosoftProfileOptions
from scm_api.drivers.microsoft.ports import AGENT_USAGE, TemplateRecord

_SUPPLIES_SUBJECT, _SUPPLIES_SAN = 0x1, 0x10000
_FROM_AD: Final = 0xFFC00000
_SUBJECT_FORMATS, _DNS_AS_CN, _DNS_IN_SAN = 0xD0000000, 0x10000000, 0x8000000
_UNFORESEEN: Final = {0x800000: "Service principal name (SPN)", 0x1000000: "directory GUID"}
_PENDS_ALL, _NO_SID_EXTENSION = 0x2, 0x80000
_MACHINE: Final = 0x40
_SIGNATURES: Final = "Issuance Requirements: This number of authorized signatures"

_ANY_PURPOSE: Final = "2.5.29.37.0"
_SERVER, _CLIENT, _CODE, _MAIL = (f"1.3.6.1.5.5.7.3.{last}" for last in (1, 2, 3, 4))
_NAMES: Final = {
    _SERVER: "Server Authentication",
    _CLIENT: "Client Authentication",
    _CODE: "Code Signing",
    _MAIL: "Secure Email",
    _ANY_PURPOSE: "Any Purpose",
    "1.3.6.1.4.1.311.20.2.2": "Smart Card Logon",
    "1.3.6.1.5.2.3.4": "PKINIT Client Authentication",
}
_LOGON: Final = {_CLIENT, _ANY_PURPOSE, "1.3.6.1.4.1.311.20.2.2", "1.3.6.1.5.2.3.4"}
_PURPOSES: Final = {
    CertificateType.SSL: (_SERVER,),
    CertificateType.CLIENT: (_CLIENT, _MAIL),
    CertificateType.CODE_SIGNING: (_CODE,),
    CertificateType.DEVICE: (_CLIENT, _SERVER),
}


@dataclass(frozen=True, slots=True)
class Risk:
    """A dangerous setting of a template. A profile accepts it by its code, in
    `acknowledged_risks`."""

    code: str
    detail: str


def judge_template(options: MicrosoftProfileOptions, facts: ProfileFacts) -> list[Fault]:
    """Faults of a profile's options; pointers are relative to them. None while the directory could
    not be read. `facts.templates` are those that the CA is published with."""
    if facts.templates is None:
        return []
    known = {each.id: each for each in facts.templates}
    found = known.get(options.ms_template)
    if found is None:
        detail = (
            f"The template {options.ms_template} is not published on {options.issuing_ca}, or may "
            "not be read: in the Certification Authority console, Certificate Templates, choose "
            "New, Certificate Template to Issue. The name is its cn, not its display name."
        )
        accepted = handful(sorted(known)) or "none is published"
        return [Fault("/ms_template", "template-not-published", detail, accepted)]
    members = {name: found.facts[name] for name in TemplateRecord.__dataclass_fields__}
    record = TemplateRecord(**members)
    asked = (facts.certificate_type, options.build_subject_from_ad, facts.key_types)
    faults = list(template_faults(record, *asked))
    days = math.ceil(record.validity_days)
    if set(facts.terms_days) - {days}:  # a shorter one would be exceeded by what is issued
        detail = f"General: Validity period is {record.validity_days:g} days for every request."
        faults.append(_fault(record, "template-term", detail, f"term.allowed_days [{days}] alone"))
    for risk in risks(record):
        if risk.code not in options.acknowledged_risks:
            accepted = f"{risk.code} in acknowledged_risks, if this is meant to be"
            faults.append(Fault("/acknowledged_risks", "unsafe-template", risk.detail, accepted))
    return faults


def shown(record: TemplateRecord) -> Template:
    """A template as it is offered for profiles; `facts` hold all that it is judged by."""
    source = "the request" if record.name_flags & _SUPPLIES_SUBJECT else "Active Directory"
    purposes = handful(_NAMES.get(each, each) for each in record.extended_key_usages)
    allows = (
        f"Subject and names come from {source}. Purposes: {purposes or 'any'}. Valid for "
        f"{record.validity_days:g} days, unless the CA or its certificate ends earlier."
    )
    facts: dict[str, Any] = asdict(record) | {
        "risks": {risk.code: risk.detail for risk in risks(record)},
        "remarks": list(remarks(record)),
    }
    usable = record.may_enroll is not False
    return Template(record.name, record.display_name, usable, allows, facts)


def template_faults(
    record: TemplateRecord,
    certificate_type: CertificateType,
    build_subject_from_ad: bool,
    key_types: frozenset[str],
) -> Iterator[Fault]:
    """Why every order of such a profile would be refused or come out wrong."""
    if record.may_enroll is False:
        detail = "Security: the account that enrolls has no Enroll permission; it needs Allow."
        yield _fault(record, "template-not-permitted", detail)
    yield from _from_ad(record) if build_subject_from_ad else _from_request(record)
    least = record.minimal_key_size
    short = sorted(each for each in key_types if 0 < _bits(each) < least)
    if short:
        detail = f"Cryptography: Minimum key size is {least} bits; the CA refuses {handful(short)}."
        rest = ", ".join(sorted(key_types - set(short)))
        accepted = f"key_types [{rest}]" if rest else f"key types of at least {least} bits"
        yield _fault(record, "template-key-size", detail, accepted)
    usages = record.extended_key_usages
    wanted = _PURPOSES[certificate_type]
    if usages and _ANY_PURPOSE not in usages and not set(usages) & set(wanted):
        has = handful(_NAMES.get(each, each) for each in usages)
        needs = " or ".join(_NAMES[each] for each in wanted)
        detail = f"Extensions: Application Policies are {has}; {certificate_type} needs {needs}."
        yield _fault(record, "template-purpose", detail, needs)
    is_for_users = build_subject_from_ad and not record.general_flags & _MACHINE
    if certificate_type is CertificateType.DEVICE and is_for_users:
        detail = "General: it is for users; a device needs one for computers (flags 0x40)."
        yield _fault(record, "template-purpose", detail, "a duplicate of Computer")


def _from_request(record: TemplateRecord) -> Iterator[Fault]:
    if not record.name_flags & _SUPPLIES_SUBJECT:
        detail = (
            "Subject Name: is Build from this Active Directory information, so subject and names "
            "of the CSR are ignored; it should be Supply in the request."
        )
        yield _fault(record, "template-subject-source", detail, "or build_subject_from_ad: true")
    if record.ra_signatures:
        detail = f"{_SIGNATURES} is {record.ra_signatures}; requests for it have none: clear it."
        yield _fault(record, "template-signatures", detail)


def _from_ad(record: TemplateRecord) -> Iterator[Fault]:
    if record.schema_version < 2:
        detail = "Compatibility: schema version 1 cannot demand an agent's signature; duplicate it."
        yield _fault(record, "template-schema", detail, "a duplicate, of version 2 or later")
    if record.name_flags & (_SUPPLIES_SUBJECT | _SUPPLIES_SAN):
        detail = (
            "Subject Name: is Supply in the request, so the account's information is ignored; it "
            "should be Build from this Active Directory information."
        )
        yield _fault(record, "template-subject-source", detail)
    if not record.name_flags & _FROM_AD:
        detail = "Subject Name: no subject name format or alternate name is chosen; it needs one."
        yield _fault(record, "template-subject-source", detail)
    for flag, name in _UNFORESEEN.items():
        if record.name_flags & flag:
            detail = f"Subject Name: {name}, which nobody can check beforehand, is on; clear it."
            yield _fault(record, "template-names", detail)
    if record.name_flags & (_SUBJECT_FORMATS | _DNS_IN_SAN) == _DNS_AS_CN:
        detail = (
            "Subject Name: the format is DNS name, which has to be among the alternate names as "
            "well: choose DNS name there, too."
        )
        yield _fault(record, "template-names", detail)
    if record.ra_signatures != 1:
        detail = f"{_SIGNATURES} is {record.ra_signatures}; it should be 1."
        yield _fault(record, "template-signatures", detail, "1")
    if AGENT_USAGE not in record.ra_policies:
        has = handful(record.ra_policies) or "none"
        detail = (
            f"Issuance Requirements: Application policy required in the signature is {has}; it "
            "should be Certificate Request Agent."
        )
        yield _fault(record, "template-signature-policy", detail, AGENT_USAGE)


def risks(record: TemplateRecord) -> Iterator[Risk]:
    """Settings that let whoever enrolls become somebody else (known as ESC1, ESC2 and ESC15)."""
    supplied = record.name_flags & (_SUPPLIES_SUBJECT | _SUPPLIES_SAN)
    usages = set(record.extended_key_usages)
    if supplied and usages & _LOGON:
        purpose = handful(sorted(_NAMES[each] for each in usages & _LOGON))
        detail = f"{record.name}: whoever enrolls chooses the names to log on as ({purpose})."
        yield Risk("logon-with-supplied-names", detail)
    if not usages or _ANY_PURPOSE in usages:
        detail = f"{record.name}: the certificate is good for any purpose, also logon and signing."
        yield Risk("any-purpose", detail)
    if supplied and record.schema_version < 2:
        detail = (
            f"{record.name}: schema version 1 with names from the request lets the request add "
            "application policies on a CA without the fix of CVE-2024-49019."
        )
        yield Risk("schema-1-supplied-names", detail)


def remarks(record: TemplateRecord) -> Iterator[str]:
    """What works, but should be known."""
    if record.enrollment_flags & _PENDS_ALL:
        yield "CA certificate manager approval is on: every request waits for somebody at the CA."
    usages = set(record.extended_key_usages)
    if record.enrollment_flags & _NO_SID_EXTENSION and (usages & _LOGON or not usages):
        yield (
            "The SID extension is off (CT_FLAG_NO_SECURITY_EXTENSION): domain controllers refuse "
            "logon with such certificates."
        )


def _fault(record: TemplateRecord, code: str, said: str, accepted: str | None = None) -> Fault:
    return Fault("/ms_template", code, f"Template {record.name}, {said}", accepted)


def _bits(key_type: str) -> int:
    found = re.fullmatch(r"(?:rsa-|ec-p)([0-9]+)", key_type)
    return int(found[1]) if found else 0
