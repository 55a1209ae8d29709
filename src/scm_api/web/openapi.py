"""The contract as a document, and the page that shows it, from our own assets."""

from functools import cache
from pathlib import Path
from typing import Any

import fastapi_offline
import orjson
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from scm_api.web import (
    answer_examples,
    contract_headers,
    contract_problems,
    contract_schemas,
    examples,
)
from scm_api.web.deps import App
from scm_api.web.problems import PROBLEM_JSON

ASSETS = Path(fastapi_offline.__file__).parent / "static"

TAGS = [
    {"name": "Enrollments", "description": "Ask for a certificate and follow what becomes of it."},
    {"name": "Certificates", "description": "What was issued: read, download, renew, revoke."},
    {"name": "Certificate profiles", "description": "What may be issued, and through which CA."},
    {"name": "CA backends", "description": "The CAs profiles refer to, and what they offer."},
    {"name": "Connectors", "description": "What reaches CAs, and the credentials they take."},
    {"name": "Organizations", "description": "Tenants, their departments and their domains."},
    {"name": "Access", "description": "Admins and their API keys."},
    {"name": "Audit", "description": "Who did what, and when."},
    {"name": "Service", "description": "Whether the service is alive, ready, and how busy."},
]

_DONE = {
    "200": "As it is now.",
    "201": "Made; `Location` is its address.",
    "202": "Stored; a worker goes on with it.",
    "204": "Done; there is nothing left to show.",
}
_TITLES = {
    400: "The request cannot be read.",
    401: "No API key, or one that is not known.",
    403: "You may see this but not do that.",
    404: "There is no such thing, or none you may see.",
    409: "The state of things does not allow it; the detail says what to do first.",
    412: "Somebody changed it since you read it.",
    413: "The body is too long.",
    415: "The body is not sent as JSON.",
    422: "The content is wrong; every fault is listed with a JSON pointer.",
    428: "Say with If-Match which version you change.",
    429: "Too much at once; nothing was done. Repeat it after `Retry-After`.",
    502: "The CA refused our credentials or answered nonsense.",
    503: "The database or the CA is away for now; nothing was changed.",
}


_UNEXPECTED = {
    "description": "Any other error; 500 is a mistake of the service.",
    "content": {
        PROBLEM_JSON: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": contract_problems.example(500, {}, {}),
        }
    },
}


class ProblemFault(BaseModel):
    """One fault of the request."""

    type: str = Field(description="Stable URN of the fault.")
    pointer: str = Field(description="JSON pointer (RFC 6901) to the member at fault.")
    detail: str = Field(description="What is wrong, in words.")
    accepted: str | None = Field(None, description="What would have been accepted.")


class ProblemUse(BaseModel):
    """One thing that still uses what was to be deleted."""

    kind: str
    id: str
    name: str


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(examples=["urn:scm-api:problem:name-not-allowed"])
    title: str = Field(examples=["Name not allowed"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["www.other.test is not covered by a domain of the organization."])
    request_id: str = Field(examples=["5b2f0c1d9f6e4a7c8b1d2e3f4a5b6c7d"])
    errors: list[ProblemFault] | None = Field(None, description="All faults, each with a pointer.")
    used_by: list[ProblemUse] | None = Field(None, description="What still uses this.")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that may fail with these statuses, and 401, 429 and 503.

    400 is always possible; 413, 415 and 422 follow from a body. They are added to the document by
    itself.
    The media type is declared by hand: FastAPI files a `model` under application/json.
    """
    return {
        status: {
            "description": _TITLES[status],
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({401, 429, 503, *statuses})
    }


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the application, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary="One API for every certificate authority a company buys from.",
        description=app.description,
        routes=app.routes,
        tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "This service"}],
    )
    schemas: dict[str, Any] = made.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    contract_schemas.show_answers(schemas)
    contract_schemas.order_examples(schemas)
    contract_schemas.without_object_defaults(schemas)
    for operations in made["paths"].values():
        for method, operation in operations.items():
            _complete(method, operation, schemas)
    contract_schemas.name_parts([made["paths"], *list(schemas.values())], schemas)
    contract_schemas.open_answers(made["paths"], schemas)
    made["components"]["responses"] = {"Unexpected": _UNEXPECTED}
    made["components"]["headers"] = contract_headers.HEADERS
    app.openapi_schema = made
    return made


def _complete(method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """What follows from the shape of an operation: its errors, none of them FastAPI's own, their
    examples, and the headers of its answers.

    FastAPI adds a 422 of its own everywhere; ours is problem+json or it is not there.
    """
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]
    implied = {400}
    if "requestBody" in operation:
        implied |= {413, 415, 422}
    for status, answer in problems(*implied).items():
        if status in implied:
            responses.setdefault(str(status), answer)
    operation["responses"] = dict(sorted(responses.items())) | {
        "default": {"$ref": "#/components/responses/Unexpected"}
    }
    operation.setdefault("security", [])  # said, where no key is needed
    for parameter in operation.get("parameters", []):
        _complete_parameter(parameter)
        if parameter["name"] == "If-Match":  # missing, it has a status of its own
            parameter["required"] = "428" in responses
    for body in operation.get("requestBody", {}).get("content", {}).values():
        body["schema"] = contract_schemas.without_null(body["schema"])
    for status, answer in responses.items():
        if answer["description"] == "Successful Response":  # FastAPI's
            answer["description"] = _DONE[status]
        done = answer_examples.BY_OPERATION.get((operation["operationId"], status))
        if done is not None:
            answer["content"]["application/json"]["example"] = done
        if int(status) >= 400:
            shown = contract_problems.example(int(status), operation, schemas, method)
            answer["content"][PROBLEM_JSON]["example"] = shown
    contract_headers.declare(operation, schemas)


def _complete_parameter(parameter: dict[str, Any]) -> None:
    schema = parameter["schema"] = contract_schemas.without_null(parameter["schema"])
    if parameter["in"] == "path":
        parameter["example"] = examples.PATH_PARAMETERS[parameter["name"]]
    elif "examples" in schema:  # Swagger UI fills in a parameter's own example only
        parameter["example"] = schema.pop("examples")[0]


def as_yaml(app: FastAPI) -> str:
    """The committed form of the contract."""
    import yaml  # hardly ever asked for

    class Plain(yaml.CSafeDumper):  # the one without C takes a second
        def ignore_aliases(self, _data: Any) -> bool:
            return True  # not every reader of YAML follows them

    written: str = yaml.dump(
        document(app), Dumper=Plain, sort_keys=False, allow_unicode=True, width=100
    )
    return written


def _without_inline_script(page: HTMLResponse) -> HTMLResponse:
    """Our policy lets no inline script run, so the page's start-up script gets its own address."""
    html = bytes(page.body).decode()
    before, _, rest = html.partition("<script>")
    _, _, after = rest.partition("</script>")
    return HTMLResponse(before + '<script src="/docs/start.js"></script>' + after)


_START = """
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""


def install(app: FastAPI) -> None:
    """Serve the contract as JSON and YAML, and Swagger UI at `/docs`; nothing is fetched from
    elsewhere."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def swagger_ui() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="scm-api",
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon.png",
        )
        return _without_inline_script(page)

    @router.get("/docs/start.js")
    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    @router.get("/openapi.json")
    async def contract_as_json(resources: App) -> Response:
        contract = orjson.dumps(await run_in_threadpool(document, app)).decode()
        if resources.settings.live_examples:
            contract = await examples.with_live_ids(contract, resources.database)
        return Response(contract, media_type="application/json")

    @cache
    def written() -> str:
        return as_yaml(app)

    @router.get("/openapi.yaml")
    async def contract_as_yaml() -> Response:
        contract = await run_in_threadpool(written)  # whose quarter of a second anybody may ask for
        return Response(contract, media_type="application/yaml")

    @router.get("/", response_class=Response)
    async def home() -> Response:
        return Response(status_code=307, headers={"Location": "/docs"})

    app.router.routes.extend(router.routes)  # as in `create_app`
    app.mount("/docs/assets", StaticFiles(directory=ASSETS), name="assets")
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # FastAPI's documented hook
