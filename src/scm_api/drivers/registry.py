"""Every backend type this service drives."""

from collections.abc import Mapping
from typing import Final

from scm_api.core.vocabulary import BackendType
from scm_api.drivers.aws.kind import AWS
from scm_api.drivers.base import BackendKind

REGISTRY: Final[Mapping[BackendType, BackendKind]] = {BackendType.AWS: AWS}
