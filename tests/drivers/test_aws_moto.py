"""The driver against a peer somebody else wrote: moto's server, for the calls it models."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import boto3
import pytest
from aws_harness import connection_to, keys, profile, template_arn
from contract import KEY, RecordingLimiter, issue, new_order
from cryptography import x509

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.aws.driver import AwsDriver, open_driver
from scm_api.drivers.base import Pending
from scm_api.drivers.errors import OrderRefused

SECRETS = keys("AKIAMOTO0001", "moto-secret")
REGION = "eu-central-1"


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # brings Flask, which nothing else needs

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def moto_ca(moto_url: str) -> str:
    """A root CA, made and activated with plain boto3."""
    client = boto3.client(
        "acm-pca",
        endpoint_url=moto_url,
        region_name=REGION,
        aws_access_key_id="AKIAMOTO0001",
        aws_secret_access_key="moto-secret",
    )
    configuration: dict[str, Any] = {
        "KeyAlgorithm": "RSA_2048",
        "SigningAlgorithm": "SHA256WITHRSA",
        "Subject": {"CommonName": "Moto Root"},
    }
    arn: str = client.create_certificate_authority(
        CertificateAuthorityConfiguration=configuration, CertificateAuthorityType="ROOT"
    )["CertificateAuthorityArn"]
    csr = client.get_certificate_authority_csr(CertificateAuthorityArn=arn)["Csr"]
    issued = client.issue_certificate(
        CertificateAuthorityArn=arn,
        Csr=csr.encode(),
        SigningAlgorithm="SHA256WITHRSA",
        TemplateArn=template_arn("RootCACertificate"),
        Validity={"Type": "DAYS", "Value": 100},
    )["CertificateArn"]
    found = client.get_certificate(CertificateAuthorityArn=arn, CertificateArn=issued)
    client.import_certificate_authority_certificate(
        CertificateAuthorityArn=arn, Certificate=found["Certificate"].encode()
    )
    return arn


@pytest.fixture
async def driver(moto_url: str) -> AsyncIterator[AwsDriver]:
    ready = await open_driver(connection_to(moto_url), SECRETS, RecordingLimiter())
    assert isinstance(ready, AwsDriver)
    yield ready
    await ready.aclose()


async def test_the_ca_is_listed_once_with_its_certificate(driver: AwsDriver, moto_ca: str) -> None:
    (ca,) = await driver.issuing_cas()
    assert ca.id == moto_ca
    assert ca.usable
    assert ca.facts["signing_algorithm"] == "SHA256WITHRSA"
    assert ca.certificate_pem is not None
    assert (await driver.check()).visible_cas == 1


async def test_from_order_to_revocation(driver: AwsDriver, moto_ca: str) -> None:
    options = profile(moto_ca, aws_template=template_arn("EndEntityCertificate"))
    result = await issue(driver, options, new_order("moto.example.com"))
    leaf = x509.load_der_x509_certificate(result.leaf_der)
    (root,) = (x509.load_der_x509_certificate(der) for der in result.chain_ders)
    assert leaf.public_key() == KEY.public_key()
    leaf.verify_directly_issued_by(root)
    for _ in range(2):
        await driver.revoke(result.ca_ref, leaf.serial_number, RevocationReason.SUPERSEDED, options)


async def test_a_ca_that_is_not_there(driver: AwsDriver, moto_ca: str) -> None:
    with pytest.raises(OrderRefused) as caught:
        await driver.submit(new_order(), profile(moto_ca[:-4] + "0000"))
    assert caught.value.code == "ResourceNotFoundException"


async def test_the_default_algorithm_is_the_cas(driver: AwsDriver, moto_ca: str) -> None:
    assert isinstance(await driver.submit(new_order(), profile(moto_ca)), Pending)
