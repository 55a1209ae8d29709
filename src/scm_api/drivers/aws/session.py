"""Opening the AWS SDK: credentials, configuration, one client that lives as long as its driver."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.credentials import (
    AioCredentialResolver,
    AioCredentials,
    AioDeferredRefreshableCredentials,
    create_credential_resolver,
)
from aiobotocore.session import AioSession
from botocore.credentials import CredentialProvider
from botocore.loaders import Loader
from pydantic import SecretStr

from scm_api import __version__
from scm_api.drivers.addresses import is_loopback_host
from scm_api.drivers.aws.failures import sign_in_failed
from scm_api.drivers.aws.options import AssumedRole, AwsConnection, AwsSecrets
from scm_api.drivers.aws.transport import CheckedResolver, StrictSession, trusting
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError

_SERVICE: Final = "acm-pca"
_MODELS: Final = ("service-2", "endpoint-rule-set-1")
_SHARED_DATA: Final = ("endpoints", "partitions", "sdk-default-configuration", "_retry")
_MOST_CONNECTIONS: Final = 50
_LONGEST_SIGN_IN: Final = 6.0  # seconds
_USER_AGENT: Final = f"scm-api/{__version__}"
"""What CloudTrail shows; the SDK would make up its own anew for each call, twice."""


class _StrictSdk(AioSession):  # type: ignore[misc]  # the SDK has no types
    """Gives every client the strict HTTP session, also those the SDK makes to sign in."""

    def create_client(self, *args: Any, config: AioConfig | None = None, **options: Any) -> Any:
        strict = config or AioConfig()
        strict.http_session_cls = StrictSession
        return super().create_client(*args, config=strict, **options)


@cache
def _loaded() -> Loader:
    """The SDK's data files, parsed once a process and kept by the loader."""
    loader = Loader()
    for model in _MODELS:
        loader.load_service_model(_SERVICE, model)
    for data in _SHARED_DATA:
        loader.load_data(data)
    return loader


def prepare(connection: AwsConnection, secrets: AwsSecrets) -> aioboto3.Session:
    """A session for these options. The first takes about 0.3 s of CPU: call it in a thread.

    Raises BackendRefused if the options need an access key and the secrets hold none.
    """
    # At DEBUG the SDK logs signed requests, and with them session tokens.
    for name in ("aioboto3", "aiobotocore", "boto3", "botocore"):
        logging.getLogger(name).setLevel(logging.INFO)
    session = _StrictSdk()
    session.register_component("data_loader", _loaded())
    with suppress(OSError):  # the first call says so
        trusting(
            session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE", True)
        )
    if connection.credentials.mode != "default_chain":
        provider = _provider(session, connection, secrets)
        session.register_component("credential_provider", AioCredentialResolver([provider]))
    return aioboto3.Session(botocore_session=session, region_name=connection.region)


async def open_client(
    session: aioboto3.Session, connection: AwsConnection, stack: AsyncExitStack
) -> Any:
    """The client of AWS Private CA, closed with `stack`; safe for concurrent calls.

    Raises BackendRefused where the machine has no credentials: a client made without them would
    never look for them again. Nobody is asked for a role's yet.
    """
    try:
        async with asyncio.timeout(connection.call_timeout_seconds):
            _found(await session.get_credentials())
    except TimeoutError as error:
        raise _too_slow(connection, connection.call_timeout_seconds) from error
    return await stack.enter_async_context(
        session.client(
            _SERVICE,
            region_name=connection.region,
            endpoint_url=connection.endpoint_url,
            config=_config(connection, connection.endpoint_url),
        )
    )


def _config(connection: AwsConnection, endpoint_url: str | None) -> AioConfig:
    """One send a call: whether to send again is for the caller to decide, who knows the token."""
    loopback = endpoint_url is not None and is_loopback_host(urlsplit(endpoint_url).hostname or "")
    return AioConfig(
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=connection.connect_timeout_seconds,
        read_timeout=connection.read_timeout_seconds,
        max_pool_connections=_MOST_CONNECTIONS,
        ignore_configured_endpoint_urls=True,
        user_agent=_USER_AGENT,
        proxies={} if loopback else None,
        connector_args={"resolver": CheckedResolver()},
    )


class _StaticKeys(CredentialProvider):  # type: ignore[misc]  # the SDK has no types
    """The access key among the secrets, and nothing the environment may hold besides."""

    METHOD = "static-keys"

    def __init__(self, secrets: AwsSecrets) -> None:
        super().__init__()
        if secrets.access_key_id is None or secrets.secret_access_key is None:
            raise BackendRefused("The options sign in with an access key, but there is none.")
        self._keys = (
            secrets.access_key_id,
            secrets.secret_access_key.get_secret_value(),
            _plain(secrets.session_token),
        )

    async def load(self) -> AioCredentials:
        return AioCredentials(*self._keys, method=self.METHOD)


class _AssumedRole(CredentialProvider):  # type: ignore[misc]  # the SDK has no types
    """Short-lived credentials from sts:AssumeRole, renewed by the SDK before they end."""

    METHOD = "assume-role"

    def __init__(self, assume: Callable[[], Awaitable[dict[str, str]]]) -> None:
        super().__init__()
        self._assume = assume

    async def load(self) -> AioDeferredRefreshableCredentials:
        return AioDeferredRefreshableCredentials(self._assume, self.METHOD)


def _provider(
    session: AioSession, connection: AwsConnection, secrets: AwsSecrets
) -> CredentialProvider:
    role = connection.credentials
    if not isinstance(role, AssumedRole):
        return _StaticKeys(secrets)
    source = (
        AioCredentialResolver([_StaticKeys(secrets)])
        if role.source == "static_keys"
        else create_credential_resolver(session, region_name=connection.region)
    )

    async def assume() -> dict[str, str]:
        return await _assume_role(session, connection, role, source)

    return _AssumedRole(assume)


async def sign_in(session: aioboto3.Session, connection: AwsConnection) -> tuple[str, ...]:
    """Have credentials at hand before a call, so that their failure is not taken for the CA's.

    Returns what of them must never be repeated in a sentence. Raises driver errors.
    """
    try:
        async with asyncio.timeout(_sign_in_timeout(connection)):
            return _confidential(await _keys_of(await session.get_credentials()))
    except TimeoutError:
        failure: DriverError = _too_slow(connection, _sign_in_timeout(connection))
    except Exception as error:  # noqa: BLE001 - a hostile peer can make the SDK raise anything
        failure = sign_in_failed(error, "this machine's role", ())
    raise failure


async def look_again(session: aioboto3.Session, connection: AwsConnection) -> None:
    """Take up the access key that the machine has now, in place of one that AWS does not accept any
    more. What has an end of its own, the SDK renews by itself."""
    if connection.credentials.mode != "default_chain":
        return
    known = await session.get_credentials()
    if type(known) is not AioCredentials:
        return
    resolver = session._session.get_component("credential_provider")  # noqa: SLF001 -- no other way
    with suppress(Exception):  # AWS's refusal is what is told
        async with asyncio.timeout(connection.connect_timeout_seconds):
            found = await resolver.load_credentials()
        if type(found) is AioCredentials:
            known.access_key, known.secret_key = found.access_key, found.secret_key
            known.token = found.token


async def _assume_role(
    session: AioSession,
    connection: AwsConnection,
    role: AssumedRole,
    source: AioCredentialResolver,
) -> dict[str, str]:
    """Call sts:AssumeRole; raises a driver error that names what is missing."""
    hidden: tuple[str, ...] = ()
    try:
        keys = await _keys_of(await source.load_credentials())
        hidden = _confidential(keys)
        async with session.create_client(
            "sts",
            region_name=connection.region,
            endpoint_url=role.sts_endpoint_url,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.token,
            config=_config(connection, role.sts_endpoint_url),
        ) as sts:
            external = {} if role.external_id is None else {"ExternalId": role.external_id}
            reply = await sts.assume_role(
                RoleArn=role.role_arn, RoleSessionName=role.session_name, **external
            )
        credentials = reply["Credentials"]
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }
    except Exception as error:  # noqa: BLE001 - a hostile peer can make the SDK raise anything
        failure = sign_in_failed(error, role.role_arn, hidden)
    raise failure


async def _keys_of(credentials: Any) -> Any:
    return await _found(credentials).get_frozen_credentials()


def _sign_in_timeout(connection: AwsConnection) -> float:
    """Less than a worker waits for the whole: what took so long must not pass for an order sent."""
    return min(0.75 * connection.call_timeout_seconds, _LONGEST_SIGN_IN)


def _too_slow(connection: AwsConnection, seconds: float) -> BackendUnavailable:
    role = getattr(connection.credentials, "role_arn", None)
    who = f"Signing in as {role}" if role else "The credentials of this machine"
    return BackendUnavailable(f"{who} took over {seconds:g} s.")


def _found(credentials: Any) -> Any:
    if credentials is None:
        raise BackendRefused("There are no AWS credentials on this machine.")
    return credentials


def _confidential(keys: Any) -> tuple[str, ...]:
    return tuple(part for part in (keys.secret_key, keys.token) if part)


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
