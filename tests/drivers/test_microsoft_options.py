"""What may be said about an AD CS backend, and what is wrong with it all at once."""

import base64
import json
from typing import Any

import pytest
from microsoft_harness import MicrosoftHarness
from pydantic import ValidationError

from scm_api.core.vocabulary import CertificateType
from scm_api.drivers.kinds import ProfileFacts
from scm_api.drivers.microsoft.kind import MICROSOFT
from scm_api.drivers.microsoft.options import (
    MicrosoftConnection,
    MicrosoftOrderOptions,
    MicrosoftProfileOptions,
    MicrosoftSecrets,
)
from scm_api.drivers.options import plain_secrets

ENROLLER = {"transport": "certsrv", "base_url": "https://ca1.corp.example", "auth": "ntlm"}
GOOD: dict[str, Any] = {
    "backend_type": "microsoft",
    "issuing_ca": "Corp CA",
    "enroller": ENROLLER,
    "directory": {"url": "ldaps://dc1.corp.example"},
    "revoker": {
        "base_url": "https://ca1.corp.example:5986",
        "ca_config": "ca1.corp.example\\Corp CA",
        "auth": "ntlm",
    },
}
ACCOUNT = {"username": "CORP\\svc", "password": "secret"}
SECRETS: dict[str, Any] = {
    "backend_type": "microsoft",
    "enroller": ACCOUNT,
    "directory": ACCOUNT,
    "revoker": ACCOUNT,
}


def codes(body: dict[str, Any], secrets: dict[str, Any]) -> list[tuple[str, str]]:
    connection = MicrosoftConnection.model_validate(body)
    given = MicrosoftSecrets.model_validate(secrets)
    return [(each.pointer, each.code) for each in MICROSOFT.judge_connection(connection, given)]


def types(model: Any, body: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return [each["type"] for each in caught.value.errors()]


def test_what_belongs_together_has_no_fault() -> None:
    assert codes(GOOD, SECRETS) == []


@pytest.mark.parametrize(
    ("where", "url", "code"),
    [
        ("enroller", "http://ca1.corp.example", "insecure-endpoint"),
        ("enroller", "http://127.0.0.1:8080", "insecure-endpoint"),
        ("enroller", "http://localhost", "insecure-endpoint"),
        ("revoker", "http://127.0.0.1:5985", "insecure-endpoint"),
        ("enroller", "https://169.254.169.254", "endpoint-not-allowed"),
        ("enroller", "https://10.0.0.1", "endpoint-not-allowed"),
        ("enroller", "https://2130706433", "endpoint-not-allowed"),
        ("enroller", "https://[::ffff:10.0.0.1]", "endpoint-not-allowed"),
        ("enroller", "https://ca1.corp.example/certsrv", "endpoint-not-allowed"),
        ("enroller", "https://user:pass@ca1.corp.example", "endpoint-not-allowed"),
        ("directory", "ldap://dc1.corp.example", "insecure-endpoint"),
        ("directory", "ldaps://169.254.169.254", "endpoint-not-allowed"),
        ("directory", "ldaps://10.0.0.1", "endpoint-not-allowed"),
    ],
)
def test_t30_t53_addresses_that_are_refused(where: str, url: str, code: str) -> None:
    name = "url" if where == "directory" else "base_url"
    assert types(MicrosoftConnection, GOOD | {where: GOOD[where] | {name: url}}) == [code]


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "a b", "ca:135", "ca/x", "u@ca"])
def test_t53_hosts_of_rpc_that_are_refused(host: str) -> None:
    rpc = {"transport": "icpr", "host": host}
    assert types(MicrosoftConnection, GOOD | {"enroller": rpc}) == ["endpoint-not-allowed"]


@pytest.mark.parametrize(
    "text", ["a\r\nSAN:upn=x", "a\nb", "a\x00", "a\x7f", "a:b", "a&b", "", "x" * 65]
)
def test_t26_names_of_templates_and_cas(text: str) -> None:
    profile = {"backend_type": "microsoft", "issuing_ca": "Corp CA", "ms_template": text}
    assert types(MicrosoftProfileOptions, profile) == ["string_pattern_mismatch"]
    assert types(MicrosoftConnection, GOOD | {"issuing_ca": text}) == ["string_pattern_mismatch"]


@pytest.mark.parametrize("text", ["jo@corp.example\r\nrequestername:x", "CORP\\jo\x00", "", "\t"])
def test_t59_control_characters_in_an_account_are_refused(text: str) -> None:
    order = {"backend_type": "microsoft", "on_behalf_of": text}
    assert types(MicrosoftOrderOptions, order) == ["string_pattern_mismatch"]


@pytest.mark.parametrize(
    "config",
    ['ca1\\Corp" & calc "', "ca1\\Corp|x", "ca1\\%PATH%", "ca1\\a\nb", "Corp CA", "ca1\\x\\"],
)
def test_what_certutil_is_pointed_at_ends_no_argument(config: str) -> None:
    revoker = GOOD["revoker"] | {"ca_config": config}
    assert types(MicrosoftConnection, GOOD | {"revoker": revoker}) == ["string_pattern_mismatch"]


def test_every_port_wants_its_credential_and_all_faults_are_told_at_once() -> None:
    body = GOOD | {
        "enroller": ENROLLER | {"auth": "kerberos"},
        "revoker": GOOD["revoker"] | {"auth": "client_certificate"},
    }
    secrets = {
        "backend_type": "microsoft",
        "enroller": {"username": "svc"},
        "revoker": ACCOUNT,
        "agent_certificate": "x",
    }
    assert codes(body, secrets) == [
        ("/secrets/enroller", "missing-credentials"),
        ("/options/realm", "missing-realm"),
        ("/secrets/directory", "missing-credentials"),
        ("/secrets/revoker/client_certificate", "missing-credentials"),
        ("/secrets/agent_certificate", "incomplete-credentials"),
    ]


def test_a_keytab_is_enough_for_kerberos_and_not_for_falling_back() -> None:
    keytab = base64.b64encode(b"\x05\x02rest").decode()
    secrets = SECRETS | {"enroller": {"username": "svc", "keytab": keytab}}
    body = GOOD | {"enroller": ENROLLER | {"auth": "kerberos"}, "realm": "CORP.EXAMPLE"}
    assert codes(body, secrets) == []
    falling = body | {"enroller": body["enroller"] | {"allow_ntlm_fallback": True}}
    assert codes(falling, secrets) == [("/secrets/enroller/password", "missing-credentials")]


@pytest.mark.parametrize("keytab", ["", "no base64", base64.b64encode(b"\x04").decode()])
def test_what_is_no_keytab_is_refused(keytab: str) -> None:
    account = {"username": "svc", "keytab": keytab}
    assert types(MicrosoftSecrets, SECRETS | {"enroller": account}) == ["malformed-keytab"]


@pytest.mark.parametrize(
    ("agent", "code"),
    [
        ("rsa", None),
        ("ecdsa", None),
        ("expired", "unusable-credential"),
        ("wrong-eku", "unusable-credential"),
    ],
)
def test_the_agents_certificate_is_an_agents(
    microsoft_harness: MicrosoftHarness, agent: Any, code: str | None
) -> None:
    text = microsoft_harness.server.simulator.agents.path(agent).read_text()
    certificate, key = text.split("-----BEGIN PRIV")
    pair = {"agent_certificate": certificate, "agent_key": f"-----BEGIN PRIV{key}"}
    wanted = [] if code is None else [("/secrets/agent_certificate", code)]
    assert codes(GOOD, SECRETS | pair) == wanted
    other = microsoft_harness.server.simulator.agents.path("foreign").read_text()
    pair["agent_key"] = f"-----BEGIN PRIV{other.split('-----BEGIN PRIV')[1]}"
    assert ("/secrets/agent_certificate", "unusable-credential") in codes(GOOD, SECRETS | pair)


def test_an_agent_needs_the_directory(microsoft_harness: MicrosoftHarness) -> None:
    text = microsoft_harness.server.simulator.agents.path("rsa").read_text()
    certificate, key = text.split("-----BEGIN PRIV")
    pair = {"agent_certificate": certificate, "agent_key": f"-----BEGIN PRIV{key}"}
    found = codes(GOOD | {"directory": None}, SECRETS | pair)
    assert found == [("/options/directory", "missing-directory")]


def test_t61_secrets_are_in_no_dump_and_no_error_and_come_back_whole() -> None:
    keytab = base64.b64encode(b"\x05\x02rest").decode()
    given = SECRETS | {"directory": {"username": "svc", "password": "c4nary", "keytab": keytab}}
    secrets = MicrosoftSecrets.model_validate(given)
    assert "c4nary" not in repr(secrets) + str(secrets.model_dump()) + secrets.model_dump_json()
    again = MicrosoftSecrets.model_validate(json.loads(plain_secrets(secrets)))
    assert again == secrets
    with pytest.raises(ValidationError) as caught:
        MicrosoftSecrets.model_validate(
            SECRETS | {"enroller": {"username": "c4nary:", "password": "c4nary" * 100}}
        )
    assert "c4nary" not in str(caught.value)


def test_a_profile_issues_from_the_ca_of_its_backend() -> None:
    connection = MicrosoftConnection.model_validate(GOOD)
    profile = {"backend_type": "microsoft", "issuing_ca": "Other CA", "ms_template": "WebServer"}
    facts = ProfileFacts(CertificateType.SSL, frozenset())
    options = MicrosoftProfileOptions.model_validate(profile)
    (fault,) = MICROSOFT.judge_profile(options, connection, facts)
    assert (fault.pointer, fault.code, fault.accepted) == (
        "/issuing_ca",
        "wrong-issuing-ca",
        "Corp CA",
    )


def test_building_from_ad_needs_a_directory() -> None:
    connection = MicrosoftConnection.model_validate(GOOD | {"directory": None})
    options = MicrosoftProfileOptions.model_validate(
        {
            "backend_type": "microsoft",
            "issuing_ca": "Corp CA",
            "ms_template": "User",
            "build_subject_from_ad": True,
        }
    )
    facts = ProfileFacts(CertificateType.CLIENT, frozenset())
    found = [each.code for each in MICROSOFT.judge_profile(options, connection, facts)]
    assert found == ["missing-directory"]


def test_a_backend_says_which_ports_it_has() -> None:
    whole = MicrosoftConnection.model_validate(GOOD)
    bare = MicrosoftConnection.model_validate(GOOD | {"directory": None, "revoker": None})
    shown = {each.name: each.available for each in MICROSOFT.abilities(whole, None)}
    assert shown == {"enroll": True, "directory": True, "revoke": True}
    missing = {each.name: each for each in MICROSOFT.abilities(bare, None)}
    assert not missing["directory"].available
    assert "add `directory`" in missing["directory"].detail
    assert not missing["revoke"].available
    assert "add `revoker`" in missing["revoke"].detail
