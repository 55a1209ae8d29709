"""What the AWS driver makes of servers that hang, lie, redirect or are somebody else."""

import asyncio
import json
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aws_harness import ADMIN, EC_ISSUING
from contract import RecordingLimiter, new_order
from scripted_aws import OPTIONS, REF, driver_at, submitting
from scripted_server import (
    Script,
    ScriptedServer,
    answer,
    close,
    drip,
    flood,
    hang,
    reset,
    scripted,
)

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import Driver, Pending
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)

HTML = b"<html><body><h1>Sign in to the network</h1></body></html>"


@asynccontextmanager
async def facing(
    script: Script, limiter: RecordingLimiter | None = None
) -> AsyncIterator[tuple[Driver, ScriptedServer]]:
    async with (
        scripted(script) as server,
        driver_at(f"http://127.0.0.1:{server.port}", limiter) as driver,
    ):
        yield driver, server


def aws_error(code: str, message: str = "as told") -> bytes:
    return json.dumps({"__type": code, "message": message}).encode()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (hang, "no answer came in time"),
        (drip, "no answer came in time"),
        (close, "the connection closed"),
        (reset, "the connection closed"),
        (flood, "longer than"),
        (answer(b'{"CertificateArn": "arn', declared=500), "the connection closed"),
        (answer(b'{"CertificateArn": "arn'), "no certificate ARN"),
        (answer(b'{"CertificateArn": 5}'), "not one of AWS"),
        (answer(b"[1, 2]"), "cannot be read"),
        (answer(b"\xff\xfe\x00"), "cannot be read"),
        (answer(b""), "no certificate ARN"),
        (answer(HTML), "no certificate ARN"),
        (answer(HTML, "404 Not Found"), "no error of AWS"),
        (answer(HTML, "502 Bad Gateway"), "status 502"),
        (answer(aws_error("InternalFailure"), "500 Internal Server Error"), "InternalFailure"),
        (answer(aws_error("InvalidArgsException"), "503 Service Unavailable"), "status 503"),
        (answer(b"no http at all", "abc"), "closed"),
    ],
)
async def test_f04_f06_t56_a_write_without_a_sound_answer_is_unknown(
    script: Script, words: str
) -> None:
    async with facing(script) as (driver, server):
        error = await submitting(driver)
        assert type(error) is OutcomeUnknown, error
        assert words in error.detail
        assert "IssueCertificate" in error.detail
        with pytest.raises(OutcomeUnknown):
            await driver.revoke(REF, 10, RevocationReason.SUPERSEDED, OPTIONS)
    assert len(server.requests) == 2, "each call is sent once and never again"


@pytest.mark.parametrize("script", [hang, close, reset, flood, answer(HTML), answer(b"[]")])
async def test_f04_the_same_on_a_read_is_unavailable(script: Script) -> None:
    async with facing(script) as (driver, server):
        with pytest.raises(BackendUnavailable):
            await driver.poll(REF, OPTIONS)
        with pytest.raises(BackendUnavailable):
            await driver.check()
    assert len(server.requests) == 2


async def test_f04_refused_before_a_byte_was_sent_is_unavailable() -> None:
    async with driver_at("http://127.0.0.1:1") as driver:
        error = await submitting(driver)
    assert type(error) is BackendUnavailable
    assert "cannot be reached" in error.detail


async def test_f04_a_name_that_does_not_resolve_is_unavailable() -> None:
    async with driver_at("https://pca.invalid") as driver:
        assert type(await submitting(driver)) is BackendUnavailable


async def test_f04_a_connection_that_is_never_accepted_is_unavailable() -> None:
    """A full backlog swallows the handshake: the connect timeout ends it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        async with driver_at(f"http://127.0.0.1:{port}", connect_timeout_seconds=0.3) as driver:
            assert type(await submitting(driver)) is BackendUnavailable
        for filler in fillers:
            filler.close()


async def test_t56_the_whole_call_has_a_deadline() -> None:
    async with facing(drip) as (driver, _):
        started = time.monotonic()
        await submitting(driver)
        assert time.monotonic() - started < 2


async def test_t56_an_endless_answer_is_not_kept() -> None:
    async with facing(flood) as (driver, _):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await submitting(driver)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown} KiB"


async def test_t56_a_chain_of_very_many_certificates_is_not_parsed() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    body = json.dumps({"Certificate": pem, "CertificateChain": pem * 40_000}).encode()
    async with facing(answer(body)) as (driver, _):
        with pytest.raises(BackendUnavailable, match="cannot be read"):
            await driver.poll(REF, OPTIONS)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x y\n" * 1_000_000, "403 Forbidden"),
        (json.dumps({"__type": "x y" * 1_000_000}).encode(), "400 Bad Request"),
    ],
)
async def test_t56_words_without_end_cost_no_more_than_few(body: bytes, status: str) -> None:
    async with facing(answer(body, status)) as (driver, _):
        started = time.thread_time()
        await submitting(driver)
        assert time.thread_time() - started < 0.5


async def test_t56_a_page_of_very_many_cas_is_not_read() -> None:
    page = {"CertificateAuthorities": [{"Arn": EC_ISSUING, "Status": "ACTIVE"}] * 1001}
    async with facing(answer(json.dumps(page).encode())) as (driver, _):
        with pytest.raises(BackendUnavailable, match="more than 1000"):
            await driver.check()


async def test_t56_numbers_that_are_none_do_not_crash() -> None:
    authority = '{"Arn": "%s", "Status": "ACTIVE", "NotAfter": NaN}' % EC_ISSUING  # noqa: UP031
    body = ('{"CertificateAuthorities": [' + authority + "]}").encode()
    async with facing(answer(body)) as (driver, _):
        with pytest.raises(BackendUnavailable):
            await driver.check()


async def test_a_list_without_end_is_given_up() -> None:
    body = b'{"CertificateAuthorities": [], "NextToken": "more"}'
    async with facing(answer(body)) as (driver, server):
        with pytest.raises(BackendUnavailable, match="more than 5000"):
            await driver.check()
    assert len(server.requests) == 50


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Again", "308 Permanent"])
async def test_t55_a_redirect_is_refused_and_not_followed(status: str) -> None:
    async with scripted(answer(b"{}")) as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/\r\n".encode()
        async with facing(answer(b"", status, headers=location)) as (driver, _):
            error = await submitting(driver)
        assert type(error) is BackendRefused
        assert "redirect" in error.detail
    assert elsewhere.connections == 0


async def test_f05_throttling_without_a_code_of_aws_is_throttling(
    limiter: RecordingLimiter,
) -> None:
    script = answer(HTML, "429 Too Many Requests", headers=b"Retry-After: 7\r\n")
    async with facing(script, limiter) as (driver, _):
        error = await submitting(driver)
    assert isinstance(error, BackendUnavailable)
    assert error.retry_after == timedelta(seconds=7)
    key = "aws:111122223333:eu-central-1:IssueCertificate"
    assert limiter.slowed == [(key, timedelta(seconds=7))]


@pytest.mark.parametrize("given", [b"soon", b"-5", b"0", b"9" * 30, "٣".encode(), b"86400"])
async def test_f05_a_strange_retry_after_is_held_within_bounds(
    limiter: RecordingLimiter, given: bytes
) -> None:
    body, headers = aws_error("ThrottlingException"), b"Retry-After: " + given + b"\r\n"
    async with facing(answer(body, "400 Bad Request", headers=headers), limiter) as (driver, _):
        await submitting(driver)
    ((_, wait),) = limiter.slowed
    assert timedelta(seconds=2) <= wait <= timedelta(hours=1)


async def test_t61_a_reply_that_echoes_the_credentials_is_cleaned() -> None:
    secret = ADMIN.secret_access_key
    assert secret is not None
    echo = f"you sent {secret.get_secret_value()}\n\x1b[31mand\x00 more " + "x" * 2000
    script = answer(aws_error("ValidationException", echo), "400 Bad Request")
    async with facing(script) as (driver, _):
        error = await submitting(driver)
    assert isinstance(error, OrderRefused)
    assert secret.get_secret_value() not in error.detail
    assert error.detail.startswith("you sent [hidden] [31mand more xxx")
    assert error.detail.isprintable()
    assert len(error.detail) < 600


async def test_t61_the_words_of_a_signature_error_are_not_repeated() -> None:
    words = "The Canonical String was\nx-amz-security-token:FwoGZXIvYXdzEBYaDH"
    script = answer(aws_error("InvalidSignatureException", words), "403 Forbidden")
    async with facing(script) as (driver, _):
        error = await submitting(driver)
    assert isinstance(error, BackendRefused)
    assert "clock" in error.detail
    assert "FwoGZXIvYXdzEBYaDH" not in error.detail


async def test_cancelling_a_call_leaves_the_driver_usable() -> None:
    arn = json.dumps({"CertificateArn": REF}).encode()
    async with facing(hang) as (driver, server):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await driver.submit(new_order(), OPTIONS)
        server.script = answer(arn)
        found = await driver.submit(new_order(), OPTIONS)
    assert isinstance(found, Pending)
    assert found.ca_ref == REF
