"""Texts of reports made harmless for terminals, annotations and pages."""

from __future__ import annotations

import re
import unicodedata

#: Unicode categories that are never shown: controls, formats (bidi marks among them), surrogates, private
#: use.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
#: What runners obey in whatever a step prints: Azure's and GitHub's first form anywhere in a line, GitHub's
#: second form at the beginning of one, after blanks.
_MARKED = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)
#: Controls that JSON allows unescaped, and what turns the direction of reading or ends a line.
_TURNING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_WORD = re.compile(r"(?:^|(?<= ))::+")


def plain(text: str, characters: int = 200) -> str:
    """Return a text on one line, without control and direction characters, cut at a length.

    What a runner would obey as a command is broken up by a blank.

    Parameters
    ----------
    characters
        Longest text, the three dots of a cut one included.
    """
    part = text[: characters * 4]  # what is folded or hidden would have to outnumber the rest
    if not (part.isascii() and part.isprintable()):
        part = "".join(" " if sign.isspace() else _shown(sign) for sign in part)
    words = " ".join(part.split())
    if "##" in words or "::" in words:
        words = _WORD.sub(lambda found: " ".join(found[0]), _MARKED.sub("# #", words))
    is_cut = len(words) > characters or len(part) < len(text)
    return f"{words[: characters - 3]}..." if is_cut else words


def _shown(sign: str) -> str:
    return "\ufffd" if unicodedata.category(sign) in _HIDDEN else sign


def counted(number: int, word: str, plural: str = "") -> str:
    """Return a number with its word: ``"1 finding"``, ``"2 findings"``."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def inert_json(text: str) -> str:
    """Return a JSON text of equal meaning in which no runner and no terminal finds a command."""
    marked = _MARKED.sub(r"#\\u0023", text)
    return _TURNING.sub(lambda found: f"\\u{ord(found[0]):04x}", marked)
