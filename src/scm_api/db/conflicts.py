"""What it means to the person whose request it was that the database did not take something."""

from sqlalchemy.exc import DBAPIError

from scm_api.core.errors import Conflict

_NAME_TAKEN = "name-taken"

# constraint -> (stable code, sentence)
_CONFLICTS: dict[str, tuple[str, str]] = {
    "uq_connectors_name": (_NAME_TAKEN, "Another connector has this name."),
    "uq_local_ca_backends_connector_id_name": (
        _NAME_TAKEN,
        "Another local CA backend of this connector has this name.",
    ),
    "uq_ca_backends_name": (_NAME_TAKEN, "Another CA backend has this name."),
    "uq_certificate_profiles_name": (_NAME_TAKEN, "Another certificate profile has this name."),
    "uq_organizations_parent_id_name": (
        _NAME_TAKEN,
        "Another organization, or department of the same organization, has this name.",
    ),
    "uq_organization_domains_organization_id_name": (
        "domain-already-owned",
        "The organization already owns this domain.",
    ),
    "uq_enrollment_attempts_ca_backend_id_ca_ref": (
        "ca-reference-taken",
        "Another enrollment has this reference of the CA.",
    ),
    "uq_admins_email": ("email-taken", "Another admin has this e-mail address."),
}


# What a CA's answer violates when it names something that another enrollment has.
_CA_REFERENCES = frozenset(
    {
        "uq_certificates_ca_backend_id_issuer_serial_number",
        "uq_certificates_ca_backend_id_ca_ref",
        "uq_enrollment_attempts_ca_backend_id_ca_ref",
    }
)


class KeyRepeated(Exception):
    """Another transaction stored an answer under the same Idempotency-Key first."""


def conflict_of(error: Exception) -> Exception:
    """The Conflict a person can act on, or the error itself if the constraint is not expected."""
    constraint = constraint_of(error)
    if constraint in _CONFLICTS:
        code, sentence = _CONFLICTS[constraint]
        return Conflict(sentence, code=code)
    if constraint == "pk_idempotency_records":
        return KeyRepeated()
    if constraint.startswith("fk_"):
        return Conflict(
            "Something this refers to was deleted, or something still refers to it.",
            code="in-use",
        )
    return error


def is_ca_reference_taken(error: Exception) -> bool:
    """Whether a CA's reference or serial number belongs to another enrollment already."""
    return constraint_of(error) in _CA_REFERENCES


def constraint_of(error: Exception) -> str:
    """The name of the violated constraint, by SQLAlchemy's error or asyncpg's own; empty where
    there is none."""
    return getattr(_told(error), "constraint_name", None) or ""


def audit_refusal(error: BaseException) -> str | None:
    """What the database says, if it is that it does not take an audit event: by a trigger, since
    only audit events have any that may raise, or for lack of a right or a table."""
    told = _told(error)
    if "INSERT INTO audit_events" not in (getattr(told, "query", None) or ""):
        return None
    message: str = getattr(told, "message", None) or ""
    raised = "PL/" in (getattr(told, "context", None) or "")  # in every language of messages
    return message if raised or "audit_events" in message else None


def _told(error: BaseException) -> BaseException | None:
    """asyncpg's own exception, which SQLAlchemy wraps twice."""
    if not isinstance(error, DBAPIError):
        return error
    return getattr(error.orig, "__cause__", None) or error.orig
