"""What an administrator may say about AWS, and how what is wrong is called."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from scm_api.drivers.aws.options import AwsConnection, AwsProfileOptions, AwsSecrets

CONNECTION = {"backend_type": "aws", "region": "eu-central-1"}
ROLE = {"mode": "assumed_role", "role_arn": "arn:aws:iam::111122223333:role/x", "external_id": "ab"}
KEYS = {"backend_type": "aws", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "s"}


def kinds_of(model: type[BaseModel], value: Any) -> set[tuple[str, str]]:
    """Which member is refused, and for what kind of reason."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return {
        (".".join(map(str, fault["loc"])), fault["type"])
        for fault in caught.value.errors(include_url=False)
    }


def test_the_smallest_connection_has_sound_defaults() -> None:
    connection = AwsConnection.model_validate(CONNECTION)
    assert connection.credentials.mode == "static_keys"
    assert connection.endpoint_url is None
    quotas = connection.quotas
    assert quotas.issue_per_second == 20 < 25
    assert quotas.get_per_second < 75
    others = (
        quotas.revoke_per_second,
        quotas.describe_per_second,
        quotas.list_per_second,
        quotas.get_ca_certificate_per_second,
    )
    assert all(each < 20 for each in others)
    assert AwsConnection.model_validate(connection.model_dump(mode="json")) == connection


@pytest.mark.parametrize(
    "region", ["eu-central-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1"]
)
def test_regions(region: str) -> None:
    assert AwsConnection.model_validate(CONNECTION | {"region": region}).region == region


@pytest.mark.parametrize(
    "region",
    ["", "eu", "EU-CENTRAL-1", "eu-central-1\n", "eu-central-1.evil.example/", "eu-central-1@x"],
)
def test_t53_a_region_is_no_way_to_another_host(region: str) -> None:
    wrong = kinds_of(AwsConnection, CONNECTION | {"region": region})
    assert wrong == {("region", "string_pattern_mismatch")}


@pytest.mark.parametrize("model", [AwsConnection, AwsSecrets, AwsProfileOptions])
def test_unknown_fields_are_refused(model: type[BaseModel]) -> None:
    assert ("verify", "extra_forbidden") in kinds_of(model, {"backend_type": "aws", "verify": 0})


@pytest.mark.parametrize("field", ["endpoint_url", "sts_endpoint_url"])
@pytest.mark.parametrize(
    "url", ["http://169.254.169.254", "https://10.1.2.3", "http://example.com"]
)
def test_t53_endpoints_are_judged(field: str, url: str) -> None:
    if field == "endpoint_url":
        wrong = kinds_of(AwsConnection, CONNECTION | {field: url})
        assert wrong == {("endpoint_url", "endpoint-not-allowed")}
    else:
        wrong = kinds_of(AwsConnection, CONNECTION | {"credentials": ROLE | {field: url}})
        assert wrong == {("credentials.assumed_role.sts_endpoint_url", "endpoint-not-allowed")}


def test_t58_a_role_needs_an_external_id_or_says_that_it_has_none() -> None:
    without = {name: value for name, value in ROLE.items() if name != "external_id"}
    for role in (without, ROLE | {"without_external_id": True}):
        wrong = kinds_of(AwsConnection, CONNECTION | {"credentials": role})
        assert wrong == {("credentials.assumed_role", "reference-not-allowed")}
    said = without | {"without_external_id": True}
    assert AwsConnection.model_validate(CONNECTION | {"credentials": said})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role_arn", "arn:aws:iam::111122223333:user/x"),
        ("role_arn", "arn:aws:iam::1:role/x"),
        ("role_arn", "arn:aws:iam::111122223333:role/x\r\ny"),
        ("external_id", "a"),
        ("external_id", "a b"),
        ("external_id", "ä" * 5),
        ("session_name", "has blank"),
        ("session_name", "x" * 65),
    ],
)
def test_t59_role_fields_are_bounded(field: str, value: str) -> None:
    wrong = kinds_of(AwsConnection, CONNECTION | {"credentials": ROLE | {field: value}})
    assert {where for where, _ in wrong} == {f"credentials.assumed_role.{field}"}


@pytest.mark.parametrize("value", ["", "a b", "a\r\nX-Evil: 1", "\x00", "ä", "x" * 8193])
@pytest.mark.parametrize("field", ["secret_access_key", "session_token"])
def test_t59_secrets_cannot_break_out_of_a_header(field: str, value: str) -> None:
    assert (field, "malformed-secret") in kinds_of(AwsSecrets, KEYS | {field: value})


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_key_id": "AKIAIOSFODNN7EXAMPLE"},
        {"secret_access_key": "s"},
        {"session_token": "t"},
    ],
)
def test_half_a_credential_is_refused(wrong: dict[str, str]) -> None:
    assert kinds_of(AwsSecrets, {"backend_type": "aws", **wrong}) == {
        ("", "incomplete-credentials")
    }


def test_no_secrets_are_needed_for_the_default_chain() -> None:
    assert AwsSecrets.model_validate({"backend_type": "aws"}).access_key_id is None


def test_t61_secrets_are_not_shown() -> None:
    secrets = AwsSecrets.model_validate(
        KEYS | {"secret_access_key": "canary", "session_token": "t"}
    )
    assert "canary" not in f"{secrets!r} {secrets} {secrets.model_dump_json()}"
    with pytest.raises(ValidationError) as caught:
        AwsSecrets.model_validate(KEYS | {"secret_access_key": "can ary"})
    assert "can ary" not in str(caught.value)


@pytest.mark.parametrize("model", [AwsConnection, AwsSecrets, AwsProfileOptions])
def test_every_field_is_described(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    undescribed = [
        f"{name}.{field}"
        for name, part in {model.__name__: schema, **schema.get("$defs", {})}.items()
        for field, content in part.get("properties", {}).items()
        if not content.get("description")
    ]
    assert undescribed == []
    for example in schema["examples"]:
        model.model_validate(example)
