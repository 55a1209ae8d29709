"""What CAs were asked and what they said, in the log."""

import re

from scm_api.drivers.errors import DriverError
from scm_api.logger import get_logger

_log = get_logger(__name__)
_INNER = re.compile(r"\B(?=[A-Z])")


def tell(asked: object, answer: object) -> None:
    """One record of one call: `asked` and `answer` are words, or what is known by its type."""
    said = {name: getattr(answer, name, None) for name in ("ca_ref", "code", "detail")}
    log = _log.warning if isinstance(answer, (DriverError, TimeoutError)) else _log.info
    shown = {name: text for name, text in said.items() if text}
    log("the CA was asked", asked=_word(asked), answer=_word(answer), **shown)


def _word(of: object) -> str:
    return of if isinstance(of, str) else _INNER.sub("_", type(of).__name__).lower()
