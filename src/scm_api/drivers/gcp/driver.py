"""The driver for Google Cloud CA Service: one open client for one location of a project."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.cloud.security.privateca_v1 import CertificateAuthorityServiceAsyncClient as Client
from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages
from google.cloud.security.privateca_v1.services.certificate_authority_service import transports
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest

from scm_api.core.certificate_facts import is_for_key_of
from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers import errors
from scm_api.drivers.base import CheckReport, Issued, IssuingCa, Order, Template
from scm_api.drivers.gcp import wire
from scm_api.drivers.gcp.names import REVOCATION_REASONS, Resource, parse
from scm_api.drivers.gcp.options import GcpConnection, GcpProfileOptions, GcpSecrets
from scm_api.drivers.google_api import Api, Caller
from scm_api.drivers.google_credentials import machine_credentials, self_signing
from scm_api.drivers.grpc_channel import CheckedChannel
from scm_api.drivers.pacing import Limiter

_Transport = transports.CertificateAuthorityServiceGrpcAsyncIOTransport
_API: Final = "https://privateca.googleapis.com"
_RIGHTS: Final = {
    "list_ca_pools": ("privateca.caPools.list", "auditor"),
    "get_ca_pool": ("privateca.caPools.get", "poolReader"),
    "fetch_ca_certs": ("privateca.caPools.get", "poolReader"),
    "test_iam_permissions": ("privateca.caPools.get", "poolReader"),
    "list_certificate_authorities": ("privateca.certificateAuthorities.list", "auditor"),
    "list_certificate_templates": ("privateca.certificateTemplates.list", "templateUser"),
    "use_certificate_template": ("privateca.certificateTemplates.use", "templateUser"),
    "create_certificate": ("privateca.certificates.create", "certificateRequester"),
    "get_certificate": ("privateca.certificates.get", "certificateManager"),
    "revoke_certificate": ("privateca.certificates.update", "caManager"),
}
"""The permission each method takes, and a role that has it (Google, "Access control with IAM")."""
_ORDERS: Final = frozenset({"create_certificate", "get_certificate", "revoke_certificate"})

# Nine tenths of the quotas: 7 and 25 certificates a second for each CA, 40 revocations a second for
# a project and location (Google, "Quotas and limits"). Of 400 calls, others have the most.
_PER_CA: Final = {"ENTERPRISE": 6.3, "DEVOPS": 22.5}
_REVOCATIONS: Final = 36.0
_READS: Final = 50.0
_MOST_PAGES: Final = 50
_EXPIRES_SOON: Final = timedelta(days=30)


class GcpDriver:
    """Implements `drivers.base.Driver`, `ListsIssuingCas`, `ListsTemplates`, `ChecksOrders`."""

    def __init__(self, connection: GcpConnection, caller: Caller) -> None:
        self._project = connection.project
        self._location = f"projects/{connection.project}/locations/{connection.location}"
        self._place = f"gcp:{connection.project}:{connection.location}"
        self._caller = caller
        self._many = asyncio.Semaphore(8)
        self._rates: dict[str, tuple[float, float]] = {}
        self._anchors: dict[str, tuple[str, ...]] = {}
        self.aclose = caller.aclose

    async def check(self) -> CheckReport:
        cas = await self.issuing_cas()
        pools = [ca for ca in cas if ca.facts["kind"] == "pool"]
        lacking = await asyncio.gather(*(self._lacking(each) for each in pools))
        findings = [*_findings(cas), *(finding for each in lacking for finding in each)]
        return CheckReport(len(cas) - len(pools), tuple(findings))

    async def submit(self, order: Order, options: GcpProfileOptions) -> Issued:
        """Order once. What was ordered under the same ids before is found instead: an Enterprise
        pool knows the certificate id for ever, any pool the request id for an hour."""
        request = wire.create_request(order, options)
        try:
            made = await self._create(request, options, writes=True)
        except errors.OrderRefused as refusal:
            if refusal.code != "ALREADY_EXISTS":
                raise
        else:
            return await self._issued(made, request, options)
        return await self._found(order, request, options)

    async def recover(self, order: Order, options: GcpProfileOptions) -> Issued:
        return await self.submit(order, options)

    async def poll(self, ca_ref: str, options: GcpProfileOptions) -> Issued:
        """Not needed for what this driver orders: the certificate is the answer."""
        made = await self._certificate(ca_ref)
        return await self._issued(made, T.CreateCertificateRequest(), options)

    async def check_order(self, order: Order, options: GcpProfileOptions) -> None:
        await self._create(wire.create_request(order, options, dry=True), options)

    async def revoke(
        self,
        ca_ref: str,
        serial_number: int,  # noqa: ARG002 - the reference names the certificate already
        reason: RevocationReason,
        options: GcpProfileOptions,  # noqa: ARG002 - the reference names the pool already
        *,
        pending: bool = False,  # noqa: ARG002 - it never is
    ) -> None:
        request = wire.revoke_request(ca_ref, REVOCATION_REASONS[reason])
        pace = (f"{self._place}:revoke", _REVOCATIONS)
        try:
            reply = await self._caller.call(
                "revoke_certificate", request, ca_ref, pace, writes=True
            )
        except errors.OrderRefused:
            # Perhaps because it was revoked before: which code that gets is not documented.
            if not await self._is_revoked(ca_ref):
                raise
            return
        if "revocation_details" not in reply:
            raise errors.OutcomeUnknown("CA Service answers, but does not say that it revoked.")

    async def issuing_cas(self) -> Sequence[IssuingCa]:
        """The pools of the location, each followed by its CAs."""
        pools = await self._listed("ca_pools", T.ListCaPoolsRequest(parent=self._location))
        found = await asyncio.gather(*(self._with_authorities(pool) for pool in pools))
        return [ca for each in found for ca in each]

    async def templates(self) -> Sequence[Template]:
        request = T.ListCertificateTemplatesRequest(parent=self._location)
        found = await self._listed("certificate_templates", request)
        return [wire.template(each, self._project) for each in found]

    async def _with_authorities(self, pool: Any) -> list[IssuingCa]:
        async with self._many:
            request = T.ListCertificateAuthoritiesRequest(parent=pool.name)
            authorities = await self._listed("certificate_authorities", request)
        try:
            return wire.issuing_cas(pool, authorities, self._project)
        except wire.Unreadable as error:
            detail = f"CA Service describes its CAs oddly: {error}."
            raise errors.BackendUnavailable(detail) from None

    async def _listed(self, what: str, request: Any) -> list[Any]:
        """What is on all the pages of a list."""
        found: list[Any] = []
        for _ in range(_MOST_PAGES):
            page = await self._read(f"list_{what}", request, request.parent)
            found += getattr(page, what)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token
        raise errors.BackendUnavailable(f"CA Service has more than {_MOST_PAGES} pages of a list.")

    async def _read(self, method: str, request: Any, resource: str) -> Any:
        pace = (f"{self._place}:read", _READS)
        return await self._caller.call(method, request, resource, pace)

    async def _certificate(self, name: str) -> Any:
        return await self._read("get_certificate", T.GetCertificateRequest(name=name), name)

    async def _create(
        self, request: Any, options: GcpProfileOptions, *, writes: bool = False
    ) -> Any:
        """Paced by CA or pool. Where the credentials may not look, as one Enterprise CA is."""
        resource = _resource(options)
        pool = resource.pool_name
        rate, until = self._rates.get(pool, (0.0, 0.0))
        if until < time.monotonic():
            rate = _PER_CA["ENTERPRISE"]
            with suppress(errors.BackendRefused):
                found = await self._read("get_ca_pool", T.GetCaPoolRequest(name=pool), pool)
                [whole, *_] = await self._with_authorities(found)
                enabled = sum(each == "ENABLED" for each in whole.facts["states"].values())
                rate = _PER_CA.get(whole.facts["tier"], rate) * max(enabled, 1)
            self._rates[pool] = (rate, time.monotonic() + 300)
        key = ":".join(filter(None, (self._place, resource.pool, resource.authority)))
        return await self._caller.call(
            "create_certificate", request, pool, (key, rate), writes=writes
        )

    async def _issued(self, made: Any, request: Any, options: GcpProfileOptions) -> Issued:
        try:
            issued = wire.issued(request, made, self._project)
        except wire.Unreadable as error:
            detail = f"CA Service issued, but its answer is no use: {error}."
            raise errors.OutcomeUnknown(detail) from None
        resource = _resource(options)
        if resource.authority is not None:
            return issued
        return replace(issued, issuer_pems=await self._anchors_of(resource.pool_name, issued))

    async def _found(self, order: Order, request: Any, options: GcpProfileOptions) -> Issued:
        """What is there under the certificate id of an order: ours, if it is for the order's key.

        Whatever goes wrong while looking, the order is still unaccounted for.
        """
        name = f"{request.parent}/certificates/{request.certificate_id}"
        try:
            made = await self._certificate(name)
            issued = await self._issued(made, request, options)
        except errors.DriverError as error:
            why = error.detail
        else:
            if is_for_key_of(issued.leaf_der, order.csr_der):
                return issued
            raise errors.OrderRefused(f"There is a {name} for another key.", code="ALREADY_EXISTS")
        raise errors.OutcomeUnknown(f"{name} is there, but cannot be read: {why}")

    async def _anchors_of(self, pool: str, issued: Issued) -> tuple[str, ...] | None:
        """The CAs of a pool, read again when one that is not known yet seems to have issued: CAs
        are rotated. None where it cannot be told in time; then the list kept elsewhere counts."""
        issuer = issued.chain_ders[0] if issued.chain_ders else b""
        known = self._anchors.get(pool)
        if known is None or issuer not in wire.ders(known):
            with suppress(errors.DriverError, TimeoutError):
                async with asyncio.timeout(2):
                    reply = await self._read(
                        "fetch_ca_certs", T.FetchCaCertsRequest(ca_pool=pool), pool
                    )
                self._anchors[pool] = wire.anchors(reply)
        return self._anchors.get(pool)

    async def _is_revoked(self, ca_ref: str) -> bool:
        """False as well where that cannot be read, as in DevOps pools."""
        with suppress(errors.BackendRefused, errors.OrderRefused):
            return "revocation_details" in await self._certificate(ca_ref)
        return False

    async def _lacking(self, pool: IssuingCa) -> list[str]:
        """A finding for each permission that the credentials lack on a pool."""
        wanted = ["caPools.get", "certificates.create"]
        if pool.facts["tier"] != "DEVOPS":
            wanted += ["certificates.get", "certificates.update"]
        asked = [f"privateca.{each}" for each in wanted]
        request = TestIamPermissionsRequest(resource=pool.id, permissions=asked)
        async with self._many:
            has = (await self._read("test_iam_permissions", request, pool.id)).permissions
        missing = [_CA_SERVICE.permission_words(each) for each in asked if each not in has]
        return [f"On the {pool.name} the credentials lack {each}." for each in missing]


def _resource(options: GcpProfileOptions) -> Resource:
    found = parse(options.certificate_authority)
    if found is None or found.pool is None:
        detail = "The profile names no pool or CA of CA Service."
        raise errors.OrderRefused(detail, code="malformed-name")
    return found


def _findings(cas: Sequence[IssuingCa]) -> list[str]:
    if not any(ca.usable for ca in cas):
        return ["No pool of the location has a CA that issues."]
    findings = []
    for ca in cas:
        if ca.facts["kind"] == "pool":
            if not ca.usable:
                findings.append(f"The {ca.name} has no enabled CA and does not issue.")
            elif not ca.facts["publishes_crl"] and ca.facts["tier"] != "DEVOPS":
                findings.append(f"The {ca.name} publishes no CRL: nobody learns of revocations.")
        elif ca.usable and ca.not_after and ca.not_after - datetime.now(UTC) < _EXPIRES_SOON:
            findings.append(f"The CA {ca.name} ends on {ca.not_after:%Y-%m-%d}.")
    return findings


async def open_driver(
    connection: GcpConnection, secrets: GcpSecrets, limiter: Limiter
) -> GcpDriver:
    """Open the driver in the running loop; CA Service is not called yet.

    Raises BackendRefused where there are no credentials.
    """
    # Keys and trust anchors are parsed, and what the machine has may take seconds to find.
    caller = await asyncio.to_thread(_caller, connection, secrets, limiter)
    return GcpDriver(connection, caller)


def _caller(connection: GcpConnection, secrets: GcpSecrets, limiter: Limiter) -> Caller:
    if connection.credentials == "application_default":
        credentials = machine_credentials()
    elif secrets.service_account is not None:
        credentials = self_signing(secrets.service_account, f"{_API}/")
    else:
        raise errors.BackendRefused("The options sign in with a key, but there is none.")
    channel = CheckedChannel(connection.endpoint_url or _API, connection.trusted_certificates)
    return Caller(_CA_SERVICE, channel, credentials, limiter, connection.call_timeout_seconds)


def _client(channel: Any) -> Any:
    return Client(transport=_Transport(channel=channel))


_CA_SERVICE: Final = Api("CA Service", _client, "roles/privateca.", _RIGHTS, _ORDERS)
