"""Profiles against certificate templates, and the names that templates build."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from microsoft_forest import CA_NAME, for_people, person, record

from scm_api.core.names import Name
from scm_api.core.vocabulary import CertificateType, NameKind
from scm_api.drivers.base import Template
from scm_api.drivers.kinds import ProfileFacts
from scm_api.drivers.microsoft.options import MicrosoftProfileOptions
from scm_api.drivers.microsoft.ports import TemplateRecord
from scm_api.drivers.microsoft.subjects import expected_names
from scm_api.drivers.microsoft.template_rules import (
    judge_template,
    remarks,
    risks,
    shown,
    template_faults,
)

SSL, CLIENT = CertificateType.SSL, CertificateType.CLIENT
CODE, DEVICE = CertificateType.CODE_SIGNING, CertificateType.DEVICE
SERVER_AUTH, CLIENT_AUTH = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
CODE_SIGNING, EMAIL = "1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.4"
ANY_PURPOSE, SMART_CARD = "2.5.29.37.0", "1.3.6.1.4.1.311.20.2.2"


def codes(
    found: TemplateRecord,
    certificate_type: CertificateType = SSL,
    *key_types: str,
    from_ad: bool = False,
) -> list[str]:
    faults = template_faults(found, certificate_type, from_ad, frozenset(key_types))
    return [each.code for each in faults]


def judged(
    *found: TemplateRecord, certificate_type: CertificateType = SSL, **options: Any
) -> list[Any]:
    fields = {"backend_type": "microsoft", "issuing_ca": CA_NAME, "ms_template": "WebServer"}
    profile = MicrosoftProfileOptions(**(fields | options))
    templates = [shown(each) for each in found]
    facts = ProfileFacts(certificate_type, frozenset({"rsa-2048"}), templates=templates)
    return judge_template(profile, facts)


def test_a_fitting_template_has_no_faults() -> None:
    assert codes(record(), SSL, "rsa-2048", "rsa-4096") == []
    assert codes(for_people(), CLIENT, "rsa-2048", from_ad=True) == []


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        (record(name_flags=0xA6000000), "template-subject-source", "Supply in the request"),
        (record(ra_signatures=1), "template-signatures", "authorized signatures is 1"),
        (record(may_enroll=False), "template-not-permitted", "Enroll"),
    ],
)
def test_names_from_the_request_need_a_template_that_takes_them(
    found: TemplateRecord, code: str, said: str
) -> None:
    (fault,) = template_faults(found, SSL, False, frozenset())
    assert (fault.code, fault.pointer) == (code, "/ms_template")
    assert said in fault.detail


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"name_flags": 0xA6000001}, "template-subject-source", "Build from this Active"),
        ({"name_flags": 0xA6010000}, "template-subject-source", "Build from this Active"),
        ({"name_flags": 0x8}, "template-subject-source", "no subject name format"),
        ({"name_flags": 0xA6800000}, "template-names", "SPN"),
        ({"name_flags": 0xA7000000}, "template-names", "GUID"),
        ({"name_flags": 0x12000000}, "template-names", "DNS name, which has to be"),
        ({"ra_signatures": 0}, "template-signatures", "is 0; it should be 1"),
        ({"ra_signatures": 2}, "template-signatures", "is 2; it should be 1"),
        ({"ra_policies": ()}, "template-signature-policy", "Certificate Request Agent"),
        ({"schema_version": 1}, "template-schema", "duplicate it"),
        ({"may_enroll": False}, "template-not-permitted", "Enroll"),
    ],
)
def test_names_from_the_directory_need_a_template_for_agents(
    changes: dict[str, Any], code: str, said: str
) -> None:
    (fault,) = template_faults(for_people(**changes), CLIENT, True, frozenset())
    assert fault.code == code
    assert said in fault.detail


@pytest.mark.parametrize("may_enroll", [True, None])
def test_a_right_that_cannot_be_told_is_no_fault(may_enroll: bool | None) -> None:
    assert codes(record(may_enroll=may_enroll)) == []


@pytest.mark.parametrize(
    ("minimum", "key_types", "faulty"),
    [
        (2048, ("rsa-2048", "rsa-4096"), False),
        (4096, ("rsa-2048", "rsa-4096"), True),
        (2048, ("ec-p256",), True),
        (256, ("ec-p256", "ec-p384"), False),
        (384, ("ec-p256",), True),
        (4096, (), False),
    ],
)
def test_key_types_below_the_minimum_are_faults(
    minimum: int, key_types: tuple[str, ...], faulty: bool
) -> None:
    found = codes(record(minimal_key_size=minimum), SSL, *key_types)
    assert found == (["template-key-size"] if faulty else [])


@pytest.mark.parametrize(
    ("key_types", "accepted"),
    [
        (("rsa-4096", "ec-p256", "rsa-3072"), "key_types [rsa-3072, rsa-4096]"),
        (("ec-p256",), "key types of at least 2048 bits"),
    ],
)
def test_the_key_types_that_are_left_are_told(key_types: tuple[str, ...], accepted: str) -> None:
    (fault,) = template_faults(record(), SSL, False, frozenset(key_types))
    assert fault.accepted == accepted


@pytest.mark.parametrize(
    ("certificate_type", "usage", "fits"),
    [
        (SSL, SERVER_AUTH, True),
        (SSL, CLIENT_AUTH, False),
        (CLIENT, CLIENT_AUTH, True),
        (CLIENT, EMAIL, True),
        (CLIENT, SERVER_AUTH, False),
        (CODE, CODE_SIGNING, True),
        (CODE, SERVER_AUTH, False),
        (DEVICE, CLIENT_AUTH, True),
        (DEVICE, SERVER_AUTH, True),
        (DEVICE, CODE_SIGNING, False),
        (SSL, ANY_PURPOSE, True),
    ],
)
def test_purposes_fit_the_certificate_type(
    certificate_type: CertificateType, usage: str, fits: bool
) -> None:
    found = codes(record(extended_key_usages=(usage,)), certificate_type)
    assert found == ([] if fits else ["template-purpose"])


@pytest.mark.parametrize(("flags", "found"), [(0x40, []), (0, ["template-purpose"])])
def test_a_device_of_the_directory_needs_a_template_for_computers(
    flags: int, found: list[str]
) -> None:
    template = for_people(general_flags=flags, name_flags=0x18000000)
    assert codes(template, DEVICE, from_ad=True) == found


@pytest.mark.parametrize("name_flags", [0x1, 0x10000])
@pytest.mark.parametrize("usage", [CLIENT_AUTH, SMART_CARD])
def test_t25_logon_with_names_from_the_request_is_a_risk(name_flags: int, usage: str) -> None:
    found = record(name_flags=name_flags, extended_key_usages=(SERVER_AUTH, usage))
    assert [each.code for each in risks(found)] == ["logon-with-supplied-names"]


def test_t25_logon_with_names_of_the_directory_is_none() -> None:
    assert list(risks(for_people())) == []


@pytest.mark.parametrize("usages", [(), (SERVER_AUTH, ANY_PURPOSE)])
def test_t27_any_purpose_is_a_risk(usages: tuple[str, ...]) -> None:
    found = for_people(extended_key_usages=usages)
    assert [each.code for each in risks(found)] == ["any-purpose"]


def test_t27_schema_1_with_names_from_the_request_is_a_risk() -> None:
    assert [each.code for each in risks(record(schema_version=1))] == ["schema-1-supplied-names"]


def test_t27_a_profile_is_refused_until_each_risk_is_acknowledged() -> None:
    unsafe = record(schema_version=1, extended_key_usages=(SERVER_AUTH, CLIENT_AUTH))
    first = judged(unsafe)
    assert [(each.code, each.pointer) for each in first] == [
        ("unsafe-template", "/acknowledged_risks")
    ] * 2
    known = ["logon-with-supplied-names"]
    (left,) = judged(unsafe, acknowledged_risks=known)
    assert left.accepted is not None
    assert left.accepted.startswith("schema-1-supplied-names")
    assert judged(unsafe, acknowledged_risks=[*known, "schema-1-supplied-names"]) == []


def test_a_template_that_is_not_published_is_a_fault_that_names_those_that_are() -> None:
    (fault,) = judged(record(), ms_template="Web Server")
    assert (fault.code, fault.accepted) == ("template-not-published", "WebServer")


def test_without_a_directory_nothing_is_judged() -> None:
    profile = MicrosoftProfileOptions(
        backend_type="microsoft", issuing_ca=CA_NAME, ms_template="Nothing"
    )
    assert judge_template(profile, ProfileFacts(SSL, frozenset())) == []


def test_a_template_is_judged_the_same_after_it_was_json() -> None:
    before = shown(record(name_flags=0xA6000000, ra_signatures=1))
    facts = json.loads(json.dumps(dict(before.facts)))
    after = Template(before.id, before.name, before.usable, before.allows, facts)
    profile = MicrosoftProfileOptions(
        backend_type="microsoft", issuing_ca=CA_NAME, ms_template="WebServer"
    )
    said = [
        judge_template(profile, ProfileFacts(SSL, frozenset({"rsa-2048"}), templates=[each]))
        for each in (before, after)
    ]
    assert said[0] == said[1]
    assert len(said[0]) == 2


def test_a_template_without_the_right_to_enroll_is_not_usable() -> None:
    assert shown(record()).usable
    assert not shown(record(may_enroll=False)).usable
    assert asdict(record())["name"] == shown(record()).id


def test_approval_and_a_missing_sid_extension_are_remarks() -> None:
    assert list(remarks(record())) == []
    (waits,) = remarks(record(enrollment_flags=0x2))
    assert "approval" in waits
    (weak,) = remarks(for_people(enrollment_flags=0x80000))
    assert "SID" in weak


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        (0x2000000, Name(NameKind.UPN, "ada@corp.example")),
        (0x4000000, Name(NameKind.EMAIL, "ada@corp.example")),
        (0x8000000, Name(NameKind.DNS, "pc.corp.example")),
        (0x400000, Name(NameKind.DNS, "corp.example")),
    ],
)
def test_each_flag_puts_its_name_in(flag: int, name: Name) -> None:
    account = person(dns_host_name="PC.corp.example")
    assert expected_names(for_people(name_flags=flag), account) == ((name,), ())


@pytest.mark.parametrize(
    ("flag", "attribute", "setting"),
    [
        (0x2000000, "userPrincipalName", "User principal name (UPN)"),
        (0x4000000, "mail", "E-mail name"),
        (0x8000000, "dNSHostName", "DNS name"),
        (0x20000000, "mail", "Include e-mail name"),
        (0x10000000, "dNSHostName", "Subject name format"),
    ],
)
def test_a_missing_attribute_is_named_with_its_setting(
    flag: int, attribute: str, setting: str
) -> None:
    bare = person(upn=None, mail=None, dns_host_name=None)
    names, (missing,) = expected_names(for_people(name_flags=flag), bare)
    assert names == ()
    assert f"has no {attribute}" in missing
    assert setting in missing


def test_an_attribute_that_is_no_name_is_incomplete() -> None:
    _, (missing,) = expected_names(for_people(name_flags=0x4000000), person(mail="not an address"))
    assert "no name for a certificate" in missing


@pytest.mark.parametrize(
    ("terms", "codes"),
    [((365,), []), ((), []), ((90, 365), ["template-term"]), ((730,), ["template-term"])],
)
def test_the_term_is_the_templates(terms: tuple[int, ...], codes: list[str]) -> None:
    web = record()
    profile = MicrosoftProfileOptions.model_validate(
        {"backend_type": "microsoft", "issuing_ca": CA_NAME, "ms_template": web.name}
    )
    facts = ProfileFacts(SSL, frozenset({"rsa-2048"}), templates=[shown(web)], terms_days=terms)
    assert [fault.code for fault in judge_template(profile, facts)] == codes
