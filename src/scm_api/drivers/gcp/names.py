"""Resource names and numbers of CA Service, readable without Google's packages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scm_api.core.vocabulary import RevocationReason

_FORM: Final = re.compile(
    r"projects/(?P<project>[a-z0-9.:-]{4,64})/locations/(?P<location>[a-z0-9-]{4,32})/"
    r"(?:caPools/(?P<pool>[\w-]{1,63})(?:/certificateAuthorities/(?P<authority>[\w-]{1,63}))?"
    r"|certificateTemplates/(?P<template>[\w-]{1,63}))",
    re.ASCII,
)

REVOCATION_REASONS: Final[Mapping[RevocationReason, int]] = {
    RevocationReason.UNSPECIFIED: 0,
    RevocationReason.KEY_COMPROMISE: 1,
    RevocationReason.CA_COMPROMISE: 2,
    RevocationReason.AFFILIATION_CHANGED: 3,
    RevocationReason.SUPERSEDED: 4,
    RevocationReason.CESSATION_OF_OPERATION: 5,
    RevocationReason.CERTIFICATE_HOLD: 6,
    RevocationReason.PRIVILEGE_WITHDRAWN: 7,
    RevocationReason.AA_COMPROMISE: 8,
}
"""Numbers of RevocationReason in the API; from 7 on they are not those of RFC 5280."""


@dataclass(frozen=True, slots=True)
class Resource:
    """The parts of the name of a pool, of a CA in it, or of a template."""

    project: str
    location: str
    pool: str | None
    authority: str | None
    template: str | None

    @property
    def pool_name(self) -> str:
        """The resource name of the pool, of which a CA is part as well."""
        return f"projects/{self.project}/locations/{self.location}/caPools/{self.pool}"


def parse(name: str) -> Resource | None:
    """The parts of a resource name, or None where it is none of these."""
    found = _FORM.fullmatch(name)
    return Resource(**found.groupdict()) if found else None


def with_project(name: str, project: str) -> str:
    """The name with the project spelled as we do: Google may answer with its number instead."""
    return "/".join(("projects", project, *name.split("/")[2:]))
