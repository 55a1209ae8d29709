"""Liveness, readiness and metrics, for whoever runs the service; no API key needed."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scm_api.core.errors import Unavailable
from scm_api.db.schema import LACKING, is_older, without_schema
from scm_api.web.deps import Db
from scm_api.web.operations import Operation
from scm_api.web.problems import PROBLEM_JSON
from scm_api.web.replies import reply
from scm_api.web.state_gauges import StateGauges

_READINESS = text(
    "SELECT version_num, current_setting('transaction_read_only') = 'on' AS read_only"
    " FROM alembic_version"
)

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
            "description": "The database is away, takes no changes or lacks the schema of this "
            "version; send requests elsewhere for now.",
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
    },
)
async def ready(database: Db) -> Response:
    """200 when the database answers, takes changes and has the schema of this version or a newer
    one, else 503. CAs being away is no reason."""
    try:
        async with database.transaction() as session:
            found = (await session.execute(_READINESS)).one_or_none()
    except DBAPIError as error:
        if without_schema(error):
            raise _unready(LACKING) from error
        raise
    if found is None or is_older(found.version_num):
        raise _unready(LACKING)
    if found.read_only:
        raise _unready("the database takes no changes, as a replica does")
    return reply({"status": "ready"})


def _unready(why: str) -> Unavailable:
    return Unavailable(f"Not ready: {why}.", code="database-unavailable")


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics(request: Request) -> Response:
    """Counters and histograms of the requests to this process, and the state of the service as
    gauges, in the Prometheus text format.

    The gauges are read from the database, at most every 10 seconds by each process: unsettled
    enrollments and revocations by state, jobs that are due, how long the oldest waits, certificates
    that a person has to look at or that end without a successor, and the status of each CA backend.
    Where the database does not answer within a second they are left out, and `scm_state_read` is 0.
    """
    gauges: StateGauges = request.app.state.state_gauges
    state = await gauges.exposition()
    return Response(generate_latest() + state, media_type=CONTENT_TYPE_LATEST)
