"""What an edit really changed, so that one that changes nothing leaves no trace."""

from sqlalchemy import inspect

from scm_api.db.base import Base


def changed_fields(row: Base) -> list[str]:
    """Names of the columns whose values differ from what was read, sorted."""
    attributes = inspect(row).attrs
    return sorted(each.key for each in attributes if each.history.has_changes())
