"""How values that came from outside are shown inside a sentence."""

from collections.abc import Iterable
from typing import Any

_LONGEST = 80
_HANDFUL = 5


def quoted(value: str) -> str:
    """The value in quotes, shortened, with control and invisible characters escaped."""
    return repr(value if len(value) <= _LONGEST else value[:_LONGEST] + "…")


def storable(text: str) -> str:
    """The text with what PostgreSQL cannot hold escaped: NUL, and halves of surrogate pairs, which
    JSON can spell."""
    return text.replace("\0", r"\x00").encode(errors="backslashreplace").decode()


def storable_json(content: Any) -> Any:
    """JSON-ready content, every text in it storable."""
    if isinstance(content, str):
        return storable(content)
    if isinstance(content, list):
        return [storable_json(each) for each in content]
    if isinstance(content, dict):
        return {storable(name): storable_json(each) for name, each in content.items()}
    return content


def handful(values: Iterable[str]) -> str:
    """The first few values, and how many more there are."""
    listed = list(values)
    text = ", ".join(listed[:_HANDFUL])
    more = len(listed) - _HANDFUL
    return f"{text} and {more} more" if more > 0 else text
