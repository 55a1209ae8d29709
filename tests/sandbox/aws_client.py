"""How the tests of the AWS simulator speak to it: plain boto3, plain HTTP and openssl."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plain_http import NO_TRUST
from scm_api.sandbox import aws

EC_ROOT = aws.authority_arn(aws.EC_ROOT_ID, aws.REGION)
EC_ISSUING = aws.authority_arn(aws.EC_ISSUING_ID, aws.REGION)
RSA_ROOT = aws.authority_arn(aws.RSA_ROOT_ID, aws.REGION)
SHORT_LIVED = aws.authority_arn(aws.SHORT_LIVED_ID, aws.REGION)
DISABLED = aws.authority_arn(aws.DISABLED_ID, aws.REGION)
OTHER_REGION = aws.authority_arn(aws.OTHER_REGION_ID, aws.REGION)
SHARED = aws.authority_arn(aws.SHARED_ID, aws.REGION)

PEM = serialization.Encoding.PEM
KEY = ec.generate_private_key(ec.SECP256R1())


TARGET = "ACMPrivateCA.DescribeCertificateAuthority"
BODY = json.dumps({"CertificateAuthorityArn": EC_ISSUING}).encode()


def template_arn(name: str) -> str:
    return f"arn:aws:acm-pca:::template/{name}/V1"


def make_csr(
    *names: str,
    common_name: str | None = "www.example.com",
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    critical_names: bool = False,
    key: Any = KEY,
) -> bytes:
    """A PEM CSR for the DNS names (`www.example.com` if none), with further extensions."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    san = x509.SubjectAlternativeName([x509.DNSName(n) for n in names or ("www.example.com",)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    builder = builder.add_extension(san, critical=critical_names)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM)


CSR = make_csr()


@cache
def service_client(
    service: str,
    url: str,
    key_id: str = aws.ACCESS_KEY_ID,
    secret: str = aws.SECRET_ACCESS_KEY,
    region: str = aws.REGION,
    token: str | None = None,
    read_timeout: float = 5,
    checked: bool = True,
) -> Any:
    """A boto3 client without retries; not `checked`, it sends whatever it is given."""
    return boto3.client(
        service,
        endpoint_url=url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
        region_name=region,
        config=Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            read_timeout=read_timeout,
            parameter_validation=checked,
            s3={"addressing_style": "path"},
        ),
    )


class Sandbox:
    """One running simulator, its clients and its control interface."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(verify=NO_TRUST)
        self.pca = service_client("acm-pca", url)

    def client(self, service: str = "acm-pca", **options: Any) -> Any:
        return service_client(service, self.url, **options)

    def control(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Call the control interface and expect a status; the parsed answer, if there is one."""
        response = self.http.request(method, f"{self.url}/_sandbox{path}", json=body)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def settings(self, **changes: Any) -> None:
        self.control("PATCH", "/settings", changes)

    def fault(self, operation: str, action: str, **details: Any) -> None:
        body = {"operation": operation, "action": action, **details}
        self.control("POST", "/faults", body, status=201)

    def ledger(self, kind: str | None = None) -> list[dict[str, Any]]:
        query = f"?kind={kind}" if kind else ""
        entries: list[dict[str, Any]] = self.control("GET", f"/ledger{query}")["entries"]
        return entries

    def calls(self, operation: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.control("GET", f"/calls?operation={operation}")[
            "entries"
        ]
        return entries

    def issue(self, ca: str = EC_ISSUING, csr: bytes = CSR, **parameters: Any) -> str:
        """IssueCertificate for 30 days unless told otherwise; the certificate's ARN."""
        algorithm = "SHA256WITHRSA" if ca == RSA_ROOT else "SHA256WITHECDSA"
        days = 5 if ca == SHORT_LIVED else 30
        client = parameters.pop("client", self.pca)
        order = {
            "CertificateAuthorityArn": ca,
            "Csr": csr,
            "SigningAlgorithm": algorithm,
            "Validity": {"Type": "DAYS", "Value": days},
        }
        if template := parameters.pop("template", None):
            order["TemplateArn"] = template_arn(template)
        arn: str = client.issue_certificate(**order | parameters)["CertificateArn"]
        return arn

    def get(self, arn: str, client: Any = None) -> tuple[x509.Certificate, list[x509.Certificate]]:
        """The certificate and its chain as they come back."""
        answer = (client or self.pca).get_certificate(
            CertificateAuthorityArn=arn.partition("/certificate/")[0], CertificateArn=arn
        )
        chain = answer.get("CertificateChain", "").encode()
        leaf = x509.load_pem_x509_certificate(answer["Certificate"].encode())
        return leaf, x509.load_pem_x509_certificates(chain) if chain else []

    def certificate(self, **order: Any) -> x509.Certificate:
        """Order and collect in one step."""
        return self.get(self.issue(**order), order.get("client"))[0]

    def revoke(self, serial: str, reason: str = "SUPERSEDED", ca: str = EC_ISSUING) -> None:
        self.pca.revoke_certificate(
            CertificateAuthorityArn=ca, CertificateSerial=serial, RevocationReason=reason
        )


def signed_headers(
    sandbox: Sandbox,
    service: str = "acm-pca",
    region: str = aws.REGION,
    **more: str,
) -> dict[str, str]:
    """The headers of a DescribeCertificateAuthority as botocore signs them."""
    headers = {"X-Amz-Target": TARGET, "Content-Type": "application/x-amz-json-1.1", **more}
    request = AWSRequest("POST", f"{sandbox.url}/", data=BODY, headers=headers)
    credentials = Credentials(aws.ACCESS_KEY_ID, aws.SECRET_ACCESS_KEY)
    SigV4Auth(credentials, service, region).add_auth(request)
    return dict(request.headers)


def send(sandbox: Sandbox, headers: Mapping[str, str], body: bytes = BODY) -> tuple[int, Any]:
    response = sandbox.http.post(f"{sandbox.url}/", content=body, headers=headers)
    return response.status_code, response.json()


@contextmanager
def refused(code: str, message: str = "", status: int | None = None) -> Iterator[None]:
    """The call inside is refused with this AWS error code, and with words that match."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert re.search(message, error["Message"]), error["Message"]
    if status is not None:
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def openssl_verify(
    folder: Path, leaf: x509.Certificate, chain: list[x509.Certificate], *options: str
) -> str:
    """What `openssl verify` says about a leaf under a chain whose last member is trusted."""
    for name, members in (("leaf", [leaf]), ("chain", chain[:-1]), ("root", chain[-1:])):
        (folder / name).write_bytes(b"".join(c.public_bytes(PEM) for c in members))
    untrusted = ["-untrusted", str(folder / "chain")] if len(chain) > 1 else []
    command = ["openssl", "verify", "-x509_strict", "-CAfile", str(folder / "root")]
    result = subprocess.run(
        [*command, *untrusted, *options, str(folder / "leaf")],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() + result.stderr.strip()
