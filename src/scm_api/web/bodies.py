"""Bodies are JSON as RFC 8259 has it, and of that what every reader understands alike."""

import json
import re
from collections import Counter
from typing import Any, Final

from fastapi import Request

from scm_api.core.errors import Malformed

_JSON: Final = re.compile(r'application/json[ \t]*(;[ \t]*charset="?utf-8"?[ \t]*)?', re.IGNORECASE)


class UnsupportedMediaType(Malformed):
    """There is a body, and nothing says that it is JSON. `hint` is the header of the answer that
    tells what is taken (RFC 9110 section 15.5.16, RFC 5789 section 2.2)."""

    code = "unsupported-media-type"

    def __init__(self, detail: str, pointer: str, accepted: str, hint: tuple[str, str]) -> None:
        super().__init__(detail, pointer=pointer, accepted=accepted)
        self.hint = hint


class JsonRequest(Request):
    """A request whose body is JSON, or is not there."""

    _content: Any = None

    async def parse(self) -> None:
        """Read the body; raises UnsupportedMediaType and Malformed."""
        if body := await self.body():
            self._require_json()
            self._content = read(body)

    async def json(self) -> Any:
        """What the body says."""
        return self._content

    def _require_json(self) -> None:
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType(
                "The body is compressed, as Content-Encoding says; send it as it is.",
                "header/Content-Encoding",
                "no Content-Encoding",
                ("Accept-Encoding", "identity"),
            )
        given = self.headers.get("content-type")
        if given is None or not _JSON.fullmatch(given.strip()):
            said = "does not say of which type it is" if given is None else "is not sent as JSON"
            raise UnsupportedMediaType(
                f"The body {said}: send it with Content-Type: application/json.",
                "header/Content-Type",
                "application/json, with or without charset=utf-8",
                ("Accept-Patch" if self.method == "PATCH" else "Accept", "application/json"),
            )


def read(body: bytes) -> Any:
    """What `body` says; raises Malformed (`malformed-json`)."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_each_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        detail = f"The body is not JSON: {error.msg} at character {error.pos}."
    except UnicodeDecodeError as error:
        detail = (
            f"The body is not UTF-8 (at byte {error.start}), as JSON has to be (RFC 8259 section "
            "8.1)."
        )
    except RecursionError:
        detail = "The body has more arrays or objects inside each other than are read."
    except ValueError:  # Python's limit for the conversion of text to a number
        detail = "The body has a number with more digits than are read."
    raise Malformed(detail, code="malformed-json")


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """RFC 8259 section 4: of members of one name, every reader takes another one."""
    content = dict(members)
    if len(content) != len(members):
        [(name, _)] = Counter(name for name, _ in members).most_common(1)
        raise Malformed(
            f"The body has the member {json.dumps(name[:64])} twice in one object.",
            code="malformed-json",
        )
    return content


def _no_number(name: str) -> Any:
    raise Malformed(f"The body is not JSON: {name} is no number there.", code="malformed-json")
