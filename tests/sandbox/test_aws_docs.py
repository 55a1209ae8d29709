"""The guide `docs/sandbox-aws.md` is right: its Python runs, its requests are accepted."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_client import Sandbox, refused

from scm_api.sandbox import aws
from scm_api.sandbox.aws.identities import default_credentials

GUIDE = (Path(__file__).parents[2] / "docs" / "sandbox-aws.md").read_text()
DEFAULT_URL = "http://127.0.0.1:4010"
CURL = re.compile(
    r"curl -s (?:-X (\w+) )?'?http://127\.0\.0\.1:4010/_sandbox([^\s']+)'?"
    r"(?:[\s\\]+-d '([^']+)')?"
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_python_of_the_guide_prints_a_certificate_and_its_chain(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = blocks("python")
    exec(program.replace(DEFAULT_URL, sandbox.url), {})  # the guide's own text
    assert capsys.readouterr().out.count("-----BEGIN CERTIFICATE-----") == 3


def test_the_requests_of_the_guide_are_accepted(sandbox: Sandbox) -> None:
    requests: list[Any] = CURL.findall("\n".join(blocks("sh")))
    assert len(requests) == 6
    for method, path, body in requests:
        method = method or ("POST" if body else "GET")
        response = sandbox.http.request(
            method, f"{sandbox.url}/_sandbox{path}", json=json.loads(body) if body else None
        )
        assert response.is_success, response.text


def test_the_guide_names_every_credential_and_ca() -> None:
    for key in default_credentials().access_keys:
        assert f"`{key.access_key_id}` / `{key.secret_access_key}`" in GUIDE
    assert aws.ROLE_ARN in GUIDE
    assert aws.ROLE_EXTERNAL_ID in GUIDE
    assert aws.EC_ISSUING_ID in GUIDE


def test_a_lost_answer_is_found_as_the_guide_says(sandbox: Sandbox) -> None:
    sandbox.fault("IssueCertificate", "error", when="after", status=500)
    with refused("InternalFailure"):
        sandbox.issue()
    sandbox.issue()
    assert len(sandbox.ledger("order")) == 2
