"""The fixed list of templates."""

import pytest

from scm_api.drivers.aws import wire
from scm_api.drivers.aws.templates import AWS_TEMPLATES, DEFAULT_TEMPLATE, makes_a_ca


def test_every_end_entity_template_is_there_and_no_other() -> None:
    full = (
        "EndEntityCertificate",
        "EndEntityServerAuthCertificate",
        "EndEntityClientAuthCertificate",
        "CodeSigningCertificate",
        "OCSPSigningCertificate",
    )
    blank = (
        "BlankEndEntityCertificate",
        "BlankEndEntityCertificate_CriticalBasicConstraints",
    )
    passing = ("_CSRPassthrough", "_APIPassthrough", "_APICSRPassthrough")
    expected = {family + suffix for family in full for suffix in ("", *passing)}
    expected |= {family + suffix for family in blank for suffix in passing}
    assert set(AWS_TEMPLATES) == expected
    assert len(AWS_TEMPLATES) == 26
    assert DEFAULT_TEMPLATE in AWS_TEMPLATES
    assert not any(makes_a_ca(name) for name in AWS_TEMPLATES)


@pytest.mark.parametrize(
    "name",
    [
        "RootCACertificate",
        "RootCACertificate_APIPassthrough",
        "BlankRootCACertificate_PathLen0_APIPassthrough",
        "SubordinateCACertificate_PathLen0",
        "SubordinateCACertificate_PathLen3_CSRPassthrough",
        "BlankSubordinateCACertificate_PathLen1_APICSRPassthrough",
    ],
)
def test_ca_templates_are_recognised(name: str) -> None:
    assert makes_a_ca(name)


@pytest.mark.parametrize(
    ("name", "says", "usages", "from_csr"),
    [
        ("EndEntityServerAuthCertificate", "server authentication", ["serverAuth"], False),
        ("EndEntityCertificate", "server and client", ["serverAuth", "clientAuth"], False),
        ("EndEntityCertificate_CSRPassthrough", "further extensions", None, True),
        ("BlankEndEntityCertificate_APIPassthrough", "dropped", [], False),
        ("BlankEndEntityCertificate_CSRPassthrough", "chooses the key usages", [], True),
        ("OCSPSigningCertificate", "answer for the CA", ["OCSPSigning"], False),
    ],
)
def test_templates_say_what_they_allow(
    name: str, says: str, usages: list[str] | None, from_csr: bool
) -> None:
    (found,) = [each for each in wire.templates("aws-cn") if each.name == name]
    assert found.id == f"arn:aws-cn:acm-pca:::template/{name}/V1"
    assert says in found.allows
    assert usages is None or found.facts["extended_key_usages"] == usages
    assert found.facts["extensions_from_csr"] is from_csr
