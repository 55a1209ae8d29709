"""Liveness, readiness and metrics, for whoever runs the service; no API key needed."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from scm_api.web.deps import Db
from scm_api.web.operations import Operation
from scm_api.web.problems import PROBLEM_JSON
from scm_api.web.replies import reply

router = APIRouter(tags=["Service"], route_class=Operation)


@router.get(
    "/health/live",
    operation_id="get_liveness",
    summary="Is the process alive?",
    responses={200: {"content": {"application/json": {"example": {"status": "alive"}}}}},
)
async def live() -> Response:
    """Answers as long as the event loop turns; says nothing about database or CAs."""
    return reply({"status": "alive"})


@router.get(
    "/health/ready",
    operation_id="get_readiness",
    summary="Can requests be served?",
    responses={
        200: {"content": {"application/json": {"example": {"status": "ready"}}}},
        503: {
            "description": "The database is away; send requests elsewhere for now.",
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
    },
)
async def ready(database: Db) -> Response:
    """200 when the database answers, 503 when it does not. CAs being away is no reason."""
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))
    return reply({"status": "ready"})


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics() -> Response:
    """Counters and histograms of this process in the Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
