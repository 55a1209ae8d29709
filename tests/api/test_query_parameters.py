"""Query parameters: those declared, each once, as they can be meant; every fault is told."""

from typing import Any

import pytest

from api_client import Api, Contract, code_of, faults_of
from scm_api.web.examples import PATH_PARAMETERS

LISTS = (
    "/enrollments",
    "/certificates",
    "/bulk-renewals",
    "/bulk-revocations",
    "/certificate-profiles",
    "/ca-backends",
    "/connectors",
    "/organizations",
    "/admins",
    "/api-keys",
    "/audit-events",
)
HEX = "64 hex digits, with or without colons"
DIGEST = "0123456789abcdef" * 4


async def the_fault(api: Api, path: str) -> Any:
    """The only fault of a GET."""
    problem = await api.get(path, 400)
    [fault] = problem["errors"]
    assert problem["type"] == fault["type"]
    assert problem["detail"] == fault["detail"]
    return fault


async def test_every_operation_refuses_a_parameter_it_does_not_declare(
    api: Api, contract: Contract
) -> None:
    for template, operations in contract.document["paths"].items():
        path = template.format(**PATH_PARAMETERS)
        for method, operation in operations.items():
            response = await api.send(method.upper(), f"{path}?undeclared=1", 400)
            problem = response.json()
            assert code_of(problem) == "parameter-unknown", (method, path)
            assert faults_of(problem) == {("query/undeclared", "parameter-unknown")}
            declared = [
                parameter["name"]
                for parameter in operation.get("parameters", [])
                if parameter["in"] == "query"
            ]
            accepted = ", ".join(sorted(declared)) or "no query parameters"
            assert problem["errors"][0]["accepted"] == accepted


@pytest.mark.parametrize("path", LISTS)
async def test_a_parameter_given_twice_is_refused(api: Api, path: str) -> None:
    fault = await the_fault(api, f"{path}?limit=1&limit=1")
    assert code_of(fault) == "parameter-repeated"
    assert fault["pointer"] == "query/limit"


async def test_no_value_of_a_parameter_is_repeated_and_names_are_cut(api: Api) -> None:
    many = "&".join(f"{'n' * 100}{number}=s3cr3t" for number in range(200))
    problem = await api.get(f"/connectors?{many}", 400)
    assert "s3cr3t" not in str(problem)
    assert len(problem["errors"]) == 20
    assert all(len(fault["pointer"]) <= 70 for fault in problem["errors"])


async def test_all_faults_of_parameters_are_told(api: Api) -> None:
    path = "/certificates?limit=abc&status=nope&organization_id=x&foo=1&name=b&name=a"
    problem = await api.get(path, 400)
    assert code_of(problem) == "parameter-invalid"
    assert problem["detail"] == "5 parameters cannot be taken."
    assert faults_of(problem) == {
        ("query/foo", "parameter-unknown"),
        ("query/name", "parameter-repeated"),
        ("query/limit", "parameter-invalid"),
        ("query/status", "parameter-invalid"),
        ("query/organization_id", "parameter-invalid"),
    }


@pytest.mark.parametrize(
    ("query", "accepted"),
    [
        ("limit=abc", "a whole number"),
        ("limit=0", "at least 1"),
        ("limit=201", "at most 200"),
        ("status=nope", "valid, expired, revoked, quarantined"),
        ("organization_id=x", "a UUID, such as 01980c5e-7a10-7c3e-9a51-2f0d3c6b8e10"),
        ("renewal_due=perhaps", "true or false"),
        ("cursor=", "at least 1 character"),
        ("name=", "at least 1 character"),
        ("name=%00", "text without NUL"),
        ("serial_number=", "up to 42 hex digits, with or without colons"),
        ("serial_number=zz", "up to 42 hex digits, with or without colons"),
        ("serial_number=0x1", "up to 42 hex digits, with or without colons"),
        (f"serial_number={'1' * 43}", "up to 42 hex digits, with or without colons"),
        ("spki_sha256=", HEX),
        ("spki_sha256=xyz", HEX),
        (f"spki_sha256={DIGEST[:-1]}", HEX),
        ("fingerprint_sha256=", HEX),
        (f"fingerprint_sha256={DIGEST}0", HEX),
        ("expires_before=5", "a time as in RFC 3339, such as 2030-01-31T12:00:00Z"),
        (
            "expires_before=2027-01-01T00:00:00+01:00",
            "a time such as 2030-01-31T12:00:00Z, or a plus that is written as %2B",
        ),
    ],
)
async def test_a_parameter_at_fault_says_what_is_accepted(
    api: Api, query: str, accepted: str
) -> None:
    fault = await the_fault(api, f"/certificates?{query}")
    assert fault["pointer"] == "query/" + query.partition("=")[0]
    assert fault["accepted"] == accepted
    assert fault["pointer"] not in fault["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/certificates?expires_before",
        "/certificates?expires_after",
        "/audit-events?since",
        "/audit-events?until",
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        "2027-01-01",
        "5",
        "2027-01-01T00:00:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00%2B14:00",
        "2027-13-01T00:00:00Z",
    ],
)
async def test_times_are_instants_of_rfc_3339(api: Api, path: str, value: str) -> None:
    fault = await the_fault(api, f"{path}={value}")
    assert fault["pointer"] == "query/" + path.partition("?")[2]
    assert fault["accepted"].startswith("a time")


@pytest.mark.parametrize(
    ("query", "among"),
    [
        ("subject_kind=certificates", "certificate"),
        ("action=nothing.happened", "enrollment.accepted_by_ca"),
        ("action=", "organization.domain_delegated"),
    ],
)
async def test_audit_events_are_searched_for_what_there_is(
    api: Api, query: str, among: str
) -> None:
    fault = await the_fault(api, f"/audit-events?{query}")
    assert among in fault["accepted"].split(", ")


async def test_admins_are_found_by_an_address_in_whatever_spelling(api: Api) -> None:
    made = await api.post("/admins", {"name": "Ada", "email": "Ada.L@example.com"})
    for spelled in ("ada.l@example.com", "ADA.L@EXAMPLE.com"):
        [found] = await api.everything(f"/admins?email={spelled}")
        assert found["id"] == made["id"]
    body = {"name": "Ada", "email": "aDA.l@example.com"}
    assert code_of(await api.post("/admins", body, 409)) == "email-taken"
    assert (await the_fault(api, "/admins?email=ada"))["accepted"] == "mailbox@example.com"


async def test_a_name_that_is_none_says_what_is_accepted(api: Api) -> None:
    fault = await the_fault(api, "/connectors?name=a%0A")
    assert fault["accepted"] == "the text without it"
    fault = await the_fault(api, "/connectors?name=a%00b")
    assert fault["accepted"] == "visible characters and blanks, on one line"


async def test_a_trailing_slash_leads_nowhere(api: Api) -> None:
    headers = {"Host": "evil.example"}
    for method in ("GET", "POST"):
        response = await api.send(method, "/enrollments/", 404, headers=headers)
        assert code_of(response.json()) == "not-found"
        assert "location" not in response.headers


async def test_allow_lists_every_method_of_the_address(api: Api) -> None:
    profile = f"/certificate-profiles/{PATH_PARAMETERS['certificate_profile_id']}"
    for path, allowed in (
        ("/connectors", "GET, HEAD, POST"),
        (profile, "DELETE, GET, HEAD, PATCH"),
        ("/ca-backends/types", "GET, HEAD"),  # and is no id of a CA backend
    ):
        response = await api.send("PUT", path, 405)
        assert response.headers["allow"] == allowed
        assert allowed in response.json()["detail"]
