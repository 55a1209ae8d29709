"""A certificate is found by each of its names, however the CA or whoever asks spells it."""

import pytest
from approvals import at_work

from csrs import client_csr, csr_for
from estate import Estate, Json
from memory_estate import memory_chain
from scm_api.settings import Settings
from settlement import Enrolling


async def issued(estate: Estate, settings: Settings, kind: str, csr: str) -> Json:
    chain, _ = await memory_chain(estate, kind)
    async with at_work(settings):
        certificate: Json = await Enrolling(estate.api, chain).issued(csr=csr)
    return certificate


async def found(estate: Estate, name: str) -> list[str]:
    response = await estate.api.send("GET", "/certificates", 200, params={"name": name})
    return [each["id"] for each in response.json()["items"]]


async def test_host_names(estate: Estate, settings: Settings) -> None:
    spelled = [
        "WWW.Example.com",
        "mail.example.com.",
        "xn--mnchen-3ya.example.com",
    ]
    made = await issued(estate, settings, "ssl", csr_for(*spelled))
    assert sorted(each["value"] for each in made["names"]) == sorted(spelled)
    for name in (
        *spelled,
        "wWw.example.com.",
        "MAIL.example.com",
        "mail.example.com",
        "münchen.example.com",
    ):
        assert await found(estate, name) == [made["id"]], name
    for other in ("example.com", "ww.example.com", "*.example.com", "www.example.com.."):
        assert await found(estate, other) == [], other


@pytest.mark.parametrize(
    "asked", ["Jo.Doe@example.com", "jo.doe@EXAMPLE.COM", "Jo.Doe@Example.com."]
)
async def test_e_mail_addresses(estate: Estate, settings: Settings, asked: str) -> None:
    made = await issued(estate, settings, "client", client_csr("Jo.Doe@Example.com"))
    assert await found(estate, asked) == [made["id"]]
