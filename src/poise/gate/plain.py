"""Texts of reports made harmless for terminals, annotations and pages."""

from __future__ import annotations

import unicodedata

#: Unicode categories that are never shown: controls, formats (bidi marks among them), surrogates, private
#: use.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def plain(text: str, characters: int = 200) -> str:
    """Return a text on one line, without control and direction characters, cut at a length.

    Parameters
    ----------
    characters
        Longest text, the three dots of a cut one included.
    """
    part = text[: characters * 4]  # what is folded or hidden would have to outnumber the rest
    if not (part.isascii() and part.isprintable()):
        part = "".join(" " if sign.isspace() else _shown(sign) for sign in part)
    words = " ".join(part.split())
    is_cut = len(words) > characters or len(part) < len(text)
    return f"{words[: characters - 3]}..." if is_cut else words


def _shown(sign: str) -> str:
    return "\ufffd" if unicodedata.category(sign) in _HIDDEN else sign


def counted(number: int, word: str, plural: str = "") -> str:
    """Return a number with its word: ``"1 finding"``, ``"2 findings"``."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"
