"""The driver for Google Cloud CA Service: one open client for one location of a project."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

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
from scm_api.drivers.gcp.calling import Caller, machine_credentials
from scm_api.drivers.gcp.failures import Operation, permission_words
from scm_api.drivers.gcp.names import REVOCATION_REASONS, Resource, parse
from scm_api.drivers.gcp.options import GcpConnection, GcpProfileOptions, GcpSecrets

_AUDIENCE: Final = "https://privateca.googleapis.com/"
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

# Nine tenths of the quotas: 7 and 25 certificates a second for each CA, 40 revocations and 400
# requests for a project and location (Google, "Quotas and limits"). Others have the rest.
_PER_CA: Final = {"ENTERPRISE": 6.3, "DEVOPS": 22.5}
_REVOCATIONS: Final = 36.0
_READS: Final = 50.0
_MOST_PAGES: Final = 50
_PARALLEL: Final = 8
_KEPT: Final = timedelta(minutes=5).total_seconds()
_ANCHOR_SECONDS: Final = 2.0
_EXPIRES_SOON: Final = timedelta(days=30)


class GcpDriver:
    """Implements `drivers.base.Driver`, `ListsIssuingCas`, `ListsTemplates`, `ChecksOrders`."""

    def __init__(self, connection: GcpConnection, caller: Caller) -> None:
        self._project = connection.project
        self._location = f"projects/{connection.project}/locations/{connection.location}"
        self._caller = caller
        self._place = f"gcp:{connection.project}:{connection.location}"
        self._many = asyncio.Semaphore(_PARALLEL)
        self._rates: dict[str, tuple[float, float]] = {}
        self._anchors: dict[str, tuple[str, ...]] = {}

    async def check(self) -> CheckReport:
        cas = list(await self.issuing_cas())
        pools = [ca for ca in cas if ca.facts["kind"] == "pool"]
        lacking = await asyncio.gather(*(self._lacking(each) for each in pools))
        findings = [finding for each in lacking for finding in each]
        return CheckReport(len(cas) - len(pools), (*_findings(cas), *findings))

    async def submit(self, order: Order, options: GcpProfileOptions) -> Issued:
        """Order once. What was ordered under the same ids before is found instead.

        An Enterprise pool knows the certificate id for ever, any pool the request id for an hour.
        """
        resource, request = _resource(options), wire.create_request(order, options)
        try:
            made = await self._caller.call(
                _CREATE, request, resource.pool_name, await self._pace(resource)
            )
        except OrderRefused as refusal:
            if refusal.code != "ALREADY_EXISTS":
                raise
        else:
            return await self._issued(options, request, made)
        return await self._found(order, options, request)

    async def recover(self, order: Order, options: GcpProfileOptions) -> Issued:
        return await self.submit(order, options)

    async def poll(self, ca_ref: str, options: GcpProfileOptions) -> Issued:
        """Not needed for what this driver orders: the certificate is the answer."""
        made = await self._read(_GET, T.GetCertificateRequest(name=ca_ref), ca_ref)
        return await self._issued(options, T.CreateCertificateRequest(), made)

    async def check_order(self, order: Order, options: GcpProfileOptions) -> None:
        """Have the pool's and the template's policy judge the order."""
        request = wire.create_request(order, options, dry=True)
        resource = _resource(options)
        await self._caller.call(_JUDGE, request, resource.pool_name, await self._pace(resource))

    async def revoke(
        self,
        ca_ref: str,
        serial_number: int,  # noqa: ARG002 - the reference names the certificate already
        reason: RevocationReason,
        options: GcpProfileOptions,  # noqa: ARG002 - the reference names the pool already
        *,
        pending: bool = False,  # noqa: ARG002 - it never is
    ) -> None:
        number = REVOCATION_REASONS[reason]
        request = T.RevokeCertificateRequest(
            name=ca_ref, reason=number, request_id=wire.request_id(f"{ca_ref} {number}")
        )
        pace = (f"{self._place}:revoke", _REVOCATIONS)
        try:
            reply = await self._caller.call(_REVOKE, request, ca_ref, pace)
        except OrderRefused as refusal:
            # Perhaps because it was revoked before: which code that gets is not documented.
            if not await self._is_revoked(ca_ref):
                raise refusal from None
            return
        if "revocation_details" not in reply:
            raise OutcomeUnknown("CA Service answers, but does not say that it revoked.")

    async def issuing_cas(self) -> Sequence[IssuingCa]:
        """The pools of the location, each followed by its CAs."""
        request = T.ListCaPoolsRequest(parent=self._location)
        pools = await self._listed(_LIST_POOLS, request, "ca_pools")
        found = await asyncio.gather(*(self._with_authorities(pool) for pool in pools))
        return [ca for each in found for ca in each]

    async def templates(self) -> Sequence[Template]:
        request = T.ListCertificateTemplatesRequest(parent=self._location)
        found = await self._listed(_LIST_TEMPLATES, request, "certificate_templates")
        return [wire.template(each, self._project) for each in found]

    async def aclose(self) -> None:
        await self._caller.aclose()

    async def _with_authorities(self, pool: Any) -> list[IssuingCa]:
        request = T.ListCertificateAuthoritiesRequest(parent=pool.name)
        async with self._many:
            authorities = await self._listed(_LIST_CAS, request, "certificate_authorities")
        try:
            return wire.issuing_cas(pool, authorities, self._project)
        except wire.Unreadable as error:
            raise BackendUnavailable(f"CA Service describes its CAs oddly: {error}.") from None

    async def _listed(self, operation: Operation, request: Any, member: str) -> list[Any]:
        """What is on all the pages of a list."""
        found: list[Any] = []
        for _ in range(_MOST_PAGES):
            page = await self._read(operation, request, request.parent)
            found += getattr(page, member)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token
        raise BackendUnavailable(f"CA Service lists more than {_MOST_PAGES} pages of {member}.")

    async def _read(self, operation: Operation, request: Any, resource: str) -> Any:
        pace = (f"{self._place}:read", _READS)
        return await self._caller.call(operation, request, resource, pace)

    async def _pace(self, resource: Resource) -> tuple[str, float]:
        """How fast certificates may be ordered of a CA, or of the CAs of a pool together.

        Where the credentials may not look, as slowly as of one Enterprise CA.
        """
        pool = resource.pool_name
        rate, until = self._rates.get(pool, (0.0, 0.0))
        if until < time.monotonic():
            rate = _PER_CA["ENTERPRISE"]
            with suppress(BackendRefused):
                found = await self._read(_POOL, T.GetCaPoolRequest(name=pool), pool)
                [whole, *_] = await self._with_authorities(found)
                issuing = list(whole.facts["states"].values()).count("ENABLED")
                rate = _PER_CA.get(whole.facts["tier"], rate) * (issuing or 1)
            self._rates[pool] = (rate, time.monotonic() + _KEPT)
        if resource.authority is None:
            return f"{self._place}:{resource.pool}", rate
        return f"{self._place}:{resource.pool}:{resource.authority}", rate

    async def _issued(self, options: GcpProfileOptions, request: Any, made: Any) -> Issued:
        try:
            issued = wire.issued(request, made, self._project)
        except wire.Unreadable as error:
            raise OutcomeUnknown(f"CA Service issued, but its answer is no use: {error}.") from None
        resource = _resource(options)
        if resource.authority is not None:
            return issued
        return replace(issued, issuer_pems=await self._anchors_of(resource.pool_name, issued))

    async def _found(self, order: Order, options: GcpProfileOptions, request: Any) -> Issued:
        """What is there under the certificate id of an order: ours, if it is for the order's key.

        Whatever goes wrong while looking, the order is still unaccounted for.
        """
        name = f"{request.parent}/certificates/{request.certificate_id}"
        failure: DriverError
        try:
            made = await self._read(_GET, T.GetCertificateRequest(name=name), name)
        except DriverError as error:
            failure = OutcomeUnknown(f"{name} is there, but cannot be read: {error.detail}")
        else:
            issued = await self._issued(options, request, made)
            if wire.is_for_key_of(issued.leaf_der, order.csr_der):
                return issued
            failure = OrderRefused(
                f"There is a certificate {name} already, for another key.", code="ALREADY_EXISTS"
            )
        raise failure

    async def _anchors_of(self, pool: str, issued: Issued) -> tuple[str, ...] | None:
        """The CAs of a pool, read again when one that is not known yet seems to have issued: CAs
        are rotated. None where it cannot be told in time; then the list kept elsewhere counts."""
        issuer = issued.chain_ders[0] if issued.chain_ders else b""
        known = self._anchors.get(pool)
        if known is None or issuer not in wire.ders(known):
            request = T.FetchCaCertsRequest(ca_pool=pool)
            with suppress(DriverError, TimeoutError):
                async with asyncio.timeout(_ANCHOR_SECONDS):
                    reply = await self._read(_ANCHORS, request, pool)
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
        wanted = ["caPools.get", "certificates.create"]
        if pool.facts["tier"] != "DEVOPS":
            wanted += ["certificates.get", "certificates.update"]
        asked = [f"privateca.{each}" for each in wanted]
        request = TestIamPermissionsRequest(resource=pool.id, permissions=asked)
        async with self._many:
            granted = (await self._read(_RIGHTS, request, pool.id)).permissions
        return [
            f"On the {pool.name} the credentials lack {permission_words(each)}."
            for each in asked
            if each not in granted
        ]


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
        if ca.facts["kind"] == "pool" and not ca.usable:
            findings.append(f"The {ca.name} has no enabled CA and does not issue.")
        if ca.facts["kind"] == "pool" or not ca.usable or ca.not_after is None:
            continue
        if ca.not_after - datetime.now(UTC) < _EXPIRES_SOON:
            findings.append(f"The CA {ca.name} ends on {ca.not_after:%Y-%m-%d}.")
        if not ca.facts["publishes_crl"] and ca.facts["tier"] != "DEVOPS":
            findings.append(f"The CA {ca.name} publishes no CRL: nobody will learn of revocations.")
    return findings


async def open_driver(
    connection: GcpConnection, secrets: GcpSecrets, limiter: Limiter
) -> GcpDriver:
    """Open the driver in the running loop; Google is not called yet.

    Raises BackendRefused where there are no credentials.
    """
    failure: DriverError
    try:
        credentials = await asyncio.to_thread(_credentials, connection, secrets)
        return GcpDriver(connection, Caller(connection, credentials, limiter))
    except GoogleAuthError:
        failure = BackendRefused(
            "There are no application default credentials on this machine: attach a service "
            "account, set up workload identity, or use a key (credentials: service_account)."
        )
    raise failure


def _credentials(connection: GcpConnection, secrets: GcpSecrets) -> Any:
    """Keys sign their own tokens, without a call of Google's token service."""
    if connection.credentials == "application_default":
        return machine_credentials()
    if secrets.service_account is None:
        raise BackendRefused("The options sign in with a service account, but there is no key.")
    info = json.loads(secrets.service_account.get_secret_value())
    return Credentials.from_service_account_info(info, audience=_AUDIENCE)
