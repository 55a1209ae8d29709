"""structlog, which must not find rich: with it tracebacks would show the values of local variables,
secrets among them, and loading it would take a twentieth of a process's start."""

import sys

_hidden = "rich" not in sys.modules
if _hidden:
    sys.modules["rich"] = None  # type: ignore[assignment]  # what `import` takes for "not there"
try:
    import structlog
finally:
    if _hidden:
        del sys.modules["rich"]

get_logger = structlog.get_logger

__all__ = ["get_logger", "structlog"]
