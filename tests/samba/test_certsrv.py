"""Web Enrollment of the simulated CA, logged on to with Kerberos tickets of a real KDC."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from domain_controller import CA_HOST, PASSWORD, REALM, DomainController

from csrs import Key, csr_for
from scm_api.core.names import Name
from scm_api.core.vocabulary import NameKind
from scm_api.drivers.base import CheckReport, Issued, Order
from scm_api.drivers.errors import BackendRefused
from scm_api.drivers.microsoft.driver import MicrosoftDriver
from scm_api.drivers.microsoft.opening import open_driver
from scm_api.drivers.microsoft.options import (
    MicrosoftConnection,
    MicrosoftProfileOptions,
    MicrosoftSecrets,
)
from scm_api.sandbox.microsoft.catalogue import CA_NAME
from scm_api.sandbox.microsoft.server import RunningServer, serve
from scm_api.sandbox.microsoft.settings import Behaviour, Settings

WWW = "www.corp.example"
OTHER_HOST = "localhost"
PROFILE = MicrosoftProfileOptions(
    backend_type="microsoft", issuing_ca=CA_NAME, ms_template="CorpWeb"
)


class Unhurried:
    """A limiter that lets everything pass."""

    async def acquire(self, key: str, per_second: float) -> None:
        pass

    async def slow_down(self, key: str, wait: timedelta) -> None:
        pass


@pytest_asyncio.fixture
async def ca(controller: DomainController, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """The simulator with the KDC's key of HTTP/host, whose accounts are the KDC's."""
    settings = Settings(
        state=tmp_path,
        host=CA_HOST,
        keytab=controller.keytab(f"HTTP/{CA_HOST}"),
        behaviour=Behaviour(schemes=["Negotiate"], extended_protection="required"),
    )
    async with await serve(settings) as running, httpx.AsyncClient(trust_env=False) as client:
        upn = {"upn": f"svc-enroll@{REALM}"}
        url = f"{running.control_url}/accounts/svc-enroll"
        (await client.patch(url, json=upn)).raise_for_status()
        yield running


def opened(ca: RunningServer, host: str = CA_HOST, **credential: Any) -> MicrosoftDriver:
    connection = {
        "backend_type": "microsoft",
        "issuing_ca": CA_NAME,
        "enroller": {
            "transport": "certsrv",
            "base_url": f"https://{host}:{urlsplit(ca.url).port}",
            "auth": "kerberos",
        },
        "realm": REALM,
        "trusted_certificates": ca.simulator.transport.trust.read_text(),
    }
    account = {"username": "svc-enroll"} | (credential or {"password": PASSWORD})
    secrets = {"backend_type": "microsoft", "enroller": account}
    return open_driver(
        MicrosoftConnection.model_validate(connection),
        MicrosoftSecrets.model_validate(secrets),
        Unhurried(),
    )


def order(key: Key | None = None) -> Order:
    csr = x509.load_pem_x509_csr(csr_for(WWW, key=key).encode())
    return Order(
        uuid4(),
        str(uuid4()),
        csr.public_bytes(Encoding.DER),
        30,
        datetime.now(UTC),
        common_name=WWW,
        names=(Name(NameKind.DNS, WWW),),
    )


async def test_a_password_gets_a_ticket_and_a_certificate(ca: RunningServer) -> None:
    driver = opened(ca)
    try:
        asked = order()
        found = await driver.submit(asked, PROFILE)
        if not isinstance(found, Issued):
            found = await driver.poll(found.ca_ref, PROFILE)  # fetched apart
    finally:
        await driver.aclose()
    assert isinstance(found, Issued)
    leaf = x509.load_der_x509_certificate(found.leaf_der)
    csr = x509.load_der_x509_csr(asked.csr_der)
    assert leaf.public_key() == csr.public_key()


async def test_a_keytab_does_as_well(ca: RunningServer, controller: DomainController) -> None:
    keytab = base64.b64encode(controller.keytab("svc-enroll").read_bytes()).decode()
    driver = opened(ca, keytab=keytab)
    try:
        assert isinstance(await driver.check(), CheckReport)
    finally:
        await driver.aclose()


async def test_a_wrong_password_is_told_by_the_kdc(ca: RunningServer) -> None:
    driver = opened(ca, password="wrong")
    try:
        with pytest.raises(BackendRefused, match="password of svc-enroll"):
            await driver.check()
    finally:
        await driver.aclose()


async def test_a_host_without_service_principal_is_told(ca: RunningServer) -> None:
    """The server's certificate has the other name, too, which is why it comes to Kerberos."""
    driver = opened(ca, OTHER_HOST)
    try:
        with pytest.raises(BackendRefused, match="KDC knows no such service"):
            await driver.check()
    finally:
        await driver.aclose()
