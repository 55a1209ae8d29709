"""Everything between a request and what it is for: the gate, faults, and a note of every call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from scm_api.sandbox.faults import Fault
from scm_api.sandbox.ledger import instant
from scm_api.sandbox.microsoft import iis
from scm_api.sandbox.microsoft.authentication import Admitted, Challenge, Gate
from scm_api.sandbox.microsoft.simulator import Simulator
from scm_api.sandbox.microsoft.twisting import twisted
from scm_api.sandbox.striking import bent, strike

AUTHENTICATING = "authenticate"
Acting = Callable[[web.Request, Admitted], Awaitable[web.Response]]


class Entrance:
    """Lets requests in, over whichever listener they come."""

    def __init__(
        self, simulator: Simulator, gate: Gate, refuse: Callable[[Challenge], web.Response]
    ) -> None:
        self._simulator = simulator
        self._gate = gate
        self._refuse = refuse

    async def enter(self, request: web.Request, operation: str, act: Acting) -> web.StreamResponse:
        """Answer a request, and note it as a call of `operation`."""
        await request.read()  # the body of a refused request must not be taken for the next one
        call: dict[str, Any] = {
            "time": instant(self._simulator.now().timestamp()),
            "operation": operation,
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "connection": self._gate.connection(request).number,
            "account": None,
            "scheme": None,
            "status": None,
            "reason": None,
        }
        try:
            answer = await self._answer(request, operation, act, call)
            call["status"] = answer.status
            return answer
        finally:
            self._simulator.calls.append(call)

    async def _answer(
        self, request: web.Request, operation: str, act: Acting, call: dict[str, Any]
    ) -> web.StreamResponse:
        await asyncio.sleep(self._simulator.behaviour.latency_seconds)
        try:
            admitted = self._gate.admit(request)
        except Challenge as challenge:
            call["operation"], call["reason"] = AUTHENTICATING, challenge.reason
            struck = await self._struck(
                request, self._fault(AUTHENTICATING, exactly=True), "before"
            )
            return struck or self._refuse(challenge)
        call["account"], call["scheme"] = admitted.account.sam, admitted.scheme
        fault = self._fault(operation)
        struck = await self._struck(request, fault, "before")
        if struck is not None:
            return struck
        answer = await act(request, admitted)
        for name, value in admitted.headers.items():
            answer.headers[name] = value
        struck = await self._struck(request, fault, "after")
        if struck is not None:
            return struck
        if fault is not None and fault.is_in_the_answer:
            return await bent(fault, twisted(fault, answer, self._simulator), request)
        return answer

    def _fault(self, operation: str, *, exactly: bool = False) -> Fault | None:
        """What this call meets. Legs of an exchange meet only what was queued for them."""
        return self._simulator.faults.take(operation, exactly=exactly)

    async def _struck(
        self, request: web.Request, fault: Fault | None, when: str
    ) -> web.StreamResponse | None:
        if fault is None or fault.is_in_the_answer or fault.when != when:
            return None
        if fault.action == "html":  # the page of another error than the status says
            return iis.error_page(fault.status, shown=500)
        return await strike(fault, request, lambda fault: iis.error_page(fault.status))
