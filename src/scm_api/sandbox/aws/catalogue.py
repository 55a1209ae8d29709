"""Which private CAs a new state directory gets, and which signatures each key can make.

The ids are fixed, so that an ARN can be written into a configuration before the first start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scm_api.sandbox.aws.identities import ACCOUNT_ID, OTHER_ACCOUNT_ID

Status = Literal[
    "CREATING", "PENDING_CERTIFICATE", "ACTIVE", "DISABLED", "EXPIRED", "FAILED", "DELETED"
]
KeyAlgorithm = Literal["RSA_2048", "EC_prime256v1", "EC_secp384r1"]
UsageMode = Literal["GENERAL_PURPOSE", "SHORT_LIVED_CERTIFICATE"]

_RSA = ("SHA256WITHRSA", "SHA384WITHRSA", "SHA512WITHRSA")
_RSA_PSS = ("SHA256WITHRSA_PSS", "SHA384WITHRSA_PSS", "SHA512WITHRSA_PSS")
_ECDSA = ("SHA256WITHECDSA", "SHA384WITHECDSA", "SHA512WITHECDSA")
SIGNING_ALGORITHMS: Mapping[KeyAlgorithm, tuple[str, ...]] = {
    "RSA_2048": _RSA + _RSA_PSS,
    "EC_prime256v1": _ECDSA,
    "EC_secp384r1": _ECDSA,
}
"""Accepted by the key of a CA; the PSS names are in newer models of the API only."""

NAMED_IN_REFUSALS: Mapping[KeyAlgorithm, tuple[str, ...]] = {
    "RSA_2048": _RSA,
    "EC_prime256v1": _ECDSA,
    "EC_secp384r1": _ECDSA,
}
"""The algorithms the service lists when it refuses one that does not fit the key."""

ALL_SIGNING_ALGORITHMS = (
    *_RSA,
    *_RSA_PSS,
    *_ECDSA,
    "SM3WITHSM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
)

RSA_ROOT_ID = "5cb00000-0000-4000-8000-000000000001"
EC_ROOT_ID = "5cb00000-0000-4000-8000-000000000002"
EC_ISSUING_ID = "5cb00000-0000-4000-8000-000000000003"
SHORT_LIVED_ID = "5cb00000-0000-4000-8000-000000000004"
DISABLED_ID = "5cb00000-0000-4000-8000-000000000005"
OTHER_REGION_ID = "5cb00000-0000-4000-8000-000000000006"
SHARED_ID = "5cb00000-0000-4000-8000-000000000007"

SHARED_TEMPLATES = frozenset({"EndEntityCertificate"})
"""What the default permission of a CA shared through RAM lets other accounts use."""


@dataclass(frozen=True, slots=True)
class AuthoritySpec:
    """A private CA as it is created. `parent` is the id of an earlier entry, none for a root."""

    id: str
    common_name: str
    key_algorithm: KeyAlgorithm
    signing_algorithm: str
    parent: str | None = None
    years: int = 10
    path_length: int | None = None
    usage_mode: UsageMode = "GENERAL_PURPOSE"
    status: Status = "ACTIVE"
    owner_account: str = ACCOUNT_ID
    shared_with: str | None = None
    other_region: bool = False

    def region(self, home: str) -> str:
        """Where the CA lives when `home` is the simulator's region."""
        if not self.other_region:
            return home
        return "us-east-1" if home != "us-east-1" else "eu-central-1"

    def arn(self, home: str) -> str:
        region = self.region(home)
        return f"arn:aws:acm-pca:{region}:{self.owner_account}:certificate-authority/{self.id}"


CATALOGUE: tuple[AuthoritySpec, ...] = (
    AuthoritySpec(RSA_ROOT_ID, "SCM Sandbox RSA Root", "RSA_2048", "SHA256WITHRSA"),
    AuthoritySpec(EC_ROOT_ID, "SCM Sandbox EC Root", "EC_prime256v1", "SHA256WITHECDSA", years=20),
    AuthoritySpec(
        EC_ISSUING_ID,
        "SCM Sandbox EC Issuing",
        "EC_prime256v1",
        "SHA256WITHECDSA",
        parent=EC_ROOT_ID,
        path_length=1,
    ),
    AuthoritySpec(
        SHORT_LIVED_ID,
        "SCM Sandbox Short-Lived",
        "EC_prime256v1",
        "SHA256WITHECDSA",
        years=2,
        usage_mode="SHORT_LIVED_CERTIFICATE",
    ),
    AuthoritySpec(
        DISABLED_ID,
        "SCM Sandbox Disabled",
        "EC_prime256v1",
        "SHA256WITHECDSA",
        status="DISABLED",
    ),
    AuthoritySpec(
        OTHER_REGION_ID,
        "SCM Sandbox Other Region",
        "EC_secp384r1",
        "SHA384WITHECDSA",
        other_region=True,
    ),
    AuthoritySpec(
        SHARED_ID,
        "SCM Sandbox Shared",
        "EC_prime256v1",
        "SHA256WITHECDSA",
        owner_account=OTHER_ACCOUNT_ID,
        shared_with=ACCOUNT_ID,
    ),
)


def authority_arn(authority_id: str, region: str) -> str:
    """The ARN of a private CA of the catalogue, for a simulator whose region is `region`.

    Raises KeyError for an id that is not in the catalogue.
    """
    for spec in CATALOGUE:
        if spec.id == authority_id:
            return spec.arn(region)
    raise KeyError(authority_id)
