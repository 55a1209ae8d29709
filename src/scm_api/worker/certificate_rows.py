"""What is stored of a certificate: its facts, its text, its names.

A CA may write anything into it, and whatever it wrote, the certificate must be recorded: what does
not fit into the rows is cut off there, and the text itself is kept as it is.
"""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, String

from scm_api.core.certificate_facts import CertificateFacts
from scm_api.core.explain import storable
from scm_api.core.granted_term import granting
from scm_api.core.issued import IssuedVerdict
from scm_api.core.names import comparable
from scm_api.core.renewal_window import opens_at
from scm_api.db.base import Base
from scm_api.db.models import Certificate, CertificateName, CertificateText, Enrollment
from scm_api.db.rows import Each, NewRow

_CERTIFICATES: Final = Base.metadata.tables[Certificate.__tablename__]
_TEXTS: Final = Base.metadata.tables[CertificateText.__tablename__]
_NAMES: Final = Base.metadata.tables[CertificateName.__tablename__]
_ISSUER_ROOM: Final = 2_048  # bytes; it is part of an index, whose rows have 2,704 at most


def certificate_rows(
    certificate_id: UUID,
    enrollment: Enrollment,
    ca_ref: str,
    verdict: IssuedVerdict,
    leaf: CertificateFacts,
) -> Iterator[NewRow]:
    """The rows of one certificate that the CA issued for `enrollment`."""
    yield NewRow(_CERTIFICATES, _facts(certificate_id, enrollment, ca_ref, verdict, leaf))
    text = {"leaf_der": verdict.leaf_der, "chain_ders": list(verdict.chain_ders)}
    yield NewRow(_TEXTS, {"certificate_id": certificate_id} | text)
    room = _NAMES.c
    names = {
        (name.kind.value, _fitting(name.value, room.value)): _fitting(
            comparable(name), room.comparable
        )
        for name in leaf.names
    }
    columns = {
        "kind": Each([kind for kind, _ in names]),
        "value": Each([value for _, value in names]),
        "comparable": Each(list(names.values())),
    }
    yield NewRow(_NAMES, {"certificate_id": certificate_id} | columns)


def _facts(
    certificate_id: UUID,
    enrollment: Enrollment,
    ca_ref: str,
    verdict: IssuedVerdict,
    leaf: CertificateFacts,
) -> dict[str, Any]:
    reasons = [found.detail for found in verdict.discrepancies]
    return {
        "id": certificate_id,
        "enrollment_id": enrollment.id,
        "organization_id": enrollment.organization_id,
        "certificate_profile_id": enrollment.certificate_profile_id,
        "ca_backend_id": enrollment.ca_backend_id,
        "certificate_type": enrollment.certificate_type,
        "renews_certificate_id": enrollment.renews_certificate_id,
        "ca_ref": ca_ref,
        "serial_number": f"{leaf.serial_number:x}",
        "issuer": leaf.issuer.encode()[:_ISSUER_ROOM].decode(errors="ignore"),
        "subject": leaf.subject,
        "common_name": (
            _fitting(leaf.common_names[0], _CERTIFICATES.c.common_name)
            if leaf.common_names
            else None
        ),
        "not_before": leaf.not_before,
        "not_after": leaf.not_after,
        "term": granting(
            enrollment.term, leaf.not_after, verdict.issued_at, verdict.term_differences
        ),
        "renewal_opens_at": opens_at(leaf.not_before, leaf.not_after),
        "key_type": leaf.key_type,
        "signature_algorithm": _fitting(
            leaf.signature_algorithm, _CERTIFICATES.c.signature_algorithm
        ),
        "spki_sha256": leaf.spki_sha256,
        "fingerprint_sha256": leaf.fingerprint_sha256,
        "chain_complete": verdict.chain_complete,
        "notes": list(verdict.notes),
        "quarantined": reasons or None,
    }


def _fitting(value: str, column: Column[Any]) -> str:
    """As much as the column takes."""
    assert isinstance(column.type, String)
    return storable(value)[: column.type.length]
