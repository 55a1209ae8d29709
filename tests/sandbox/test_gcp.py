"""The simulator of CA Service, driven by Google's own client."""

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from cryptography import x509
from google.api_core import exceptions as gx
from google.cloud.security.privateca_v1 import (
    CertificateAuthorityServiceAsyncClient as Client,
)
from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages
from google.cloud.security.privateca_v1.services.certificate_authority_service import transports
from google.iam.v1 import iam_policy_pb2
from google.oauth2 import service_account

from csrs import csr_for
from made_states import made_state
from plain_http import NO_TRUST
from scm_api.sandbox import gcp

WWW = "www.example.com"
TEMPLATES = f"{gcp.LOCATION}/certificateTemplates"


class Cas:
    """A client of a running simulator, and its controls."""

    def __init__(self, server: gcp.RunningServer, client: Client, http: httpx.AsyncClient) -> None:
        self.server = server
        self.client = client
        self._http = http

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._http.request(method, self.server.control_url + path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def ledger(self, kind: str) -> list[Any]:
        found: list[Any] = (await self.control("GET", f"/ledger?kind={kind}"))["entries"]
        return found

    async def create(self, pool: str = gcp.WEB_POOL, *names: str, **changes: Any) -> T.Certificate:
        certificate = T.Certificate(
            pem_csr=changes.pop("csr", None) or csr_for(*(names or (WWW,))),
            lifetime=dt.timedelta(days=changes.pop("days", 30)),
            certificate_template=changes.pop("template", ""),
        )
        request = T.CreateCertificateRequest(
            parent=pool,
            certificate_id=changes.pop("number", f"o-{uuid.uuid4().hex}"),
            request_id=changes.pop("request_id", str(uuid.uuid4())),
            issuing_certificate_authority_id=changes.pop("authority", ""),
            certificate=certificate,
            **changes,
        )
        return await self.client.create_certificate(request=request, timeout=5)


@cache
def account_of(key_file: str) -> service_account.Credentials:
    """Once for each key, as Google's library checks it for 50 ms."""
    return service_account.Credentials.from_service_account_info(json.loads(key_file))


def client_of(server: gcp.RunningServer) -> Client:
    identity = server.simulator.identity
    account = account_of(identity.service_account.read_text())
    trust = grpc.ssl_channel_credentials(identity.trust.read_bytes())
    transport = transports.CertificateAuthorityServiceGrpcAsyncIOTransport(
        host=server.endpoint,
        credentials=account,
        ssl_channel_credentials=trust,
        always_use_jwt_access=True,
    )
    return Client(transport=transport)


@pytest.fixture
async def cas(tmp_path: Path) -> AsyncIterator[Cas]:
    state = made_state("gcp", tmp_path / "state")
    async with (
        await gcp.serve(gcp.Settings(state)) as server,
        httpx.AsyncClient(verify=NO_TRUST, trust_env=False) as http,
    ):
        client = client_of(server)
        yield Cas(server, client, http)
        await client.transport.close()


def names_of(certificate: T.Certificate) -> list[str]:
    leaf = x509.load_pem_x509_certificate(certificate.pem_certificate.encode())
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return found.get_values_for_type(x509.DNSName)


async def test_a_certificate_from_order_to_revocation(cas: Cas) -> None:
    made = await cas.create(number="o-1")
    assert made.name == f"{gcp.WEB_POOL}/certificates/o-1"
    assert names_of(made) == [WWW]
    leaf = x509.load_pem_x509_certificate(made.pem_certificate.encode())
    issuing = x509.load_pem_x509_certificate(made.pem_certificate_chain[0].encode())
    leaf.verify_directly_issued_by(issuing)
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert life == dt.timedelta(days=30, seconds=-1)
    found = await cas.client.get_certificate(name=made.name, timeout=5)
    assert found.pem_certificate == made.pem_certificate
    assert "revocation_details" not in found
    reason = T.RevocationReason.KEY_COMPROMISE
    request = T.RevokeCertificateRequest(name=made.name, reason=reason)
    revoked = await cas.client.revoke_certificate(request=request, timeout=5)
    assert revoked.revocation_details.revocation_state == reason
    with pytest.raises(gx.FailedPrecondition, match="already revoked"):
        await cas.client.revoke_certificate(request=request, timeout=5)
    assert [each["reason"] for each in await cas.ledger("revocation")] == ["KEY_COMPROMISE"]


async def test_a_request_id_is_carried_out_once(cas: Cas) -> None:
    request_id = str(uuid.uuid4())
    first = await cas.create(number="o-1", request_id=request_id)
    again = await cas.create(number="o-1", request_id=request_id)
    assert again.pem_certificate == first.pem_certificate
    with pytest.raises(gx.AlreadyExists):
        await cas.create(number="o-1")
    assert len(await cas.ledger("certificate")) == 1


async def test_an_answer_that_is_lost_leaves_a_certificate(cas: Cas) -> None:
    fault = {"operation": "CreateCertificate", "action": "close", "when": "after"}
    await cas.control("POST", "/faults", fault)
    with pytest.raises(gx.ServiceUnavailable):
        await cas.create(number="o-1")
    found = await cas.client.get_certificate(name=f"{gcp.WEB_POOL}/certificates/o-1", timeout=5)
    assert names_of(found) == [WWW]


async def test_a_dry_run_keeps_nothing(cas: Cas) -> None:
    tried = await cas.create(number="o-1", validate_only=True)
    assert tried.pem_certificate == ""
    with pytest.raises(gx.NotFound):
        await cas.client.get_certificate(name=tried.name, timeout=5)


async def test_the_devops_tier_neither_reads_nor_revokes(cas: Cas) -> None:
    made = await cas.create(gcp.FAST_POOL)
    assert names_of(made) == [WWW]
    with pytest.raises(gx.FailedPrecondition, match="DEVOPS"):
        await cas.client.get_certificate(name=made.name, timeout=5)
    with pytest.raises(gx.FailedPrecondition, match="DEVOPS"):
        await cas.client.revoke_certificate(name=made.name, timeout=5)
    with pytest.raises(gx.FailedPrecondition, match="DEVOPS"):
        await cas.client.list_certificates(parent=gcp.FAST_POOL, timeout=5)


@pytest.mark.parametrize(
    ("pool", "changes", "error", "words"),
    [
        (gcp.WEB_POOL, {"number": "www.example.com"}, gx.InvalidArgument, "certificate id"),
        (gcp.WEB_POOL, {"csr": "nonsense"}, gx.InvalidArgument, "could not be parsed"),
        (gcp.WEB_POOL, {"days": 0}, gx.InvalidArgument, "positive"),
        (gcp.WEB_POOL, {"authority": "web-0"}, gx.FailedPrecondition, "DISABLED"),
        (gcp.WEB_POOL, {"authority": "web-9"}, gx.NotFound, "web-9"),
        (gcp.WEB_POOL, {"template": f"{TEMPLATES}/none"}, gx.NotFound, "none"),
        (gcp.WEB_POOL, {"template": f"{TEMPLATES}/server", "days": 400}, gx.InvalidArgument, "398"),
        (gcp.STRICT_POOL, {}, gx.InvalidArgument, "public key is not permitted"),
        (gcp.LOCATION + "/caPools/none", {}, gx.NotFound, "none"),
        ("projects/other/locations/x/caPools/y", {}, gx.PermissionDenied, "may not exist"),
    ],
)
async def test_what_is_wrong_is_refused(
    cas: Cas, pool: str, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await cas.create(pool, **changes)
    assert await cas.ledger("certificate") == []


async def test_a_staged_ca_issues_only_by_its_name(cas: Cas) -> None:
    made = await cas.create(authority="web-2")
    assert made.issuer_certificate_authority.endswith("/web-2")
    assert (await cas.create()).issuer_certificate_authority.endswith("/web-1")


async def test_names_are_dropped_without_a_word(cas: Cas) -> None:
    made = await cas.create(template=f"{TEMPLATES}/nameless")
    assert names_of(made) == []


async def test_a_life_is_cut_at_the_end_of_the_ca(cas: Cas) -> None:
    made = await cas.create(days=40_000)
    leaf = x509.load_pem_x509_certificate(made.pem_certificate.encode())
    issuing = x509.load_pem_x509_certificate(made.pem_certificate_chain[0].encode())
    assert leaf.not_valid_after_utc == issuing.not_valid_after_utc


@pytest.mark.parametrize("retry_info", [True, False])
async def test_a_ca_issues_seven_certificates_a_second(cas: Cas, *, retry_info: bool) -> None:
    await cas.control("PATCH", "/settings", {"retry_info": retry_info})
    tried = await asyncio.gather(*(cas.create() for _ in range(12)), return_exceptions=True)
    refused = [each for each in tried if isinstance(each, gx.ResourceExhausted)]
    assert 0 < len(refused) <= 5
    assert refused[0].reason == "RATE_LIMIT_EXCEEDED"
    kinds = {type(each).__name__ for each in refused[0].details}
    assert ("RetryInfo" in kinds) is retry_info


async def test_rights_that_are_missing_are_named(cas: Cas) -> None:
    right = "privateca.certificates.create"
    await cas.control("POST", "/rights", {"permission": right, "granted": False})
    with pytest.raises(gx.PermissionDenied, match=right):
        await cas.create()
    asked = iam_policy_pb2.TestIamPermissionsRequest(
        resource=gcp.WEB_POOL, permissions=[right, "privateca.certificates.get"]
    )
    has = await cas.client.test_iam_permissions(request=asked, timeout=5)
    assert list(has.permissions) == ["privateca.certificates.get"]


async def test_without_a_token_nothing_is_answered(cas: Cas) -> None:
    trust = grpc.ssl_channel_credentials(cas.server.simulator.identity.trust.read_bytes())
    async with grpc.aio.secure_channel(cas.server.endpoint, trust) as channel:
        transport = transports.CertificateAuthorityServiceGrpcAsyncIOTransport(channel=channel)
        with pytest.raises(gx.Unauthenticated):
            await Client(transport=transport).get_ca_pool(name=gcp.WEB_POOL, timeout=5)


async def test_what_there_is_can_be_listed(cas: Cas) -> None:
    pools = [each.name async for each in await cas.client.list_ca_pools(parent=gcp.LOCATION)]
    assert pools == [gcp.WEB_POOL, gcp.FAST_POOL, gcp.STRICT_POOL]
    found = await cas.client.list_certificate_authorities(parent=gcp.WEB_POOL)
    states = {each.name.rpartition("/")[2]: each.state.name async for each in found}
    assert states == {"web-1": "ENABLED", "web-2": "STAGED", "web-0": "DISABLED"}
    templates = await cas.client.list_certificate_templates(parent=gcp.LOCATION)
    assert [each.name.rpartition("/")[2] async for each in templates] == ["server", "nameless"]
    chains = (await cas.client.fetch_ca_certs(ca_pool=gcp.WEB_POOL)).ca_certs
    assert [len(each.certificates) for each in chains] == [2, 2, 2]


async def test_certificates_come_in_pages(cas: Cas) -> None:
    made = [(await cas.create()).name for _ in range(5)]
    request = T.ListCertificatesRequest(parent=gcp.WEB_POOL, page_size=2)
    found = await cas.client.list_certificates(request=request)
    assert [each.name async for each in found] == made


async def test_what_was_issued_is_there_after_a_restart(tmp_path: Path) -> None:
    settings = gcp.Settings(tmp_path / "state")
    name = f"{gcp.WEB_POOL}/certificates/o-1"
    for turn in range(2):
        async with await gcp.serve(settings) as server, httpx.AsyncClient(verify=NO_TRUST) as http:
            cas = Cas(server, client_of(server), http)
            if turn == 0:
                await cas.create(number="o-1")
            assert names_of(await cas.client.get_certificate(name=name, timeout=5)) == [WWW]
            await cas.client.transport.close()


async def test_a_state_directory_serves_one(cas: Cas) -> None:
    with pytest.raises(gcp.StateError, match="another simulator"):
        await gcp.serve(cas.server.simulator.settings)
