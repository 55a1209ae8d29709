"""The AWS simulator as tests see it: an address to point a CA backend at, and its controls."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from loop_thread import LoopThread
from plain_http import NO_TRUST
from scm_api.sandbox import aws

EC_ISSUING = aws.authority_arn(aws.EC_ISSUING_ID, aws.REGION)
RSA_ROOT = aws.authority_arn(aws.RSA_ROOT_ID, aws.REGION)
SHORT_LIVED = aws.authority_arn(aws.SHORT_LIVED_ID, aws.REGION)
DISABLED = aws.authority_arn(aws.DISABLED_ID, aws.REGION)
OTHER_REGION = aws.authority_arn(aws.OTHER_REGION_ID, aws.REGION)


class Simulator:
    """One running simulator; `reset` puts it back to its start."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/_sandbox", verify=NO_TRUST, trust_env=False)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control interface; returns the answer, if there is one."""
        response = self._http.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def reset(self) -> None:
        """No faults, no calls, nothing issued, settings and CAs as at the start."""
        self.control("POST", "/reset", {"issued": True})

    def behave(self, **changes: Any) -> None:
        """Change settings (`pending_gets`, `quotas`, ...)."""
        self.control("PATCH", "/settings", changes)

    def fault(self, operation: str, action: str, **details: Any) -> None:
        """Have the next calls of an operation go wrong; `count: None` means all of them."""
        self.control("POST", "/faults", {"operation": operation, "action": action, **details})

    def heal(self) -> None:
        """Take back every fault."""
        self.control("DELETE", "/faults")

    def calls(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Every call there was, or those of one operation."""
        query = f"?operation={operation}" if operation else ""
        entries: list[dict[str, Any]] = self.control("GET", f"/calls{query}")["entries"]
        return entries

    def ledger(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What was ordered, issued and revoked; or one kind of it."""
        query = f"?kind={kind}" if kind else ""
        entries: list[dict[str, Any]] = self.control("GET", f"/ledger{query}")["entries"]
        return entries


@contextmanager
def running_simulator(state: Path) -> Iterator[Simulator]:
    """A simulator in a thread of its own, without quotas, that issues at the second look."""
    settings = aws.Settings(state=state, behaviour=aws.Behaviour(quotas={}))
    with LoopThread() as loop:
        server = loop.run(aws.serve(settings))
        yield Simulator(server.url)
        loop.run(server.aclose())
