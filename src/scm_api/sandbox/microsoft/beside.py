"""What listens beside the web site: the endpoint mapper, ICPR, and the directory over LDAP."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.sandbox.faults import Fault
from scm_api.sandbox.ledger import instant
from scm_api.sandbox.microsoft.around import Answer, Severed
from scm_api.sandbox.microsoft.authority import IssuingDesk
from scm_api.sandbox.microsoft.catalogue import CA_HOST, DC_HOST
from scm_api.sandbox.microsoft.certificates import signed_again
from scm_api.sandbox.microsoft.desk import Reply
from scm_api.sandbox.microsoft.kerberos import Keytab, open_tickets
from scm_api.sandbox.microsoft.ldap import (
    DirectoryCall,
    LdapBehaviour,
    LdapRefusal,
    RunningLdap,
    serve_ldap,
)
from scm_api.sandbox.microsoft.ldap.messages import Code
from scm_api.sandbox.microsoft.ldap.search import Outcome
from scm_api.sandbox.microsoft.rpc import RpcBehaviour, RpcFault, RunningRpc, serve_rpc
from scm_api.sandbox.microsoft.rpc.faults import SERVER_TOO_BUSY
from scm_api.sandbox.microsoft.simulator import Simulator

_FOREVER: Final = 3600.0
_STEPS: Final = ("rpc.ept_map", "ldap.bind")
"""What only leads to a call, and meets only the faults that were queued for it by name."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What runs. `ldaps` is over TLS, `ldap` in clear."""

    simulator: Simulator
    rpc: RunningRpc
    ldaps: RunningLdap
    ldap: RunningLdap
    _stack: AsyncExitStack

    async def follow(self) -> None:
        """Stop or start listening as the behaviour has it. Raises OSError."""
        if self.simulator.behaviour.icpr_listens:
            await self.rpc.start_icpr()
        else:
            await self.rpc.stop_icpr()

    async def aclose(self) -> None:
        await self._stack.aclose()


async def open_beside(desk: IssuingDesk, keytab: Keytab | None) -> Beside:
    """Listen; Kerberos is taken with a keytab. Raises OSError for an unusable address."""
    simulator = desk.simulator
    settings, transport = simulator.settings, simulator.transport
    directory: dict[str, Any] = {
        "dns_host_name": DC_HOST,
        "behaviour": lambda: _ldap_behaviour(simulator),
        "around": _Struck(simulator, "ldap", _ldap_error),
        "tickets": open_tickets(keytab),
        "log": lambda call: _note(simulator, call),
    }
    async with AsyncExitStack() as stack:
        rpc = await stack.enter_async_context(
            await serve_rpc(
                desk,
                lambda: simulator.domain,
                settings.host,
                settings.rpc_port,
                settings.epm_port,
                dns_host_name=CA_HOST,
                behaviour=lambda: _rpc_behaviour(simulator),
                around=_Struck(simulator, "rpc", _rpc_error),
                keytab=keytab,
            )
        )
        context = transport.context(asks_for_certificate=False)
        ports = ((settings.ldap_port, context), (settings.clear_ldap_port, None))
        ldaps, ldap = [
            await stack.enter_async_context(
                await serve_ldap(
                    lambda: simulator.domain,
                    settings.host,
                    port,
                    tls,
                    end_point=transport.end_point(),
                    **directory,
                )
            )
            for port, tls in ports
        ]
        beside = Beside(simulator, rpc, ldaps, ldap, stack.pop_all())
    await beside.follow()
    return beside


def _rpc_behaviour(simulator: Simulator) -> RpcBehaviour:
    behaviour = simulator.behaviour
    return RpcBehaviour(behaviour.icpr_offered, behaviour.icpr_level, behaviour.ntlm_allowed)


def _ldap_behaviour(simulator: Simulator) -> LdapBehaviour:
    behaviour = simulator.behaviour
    return LdapBehaviour(
        channel_binding=behaviour.ldap_channel_binding,
        requires_signing=behaviour.ldap_requires_signing,
        takes_layers_on_tls=behaviour.ldap_takes_layers_on_tls,
        allows_ntlm=behaviour.ntlm_allowed,
        max_page_size=behaviour.ldap_page_size,
    )


class _Struck:
    """Carries calls out with the faults that are queued for `<protocol>.<operation>`."""

    def __init__(
        self, simulator: Simulator, protocol: str, error: Callable[[Fault], Exception]
    ) -> None:
        self._simulator = simulator
        self._protocol = protocol
        self._error = error

    async def __call__(self, operation: str, account: str, act: Callable[[], Answer], /) -> Answer:
        await asyncio.sleep(self._simulator.behaviour.latency_seconds)
        name = f"{self._protocol}.{operation}"
        status = "severed"
        try:
            answer = await self._carried_out(name, act)
        except RpcFault as fault:
            status = f"0x{fault.status:08x}"
            raise
        else:
            status = _status(answer)
            return answer
        finally:
            if self._protocol == "rpc":
                time = instant(self._simulator.now().timestamp())
                self._simulator.calls.append(
                    {"time": time, "operation": name, "account": account, "status": status}
                )

    async def _carried_out(self, name: str, act: Callable[[], Answer]) -> Answer:
        fault = self._simulator.faults.take(name, exactly=name in _STEPS)
        if fault is None:
            return act()
        if fault.is_in_the_answer:
            return _bent(self._simulator, fault, act())
        if fault.when == "before":
            await self._strike(fault)
            return act()
        answer = act()
        await self._strike(fault)
        return answer

    async def _strike(self, fault: Fault) -> None:
        if fault.action == "hang":
            await asyncio.sleep(fault.seconds or _FOREVER)
        else:
            await asyncio.sleep(fault.seconds)
        if fault.action == "error":
            raise self._error(fault)
        if fault.action != "delay":
            raise Severed(with_reset=fault.action == "reset")


def _status(answer: object) -> str:
    return f"disposition 0x{answer.disposition:x}" if isinstance(answer, Reply) else "answered"


def _rpc_error(fault: Fault) -> Exception:
    """`code` is a status in hexadecimal, such as 0x1c010014."""
    is_status = fault.code.startswith("0x")
    return RpcFault(int(fault.code, 16) if is_status else SERVER_TOO_BUSY)


def _ldap_error(fault: Fault) -> Exception:
    """`code` is the name of a result code, such as BUSY."""
    known = Code.__members__.get(fault.code, Code.UNAVAILABLE)
    return LdapRefusal(known, "00000000: LdapErr: scripted fault, data 0, v4563")


def _bent(simulator: Simulator, fault: Fault, answer: Answer) -> Answer:
    """A certificate for another key, a directory that finds nothing; else as it was."""
    if isinstance(answer, Reply) and fault.action == "other_key" and answer.leaf_der:
        leaf = x509.load_der_x509_certificate(answer.leaf_der)
        key = rsa.generate_private_key(65537, 2048).public_key()
        other = signed_again(simulator.hierarchy.issuing, leaf, key)
        return replace(answer, leaf_der=other.public_bytes(Encoding.DER))
    if isinstance(answer, Outcome) and fault.action == "hide":
        answer.entries.clear()
    return answer


def _note(simulator: Simulator, call: DirectoryCall) -> None:
    time = instant(simulator.now().timestamp())
    noted = asdict(call) | {"operation": f"ldap.{call.operation}", "result": int(call.result)}
    simulator.calls.append({"time": time, **noted})
