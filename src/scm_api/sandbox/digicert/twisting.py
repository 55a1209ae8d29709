"""Answers that are well formed and wrong: another's certificate, a chain the wrong way round."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from scm_api.sandbox.authority import Wanted, distinguished, general_name
from scm_api.sandbox.digicert.operations import Answer
from scm_api.sandbox.digicert.orders import pem
from scm_api.sandbox.digicert.simulator import Simulator
from scm_api.sandbox.faults import Fault

_MARK = "-----BEGIN CERTIFICATE-----"


def twisted(fault: Fault, answer: Answer, simulator: Simulator) -> Answer:
    """The answer as the fault has it; one that it is not about stays as it is."""
    match fault.action:
        case "hide":
            return replace(answer, content={})
        case "chain_reversed":
            return replace(answer, content=_mapped(answer.content, lambda pems: pems[::-1]))
        case "other_key":
            other = _certificate_for_another_key(simulator)
            return replace(answer, content=_mapped(answer.content, lambda pems: [other, *pems[1:]]))
    return answer


def _mapped(content: Any, change: Any) -> Any:
    """The certificates in a file or a JSON chain, changed as a list of PEM texts."""
    if isinstance(content, str):
        pems = [_MARK + each for each in content.split(_MARK)[1:]]
        return "".join(change(pems))
    if isinstance(content, dict):
        for member in ("certificate_chain", "intermediates"):
            if member in content:
                entries = content[member]
                pems = change([each["pem"] for each in entries])
                shown = [each | {"pem": text} for each, text in zip(entries, pems, strict=True)]
                return content | {member: shown}
    return content


def _certificate_for_another_key(simulator: Simulator) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    now = simulator.now()
    wanted = Wanted(
        public_key=key.public_key(),
        subject=distinguished(CN="other.umbra.example"),
        names=[general_name("other.umbra.example")],
        signature_hash="sha256",
        not_before=now,
        not_after=now + timedelta(days=90),
    )
    return pem(simulator.public.sign(wanted))
