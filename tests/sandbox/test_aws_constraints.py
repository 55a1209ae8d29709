"""The constraints of the simulator against the API model that AWS ships with its SDK."""

from typing import Any

import pytest
from aws_client import Sandbox, refused, template_arn
from botocore.loaders import Loader

from scm_api.sandbox.aws.constraints import REQUESTS
from scm_api.sandbox.aws.members import Member

_KINDS = {"structure": dict, "list": list, "boolean": bool, "integer": int, "long": int}
_SHAPES: dict[str, Any] = Loader().load_service_model("acm-pca", "service-2")["shapes"]


def differences(member: Member, shape: dict[str, Any], path: str) -> list[str]:
    """What the simulator checks otherwise than the model says."""
    found = []
    if member.kind is not _KINDS.get(shape["type"], str):
        found.append(f"{path}: kind")
    if (member.low, member.high) != (shape.get("min"), shape.get("max")):
        found.append(f"{path}: bounds")
    if member.pattern != shape.get("pattern"):
        found.append(f"{path}: pattern")
    if not set(member.one_of) >= set(shape.get("enum", ())):  # newer models have more
        found.append(f"{path}: values")
    if member.item:
        found += differences(member.item, _SHAPES[shape["member"]["shape"]], f"{path}[]")
    return found + differences_of_all(member.members, shape, path)


def differences_of_all(members: tuple[Member, ...], shape: dict[str, Any], path: str) -> list[str]:
    modelled = shape.get("members", {})
    found = [f"{path}: members"] if {each.name for each in members} != set(modelled) else []
    required = {each.name for each in members if each.required}
    if required != set(shape.get("required", ())):
        found.append(f"{path}: required")
    for each in members:
        if each.name in modelled:
            below = _SHAPES[modelled[each.name]["shape"]]
            found += differences(each, below, f"{path}.{each.name}")
    return found


@pytest.mark.parametrize("operation", REQUESTS)
def test_requests_are_checked_as_the_api_model_says(operation: str) -> None:
    shape = _SHAPES[f"{operation}Request"]
    assert differences_of_all(REQUESTS[operation], shape, operation) == []


@pytest.mark.parametrize(
    ("passthrough", "path"),
    [
        ({"Subject": {"GivenName": "x" * 17}}, "apiPassthrough.subject.givenName"),
        (
            {"Extensions": {"SubjectAlternativeNames": [{"DnsName": "a"}, {"DnsName": "a" * 254}]}},
            "apiPassthrough.extensions.subjectAlternativeNames.2.member.dnsName",
        ),
        (
            {"Extensions": {"ExtendedKeyUsage": [{"ExtendedKeyUsageType": "ANY"}]}},
            "apiPassthrough.extensions.extendedKeyUsage.1.member.extendedKeyUsageType",
        ),
    ],
)
def test_what_the_call_passes_is_checked_to_the_last_member(
    sandbox: Sandbox, passthrough: dict[str, Any], path: str
) -> None:
    with refused("ValidationException", f"^1 validation error detected: .* at '{path}' failed"):
        sandbox.issue(
            TemplateArn=template_arn("EndEntityCertificate_APIPassthrough"),
            ApiPassthrough=passthrough,
        )


def test_what_has_no_encoding_is_refused(sandbox: Sandbox) -> None:
    policy = {
        "CertPolicyId": "1.2.3",
        "PolicyQualifiers": [{"PolicyQualifierId": "CPS", "Qualifier": {"CpsUri": "\u0663"}}],
    }
    with refused("InvalidArgsException", "cannot be encoded"):
        sandbox.issue(
            TemplateArn=template_arn("EndEntityCertificate_APIPassthrough"),
            ApiPassthrough={"Extensions": {"CertificatePolicies": [policy]}},
        )
    assert sandbox.ledger() == []


@pytest.mark.parametrize("serial", ["-1", "0x1", " 1", "1_0"])
def test_serial_numbers_are_hexadecimal_digits(sandbox: Sandbox, serial: str) -> None:
    with refused("InvalidRequestException", "not a serial number"):
        sandbox.revoke(serial)
