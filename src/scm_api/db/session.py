"""The unit of work: a transaction is opened here and committed before anybody is answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import asyncpg
import orjson
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
)
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from scm_api.core.errors import Malformed, ScmError, Stale, Unavailable
from scm_api.db.catalogue import Connection
from scm_api.db.conflicts import audit_refusal, conflict_of
from scm_api.db.engine import engine_for
from scm_api.db.schema import state_of
from scm_api.db.statements import Single
from scm_api.logger import get_logger

_log = get_logger(__name__)
# SQLSTATEs that mean the server is away or going: class 08 connection, 57P shutdown and recovery,
# 53 out of resources, 25006 read-only as a replica is (PostgreSQL manual, appendix A).
_STANDBY = "25006"
_AWAY = ("08", "57P", "53", _STANDBY)
# It undid this for something else that went on at the same time; done again, it goes through.
_GAVE_WAY = ("40001", "40P01")  # serialization failure, deadlock
_LONGEST_WAIT = 5.0  # seconds, for one of the pool's connections
_LONGEST_IDLE = timedelta(seconds=15)
_FROM_ASYNCPG = (asyncpg.PostgresError, asyncpg.InterfaceError)
# What the pool itself raises: only a connection of SQLAlchemy's would have wrapped it.
_Bare = AsyncAdapt_asyncpg_dbapi.Error
_BAD_CHARACTER = "22021"  # bodies are checked before; a filter in the address is not


@cache
def _engine(
    url: str, pool_size: int, application_name: str, longest_idle: timedelta
) -> AsyncEngine:
    """The engine of this process for such connections: a closed one has none, but keeps what it
    compiled for whoever opens the same database again."""
    engine = engine_for(
        url,
        {
            "connection_class": Connection,
            "timeout": 5,
            "command_timeout": 30,
            "server_settings": {
                "application_name": application_name,
                "timezone": "UTC",
                # Who waited for a row sees it as it is then, whatever the server's default.
                "default_transaction_isolation": "read committed",
                "idle_in_transaction_session_timeout": f"{longest_idle.total_seconds():g}s",
            },
        },
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,  # the one used last has its statements planned
        hide_parameters=True,  # errors are logged, and what is stored must not be
        pool_timeout=_LONGEST_WAIT,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )
    event.listen(engine.sync_engine, "handle_error", _leave_standby)
    return engine


def _leave_standby(context: ExceptionContext) -> None:
    """A connection to what became a standby stays open, and would fail for ever."""
    if state_of(context.original_exception) == _STANDBY:
        context.is_disconnect = True


class Database:
    """One engine and its sessions, for one process and event loop.

    A transaction that stands still for `longest_idle` is ended by PostgreSQL: a frozen process
    must not hold its row locks against those who take over.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        application_name: str = "scm-api",
        longest_idle: timedelta = _LONGEST_IDLE,
    ) -> None:
        self.engine = _engine(url, pool_size, application_name, longest_idle)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._turns = asyncio.Semaphore(pool_size)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commit when the block ends, roll back when it raises.

        Raises Unavailable when PostgreSQL is away, Stale when a row was changed by somebody else
        meanwhile, and the Conflict or Invalid of `db.conflicts` when a named constraint refuses.
        """
        async with _translated(), self._turn(), self._sessions.begin() as session:
            yield session

    @asynccontextmanager
    async def each_statement(self) -> AsyncIterator[Single]:
        """Every statement is a transaction of its own: for reads, and for a change that is one
        statement. A fifth of the cost of `transaction`; raises what that raises.
        """
        async with _translated(), self._turn():
            pooled = await self._open()
            try:
                yield Single(pooled)
            finally:
                await greenlet_spawn(pooled.close)  # to the pool, which takes no waiting

    async def _open(self) -> PoolProxiedConnection:
        """One of the pool's; another one where the server closed it while nobody used it."""
        try:
            pooled = await self.engine.raw_connection()
            while _is_closed(pooled):  # after a restart all of them are
                await greenlet_spawn(pooled.invalidate)
                pooled = await self.engine.raw_connection()
        except _Bare as error:
            raise DBAPIError.instance(None, None, error, _Bare) from error
        return pooled

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """First come, first served. SQLAlchemy's pool serves newcomers before those who wait, so
        that under load some would wait for seconds while most do not wait at all.
        """
        async with asyncio.timeout(_LONGEST_WAIT):
            await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    async def aclose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _is_closed(pooled: PoolProxiedConnection) -> bool:
    driver: Any = pooled.driver_connection
    return bool(driver.is_closed())


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Database errors in the words of `core.errors`."""
    try:
        yield
    except StaleDataError as error:
        raise Stale("Somebody else changed this meanwhile; read it again.") from error
    except (IntegrityError, asyncpg.IntegrityConstraintViolationError) as error:
        raise _unaudited(error) or conflict_of(error) from error
    except (DBAPIError, PoolTimeout, OSError, *_FROM_ASYNCPG) as error:
        told = _unavailable_or(error)
        if told is error:
            raise
        if is_away(error):
            _log.warning("the database cannot be used", why=_innermost(error))
        raise told from error


def _unaudited(error: BaseException) -> Unavailable | None:
    if (refusal := audit_refusal(error)) is None:
        return None
    _log.error("audit events cannot be written", why=refusal)
    return Unavailable(
        "Audit events cannot be written at the moment, and nothing is changed without one: nothing "
        "was by this request. Whoever runs the database has to look at it. Repeat the request "
        "later with the same Idempotency-Key.",
        code="audit-unavailable",
    )


def _innermost(error: BaseException) -> str:
    """Why, in the words of PostgreSQL or the system, without what is around it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__


def _unavailable_or(error: BaseException) -> BaseException:
    if (unaudited := _unaudited(error)) is not None:
        return unaudited
    if state_of(error) == _BAD_CHARACTER:
        return Malformed("Text must not hold the character NUL.", code="parameter-invalid")
    if state_of(error) in _GAVE_WAY:
        return Unavailable(
            "Something else was changed at the same moment, nothing by this request. Repeat it.",
            code="database-unavailable",
        )
    if not is_away(error):
        return error
    return Unavailable(
        "The database does not answer at the moment; nothing was changed by this request "
        "unless it had been committed. Repeat it with the same Idempotency-Key.",
        code="database-unavailable",
    )


def is_away(error: BaseException) -> bool:
    """Whether the database, or its table of audit events, not the statement, is what failed."""
    if isinstance(error, ScmError):
        return error.code in ("database-unavailable", "audit-unavailable")
    if isinstance(error, (PoolTimeout, OSError, asyncpg.InterfaceError)):
        return True
    if audit_refusal(error):
        return True
    state = state_of(error)
    if not isinstance(error, DBAPIError):
        return state.startswith(_AWAY)
    return (
        error.connection_invalidated
        or isinstance(error, InterfaceError)
        or (isinstance(error, OperationalError) and not state)
        or state.startswith(_AWAY)
    )
