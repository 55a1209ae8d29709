"""Which DNS names an entry of owned or allowed domains covers, label by label."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

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
        return domain in self.exact or self.depth(domain) is not None

    def depth(self, domain: str) -> int | None:
        """How many labels stand between the first one and the nearest `*.` entry's domain.

        0 where the name is directly below that domain, None where no such entry covers it.
        """
        _, dot, parent = domain.partition(".")
        depth = 0
        while dot:
            if parent in self.parents:
                return depth
            _, dot, parent = parent.partition(".")
            depth += 1
        return None

    def touches(self, domain: str) -> bool:
        """Whether an entry covers this name or one that this name, a wildcard, stands for."""
        if self.covers(domain):
            return True
        base = domain.removeprefix("*.")
        return base != domain and any(entry.partition(".")[2] == base for entry in self.exact)


def normalise_domain(value: str, pointer: str) -> str | Fault:
    """One entry of owned or allowed domains in its only spelling.

    Codes: those of `core.names.normalise`, `name-invalid` for underscores, which no domain
    has, and `wildcard-not-allowed` where the entry would cover everybody's domains under a
    public suffix.
    """
    name = normalise(Name(NameKind.DNS, value), pointer)
    if isinstance(name, Fault):
        return name
    if "_" in name.value:
        detail = f"{quoted(value)} is not a domain: it holds an underscore."
        return Fault(pointer, "name-invalid", detail, "letters, digits and inner hyphens")
    return wildcard_fault(name.value, pointer) or name.value


def wildcard_fault(domain: str, pointer: str) -> Fault | None:
    """The fault of a normalised wildcard name that stands directly above everybody's domains."""
    base = domain.removeprefix("*.")
    if base == domain or not public_suffixes().is_public(base):
        return None
    detail = f"{quoted(domain)} would cover every domain under the public suffix {base}."
    return Fault(pointer, "wildcard-not-allowed", detail, "wildcards below a registered domain")


@lru_cache(1_024)
def is_public_top_level(label: str) -> bool:
    """Whether names can be registered with the public below this top-level domain.

    `.arpa` is listed, but holds infrastructure and RFC 8375's home networks.
    """
    return label != "arpa" and public_suffixes().is_public(label, accept_unknown=False)


@cache
def public_suffixes() -> PublicSuffixList:
    """The Mozilla Public Suffix List as installed; the first call takes about 0.1 s.

    Unknown top-level domains count as public suffixes, as the list's own algorithm says.
    """
    return PublicSuffixList()
