"""Logs, as another process reads them: one record a line, and no secret in any of them."""

import json
import os
import sys
from functools import partial
from time import process_time
from typing import Any

import pytest

from processes import finished
from scm_api.logs import redact

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SCM_")}

PRIVATE_KEY = "-----BEGIN EC PRIVATE KEY-----\\ncanary\\n-----END EC PRIVATE KEY-----"
PROGRAM = """
import logging, structlog
from pydantic import SecretStr
from scm_api.correlation import request_id
from scm_api.logs import configure_logging
from scm_api.settings import Settings
configure_logging(Settings(log_format={format!r}))
log = structlog.get_logger("t")
{statements}
"""


def logged(statements: str, log_format: str = "json", *, fresh: bool = False) -> str:
    """What a process writes that sets logging up and logs, all of it `fresh` if that matters."""
    program = PROGRAM.format(format=log_format, statements=statements)
    interpreter = partial(os.execv, sys.executable, [sys.executable, "-c", program])
    done = finished(interpreter if fresh else partial(exec, program, {}), CLEAN)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def record(statements: str, *, fresh: bool = False) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(logged(statements, fresh=fresh))
    return read


def test_a_record_says_when_how_bad_and_for_which_request() -> None:
    read = record("request_id.set('r1'); log.warning('it happened', count=3)", fresh=True)
    assert read.pop("time").endswith("Z")
    assert read == {"event": "it happened", "level": "warning", "count": 3, "request_id": "r1"}


def test_libraries_log_in_the_same_form() -> None:
    read = record("logging.getLogger('library').error('port %d', 80)")
    assert (read["event"], read["logger"], read["level"]) == ("port 80", "library", "error")


def test_t65_a_line_break_makes_no_second_record() -> None:
    text = 'a\\n{"event": "forged"}\\x1b[31m'
    assert record(f"log.info('e', name={text!r}.encode().decode('unicode_escape'))")["event"] == "e"
    console = logged("log.info('a\\nforged \\x1b[31m\\u2028', name='b\\nforged')", "console")
    assert len(console.splitlines()) == 1
    assert "\x1b[31m" not in console


@pytest.mark.parametrize(
    "statement",
    [
        "log.info('e', password='canary')",
        "log.info('e', options={'nested': [{'secret_access_key': 'canary'}]})",
        "log.info('e', headers={'Authorization': 'canary', 'Cookie': 'canary'})",
        "log.info('e', value=SecretStr('canary'))",
        f"log.info('e', body='{PRIVATE_KEY}')",
        "log.info('e', body='-----BEGIN PRIVATE KEY-----canary')",
        "log.info('postgresql://scm:canary@db/scm does not answer')",
        "log.info('header was Authorization: Bearer canary.canary.canary')",
        'log.info(\'{"SessionToken": "canary", "x": 1}\')',
        "log.info('key scm_' + 'canary' * 7 + 'x')",
        "log.info('e', deep={'a': {'b': {'c': {'d': {'e': {'f': {'password': 'canary'}}}}}}})",
        "logging.getLogger('library').error('connect(password=%s)', 'canary')",
    ],
)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_t61_secrets_are_blanked(statement: str, log_format: str) -> None:
    written = logged(statement, log_format)
    assert "canary" not in written
    assert "[redacted]" in written or "*****" in written


def test_t61_tracebacks_are_blanked_too() -> None:
    statements = """
def connect():
    raise OSError("postgresql://scm:" + "can" + "ary@db/scm refused")
try:
    connect()
except OSError:
    log.exception("failed")
    logging.getLogger("library").exception("failed")
"""
    written = logged(statements)
    assert "canary" not in written
    assert written.count("refused") == 2
    assert len(written.splitlines()) == 2


@pytest.mark.parametrize("text", ["secret" * 200, "a" * 6_000 + "token", "x://y:" * 6_000])
def test_t71_text_of_strangers_is_searched_in_no_time(text: str) -> None:
    """The path of a request is logged, and nobody needs a key to send one."""
    before = process_time()
    assert redact(None, "info", {"path": text}) == {"path": text}
    assert process_time() - before < 0.5


def test_what_only_names_a_secret_stays_readable() -> None:
    read = record("log.info('token bucket', api_key_id='k1', secret_count=2, path='/api-keys/1')")
    assert read["api_key_id"] == "k1"
    assert read["secret_count"] == 2
    assert read["path"] == "/api-keys/1"
    assert read["event"] == "token bucket"
