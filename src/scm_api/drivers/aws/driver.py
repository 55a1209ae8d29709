"""The driver for AWS Private CA: one open client for one account and region."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.aws import session, wire
from scm_api.drivers.aws.arns import ca_of_certificate, parse_ca_arn, partition_of
from scm_api.drivers.aws.failures import (
    WRONG_ARGUMENTS,
    CredentialsRefused,
    Throttled,
    not_opened,
    reply_of,
    translate,
)
from scm_api.drivers.aws.operations import (
    DESCRIBE,
    GET,
    GET_CA_CERTIFICATE,
    ISSUE,
    LIST,
    REVOKE,
    Operation,
)
from scm_api.drivers.aws.options import AwsConnection, AwsProfileOptions, AwsSecrets
from scm_api.drivers.base import (
    CheckReport,
    Driver,
    Issued,
    IssuingCa,
    Order,
    Pending,
    Template,
    Untraced,
)
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.drivers.pacing import Limiter

T = TypeVar("T")

_FIRST_LOOK: Final = timedelta(milliseconds=500)
_NEXT_LOOK: Final = timedelta(seconds=1)
_ANCHOR_WAIT: Final = timedelta(seconds=5)
_MOST_PAGES: Final = 50
_PAGE: Final = 100
_OWNERS: Final = ("SELF", "OTHER_ACCOUNTS")
_EXPIRES_SOON: Final = timedelta(days=30)


class _Answer(Exception):
    """An error code that is part of an operation's ordinary course."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class AwsDriver:
    """Implements `drivers.base.Driver`, `ListsIssuingCas` and `ListsTemplates`."""

    def __init__(
        self,
        client: Any,
        aws: Any,
        connection: AwsConnection,
        limiter: Limiter,
        caller: str,
        stack: AsyncExitStack,
    ) -> None:
        self._client = client
        self._session = aws
        self._connection = connection
        self._limiter = limiter
        self._caller = caller
        self._stack = stack
        self._algorithms: dict[str, str] = {}
        self._certificates: dict[tuple[str, str], str] = {}
        self._anchors: dict[str, str] = {}

    async def check(self) -> CheckReport:
        cas = [ca for ca in await self._all_cas() if ca.status != "DELETED"]
        return CheckReport(len(cas), tuple(_findings(cas, self._connection.region)))

    async def submit(self, order: Order, options: AwsProfileOptions) -> Pending:
        """Issue once. AWS answers with a reference only; the certificate is collected by `poll`."""
        algorithm = options.signature_algorithm or await self._default_algorithm(options.private_ca)
        arn = await self._call(
            ISSUE,
            options.private_ca,
            wire.issue_request(order, options, algorithm),
            lambda reply: wire.certificate_arn(options.private_ca, reply),
            template=wire.template_arn(options),
        )
        return Pending(arn, _FIRST_LOOK, "AWS Private CA signs the certificate")

    async def poll(
        self,
        ca_ref: str,
        options: AwsProfileOptions,  # noqa: ARG002 - the reference names the CA already
    ) -> Issued | Pending | Untraced:
        ca_arn = ca_of_certificate(ca_ref)
        request = {"CertificateAuthorityArn": ca_arn, "CertificateArn": ca_ref}
        try:
            issued = await self._call(
                GET,
                ca_arn,
                request,
                lambda reply: wire.issued(ca_ref, reply),
                ordinary=WRONG_ARGUMENTS | {"RequestInProgressException", "RequestFailedException"},
            )
        except _Answer as answer:
            if answer.code == "RequestInProgressException":
                return Pending(ca_ref, _NEXT_LOOK, "AWS Private CA signs the certificate")
            if answer.code in WRONG_ARGUMENTS:  # there are no others than the reference
                return Untraced(f"{answer.detail} ({answer.code}).")
            raise OrderRefused(f"{answer.detail} ({answer.code}).", code=answer.code) from answer
        return replace(issued, issuer_pems=(await self._anchor_of(ca_arn),))

    async def recover(self, order: Order, options: AwsProfileOptions) -> Pending:
        """Send the same token again: inside the token's validity AWS answers with the same order.

        To be called only while `Capabilities.token_validity` has not passed since the first
        send. After a refusal or an outage here, the first send is still unaccounted for.
        """
        return await self.submit(order, options)

    async def revoke(
        self,
        ca_ref: str,
        serial_number: int,
        reason: RevocationReason,
        options: AwsProfileOptions,  # noqa: ARG002 - the reference names the CA already
        *,
        pending: bool = False,  # noqa: ARG002 - it never is
    ) -> None:
        if reason not in wire.REVOCATION_REASONS:
            raise OrderRefused(
                f"AWS Private CA knows no revocation reason {reason}.", code="unsupported-reason"
            )
        try:
            await self._call(
                REVOKE,
                ca_of_certificate(ca_ref),
                wire.revoke_request(ca_ref, serial_number, reason),
                wire.revoked,
                ordinary=frozenset({"RequestAlreadyProcessedException"}),
            )
        except _Answer:
            return

    async def issuing_cas(self) -> Sequence[IssuingCa]:
        """The account's private CAs and those shared with it, with the certificates of those
        that issue."""
        return [
            replace(ca, certificate_pem=await self._certificate_of(ca)) if ca.usable else ca
            for ca in await self._all_cas()
        ]

    async def templates(self) -> Sequence[Template]:
        return wire.templates(partition_of(self._connection.region))

    async def aclose(self) -> None:
        await self._stack.aclose()

    async def _all_cas(self) -> list[IssuingCa]:
        found: dict[str, IssuingCa] = {}
        for owner in _OWNERS:
            for ca in await self._list(owner):
                found.setdefault(ca.id, ca)
        return list(found.values())

    async def _list(self, owner: str) -> list[IssuingCa]:
        cas: list[IssuingCa] = []
        request: dict[str, Any] = {"MaxResults": _PAGE, "ResourceOwner": owner}
        for _ in range(_MOST_PAGES):
            page, following = await self._call(LIST, "*", request, wire.page_of_cas)
            cas += page
            if following is None:
                return cas
            request["NextToken"] = following
        raise BackendUnavailable(f"AWS lists more than {_MOST_PAGES * _PAGE} private CAs.")

    async def _certificate_of(self, ca: IssuingCa) -> str | None:
        """The CA's own certificate, read once for each serial number it has had; None if the
        credentials may not read it."""
        known = (ca.id, ca.facts["serial"])
        if known not in self._certificates:
            request = {"CertificateAuthorityArn": ca.id}
            try:
                pem = await self._call(GET_CA_CERTIFICATE, ca.id, request, wire.ca_certificate)
            except (BackendRefused, OrderRefused):
                return None
            self._certificates[known] = pem
        return self._certificates[known]

    async def _anchor_of(self, ca_arn: str) -> str:
        """The CA's own certificate, read once: one it is renewed with has the same key and subject,
        since AWS takes none that does not match the CA's CSR."""
        if ca_arn not in self._anchors:
            request = {"CertificateAuthorityArn": ca_arn}
            try:
                pem = await self._call(GET_CA_CERTIFICATE, ca_arn, request, wire.ca_certificate)
            except OrderRefused as error:  # the order is issued, whatever is wrong about its CA
                raise BackendUnavailable(error.detail, retry_after=_ANCHOR_WAIT) from error
            self._anchors[ca_arn] = pem
        return self._anchors[ca_arn]

    async def _default_algorithm(self, ca_arn: str) -> str:
        """The CA's own signing algorithm, which is fixed when the CA is made."""
        if ca_arn not in self._algorithms:
            self._algorithms[ca_arn] = await self._call(
                DESCRIBE,
                ca_arn,
                {"CertificateAuthorityArn": ca_arn},
                wire.default_signing_algorithm,
            )
        return self._algorithms[ca_arn]

    async def _call(
        self,
        operation: Operation,
        resource: str,
        request: Mapping[str, Any],
        read: Callable[[Mapping[str, Any]], T],
        *,
        template: str | None = None,
        ordinary: frozenset[str] = frozenset(),
    ) -> T:
        """One paced call, sent once. Raises driver errors, and `_Answer` for `ordinary` codes."""
        hidden = await session.sign_in(self._session, self._connection)
        pace = self._pace(operation, resource)
        await self._limiter.acquire(pace, operation.rate(self._connection.quotas))
        try:
            async with asyncio.timeout(self._connection.call_timeout_seconds):
                reply = await getattr(self._client, operation.method)(**request)
            return read(reply)
        except Exception as error:  # noqa: BLE001 - a hostile peer can make the SDK raise anything
            failure = _ordinary(error, ordinary, hidden) or translate(
                error, operation, resource=resource, template=template, hidden=hidden
            )
        if isinstance(failure, Throttled):
            await self._limiter.slow_down(pace, failure.wait)
        if isinstance(failure, CredentialsRefused):
            await session.look_again(self._session, self._connection)
        # Raised out here, without the SDK's exception, which holds the signed request.
        raise failure

    def _pace(self, operation: Operation, resource: str) -> str:
        """Quotas are per account, region and operation, however many backends share them."""
        arn = parse_ca_arn(resource)
        account = arn.account if arn else self._caller
        return f"aws:{account}:{self._connection.region}:{operation.name}"


def _findings(cas: Sequence[IssuingCa], region: str) -> list[str]:
    if not any(ca.usable for ca in cas):
        return [f"None of the {len(cas)} private CAs in {region} is ACTIVE."]
    findings = []
    for ca in cas:
        if not ca.usable:
            findings.append(f"{ca.name} is {ca.status} and does not issue.")
            continue
        if ca.not_after and ca.not_after - datetime.now(UTC) < _EXPIRES_SOON:
            findings.append(f"{ca.name} expires on {ca.not_after:%Y-%m-%d}.")
        if not ca.facts["publishes_revocations"] and ca.facts["usage_mode"] != wire.SHORT_LIVED:
            findings.append(
                f"{ca.name} publishes neither a CRL nor OCSP: nobody will learn of revocations."
            )
    return findings


def _ordinary(error: Exception, codes: frozenset[str], hidden: tuple[str, ...]) -> _Answer | None:
    if not isinstance(error, ClientError):
        return None
    code, status, said = reply_of(error, hidden)
    answered = code in codes and status < HTTPStatus.INTERNAL_SERVER_ERROR
    return _Answer(code, said) if answered else None


async def open_driver(connection: AwsConnection, secrets: AwsSecrets, limiter: Limiter) -> Driver:
    """Open the client; AWS Private CA itself is not called yet.

    Raises BackendRefused where credentials are missing, and looks for them anew the next time.
    """
    try:
        async with AsyncExitStack() as stack:
            aws = await asyncio.to_thread(session.prepare, connection, secrets)
            client = await session.open_client(aws, connection, stack)
            caller = _caller(connection, secrets)
            return AwsDriver(client, aws, connection, limiter, caller, stack.pop_all())
    except Exception as error:  # noqa: BLE001 - configuration files of the machine are read here
        failure = not_opened(error)
    raise failure


def _caller(connection: AwsConnection, secrets: AwsSecrets) -> str:
    """Stands for the account in calls that name no CA. Access key ids are not written down."""
    role = getattr(connection.credentials, "role_arn", None)
    if role is not None:
        return str(role.split(":")[4])
    if secrets.access_key_id is None:
        return "default-chain"
    return f"key-{sha256(secrets.access_key_id.encode()).hexdigest()[:12]}"
