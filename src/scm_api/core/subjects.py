"""Accounts of a directory that certificates are made for, on behalf of somebody else.

The CA builds subject and names from the directory, so what it finds there is what the request is
judged by, and what it found when the request was accepted must still be so when it is sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scm_api.core.names import Name, names_as_json, names_from

_COMMON_NAMES: Final = re.compile(r"(?:^|,)CN=((?:[^,\\]|\\.)*)", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Subject:
    """An account as the directory had it. `account` is `DOMAIN\\name`, `sid` its security
    identifier (`S-1-5-21-...`), which outlives a change of name; `names` are the subjectAltNames
    the CA is going to build, `common_name` the common name it is going to write.
    """

    account: str
    distinguished_name: str
    sid: str
    common_name: str
    names: tuple[Name, ...]

    @property
    def common_names(self) -> frozenset[str]:
        """Every common name a CA may write: the account's own and, of a subject that is the full
        path, those of the containers above it."""
        above = _COMMON_NAMES.findall(self.distinguished_name)
        return frozenset({self.common_name, *(_ESCAPED.sub(r"\1", each) for each in above)})

    def as_json(self) -> dict[str, Any]:
        """As it is kept with an enrollment."""
        return {
            "account": self.account,
            "distinguished_name": self.distinguished_name,
            "sid": self.sid,
            "common_name": self.common_name,
            "names": names_as_json(self.names),
        }


def subject_from(content: Mapping[str, Any]) -> Subject:
    """The subject that `as_json` wrote."""
    return Subject(
        content["account"],
        content["distinguished_name"],
        content["sid"],
        content["common_name"],
        tuple(names_from(content["names"])),
    )


def changes(before: Subject, now: Subject) -> list[str]:
    """What of an account is not any more what was accepted, in words; empty if nothing."""
    found = []
    if now.sid != before.sid:
        found.append(f"{before.account} is another account now ({now.sid}, was {before.sid})")
    if now.account.casefold() != before.account.casefold():
        found.append(f"{before.account} is called {now.account} now")
    if now.distinguished_name.casefold() != before.distinguished_name.casefold():
        found.append(f"it was moved to {now.distinguished_name}")
    if set(now.names) != set(before.names):
        listed = ", ".join(sorted(map(str, now.names))) or "none"
        found.append(f"its names are {listed} now")
    return found
