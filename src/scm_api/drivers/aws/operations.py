"""The operations of AWS Private CA that the driver calls, and what may follow from each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scm_api.drivers.aws.options import AwsQuotas


@dataclass(frozen=True, slots=True)
class Operation:
    """One API operation. `method` is the SDK's name for it, `rate` its pace.

    `writes`: without an answer the CA may have acted. `final`: what AWS calls a wrong argument
    is the order's own fault; otherwise an accepted order must not be given up because of it.
    `on_one_ca`: what is denied here may be allowed on the account's other CAs.
    """

    name: str
    method: str
    rate: Callable[[AwsQuotas], float]
    writes: bool = False
    final: bool = False
    on_one_ca: bool = True

    @property
    def permission(self) -> str:
        """The IAM action that allows the call."""
        return f"acm-pca:{self.name}"


ISSUE: Final = Operation(
    "IssueCertificate", "issue_certificate", lambda q: q.issue_per_second, writes=True, final=True
)
GET: Final = Operation("GetCertificate", "get_certificate", lambda q: q.get_per_second)
GET_CA_CERTIFICATE: Final = Operation(
    "GetCertificateAuthorityCertificate",
    "get_certificate_authority_certificate",
    lambda q: q.get_ca_certificate_per_second,
    final=True,
)
REVOKE: Final = Operation(
    "RevokeCertificate",
    "revoke_certificate",
    lambda q: q.revoke_per_second,
    writes=True,
    final=True,
)
DESCRIBE: Final = Operation(
    "DescribeCertificateAuthority",
    "describe_certificate_authority",
    lambda q: q.describe_per_second,
    final=True,
)
LIST: Final = Operation(
    "ListCertificateAuthorities",
    "list_certificate_authorities",
    lambda q: q.list_per_second,
    on_one_ca=False,
)
