"""Whether a database has the schema of this version."""

from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

MIGRATIONS: Final = Path(__file__).parents[3] / "migrations" / "versions"
REVISION: Final = "SELECT version_num FROM alembic_version"
_UNDEFINED = ("42P01", "42703")  # table, column
LACKING: Final = "the database lacks the schema of this version; run `scm-api migrate`"
_NEWER = "the database has the schema of a newer version; run that version of scm-api"


@cache
def revisions() -> tuple[str, ...]:
    """Of the migrations of this version, oldest first; none where they are not installed."""
    return tuple(sorted(path.name.split("_")[1] for path in MIGRATIONS.glob("*_*_*.py")))


def is_older(revision: str | None) -> bool:
    """Whether a database at `revision` still has to be migrated."""
    return revision is None or revision in revisions()[:-1]


def misfit(revision: str | None) -> str | None:
    """What to do where a database at `revision` has another schema than this version; else None."""
    if is_older(revision):
        return LACKING
    return None if revision in revisions()[-1:] or not revisions() else _NEWER


def without_schema(error: BaseException) -> str | None:
    """What to do where a table or column of this version is missing; None where none is."""
    return LACKING if state_of(error) in _UNDEFINED else None


def state_of(error: BaseException) -> str:
    """The SQLSTATE, from SQLAlchemy's error or asyncpg's own; empty where there is none."""
    told = error.orig if isinstance(error, DBAPIError) else error
    return getattr(told, "sqlstate", None) or ""
