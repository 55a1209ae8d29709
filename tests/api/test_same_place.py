"""T40: where stored secrets go, and which changes of the options leave it at that."""

import re
from typing import Any

import certifi
import pytest

from scm_api.connectors.judging import require_same_place
from scm_api.core.errors import Invalid

OWN, OTHER, THIRD = re.findall(r"-----BEGIN[^#]+", certifi.contents())[:3]
HOST = {"transport": "certsrv", "base_url": "https://ca1.corp.test"}
OPTIONS = {
    "backend_type": "microsoft",
    "enroller": HOST,
    "directory": {"url": "ldaps://dc1.corp.test"},
    "revoker": None,
    "trusted_certificates": OWN + OTHER,
    "realm": "CORP.TEST",
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"enroller": HOST | {"base_url": "https://CA1.Corp.Test:443"}},
        {"directory": {"url": "ldaps://DC1.corp.test:636"}},
        {"directory": None},
        {"trusted_certificates": OTHER},
        {"trusted_certificates": f"# again\n{OTHER}\n{OWN}{OTHER}"},
        {"requester": {"name": "PKI desk"}},
    ],
)
def test_another_spelling_or_fewer_places_are_not_elsewhere(change: dict[str, Any]) -> None:
    require_same_place(OPTIONS, OPTIONS | change)


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"enroller": HOST | {"base_url": "https://ca1.corp.test:444"}}, "enroller/base_url"),
        ({"enroller": HOST | {"base_url": "http://ca1.corp.test:443"}}, "enroller/base_url"),
        ({"enroller": {"transport": "icpr", "host": "ca1.corp.test"}}, "enroller/host"),
        ({"directory": {"url": "ldaps://dc1.corp.test."}}, "directory/url"),
        ({"revoker": {"base_url": HOST["base_url"]}}, "revoker/base_url"),
        ({"trusted_certificates": OWN + THIRD}, "trusted_certificates"),
        ({"trusted_certificates": None}, "trusted_certificates"),
        ({"endpoint_url": HOST["base_url"]}, "endpoint_url"),
        ({"realm": "corp.test"}, "realm"),
    ],
)
def test_what_may_lead_elsewhere_takes_the_secrets(change: dict[str, Any], moved: str) -> None:
    with pytest.raises(Invalid) as refused:
        require_same_place(OPTIONS, OPTIONS | change)
    [fault] = refused.value.faults
    assert (fault.pointer, fault.code) == ("/secrets", "secrets-needed")
    assert f"/options/{moved}" in fault.detail


def test_what_is_left_out_stands_for_the_public_address() -> None:
    moved = {"endpoint_url": "https://ca.corp.test"}
    with pytest.raises(Invalid):
        require_same_place(moved, {"endpoint_url": None})
