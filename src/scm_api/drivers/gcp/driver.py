"""The driver for Google Cloud CA Service: one open client for one location of a project."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import google.auth
from google.auth.exceptions import GoogleAuthError
from google.auth.jwt import Credentials
from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import CheckReport, Issued, IssuingCa, Limiter, Order, Template
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    DriverError,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.gcp import wire
from scm_api.drivers.gcp.calling import Caller, Operation, permission_words
from scm_api.drivers.gcp.names import REVOCATION_REASONS, Resource, parse
from scm_api.drivers.gcp.options import GcpConnection, GcpProfileOptions, GcpSecrets

_AUDIENCE: Final = "https://privateca.googleapis.com/"
_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_LIST_POOLS: Final = Operation("list_ca_pools", "caPools.list")
_LIST_CAS: Final = Operation("list_certificate_authorities", "certificateAuthorities.list")
_LIST_TEMPLATES: Final = Operation("list_certificate_templates", "certificateTemplates.list")
_ANCHORS: Final = Operation("fetch_ca_certs", "caPools.get")
_POOL: Final = Operation("get_ca_pool", "caPools.get")
_RIGHTS: Final = Operation("test_iam_permissions", "caPools.get")
_CREATE: Final = Operation("create_certificate", "certificates.create", writes=True)
_JUDGE: Final = Operation("create_certificate", "certificates.create")
_GET: Final = Operation("get_certificate", "certificates.get")
_REVOKE: Final = Operation("revoke_certificate", "certificates.update", writes=True)

# Nine tenths of the quotas: 7 and 25 certificates a second for each CA, 40 revocations a second for
# a project and location (Google, "Quotas and limits"). Of 400 calls, others have the most.
_PER_CA: Final = {"ENTERPRISE": 6.3, "DEVOPS": 22.5}
_REVOCATIONS: Final = 36.0
_READS: Final = 50.0
_MOST_PAGES: Final = 50
_PARALLEL: Final = 8
_KEPT_SECONDS: Final = 300.0
_ANCHOR_SECONDS: Final = 2.0
_EXPIRES_SOON: Final = timedelta(days=30)


class GcpDriver:
    """Implements `drivers.base.Driver`, `ListsIssuingCas`, `ListsTemplates`, `ChecksOrders`."""

    def __init__(self, connection: GcpConnection, caller: Caller) -> None:
        self._project = connection.project
        self._location = f"projects/{connection.project}/locations/{connection.location}"
        self._place = f"gcp:{connection.project}:{connection.location}"
        self._caller = caller
        self._many = asyncio.Semaphore(_PARALLEL)
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
            made = await self._create(_CREATE, request, options)
        except OrderRefused as refusal:
            if refusal.code != "ALREADY_EXISTS":
                raise
        else:
            return await self._issued(made, request, options)
        return await self._found(order, request, options)

    async def recover(self, order: Order, options: GcpProfileOptions) -> Issued:
        return await self.submit(order, options)

    async def poll(self, ca_ref: str, options: GcpProfileOptions) -> Issued:
        """Not needed for what this driver orders: the certificate is the answer."""
        made = await self._read(_GET, T.GetCertificateRequest(name=ca_ref), ca_ref)
        return await self._issued(made, T.CreateCertificateRequest(), options)

    async def check_order(self, order: Order, options: GcpProfileOptions) -> None:
        await self._create(_JUDGE, wire.create_request(order, options, dry=True), options)

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
            reply = await self._caller.call(_REVOKE, request, ca_ref, pace)
        except OrderRefused:
            # Perhaps because it was revoked before: which code that gets is not documented.
            if not await self._is_revoked(ca_ref):
                raise
            return
        if "revocation_details" not in reply:
            raise OutcomeUnknown("CA Service answers, but does not say that it revoked.")

    async def issuing_cas(self) -> Sequence[IssuingCa]:
        """The pools of the location, each followed by its CAs."""
        pools = await self._listed(_LIST_POOLS, T.ListCaPoolsRequest(parent=self._location))
        found = await asyncio.gather(*(self._with_authorities(pool) for pool in pools))
        return [ca for each in found for ca in each]

    async def templates(self) -> Sequence[Template]:
        request = T.ListCertificateTemplatesRequest(parent=self._location)
        found = await self._listed(_LIST_TEMPLATES, request)
        return [wire.template(each, self._project) for each in found]

    async def _with_authorities(self, pool: Any) -> list[IssuingCa]:
        async with self._many:
            request = T.ListCertificateAuthoritiesRequest(parent=pool.name)
            authorities = await self._listed(_LIST_CAS, request)
        try:
            return wire.issuing_cas(pool, authorities, self._project)
        except wire.Unreadable as error:
            raise BackendUnavailable(f"CA Service describes its CAs oddly: {error}.") from None

    async def _listed(self, operation: Operation, request: Any) -> list[Any]:
        """What is on all the pages of a list."""
        found: list[Any] = []
        for _ in range(_MOST_PAGES):
            page = await self._read(operation, request, request.parent)
            found += getattr(page, operation.method.removeprefix("list_"))
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token
        raise BackendUnavailable(f"CA Service has more than {_MOST_PAGES} pages of a list.")

    async def _read(self, operation: Operation, request: Any, resource: str) -> Any:
        pace = (f"{self._place}:read", _READS)
        return await self._caller.call(operation, request, resource, pace)

    async def _create(self, operation: Operation, request: Any, options: GcpProfileOptions) -> Any:
        """Paced by CA or pool. Where the credentials may not look, as one Enterprise CA is."""
        resource = _resource(options)
        pool = resource.pool_name
        rate, until = self._rates.get(pool, (0.0, 0.0))
        if until < time.monotonic():
            rate = _PER_CA["ENTERPRISE"]
            with suppress(BackendRefused):
                found = await self._read(_POOL, T.GetCaPoolRequest(name=pool), pool)
                [whole, *_] = await self._with_authorities(found)
                enabled = sum(each == "ENABLED" for each in whole.facts["states"].values())
                rate = _PER_CA.get(whole.facts["tier"], rate) * max(enabled, 1)
            self._rates[pool] = (rate, time.monotonic() + _KEPT_SECONDS)
        key = ":".join(filter(None, (self._place, resource.pool, resource.authority)))
        return await self._caller.call(operation, request, pool, (key, rate))

    async def _issued(self, made: Any, request: Any, options: GcpProfileOptions) -> Issued:
        try:
            issued = wire.issued(request, made, self._project)
        except wire.Unreadable as error:
            raise OutcomeUnknown(f"CA Service issued, but its answer is no use: {error}.") from None
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
            made = await self._read(_GET, T.GetCertificateRequest(name=name), name)
            issued = await self._issued(made, request, options)
        except DriverError as error:
            why = error.detail
        else:
            if wire.is_for_key_of(issued.leaf_der, order.csr_der):
                return issued
            raise OrderRefused(f"There is a {name} for another key.", code="ALREADY_EXISTS")
        raise OutcomeUnknown(f"{name} is there, but cannot be read: {why}")

    async def _anchors_of(self, pool: str, issued: Issued) -> tuple[str, ...] | None:
        """The CAs of a pool, read again when one that is not known yet seems to have issued: CAs
        are rotated. None where it cannot be told in time; then the list kept elsewhere counts."""
        issuer = issued.chain_ders[0] if issued.chain_ders else b""
        known = self._anchors.get(pool)
        if known is None or issuer not in wire.ders(known):
            with suppress(DriverError, TimeoutError):
                async with asyncio.timeout(_ANCHOR_SECONDS):
                    reply = await self._read(_ANCHORS, T.FetchCaCertsRequest(ca_pool=pool), pool)
                self._anchors[pool] = wire.anchors(reply)
        return self._anchors.get(pool)

    async def _is_revoked(self, ca_ref: str) -> bool:
        """False as well where that cannot be read, as in DevOps pools."""
        with suppress(BackendRefused, OrderRefused):
            found = await self._read(_GET, T.GetCertificateRequest(name=ca_ref), ca_ref)
            return "revocation_details" in found
        return False

    async def _lacking(self, pool: IssuingCa) -> list[str]:
        """A finding for each permission that the credentials lack on a pool."""
        later = (
            () if pool.facts["tier"] == "DEVOPS" else ("certificates.get", "certificates.update")
        )
        asked = [f"privateca.{each}" for each in ("caPools.get", "certificates.create", *later)]
        request = TestIamPermissionsRequest(resource=pool.id, permissions=asked)
        async with self._many:
            has = (await self._read(_RIGHTS, request, pool.id)).permissions
        missing = [permission_words(each) for each in asked if each not in has]
        return [f"On the {pool.name} the credentials lack {each}." for each in missing]


def _resource(options: GcpProfileOptions) -> Resource:
    found = parse(options.certificate_authority)
    if found is None or found.pool is None:
        raise OrderRefused("The profile names no pool or CA of CA Service.", code="malformed-name")
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
    try:
        # Keys and trust anchors are parsed, and what the machine has may take seconds to find.
        caller = await asyncio.to_thread(_caller, connection, secrets, limiter)
        return GcpDriver(connection, caller)
    except GoogleAuthError as error:
        why = type(error).__name__
    raise BackendRefused(
        f"There are no application default credentials on this machine ({why}): attach a service "
        "account, set up workload identity, or use the key of a service account."
    )


def _caller(connection: GcpConnection, secrets: GcpSecrets, limiter: Limiter) -> Caller:
    """Keys sign their own tokens, without a call of Google's token service."""
    if connection.credentials == "application_default":
        return Caller(connection, google.auth.default(scopes=_SCOPES)[0], limiter)
    if secrets.service_account is None:
        raise BackendRefused("The options sign in with a service account, but there is no key.")
    info = json.loads(secrets.service_account.get_secret_value())
    # google-auth has no types
    key = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        info, audience=_AUDIENCE
    )
    return Caller(connection, key, limiter)
