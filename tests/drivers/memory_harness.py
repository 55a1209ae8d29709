"""A CA in memory for the contract suite."""

from collections import deque
from typing import Any

from memory_ca.authority import AUTHORITIES, Authority, Fault
from memory_ca.kind import MEMORY
from memory_ca.options import MemoryConnection, MemoryProfileOptions, MemorySecrets


def secrets_of(password: str) -> MemorySecrets:
    return MemorySecrets.model_validate({"backend_type": "memory", "password": password})


class MemoryHarness:
    """Fulfils `contract.Harness` on an authority of its own."""

    kind = MEMORY
    product = ""
    organization: str | None = None
    confidential = "a-password-that-must-not-be-repeated"

    def __init__(self) -> None:
        self.authority = Authority({"of-ada": "ada", "of-jo": "jo"})
        AUTHORITIES["contract"] = self.authority
        self.connection = MemoryConnection(backend_type="memory", authority="contract")
        self.unreachable = MemoryConnection(backend_type="memory", authority="nowhere")
        self.secrets = secrets_of("of-ada")
        self.other_secrets = secrets_of("of-jo")
        self.wrong_secrets = secrets_of(self.confidential)
        self.options = MemoryProfileOptions(backend_type="memory", issuing_ca="issuing")
        self.wrong_options = MemoryProfileOptions(backend_type="memory", issuing_ca="other")

    def _next(self, verb: str, fault: Fault) -> None:
        self.authority.faults.setdefault(verb, deque()).append(fault)

    def lose_answer(self, verb: str) -> None:
        self._next(verb, "lose")

    def fail(self, verb: str) -> None:
        self._next(verb, "fail")

    def throttle(self, verb: str) -> None:
        self._next(verb, "throttle")

    def hold(self) -> None:
        self.authority.holding = True

    def orders(self) -> int:
        return sum(entry.leaf is not None for entry in self.authority.ledger.values())

    def revocations(self) -> list[int]:
        return list(self.authority.revoked)

    def callers(self) -> list[str]:
        return self.authority.calls

    def name_of(self, secrets: Any) -> str:
        return self.authority.accounts[secrets.password.get_secret_value()]
