"""The words of the contract, spelled the same in URLs, JSON, tables and logs."""

from enum import StrEnum


class BackendType(StrEnum):
    """The kinds of certificate authority this service drives."""

    AWS = "aws"
    DIGICERT = "digicert"
    ENTRUST = "entrust"
    GCP = "gcp"
    MICROSOFT = "microsoft"


class CertificateType(StrEnum):
    """What a certificate is for; a CA backend supports some of these."""

    SSL = "ssl"
    CLIENT = "client"
    CODE_SIGNING = "code_signing"
    DEVICE = "device"


class BackendStatus(StrEnum):
    """`refused`: the CA answers but rejects our credentials; `offline`: it does not answer."""

    UNCHECKED = "unchecked"
    AVAILABLE = "available"
    OFFLINE = "offline"
    REFUSED = "refused"


class EnrollmentState(StrEnum):
    """Where one request for one certificate stands; transitions live in `core.lifecycle`."""

    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    SUBMITTING = "submitting"
    PENDING_CA = "pending_ca"
    ISSUED = "issued"
    DECLINED = "declined"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELED = "canceled"
    PARKED = "parked"


class CertificateStatus(StrEnum):
    """`quarantined`: the CA issued something that is not what was asked; it is never served."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    QUARANTINED = "quarantined"


class RevocationState(StrEnum):
    """`done` is said only when the CA did it, `refused` when the CA does not do it.

    `pending_approval`: the CA knows nothing of it yet; it ends `declined` by an admin, `expired`
    because nobody answered, or goes on. `scheduled`: it goes on by itself as `requested` when its
    time has come. `canceled`: taken back before the CA heard of it. `pending_ca`: the CA has it and
    waits for something itself.
    """

    PENDING_APPROVAL = "pending_approval"
    DECLINED = "declined"
    EXPIRED = "expired"
    SCHEDULED = "scheduled"
    CANCELED = "canceled"
    REQUESTED = "requested"
    PENDING_CA = "pending_ca"
    DONE = "done"
    REFUSED = "refused"


class RevocationReason(StrEnum):
    """RFC 5280 section 5.3.1 CRLReason, without the values no client may ask for."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key_compromise"
    CA_COMPROMISE = "ca_compromise"
    AFFILIATION_CHANGED = "affiliation_changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation_of_operation"
    CERTIFICATE_HOLD = "certificate_hold"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn"
    AA_COMPROMISE = "aa_compromise"


class Role(StrEnum):
    """MRAO: the whole account. RAO: organizations. DRAO: departments."""

    MRAO = "mrao"
    RAO = "rao"
    DRAO = "drao"


class Privilege(StrEnum):
    """What an RAO or DRAO may do within its organizations; an MRAO has every privilege.

    `create_peers` is handling admins of one's own level or lower, and their API keys.
    `enroll_on_behalf` is having certificates made for accounts of a directory: whoever holds one is
    that account.
    """

    ENROLL = "enroll"
    APPROVE = "approve"
    REVOKE = "revoke"
    MANAGE_PROFILES = "manage_profiles"
    CREATE_PEERS = "create_peers"
    READ_AUDIT = "read_audit"
    ENROLL_ON_BEHALF = "enroll_on_behalf"


class NameKind(StrEnum):
    """Kinds of subjectAltName entries (RFC 5280 section 4.2.1.6)."""

    DNS = "dns"
    IP = "ip"
    EMAIL = "email"
    URI = "uri"
    UPN = "upn"
    DIRECTORY = "directory"
    REGISTERED_ID = "registered_id"
    OTHER = "other"
