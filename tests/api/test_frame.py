"""What surrounds every request: its id, safety headers, and the answer to the unexpected."""

from pathlib import Path
from time import process_time

from structlog.testing import capture_logs

from api_client import Api, Contract, code_of
from running import settings_for
from scm_api.app import create_app

SECRET = "the-secret-in-the-traceback"


async def test_t84_the_unexpected_is_a_fixed_text_and_a_request_id(
    database_url: str, contract: Contract, tmp_path: Path
) -> None:
    app = create_app(settings_for(database_url, tmp_path))

    async def broken() -> None:
        raise RuntimeError(SECRET)

    app.add_api_route("/broken", broken)
    async with app.router.lifespan_context(app):
        api = Api(app, contract, None, (SECRET,))
        with capture_logs() as logs:
            response = await api.send("GET", "/broken", 500)
    assert code_of(response.json()) == "internal-error"
    failures = [record for record in logs if record["event"] == "unhandled error"]
    assert [record["request_id"] for record in failures] == [response.json()["request_id"]]


async def test_request_ids_come_back_if_they_are_harmless(api: Api) -> None:
    for given, kept in (
        ("0123456789abcdef", True),
        ("deploy-2030.1_a", True),
        ("short", False),
        ("a" * 65, False),
        ("line\tbreak-and-more", False),
        ("<script>alert(1)</script>", False),
    ):
        response = await api.send("GET", "/health/live", 200, headers={"X-Request-Id": given})
        assert (response.headers["x-request-id"] == given) is kept


async def test_head_is_get_without_the_body(api: Api) -> None:
    for path in ("/health/live", "/connectors", "/docs", "/nowhere"):
        whole, head = await api.http.get(path), await api.http.head(path)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        del whole.headers["x-request-id"], head.headers["x-request-id"]
        assert head.headers == whole.headers


async def test_t76_every_answer_carries_the_safety_headers(api: Api) -> None:
    origin = {"Origin": "https://evil.test"}
    for path, status in (("/health/live", 200), ("/docs", 200), ("/connectors", 200), ("/x", 404)):
        response = await api.send("GET", path, status, headers=origin)
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "script-src 'self';" in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert not [name for name in response.headers if name.startswith("access-control-")]


async def test_t77_nobody_has_the_contract_written_twice(api: Api) -> None:
    """It takes a quarter of a second of CPU, and nobody needs a key to read it."""
    await api.send("GET", "/openapi.yaml", 200)
    before = process_time()
    await api.send("GET", "/openapi.yaml", 200)
    assert process_time() - before < 0.1


async def test_the_documentation_needs_nothing_from_elsewhere(api: Api) -> None:
    page = (await api.send("GET", "/docs", 200)).text
    assert "http://" not in page
    assert "https://" not in page
    assert "<script>" not in page
    for part in page.split('"'):
        if part.startswith("/docs/"):
            await api.send("GET", part, 200)
    home = await api.send("GET", "/", 307)
    assert home.headers["location"] == "/docs"
