"""What a body refers to and is not there, or not for this caller: both read the same."""

from scm_api.core.errors import Fault


def unknown_reference(pointer: str, noun: str) -> Fault:
    """The fault of a reference to nothing the caller may see."""
    return Fault(
        pointer,
        "reference-not-found",
        f"There is no such {noun}.",
        f"the id of {'an' if noun[0] in 'aeiou' else 'a'} {noun} you may use",
    )
