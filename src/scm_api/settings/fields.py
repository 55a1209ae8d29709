"""Every setting, what it may be, and its default."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    DirectoryPath,
    Field,
    SecretStr,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from scm_api.database_url import postgresql_url

PREFIX = "SCM_"


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """Test only: die at the `nth` pass of the named point of the worker."""

    name: str
    nth: int


def _crash_point(value: Any) -> Any:
    match = re.fullmatch(
        r"(before_send|after_send|after_reply|before_commit|after_commit):([1-9][0-9]*)", str(value)
    )
    if match is None and not isinstance(value, CrashPoint):
        raise ValueError("not name:n")
    return CrashPoint(match[1], int(match[2])) if match else value


def _split(value: Any) -> Any:
    return [entry.strip() for entry in value.split(",")] if isinstance(value, str) else value


def _network(value: str) -> str:
    ip_network(value)
    return value


def _key_entry(entry: SecretStr) -> SecretStr:
    name, _, encoded = entry.get_secret_value().partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
        usable = 1 <= len(name.encode()) <= 64 and len(key) == 32  # as `KeyRing` takes them
    except binascii.Error:
        usable = False
    if not usable:
        raise ValueError("not id:base64 of 32 bytes")
    return entry


def _distinct_ids(entries: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if len({entry.get_secret_value().partition(":")[0] for entry in entries}) < len(entries):
        raise ValueError("an id is repeated")
    return entries


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("no such home directory") from error


class Settings(BaseSettings):
    """Every setting with its default; each description says what is accepted."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True
    )

    database_url: Annotated[str, AfterValidator(postgresql_url)] | None = Field(
        None,
        repr=False,
        description="postgresql://user:password@host:port/name?sslmode=verify-full, with libpq's "
        "parameters for host, user, TLS, target_session_attrs, application_name and options, "
        "percent-encoded; unset starts the embedded PostgreSQL.",
    )
    data_directory: Annotated[Path, AfterValidator(_absolute)] = Field(
        Path(".scm-api"),
        validate_default=True,
        description="Directory of the embedded database and its generated secret keys.",
    )
    secret_keys: (
        Annotated[
            tuple[Annotated[SecretStr, AfterValidator(_key_entry)], ...],
            Field(min_length=1),
            NoDecode,
            BeforeValidator(_split),
            AfterValidator(_distinct_ids),
        ]
        | None
    ) = Field(
        None,
        repr=False,
        description="Key ring that seals secrets: id:base64 of 32 bytes, with different ids, the "
        "first seals and all open; separated by commas in a variable, a list in a file. "
        "Required with database_url, otherwise generated in data_directory.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="TCP port to listen on, 1 to 65535.")
    api_processes: int = Field(
        1, ge=1, le=64, description="API processes on the port, 1 to 64, one listener each."
    )
    api_pool_size: int = Field(
        10, ge=1, le=500, description="Database connections of one API process, 1 to 500."
    )
    worker_pool_size: int = Field(
        10, ge=2, le=500, description="Database connections of one worker process, 2 to 500."
    )
    max_body_bytes: int = Field(
        256 * 1024,
        ge=16 * 1024,
        le=16 * 1024 * 1024,
        description="Longest request body in bytes, 16384 (16 KiB) to 16777216 (16 MiB).",
    )
    rate_limit_per_second: float = Field(
        30,
        ge=0,
        le=100_000,
        description="Changes (all requests but GET and HEAD) that one API process takes from one "
        "API key for good, 0 to 100000 a second; 0 takes any number.",
    )
    rate_limit_burst: int = Field(
        300,
        ge=1,
        le=1_000_000,
        description="Changes it takes at once from an API key that rested, 1 to 1000000.",
    )
    wrong_keys_per_minute: int = Field(
        60,
        ge=0,
        le=100_000,
        description="Wrong API keys that one API process looks up from one address (IPv6: network "
        "of 64 bits), 0 to 100000 a minute; 0 looks up any number.",
    )
    trusted_proxies: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_split)
    ] = Field(
        (),
        description="Addresses or networks of the proxies in front, separated by commas, whose "
        "X-Forwarded-For says who sent a request; unset: proxies on this machine (127.0.0.1, ::1).",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="One of debug, info, warning, error."
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="json, one record a line, or console, for reading."
    )
    worker_concurrency: int = Field(
        100,
        ge=1,
        le=1000,
        description="Jobs one worker process runs at a time, 1 to 1000; a CA that hangs holds half "
        "of them at most.",
    )
    lease_seconds: float = Field(
        15,
        ge=0.2,
        le=25,
        description="After this long without a heartbeat a worker's jobs are taken over: 0.2 to "
        "25 seconds, so that an order can be recovered while AWS still knows its token (60 s). An "
        "order at a CA that is given longer to answer is taken over that much later.",
    )
    write_deadline_seconds: float = Field(
        8,
        gt=0,
        le=20,
        description="A call that orders or revokes at a CA is given up after this many seconds; "
        "shorter than lease_seconds. Options of a CA backend may give that CA longer.",
    )
    longest_pause_seconds: float = Field(
        600,
        ge=0,
        le=86400,
        description="Longest freeze of a worker (snapshot, migration) that must not lead to a "
        "second order: 0 to 86400 seconds.",
    )
    queue_poll_seconds: float = Field(
        1,
        gt=0,
        le=60,
        description="How often a worker looks for due jobs without being told, up to 60 seconds.",
    )
    job_attempts: int = Field(
        10, ge=1, le=1000, description="Failures of one job before a person must look, 1 to 1000."
    )
    approval_days: int = Field(
        30,
        ge=1,
        le=365,
        description="A request for approval that nobody answers is over after this many days, 1 to "
        "365; later changes concern new requests.",
    )
    allow_loopback_endpoints: bool = Field(
        False,
        description="true lets a CA's endpoint URL name this machine, as with the sandbox; "
        "otherwise false.",
    )
    machine_identities: Annotated[
        tuple[Annotated[str, Field(pattern=r"^(gcp:[a-z0-9.:-]{4,94}|aws(:[0-9]{12})?)$")], ...],
        NoDecode,
        BeforeValidator(_split),
    ] = Field(
        (),
        description="What CA backends may use this machine's own identity for, separated by "
        "commas: gcp:PROJECT for Google's application default credentials, aws for AWS's default "
        "chain, aws:ACCOUNT for roles of that account assumed from it; unset: nothing.",
    )
    live_examples: bool = Field(
        False,
        description="true shows ids of the newest things in the examples at /docs, to anybody who "
        "opens the page; for demos. Otherwise false.",
    )
    key_blocklist_directory: DirectoryPath | None = Field(
        None, description="Existing directory with lists of compromised keys."
    )
    test_mode: bool = Field(False, description="Test only: 1 allows the other test settings.")
    test_crash_point: Annotated[CrashPoint, NoDecode, BeforeValidator(_crash_point)] | None = Field(
        None,
        description="Test only, with SCM_TEST_MODE=1: before_send, after_send, after_reply, "
        "before_commit or after_commit, a colon and the pass at which to die (1, 2, ...).",
    )
    test_crash_signal: Literal["kill", "stop"] = Field(
        "kill", description="Test only, with SCM_TEST_MODE=1: kill or stop, sent to itself there."
    )

    @property
    def approval_within(self) -> timedelta:
        """How long a request waits for approval."""
        return timedelta(days=self.approval_days)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing is read behind the caller's back: `load_settings` gathers the sources itself."""
        del settings_cls
        return (init_settings,)
