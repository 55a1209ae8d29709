"""Where requests are handed in, by whichever protocol they come."""

from dataclasses import dataclass
from typing import Protocol

from scm_api.sandbox.microsoft.domain import Account

ISSUED, DENIED, ERROR, PENDING, REVOKED = 3, 2, 1, 5, 6
"""Dispositions (MS-WCCE); a value from 0x80000000 on is the HRESULT of a failure."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request. `chain_ders` begins with the CA that signed."""

    request_id: int
    disposition: int
    message: str
    leaf_der: bytes | None = None
    chain_ders: tuple[bytes, ...] = ()
    hresult: int = 0


class Desk(Protocol):
    """One CA. `authority` is the CA's name as the caller gave it, empty where its protocol has
    none; a wrong one is answered with 0x80070057."""

    def submit(self, caller: Account, authority: str, attributes: str, request: bytes) -> Reply:
        """Hand in a PKCS#10 or CMS (DER). `attributes` are lines `Name:Value`."""

    def retrieve(self, caller: Account, authority: str, request_id: int) -> Reply:
        """How far a request is; disposition 0x80094002 or 0x80094004 for one that is not there."""
