"""Keys made by the service: in memory, for one request, delivered in its answer and then gone."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from fastapi import Response
from sqlalchemy import bindparam, select

from scm_api.core.access import Principal, require_privilege
from scm_api.core.csr import read_csr
from scm_api.core.errors import Fault, Invalid
from scm_api.core.key_making import (
    KeyFormat,
    PrivateKey,
    csr_for,
    encrypted,
    judge_key_making,
    new_key,
)
from scm_api.core.names import Name, normalise
from scm_api.core.subjects import Subject
from scm_api.core.vocabulary import EnrollmentState, NameKind, Privilege
from scm_api.db.models import CertificateText
from scm_api.db.session import Database
from scm_api.db.statements import Statement
from scm_api.enrollments.schemas import EnrollmentCreate, KeyWanted
from scm_api.enrollments.service import request_of
from scm_api.issuance.intake import Judged, judge_request
from scm_api.logger import get_logger
from scm_api.web.deps import Resources
from scm_api.web.idempotency import Once

_log = get_logger(__name__)
# As many at once as there are processors: nobody can keep all of them busy with RSA for others.
_MAKERS: Final = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="make-key")
_PROBE: Final = "ec-p256"
_TEXT: Final = Statement(
    select(CertificateText.leaf_der, CertificateText.chain_ders).where(
        CertificateText.certificate_id == bindparam("certificate")
    )
)
_MOVED: Final = {
    "cn-not-in-san": "/generate_key",
    "key-not-allowed": "/generate_key/key_type",
}
_MAKEABLE: Final = frozenset(NameKind) - {
    NameKind.DIRECTORY,
    NameKind.REGISTERED_ID,
    NameKind.OTHER,
}


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A private key and the CSR for it; `spki_sha256` tells whether an enrollment is its own.

    `sealed` is the key as it is delivered without a certificate.
    """

    key: PrivateKey
    csr: bytes
    spki_sha256: str
    wanted: KeyWanted
    sealed: str


async def make(
    app: Resources,
    caller: Principal,
    body: EnrollmentCreate,
    subject: Subject | Fault | None = None,
) -> MadeKey | None:
    """The key that is asked for; None where the body holds a CSR.

    Everything is judged before with the CSR of a throwaway key, because a key may cost seconds of
    CPU. Raises Invalid with every fault, Forbidden.
    """
    wanted = body.generate_key
    if wanted is None:
        return None
    require_privilege(caller, Privilege.ENROLL, "enroll")
    judged = await judge(app, caller, body, subject)
    if judged.faults:
        raise Invalid(judged.faults)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_MAKERS, made_key, wanted, _names(body, subject))


async def made_or_kept(
    app: Resources, once: Once, body: EnrollmentCreate, subject: Subject | Fault | None
) -> tuple[MadeKey | None, Response | None]:
    """What `make` makes, or the answer kept of the request that this one repeats, where what that
    asked for is not allowed any more. Raises what `make` raises."""
    try:
        return await make(app, once.caller, body, subject), None
    except Invalid as error:
        if (kept := await once.kept_despite(error)) is None:
            raise
        return None, kept


def made_key(wanted: KeyWanted, names: Sequence[Name]) -> MadeKey:
    """A new key for normalised names, sealed before anything is ordered: nothing can keep it from
    being delivered then."""
    key = new_key(wanted.key_type)
    csr = csr_for(key, names, wanted.common_name)
    facts, _ = read_csr(csr)
    assert facts is not None
    sealed = encrypted(key, wanted.format, wanted.password.get_secret_value())
    return MadeKey(key, csr, facts.spki_sha256, wanted, sealed)


async def judge(
    app: Resources,
    caller: Principal,
    body: EnrollmentCreate,
    subject: Subject | Fault | None = None,
) -> Judged:
    """Every fault of a request for a key, at the members of its body. Raises Invalid where there
    are no names to judge."""
    wanted = body.generate_key
    assert wanted is not None
    probe = csr_for(new_key(_PROBE), _names(body, subject), wanted.common_name)
    async with app.database.each_statement() as connection:
        request = replace(request_of(body, probe, subject), key_type=wanted.key_type)
        judged = await judge_request(connection, caller, request, app.key_checks)
    making = []
    if judged.facts is not None:
        rules = judged.facts.rules
        making = judge_key_making(
            allowed=rules.server_side_keys,
            key_type=wanted.key_type,
            allowed_types=rules.key_types & rules.kind.capabilities.key_types,
        )
    told = {fault.code for fault in making}  # of the same type of key, in other words
    found = [_moved(each) for each in judged.faults if each.code not in told]
    return replace(judged, faults=tuple(dict.fromkeys([*found, *making])))


async def deliver(database: Database, made: MadeKey | None, content: dict[str, Any]) -> Any:
    """The key as the answer holds it; None where the enrollment is that of an earlier request.

    A PKCS#12 file holds certificate and chain as well once they are there and can be read.
    """
    if made is None or content["spki_sha256"] != made.spki_sha256:
        return None
    sealed, with_certificate = made.sealed, False
    if made.wanted.format is KeyFormat.PKCS12 and content["state"] == EnrollmentState.ISSUED:
        try:
            sealed = await _with_certificates(database, made, content["certificate_id"])
            with_certificate = True
        except Exception as error:  # noqa: BLE001 -- the key is there now or never
            _log.warning(
                "key delivered without its certificate",
                enrollment_id=content["id"],
                error=type(error).__name__,
            )
    return {
        "format": made.wanted.format,
        "content": sealed,
        "with_certificate": with_certificate,
    }


async def _with_certificates(database: Database, made: MadeKey, certificate_id: UUID) -> str:
    certificates = await _certificates(database, certificate_id)
    password = made.wanted.password.get_secret_value()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        _MAKERS, encrypted, made.key, made.wanted.format, password, certificates
    )


async def _certificates(database: Database, certificate_id: UUID) -> Sequence[bytes]:
    async with database.each_statement() as connection:
        (row,) = await _TEXT.fetch(connection, {"certificate": certificate_id})
    return (row["leaf_der"], *row["chain_ders"])


def _names(body: EnrollmentCreate, subject: Subject | Fault | None) -> list[Name]:
    """The names for the CSR, normalised; raises Invalid. What a CA takes from its directory needs
    not be in it."""
    if isinstance(subject, Subject) and not body.names:
        return []
    if not body.names:
        detail = "A key that is made here needs the names its certificate is for."
        raise Invalid([Fault("/names", "names-missing", detail, "at least one name")])
    names, faults = [], []
    for index, given in enumerate(body.names):
        pointer = f"/names/{index}"
        found = normalise(Name(given.kind, given.value), pointer)
        if isinstance(found, Fault):
            faults.append(found)
        elif found.kind not in _MAKEABLE or not (
            found.kind is NameKind.UPN or found.value.isascii()
        ):
            detail = "No CSR is made for such a name."
            faults.append(Fault(pointer, "san-type-not-allowed", detail, "a CSR"))
        else:
            names.append(found)
    if faults:
        raise Invalid(faults)
    return names


def _moved(fault: Fault) -> Fault:
    """There is no CSR in the body: what is wrong with it comes from what it was made of."""
    if not fault.pointer.startswith("/csr"):
        return fault
    return replace(fault, pointer=_MOVED.get(fault.code, "/names"))
