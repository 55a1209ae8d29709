"""Every backend type this service drives."""

from typing import Final

from scm_api.drivers.aws.kind import AWS
from scm_api.drivers.digicert.kind import DIGICERT
from scm_api.drivers.entrust.kind import ENTRUST
from scm_api.drivers.gcp.kind import GCP
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.microsoft.kind import MICROSOFT

REGISTRY: Final[dict[str, BackendKind]] = {
    kind.type: kind for kind in (AWS, DIGICERT, ENTRUST, GCP, MICROSOFT)
}
"""One kind for each `BackendType`. Tests add one of their own, which the contract does not know."""
