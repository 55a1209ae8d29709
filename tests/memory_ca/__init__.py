"""A CA in memory, driven like any other: a backend type that no service has but those of tests."""

from memory_ca.kind import MEMORY
from scm_api.drivers.registry import REGISTRY

REGISTRY[MEMORY.type] = MEMORY
