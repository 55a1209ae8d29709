"""A request that AD CS took, and errors in place of what became of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from contract import RecordingLimiter
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from microsoft_harness import MicrosoftHarness
from scripted_server import answer, scripted, tls_server

from scm_api.drivers.base import Driver, Rejected
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.drivers.microsoft.options import MicrosoftConnection


def certificate_in(path: Path) -> x509.Certificate:
    (found,) = x509.load_pem_x509_certificates(path.read_bytes())
    return found


async def opened(harness: MicrosoftHarness, port: int, trusted: Path) -> Driver:
    certificate = certificate_in(trusted)
    connection = MicrosoftConnection.model_validate(
        {
            "backend_type": "microsoft",
            "issuing_ca": "Corp CA",
            "enroller": {
                "transport": "certsrv",
                "base_url": f"https://127.0.0.1:{port}",
                "auth": "basic",
            },
            "trusted_certificates": certificate.public_bytes(Encoding.PEM).decode(),
        }
    )
    return await harness.kind.open(connection, harness.secrets, RecordingLimiter())


@asynccontextmanager
async def certsrv_answering(page: str, folder: Path) -> AsyncIterator[int]:
    """The port of a Web Enrollment of "Corp CA" whose answer to every look at a request is one."""
    tls_server(folder, "Corp CA")
    own = certificate_in(folder / "server.pem")
    tls = tls_server(folder, "127.0.0.1")
    parts = {
        b"certcarc.asp": b"<script>var nRenewals=0;</script>",
        b"ReqID=CACert": own.public_bytes(Encoding.DER),
    }

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = server.requests[-1].partition(b"\r\n")[0]
        body = next((body for part, body in parts.items() if part in line), page.encode())
        await answer(body)(reader, writer)

    async with scripted(script, tls=tls) as server:
        yield server.port


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (0x80070005, BackendRefused),
        (0x80094011, BackendRefused),
        (0x80070057, BackendRefused),
        (0x80094004, OrderRefused),
        (0x800706BA, BackendUnavailable),
        (0x80094014, None),
    ],
)
async def test_f15_an_error_in_place_of_an_answer_decides_nothing(
    microsoft_harness: MicrosoftHarness, tmp_path: Path, code: int, raised: Any
) -> None:
    page = f"<title>Error</title><p>Error Number: 0x{code:08X} ({code - 2**32} SYMBOL)"
    options = microsoft_harness.options.model_copy(update={"issuing_ca": "Corp CA"})
    async with certsrv_answering(page, tmp_path) as port:
        driver = await opened(microsoft_harness, port, tmp_path / "server.pem")
        try:
            if raised is None:
                assert isinstance(await driver.poll("41", options), Rejected)
            else:
                with pytest.raises(raised):
                    await driver.poll("41", options)
        finally:
            await driver.aclose()
