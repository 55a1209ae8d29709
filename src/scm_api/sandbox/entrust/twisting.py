"""Answers that are well formed and wrong: another's certificate, a chain the wrong way round."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.sandbox.authority import Wanted, distinguished, general_name
from scm_api.sandbox.entrust.certificates import pem
from scm_api.sandbox.entrust.operations import Answer
from scm_api.sandbox.entrust.simulator import Simulator
from scm_api.sandbox.faults import Fault


def twisted(fault: Fault, answer: Answer, simulator: Simulator) -> Answer:
    """The answer as the fault has it; one that it is not about stays as it is."""
    content = answer.content
    if not isinstance(content, dict):
        return answer
    match fault.action:
        case "hide" if "certificates" in content or "events" in content:
            empty: dict[str, Any] = {"certificates": [], "events": []}
            shown = {name: empty.get(name, value) for name, value in content.items()}
            return replace(answer, content=shown)
        case "chain_reversed" if "chainCerts" in content:
            turned = content["chainCerts"][::-1]
            return replace(answer, content=content | {"chainCerts": turned})
        case "other_key" if "endEntityCert" in content:
            other = pem(_certificate_for_another_key(simulator))
            chain = [other, *content["chainCerts"][1:]]
            return replace(answer, content=content | {"endEntityCert": other, "chainCerts": chain})
        case "other_key" if "enrollment" in content:
            der = _certificate_for_another_key(simulator).public_bytes(Encoding.DER)
            enrollment = content["enrollment"] | {"body": base64.b64encode(der).decode()}
            return replace(answer, content=content | {"enrollment": enrollment})
    return answer


def _certificate_for_another_key(simulator: Simulator) -> x509.Certificate:
    now = simulator.now()
    return simulator.public.sign(
        Wanted(
            public_key=ec.generate_private_key(ec.SECP256R1()).public_key(),
            subject=distinguished(CN="other.umbra.example"),
            names=[general_name("other.umbra.example")],
            signature_hash="sha256",
            not_before=now,
            not_after=now + timedelta(days=90),
        )
    )
