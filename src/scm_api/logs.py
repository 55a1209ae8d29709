"""Logs: one JSON record a line (or lines for reading), on standard error, without secrets.

structlog writes our own events; what libraries send to `logging` goes through the same
processors, so that there is one format and one redaction.
"""

import logging
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from scm_api.correlation import request_id
from scm_api.logger import structlog
from scm_api.settings import Settings

EventDict = structlog.typing.EventDict
Processor = structlog.typing.Processor
WrappedLogger = structlog.typing.WrappedLogger

REDACTED = "[redacted]"

_WORDS = (
    r"passw(?:or)?d|passphrase|secret|token|authorization|cookie|credential|api_?key|private_?key"
)
# Names that hold a secret; what ends in `_id` or `_count` only talks about one.
_SECRET_NAME = re.compile(rf"(?i)(?:{_WORDS})(?!\w*_(?:id|count)$)")
# Anybody may have their text logged, as the path of a request: each of these takes time in
# proportion to its length, whatever it is, so what repeats is bounded and never tried again.
_IN_TEXT = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL),
        "",
    ),
    (re.compile(r"\bscm_[A-Za-z0-9_-]{43}"), ""),
    (re.compile(r"(\w://[^\s:/@]*:)[^\s@]{1,2048}+(?=@)"), r"\1"),
    (re.compile(r"(?i)(\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]{8,}"), r"\1"),
    (
        re.compile(
            rf"(?i)((?:{_WORDS})\w{{0,64}}+[\"']?\s*+[=:]\s*+[\"']?+)(?!\[redacted\])"
            r"[^\s\"',;&})]+"
        ),
        r"\1",
    ),
)
_SUSPECT = re.compile(rf"(?i)-----BEGIN|scm_|://|bearer|basic|{_WORDS}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DEPTH = 6


def configure_logging(settings: Settings) -> None:
    """Set up structlog and `logging` for this process; call it once, before anything is logged."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _add_request_id,
        structlog.processors.format_exc_info,
        redact,
    ]
    final: Processor
    if settings.log_format == "json":
        final = structlog.processors.JSONRenderer(serializer=_dumps)
    else:
        shared.append(_escape)
        final = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, final],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, final],
        )
    )
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def redact(_logger: WrappedLogger | None, _method: str, event: EventDict) -> EventDict:
    """Blank what is named like a secret or looks like one, at any depth of the event."""
    return {name: _clean(name, value, _DEPTH) for name, value in event.items()}


def _clean(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if _is_secret(name):
        return REDACTED
    if isinstance(value, str):
        return _clean_text(value)
    if depth == 0:
        return _clean_text(repr(value))
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean("", item, depth - 1) for item in value]
    return _clean_text(str(value))


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return name != "event" and _SECRET_NAME.search(name) is not None


def _clean_text(text: str) -> str:
    if _SUSPECT.search(text) is None:
        return text
    for pattern, kept in _IN_TEXT:
        text = pattern.sub(kept + REDACTED, text)
    return text


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    current = request_id.get()
    if current is not None:
        event.setdefault("request_id", current)
    return event


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep other people's terminal codes and line breaks out of a terminal; JSON escapes alone."""
    return {
        name: _CONTROL.sub(lambda found: repr(found[0])[1:-1], value)
        if isinstance(value, str) and name != "exception"
        else value
        for name, value in event.items()
    }


def _dumps(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()
