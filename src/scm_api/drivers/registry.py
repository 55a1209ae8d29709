"""Every backend type this service drives."""

from collections.abc import Mapping
from typing import Final

from scm_api.core.vocabulary import BackendType
from scm_api.drivers.aws.kind import AWS
from scm_api.drivers.digicert.kind import DIGICERT
from scm_api.drivers.entrust.kind import ENTRUST
from scm_api.drivers.gcp.kind import GCP
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.memory.kind import MEMORY
from scm_api.drivers.microsoft.kind import MICROSOFT

REGISTRY: Final[Mapping[BackendType, BackendKind]] = {
    kind.type: kind for kind in (AWS, DIGICERT, ENTRUST, GCP, MEMORY, MICROSOFT)
}
TEST_ONLY: Final = frozenset({BackendType.MEMORY})
"""Types that are refused outside of tests."""
