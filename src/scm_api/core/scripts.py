"""Text that reads as something it is not: scripts mixed in one word, letters that look Latin.

The standard library knows no script of a letter. It is taken from the first word of the letter's
Unicode name (`CYRILLIC SMALL LETTER A`), which the standard never changes.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_LETTERS_REMEMBERED: Final = 8_192
_FIRST_WORD: Final = re.compile(r"[A-Z]+")
_CHINESE: Final = "CJK"
_SAME: Final[Mapping[str, str | None]] = {
    "IDEOGRAPHIC": _CHINESE,  # iteration mark and zero
    "HENTAIGANA": "HIRAGANA",
    "EXTENDED": "ARABIC",  # EXTENDED ARABIC-INDIC DIGIT
    "COMBINING": None,  # marks and modifiers follow letters of any script
    "MODIFIER": None,
    "VEDIC": None,
}
_WRITTEN_TOGETHER: Final = (
    frozenset({"LATIN", _CHINESE, "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", _CHINESE, "BOPOMOFO"}),
    frozenset({"LATIN", _CHINESE, "HANGUL"}),
)
"""UTS 39 section 5.2, "highly restrictive": one script, or these."""

_READ_AS_LATIN: Final = frozenset(
    "аһгԁеіјӏорԛсѕѵѡԝху"  # Cyrillic
    "αγικνορσυω"  # Greek
    "զհոսցօ"  # Armenian
)
"""Lower-case letters of other scripts that UTS 39 lists as confusable with a to z."""


def mixed_scripts(text: str) -> tuple[str, ...]:
    """The scripts of the letters, digits and marks, where they are not written together.

    Empty for text in one script, ASCII digits and punctuation aside, and for Japanese, Chinese
    and Korean with Latin letters.
    """
    if text.isascii():
        return ()
    found = {script for char in set(text) if (script := _script(char)) is not None}
    if len(found) < 2 or any(found <= together for together in _WRITTEN_TOGETHER):
        return ()
    return tuple(sorted(script.capitalize() for script in found))


def reads_as_latin(text: str) -> bool:
    """Whether every letter is of another script and looks like one of a to z."""
    letters = [char for char in text if char.isalpha()]
    return bool(letters) and _READ_AS_LATIN.issuperset(letters)


@lru_cache(_LETTERS_REMEMBERED)
def _script(char: str) -> str | None:
    """The script of a letter, mark or digit; None for what belongs to all.

    Letters younger than this Python's Unicode data count as one more script.
    """
    if char.isascii():
        return "LATIN" if char.isalpha() else None
    category = unicodedata.category(char)
    if category == "Cn":
        return "UNKNOWN"
    word = _FIRST_WORD.match(unicodedata.name(char, "")) if category[0] in "LMN" else None
    return _SAME.get(word[0], word[0]) if word else None
