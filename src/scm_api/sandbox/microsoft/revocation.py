"""Revocation as certificate managers do it (MS-CSRA 3.1.4.1.8), and the CRL."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from scm_api.sandbox.documents import Document
from scm_api.sandbox.microsoft import catalogue
from scm_api.sandbox.microsoft import hresults as H  # noqa: N812 -- a table of codes
from scm_api.sandbox.microsoft.certificates import Revoked, crl
from scm_api.sandbox.microsoft.desk import ISSUED, REVOKED
from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.hierarchy import Authority
from scm_api.sandbox.microsoft.hresults import Refusal
from scm_api.sandbox.microsoft.simulator import Simulator
from scm_api.sandbox.microsoft.wording import outcome

HOLD: Final = 6
RELEASE: Final = 0xFFFFFFFF
REASONS: Final = frozenset((0, 1, 2, 3, 4, 5, HOLD, RELEASE))
"""What RevokeCertificate takes; 8 (removeFromCRL) is for delta CRLs and here as on a CA without
them the release of a hold."""
_REMOVE: Final = 8


@dataclass(frozen=True, slots=True)
class Revocations:
    """What certificate managers may do to what was issued."""

    simulator: Simulator

    def revoke(self, caller: Account, serial: str, reason: int, at: datetime | None = None) -> None:
        """`serial` is hex as in the certificate. A repeat changes date and reason.

        Raises Refusal: no right, no such certificate, a reason that is not taken, a release of what
        is not on hold.
        """
        simulator = self.simulator
        if not simulator.domain.sids_of(caller) & catalogue.MAY_MANAGE:
            raise Refusal(H.ACCESS_DENIED)
        document = self._find(serial)
        if document is None:
            raise Refusal(H.PROPERTY_EMPTY)
        if document["template"] in simulator.behaviour.officer_denied:
            raise Refusal(H.RESTRICTED_OFFICER)
        if reason not in REASONS | {_REMOVE}:
            raise Refusal(H.INVALID_ARGUMENT)
        present = document["revocation"]
        who = simulator.domain.qualified(caller)
        changed: Document
        if reason in (RELEASE, _REMOVE):
            if present is None or present["reason"] != HOLD:
                raise Refusal(H.INVALID_ARGUMENT)
            changed = {"disposition": ISSUED, "revocation": None}
        else:
            moment = (at or simulator.now()).isoformat()
            changed = {"disposition": REVOKED, "revocation": {"reason": reason, "at": moment}}
        kind = "unrevoked" if changed["revocation"] is None else "revoked"
        message = outcome(kind, simulator.behaviour.language, who)
        entry: Document = {
            "kind": "revocation",
            "id": document["id"],
            "caller": who,
            "serial": document["serial"],
            "template": document["template"],
            "reason": reason,
            "revocation": changed["revocation"],
        }
        simulator.note(entry)
        kept = "agent" if document["id"] < 0 else "request"
        simulator.keep(kept, document | changed | {"message": message})

    def current_crl(self, authority: Authority) -> bytes:
        """A base CRL with what is revoked now."""
        revoked = [
            Revoked(
                int(each["serial"], 16),
                each["revocation"]["reason"],
                datetime.fromisoformat(each["revocation"]["at"]),
            )
            for each in self.simulator.issued.values()
            if each["revocation"] is not None and each["ca"] == authority.name
        ]
        now = self.simulator.now()
        return crl(authority, self.simulator.next_crl_number(), revoked, now)

    def is_revoked(self, serial: int) -> bool:
        document = self.simulator.issued.get(serial)
        return document is not None and document["revocation"] is not None

    def _find(self, serial: str) -> Document | None:
        try:
            return self.simulator.issued.get(int(serial, 16))
        except ValueError:
            return None


def note_agents(simulator: Simulator, paths: Collection[Path]) -> None:
    """Make the agents' certificates ones that the CA knows; their numbers are below zero."""
    for number, path in enumerate(sorted(paths), 1):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        simulator.keep(
            "agent",
            {
                "id": -number,
                "serial": f"{certificate.serial_number:x}",
                "ca": catalogue.CA_NAME,
                "template": "EnrollmentAgent",
                "revocation": None,
            },
        )
