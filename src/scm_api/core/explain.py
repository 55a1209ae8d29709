"""How values that came from outside are shown inside a sentence."""

from collections.abc import Iterable

_LONGEST = 80
_HANDFUL = 5


def quoted(value: str) -> str:
    """The value in quotes, shortened, with control and invisible characters escaped."""
    return repr(value if len(value) <= _LONGEST else value[:_LONGEST] + "…")


def handful(values: Iterable[str]) -> str:
    """The first few values, and how many more there are."""
    listed = list(values)
    text = ", ".join(listed[:_HANDFUL])
    more = len(listed) - _HANDFUL
    return f"{text} and {more} more" if more > 0 else text
