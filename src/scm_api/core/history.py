"""What an audit event of an enrollment says to a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scm_api.core.lifecycle import Move

_SENTENCES: Final[Mapping[str, str]] = {
    "created": "Asked for a certificate by version {profile_version} of the profile",
    Move.APPROVE: "Approved",
    Move.DECLINE: "Declined",
    Move.CANCEL: "Taken back",
    "cancel_requested": "Taken back: the CA is asked to cancel it",
    "cancel_refused": "The CA does not cancel it",
    Move.EXPIRE: "Ended, because nobody approved or declined it in time",
    Move.BEGIN: "Is being sent to the CA",
    Move.ACCEPT: "Taken by the CA as {ca_ref}",
    Move.ISSUE: "Issued with serial number {serial_number}",
    Move.REJECT: "Refused by the CA",
    Move.FAIL: "Ended, because it cannot be carried out",
    Move.PARK: "Stopped until a person has looked at it",
    Move.RETRY: "To be ordered anew",
    Move.ASK_AGAIN: "To be ordered anew, once that is approved",
    Move.ADOPT: "Taken over from the CA, where it was found as {ca_ref}",
}
# Members of an event's details that tell why, the most telling first.
_REASONS: Final = ("comment", "detail", "found", "reason", "waits_for")


@dataclass(frozen=True, slots=True)
class Told:
    """One event in words; `why` is None where nobody said why."""

    what: str
    why: str | None


def tell(action: str, details: Mapping[str, Any]) -> Told:
    """The event `enrollment.<verb>` in words; a verb not known here is shown as it is."""
    verb = action.rpartition(".")[2]
    sentence = _SENTENCES.get(verb, verb.replace("_", " ").capitalize())
    what = sentence.format_map(_Known(details))
    if details.get("replace_reason"):
        what += "; the one it replaces will be revoked"
    if details.get("waits_for_approval"):
        what += "; it waits for approval"
    if details.get("self_approved"):
        what += " by the requester, as the account's settings allow"
    found = next((details[name] for name in _REASONS if details.get(name)), None)
    return Told(what, " ".join(found) if isinstance(found, list) else found)


class _Known(dict[str, Any]):
    """Details of old events may lack what a sentence mentions."""

    def __missing__(self, key: str) -> str:
        return "?"
