"""Options of all backend types as one discriminated union, also while there is only one."""

import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from scm_api.core.vocabulary import BackendType
from scm_api.drivers.aws.options import AwsSecrets
from scm_api.drivers.options import (
    ConnectionOptions,
    ConnectionSecrets,
    ProfileOptions,
    plain_secrets,
)
from scm_api.drivers.registry import REGISTRY


class Body(BaseModel):
    options: ConnectionOptions
    secrets: ConnectionSecrets | None = None


@pytest.mark.parametrize("union", [ConnectionOptions, ConnectionSecrets, ProfileOptions])
def test_the_schema_has_one_of_with_a_discriminator(union: Any) -> None:
    schema = TypeAdapter(union).json_schema()
    assert len(schema["oneOf"]) == len(BackendType)
    assert schema["discriminator"]["propertyName"] == "backend_type"
    assert set(schema["discriminator"]["mapping"]) == set(BackendType)


def test_an_optional_union_keeps_its_discriminator() -> None:
    variants = Body.model_json_schema()["properties"]["secrets"]["anyOf"]
    assert any("discriminator" in variant for variant in variants)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"backend_type": "acme", "region": "eu-central-1"}, "union_tag_invalid"),
        ({"region": "eu-central-1"}, "union_tag_not_found"),
        ({"backend_type": None}, "union_tag_invalid"),
        ("aws", "model_attributes_type"),
    ],
)
def test_the_backend_type_decides(options: Any, kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate({"options": options})
    assert [fault["type"] for fault in caught.value.errors()] == [kind]


def test_every_backend_type_is_in_every_union() -> None:
    for backend_type, kind in REGISTRY.items():
        for union, model in (
            (ConnectionOptions, kind.connection_options),
            (ConnectionSecrets, kind.secrets),
            (ProfileOptions, kind.profile_options),
        ):
            for example in model.model_json_schema()["examples"]:
                assert example["backend_type"] == backend_type
                assert isinstance(TypeAdapter(union).validate_python(example), model)


def test_secrets_come_back_from_their_sealed_form() -> None:
    given = {
        "backend_type": "aws",
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": "canary",
    }
    secrets = AwsSecrets.model_validate(given)
    plain = plain_secrets(secrets)
    assert json.loads(plain)["secret_access_key"] == "canary"
    assert AwsSecrets.model_validate_json(plain) == secrets


def test_the_service_by_itself_knows_no_ca_of_the_tests() -> None:
    """It is in no installed service: what the tests add to the registry is with the tests."""
    program = "import scm_api.app; from scm_api.drivers.registry import REGISTRY as found\n"
    program += "print(*found)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == list(BackendType)
