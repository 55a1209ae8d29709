"""Which DNS names an entry of owned or allowed domains covers, label by label."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from publicsuffixlist import PublicSuffixList

from scm_api.core.errors import Fault
from scm_api.core.explain import quoted
from scm_api.core.names import Name, normalise
from scm_api.core.vocabulary import NameKind


@dataclass(frozen=True, slots=True)
class DomainSet:
    """Domain entries for many look-ups; build it with `of`.

    The entry `example.com` covers that one name. The entry `*.example.com` covers every name
    below it at any depth, wildcard names included, but not `example.com` itself.
    """

    entries: tuple[str, ...]
    exact: frozenset[str]
    parents: frozenset[str]

    @classmethod
    def of(cls, entries: Iterable[str]) -> "DomainSet":
        """`entries` are spelled as `normalise_domain` gives them."""
        kept = tuple(entries)
        return cls(
            entries=kept,
            exact=frozenset(entry for entry in kept if not entry.startswith("*.")),
            parents=frozenset(entry[2:] for entry in kept if entry.startswith("*.")),
        )

    def covers(self, domain: str) -> bool:
        """Whether an entry covers this normalised DNS name, by whole labels only."""
        if domain in self.exact:
            return True
        _, dot, parent = domain.partition(".")
        while dot:
            if parent in self.parents:
                return True
            _, dot, parent = parent.partition(".")
        return False


def normalise_domain(value: str, pointer: str) -> str | Fault:
    """One entry of owned or allowed domains in its only spelling.

    Codes: those of `core.names.normalise`, and `wildcard-not-allowed` where the entry would
    cover everybody's domains under a public suffix.
    """
    name = normalise(Name(NameKind.DNS, value), pointer)
    if isinstance(name, Fault):
        return name
    return wildcard_fault(name.value, pointer) or name.value


def wildcard_fault(domain: str, pointer: str) -> Fault | None:
    """The fault of a normalised wildcard name that stands directly above everybody's domains."""
    base = domain.removeprefix("*.")
    if base == domain or not public_suffixes().is_public(base):
        return None
    detail = f"{quoted(domain)} would cover every domain under the public suffix {base}."
    return Fault(pointer, "wildcard-not-allowed", detail, "wildcards below a registered domain")


@cache
def public_suffixes() -> PublicSuffixList:
    """The Mozilla Public Suffix List as installed; the first call takes about 0.1 s.

    Unknown top-level domains count as public suffixes, as the list's own algorithm says.
    """
    return PublicSuffixList()
