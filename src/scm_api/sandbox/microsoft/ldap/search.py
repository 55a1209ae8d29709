"""Searches: scope, access, pages, limits, references."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from scm_api.sandbox.microsoft.ldap.ber import (
    OCTETS,
    SEQUENCE,
    BerError,
    Tlv,
    decode,
    encode,
    encode_integer,
)
from scm_api.sandbox.microsoft.ldap.directory import (
    CONTROLS,
    DOMAIN_SCOPE,
    PAGED,
    SD_FLAGS,
    Directory,
)
from scm_api.sandbox.microsoft.ldap.entries import Entry
from scm_api.sandbox.microsoft.ldap.identifiers import SACL, trimmed
from scm_api.sandbox.microsoft.ldap.messages import (
    Code,
    Control,
    Result,
    SearchRequest,
    encode_control,
    encode_entry,
)
from scm_api.sandbox.microsoft.ldap.names import Name, parse_name

BASE, ONE_LEVEL, SUBTREE = 0, 1, 2
_MOST_COOKIES: Final = 64
_DESCRIPTOR, _TOKEN_GROUPS = "ntsecuritydescriptor", "tokengroups"
_ALL_PARTS: Final = 15


@dataclass
class Outcome:
    """What a search found: encoded entries, references, the result, response controls."""

    result: Result
    entries: list[bytes] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    controls: bytes = b""


@dataclass(frozen=True, slots=True)
class _Rest:
    """What the next pages of a search hold."""

    question: tuple[str, int, str]
    entries: list[Entry]


@dataclass
class Searcher:
    """The searches of one connection; cookies of one mean nothing to another."""

    rests: OrderedDict[bytes, _Rest] = field(default_factory=OrderedDict)

    def search(
        self,
        directory: Directory,
        request: SearchRequest,
        controls: tuple[Control, ...],
        *,
        max_page: int,
        is_administrator: bool,
    ) -> Outcome:
        """Raises BerError for controls that are none."""
        given = {each.kind: each for each in controls}
        if any(each.is_critical and each.kind not in CONTROLS for each in controls):
            return Outcome(
                Result(
                    Code.UNAVAILABLE_CRITICAL_EXTENSION,
                    "00002040: SvcErr: DSID-0314021C, problem 5010 (UNAVAIL_EXTENSION), data 0",
                )
            )
        try:
            base = parse_name(request.base)
        except ValueError:
            return Outcome(
                Result(
                    Code.INVALID_DN_SYNTAX,
                    "0000208F: NameErr: DSID-03100225, problem 2006 (BAD_NAME), data 8350, "
                    f"best match of:\n\t'{request.base}'\n",
                )
            )
        if (refusal := _missing(directory, base)) is not None:
            return Outcome(refusal)
        parts = _descriptor_parts(given.get(SD_FLAGS))
        if is_administrator and parts is None and _names_descriptor(request):
            parts = _ALL_PARTS
        if parts is not None and parts & SACL and not is_administrator:
            parts = None  # reading a SACL takes a privilege; AD leaves the attribute away
        outcome, chosen = self._chosen(directory, request, base, given.get(PAGED), max_page)
        outcome.entries = [_encode(each, request, parts) for each in chosen]
        is_over = not outcome.controls or self._was_last(outcome)
        if request.scope == SUBTREE and DOMAIN_SCOPE not in given and is_over:
            outcome.references = directory.references(base)
        return outcome

    def _was_last(self, outcome: Outcome) -> bool:
        return not any(cookie in outcome.controls for cookie in self.rests)

    def _chosen(
        self,
        directory: Directory,
        request: SearchRequest,
        base: Name,
        paged: Control | None,
        max_page: int,
    ) -> tuple[Outcome, list[Entry]]:
        if paged is None:
            found = _matching(directory, request, base)
            limit = min(request.size_limit or max_page, max_page)
            is_cut = len(found) > limit
            return Outcome(Result(Code.SIZE_LIMIT_EXCEEDED if is_cut else Code.SUCCESS)), found[
                :limit
            ]
        size, cookie = _page(paged)
        question = (request.base, request.scope, request.filter.text)
        if cookie:
            rest = self.rests.pop(cookie, None)
            if rest is None or rest.question != question:
                text = (
                    "00000057: LdapErr: DSID-0C090A3D, comment: Error processing control, "
                    "data 0, v4563"
                )
                return Outcome(Result(Code.UNAVAILABLE_CRITICAL_EXTENSION, text)), []
            found = rest.entries
        else:
            found = _matching(directory, request, base)
        limit = min(size or (0 if cookie else max_page), max_page, request.size_limit or max_page)
        page, rest_of_it = found[:limit], found[limit:]
        next_cookie = b""
        if rest_of_it and limit:
            next_cookie = secrets.token_bytes(16)
            self.rests[next_cookie] = _Rest(question, rest_of_it)
            if len(self.rests) > _MOST_COOKIES:
                self.rests.popitem(last=False)
        value = encode(SEQUENCE, [encode_integer(0), encode(OCTETS, next_cookie)])
        return Outcome(Result(Code.SUCCESS), controls=encode_control(PAGED, value)), page


def _missing(directory: Directory, base: Name) -> Result | None:
    """Why there is nothing to search, if so."""
    if directory.find(base):
        return None
    if base and directory.context_of(base) is None and any(kind == "dc" for kind, _ in base):
        host = ".".join(value for kind, value in base if kind == "dc")
        dn = ",".join(f"{kind.upper()}={value}" for kind, value in base)
        text = f"0000202B: RefErr: DSID-0310082F, data 0, 1 access points\n\tref 1: '{host}'\n"
        return Result(Code.REFERRAL, text, referrals=(f"ldap://{host}/{dn}",))
    above = base[1:]
    while above and not directory.find(above):
        above = above[1:]
    matched = found.dn if above and (found := directory.find(above)) else ""
    return Result(
        Code.NO_SUCH_OBJECT,
        "0000208D: NameErr: DSID-0310028B, problem 2001 (NO_OBJECT), data 0, best match of:"
        f"\n\t'{matched}'\n",
        matched.encode(),
    )


def _matching(directory: Directory, request: SearchRequest, base: Name) -> list[Entry]:
    candidates: list[Entry] = []
    own = directory.find(base)
    if request.scope != ONE_LEVEL and own is not None:
        candidates.append(own)
    if request.scope != BASE:
        candidates.extend(directory.below(base, is_deep=request.scope == SUBTREE))
    holds = request.filter.holds
    return [each for each in candidates if holds(each, directory.leads_to) is True]


def _page(control: Control) -> tuple[int, bytes]:
    size, cookie = decode(control.value).expect(SEQUENCE).elements()[:2] or (None, None)
    if size is None or cookie is None or size.integer() < 0:
        raise BerError("a paged results control that is none")
    return size.integer(), cookie.expect(OCTETS).content


def _descriptor_parts(control: Control | None) -> int | None:
    """The parts of security descriptors that are asked for; None without the control."""
    if control is None:
        return None
    (flags,) = decode(control.value).expect(SEQUENCE).elements() or (Tlv(0, b""),)
    return flags.integer() & _ALL_PARTS or _ALL_PARTS


def _names_descriptor(request: SearchRequest) -> bool:
    return _DESCRIPTOR in {each.casefold() for each in request.attributes}


def _encode(entry: Entry, request: SearchRequest, parts: int | None) -> bytes:
    wanted = {each.casefold() for each in request.attributes}
    takes_all = not wanted or "*" in wanted
    shown: list[tuple[str, tuple[bytes, ...]]] = []
    for key, (name, values) in entry.attributes.items():
        if key == _DESCRIPTOR:
            if parts is not None and (takes_all or key in wanted):
                shown.append((name, tuple(trimmed(each, parts) for each in values)))
            continue
        if key == _TOKEN_GROUPS and request.scope != BASE:
            continue
        if key in wanted or (takes_all and key not in entry.operational):
            shown.append((name, values))
    if request.types_only:
        shown = [(name, ()) for name, _ in shown]
    return encode_entry(entry.dn, shown)


def encode_one(entry: Entry, request: SearchRequest) -> bytes:
    """The rootDSE, as far as its attributes are asked for."""
    return _encode(entry, request, None)
