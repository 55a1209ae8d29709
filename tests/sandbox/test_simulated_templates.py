"""Every template's extensions, and who wins when template, call and CSR disagree."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from aws_client import CSR, EC_ISSUING, EC_ROOT, Sandbox, make_csr, openssl_verify, refused
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import ExtensionOID, NameOID, ObjectIdentifier

from scm_api.sandbox.aws.templates import TEMPLATES

SERVER, CLIENT = Usage.SERVER_AUTH, Usage.CLIENT_AUTH
SIGN_AND_ENCIPHER = {"digital_signature", "key_encipherment"}
AUTHORITY = {"digital_signature", "key_cert_sign", "crl_sign"}
ALL, BLANK = ("", "CSR", "API", "APICSR"), ("CSR", "API", "APICSR")

# family: variants, (CA, path length, critical), key usage, extended key usages, critical
FAMILIES: dict[str, tuple[Any, ...]] = {
    "EndEntityCertificate": (
        ALL,
        (False, None, False),
        SIGN_AND_ENCIPHER,
        [SERVER, CLIENT],
        False,
    ),
    "EndEntityServerAuthCertificate": (
        ALL,
        (False, None, False),
        SIGN_AND_ENCIPHER,
        [SERVER],
        False,
    ),
    "EndEntityClientAuthCertificate": (
        ALL,
        (False, None, False),
        SIGN_AND_ENCIPHER,
        [CLIENT],
        False,
    ),
    "CodeSigningCertificate": (
        ALL,
        (False, None, False),
        {"digital_signature"},
        [Usage.CODE_SIGNING],
        True,
    ),
    "OCSPSigningCertificate": (
        ALL,
        (False, None, False),
        {"digital_signature"},
        [Usage.OCSP_SIGNING],
        True,
    ),
    "BlankEndEntityCertificate": (BLANK, (False, None, False), None, None, None),
    "BlankEndEntityCertificate_CriticalBasicConstraints": (
        BLANK,
        (False, None, True),
        None,
        None,
        None,
    ),
    "RootCACertificate": (("", "API"), (True, None, True), AUTHORITY, None, None),
    "BlankRootCACertificate": (("API",), (True, None, True), None, None, None),
}
for length in range(4):
    constraints = (True, length, True)
    FAMILIES |= {
        f"BlankRootCACertificate_PathLen{length}": (("API",), constraints, None, None, None),
        f"SubordinateCACertificate_PathLen{length}": (ALL, constraints, AUTHORITY, None, None),
        f"BlankSubordinateCACertificate_PathLen{length}": (BLANK, constraints, None, None, None),
    }
NAMES = {
    f"{family}_{variant}Passthrough" if variant else family: facts
    for family, (variants, *facts) in FAMILIES.items()
    for variant in variants
}


def key_usage(certificate: x509.Certificate) -> set[str] | None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound:
        return None
    assert usage.critical
    bits = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign"),
    )
    return {bit for bit in bits if getattr(usage.value, bit)}


def extended(certificate: x509.Certificate) -> tuple[list[ObjectIdentifier] | None, bool | None]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return None, None
    return list(usage.value), usage.critical


def names(certificate: x509.Certificate) -> list[str]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(name.value) for name in extension.value]


def test_the_list_of_templates_is_the_documented_one() -> None:
    assert set(TEMPLATES) == set(NAMES)
    assert len(NAMES) == 61


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_template_sets_its_extensions(sandbox: Sandbox, name: str) -> None:
    (is_ca, path_length, critical), usage, extended_usage, extended_critical = NAMES[name]
    csr = CSR
    if "RootCA" in name:
        csr = sandbox.pca.get_certificate_authority_csr(CertificateAuthorityArn=EC_ROOT)[
            "Csr"
        ].encode()
    arn = sandbox.issue(EC_ROOT, csr, template=name)
    leaf, chain = sandbox.get(arn)
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.value.path_length) == (is_ca, path_length)
    assert constraints.critical is critical
    assert key_usage(leaf) == usage
    assert extended(leaf) == (extended_usage, extended_critical)
    oids = {extension.oid for extension in leaf.extensions}
    assert ExtensionOID.SUBJECT_KEY_IDENTIFIER in oids
    assert (ExtensionOID.AUTHORITY_KEY_IDENTIFIER in oids) is ("RootCA" not in name)
    assert bool(chain) is ("RootCA" not in name)
    if "RootCA" not in name:
        assert names(leaf) == ["www.example.com"]


CUSTOM = ObjectIdentifier("1.3.6.1.4.1.99999.1")
FEATURES = [x509.TLSFeatureType.status_request]
WISHES: tuple[tuple[x509.ExtensionType, bool], ...] = (
    (x509.BasicConstraints(ca=True, path_length=3), True),
    (x509.ExtendedKeyUsage([Usage.EMAIL_PROTECTION]), False),
    (x509.TLSFeature(FEATURES), False),
    (x509.UnrecognizedExtension(CUSTOM, b"\x0c\x03csr"), True),
)


def custom(certificate: x509.Certificate) -> bytes | None:
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.UnrecognizedExtension):
            return extension.value.value
    return None


def test_base_templates_drop_what_else_the_csr_asks_for(sandbox: Sandbox) -> None:
    csr = make_csr("a.example.com", "b.example.com", extensions=WISHES)
    leaf = sandbox.certificate(csr=csr)
    assert names(leaf) == ["a.example.com", "b.example.com"]
    assert {extension.oid for extension in leaf.extensions} == {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }


def test_csr_passthrough_copies_what_the_template_leaves_open(sandbox: Sandbox) -> None:
    csr = make_csr(extensions=WISHES)
    leaf = sandbox.certificate(csr=csr, template="EndEntityCertificate_CSRPassthrough")
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert extended(leaf) == ([SERVER, CLIENT], False)
    assert custom(leaf) == b"\x0c\x03csr"
    assert list(leaf.extensions.get_extension_for_class(x509.TLSFeature).value) == FEATURES

    blank = sandbox.certificate(csr=csr, template="BlankEndEntityCertificate_CSRPassthrough")
    assert not blank.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert extended(blank) == ([Usage.EMAIL_PROTECTION], False)
    assert key_usage(blank) is None


API = {
    "Subject": {"CommonName": "api.example.com", "Organization": "Given by the call"},
    "Extensions": {
        "SubjectAlternativeNames": [{"DnsName": "api.example.com"}, {"IpAddress": "192.0.2.7"}],
        "KeyUsage": {"DigitalSignature": True, "KeyAgreement": True},
        "ExtendedKeyUsage": [
            {"ExtendedKeyUsageType": "SMART_CARD_LOGIN"},
            {"ExtendedKeyUsageObjectIdentifier": "1.2.3.4"},
        ],
        "CertificatePolicies": [
            {
                "CertPolicyId": "2.23.140.1.2.2",
                "PolicyQualifiers": [
                    {"PolicyQualifierId": "CPS", "Qualifier": {"CpsUri": "https://example.com/"}}
                ],
            }
        ],
        "CustomExtensions": [
            {
                "ObjectIdentifier": CUSTOM.dotted_string,
                "Value": b64encode(b"\x0c\x03api").decode(),
                "Critical": True,
            }
        ],
    },
}


def test_api_passthrough_is_ignored_unless_the_template_takes_it(sandbox: Sandbox) -> None:
    for template in ("EndEntityCertificate", "EndEntityCertificate_CSRPassthrough"):
        leaf = sandbox.certificate(template=template, ApiPassthrough=API)
        assert leaf.subject.rfc4514_string() == "CN=www.example.com"
        assert names(leaf) == ["www.example.com"]
        assert custom(leaf) is None


def test_precedence_is_template_then_call_then_csr(sandbox: Sandbox, tmp_path: Path) -> None:
    order: dict[str, Any] = {"csr": make_csr(extensions=WISHES), "ApiPassthrough": API}
    leaf = sandbox.certificate(template="EndEntityCertificate_APICSRPassthrough", **order)
    assert leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert names(leaf) == ["api.example.com", "192.0.2.7"]
    assert extended(leaf) == ([SERVER, CLIENT], False)
    assert key_usage(leaf) == SIGN_AND_ENCIPHER
    assert custom(leaf) == b"\x0c\x03api"
    assert list(leaf.extensions.get_extension_for_class(x509.TLSFeature).value) == FEATURES

    arn = sandbox.issue(template="BlankEndEntityCertificate_APIPassthrough", **order)
    blank, chain = sandbox.get(arn)
    assert extended(blank)[0] == [Usage.SMARTCARD_LOGON, ObjectIdentifier("1.2.3.4")]
    assert key_usage(blank) == {"digital_signature", "key_agreement"}
    policies = blank.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert policies[0].policy_qualifiers == ["https://example.com/"]
    with pytest.raises(x509.ExtensionNotFound):
        blank.extensions.get_extension_for_class(x509.TLSFeature)
    answer = openssl_verify(tmp_path, blank, chain, "-ignore_critical")
    assert answer.endswith("leaf: OK")


def test_every_kind_of_name_can_be_given_in_the_call(sandbox: Sandbox) -> None:
    given = [
        {"Rfc822Name": "somebody@example.com"},
        {"UniformResourceIdentifier": "spiffe://example.com/service"},
        {"DirectoryName": {"CommonName": "directory"}},
        {"RegisteredId": "1.2.3"},
        {"OtherName": {"TypeId": "1.3.6.1.4.1.311.20.2.3", "Value": "user@example.com" * 9}},
    ]
    leaf = sandbox.certificate(
        template="EndEntityCertificate_APIPassthrough",
        ApiPassthrough={"Extensions": {"SubjectAlternativeNames": given}},
    )
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [type(name) for name in san] == [
        x509.RFC822Name,
        x509.UniformResourceIdentifier,
        x509.DirectoryName,
        x509.RegisteredID,
        x509.OtherName,
    ]


_SENSELESS = [
    {"Extensions": {"SubjectAlternativeNames": [{"DnsName": "a", "IpAddress": "::1"}]}},
    {"Extensions": {"SubjectAlternativeNames": [{"IpAddress": "not an address"}]}},
    {"Extensions": {"SubjectAlternativeNames": [{"EdiPartyName": {"PartyName": "x"}}]}},
    {
        "Subject": {
            "CommonName": "a",
            "CustomAttributes": [{"ObjectIdentifier": "1.2.3.4", "Value": "b"}],
        }
    },
]
_BEYOND_THE_API_MODEL = [
    {"Extensions": {"ExtendedKeyUsage": [{"ExtendedKeyUsageType": "UNKNOWN"}]}},
    {"Extensions": {"CustomExtensions": [{"ObjectIdentifier": "1.2.3", "Value": "%%"}]}},
    {"Subject": {"Country": "Germany"}},
]


@pytest.mark.parametrize(
    ("code", "passthrough"),
    [
        *(("InvalidArgsException", each) for each in _SENSELESS),
        *(("ValidationException", each) for each in _BEYOND_THE_API_MODEL),
    ],
)
def test_api_passthrough_that_makes_no_sense_is_refused(
    sandbox: Sandbox, code: str, passthrough: dict[str, Any]
) -> None:
    template = "EndEntityCertificate_APIPassthrough"
    with refused(code):
        sandbox.issue(template=template, ApiPassthrough=passthrough)
    assert sandbox.ledger() == []


def test_custom_attributes_make_a_subject(sandbox: Sandbox) -> None:
    attributes = [{"ObjectIdentifier": "2.5.4.3", "Value": "custom"}]
    leaf = sandbox.certificate(
        template="EndEntityCertificate_APIPassthrough",
        ApiPassthrough={"Subject": {"CustomAttributes": attributes}},
    )
    assert leaf.subject.rfc4514_string() == "CN=custom"


def test_a_root_template_signs_the_roots_own_key_only(sandbox: Sandbox) -> None:
    for ca in (EC_ROOT, EC_ISSUING):
        with refused("InvalidArgsException", "CSR of the root certificate authority"):
            sandbox.issue(ca, template="RootCACertificate")
    csr = sandbox.pca.get_certificate_authority_csr(CertificateAuthorityArn=EC_ROOT)["Csr"]
    root, chain = sandbox.get(sandbox.issue(EC_ROOT, csr.encode(), template="RootCACertificate"))
    assert chain == []
    assert root.subject == root.issuer
    with refused("InvalidRequestException", "root certificate cannot be revoked"):
        sandbox.revoke(f"{root.serial_number:x}", ca=EC_ROOT)


def test_a_subordinate_must_fit_below_its_ca(sandbox: Sandbox, tmp_path: Path) -> None:
    with refused("InvalidArgsException", "path length 1"):
        sandbox.issue(template="SubordinateCACertificate_PathLen1")
    leaf, chain = sandbox.get(sandbox.issue(template="SubordinateCACertificate_PathLen0"))
    assert openssl_verify(tmp_path, leaf, chain).endswith("leaf: OK")


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("arn:aws:acm-pca:::template/NoSuchTemplate/V1", "InvalidArgsException"),
        ("arn:aws:acm-pca:::template/RootCACertificate_CSRPassthrough/V1", "InvalidArgsException"),
        ("arn:aws-cn:acm-pca:::template/EndEntityCertificate/V1", "InvalidArgsException"),
        ("arn:aws:acm-pca:::template/EndEntityCertificate/V2", "InvalidArnException"),
        ("arn:aws:acm-pca:::EndEntityCertificate", "InvalidArnException"),
        ("garbage", "ValidationException"),
    ],
)
def test_unknown_templates_are_refused(sandbox: Sandbox, template: str, code: str) -> None:
    with refused(code):
        sandbox.issue(TemplateArn=template)
