"""Cells of CSV reports that hold more than a plain text: scores, lists and KB numbers.

All of them are remembered, because a report of a million rows holds few distinct ones.
"""

from __future__ import annotations

import re
from functools import lru_cache

from poise.scans.records import score_in_range

_SCORE = re.compile(r"\d{1,3}(?:\.\d+)?")
_SEPARATORS = re.compile(r"[\s,;|]+")
_KB = re.compile(r"\bKB\s?(\d{6,8})\b")


@lru_cache(maxsize=4_096)
def parse_score(text: str) -> float | None:
    """Return the CVSS base score that a cell begins with (``"8.1 (AV:N/...)"``), or ``None``.

    A number outside [0, 10] is no score: spreadsheets of some countries turn ``7.5`` into ``75``.
    """
    number = _SCORE.match(text.strip())
    return score_in_range(float(number[0])) if number else None


@lru_cache(maxsize=16_384)
def words_of(text: str) -> tuple[str, ...]:
    """Return the distinct words of a cell, separated by blanks, commas, semicolons or bars."""
    return tuple(dict.fromkeys(word for word in _SEPARATORS.split(text) if word))


@lru_cache(maxsize=16_384)
def tags_of(text: str) -> tuple[str, ...]:
    """Return the distinct tags of a cell, separated by commas or semicolons; a tag may hold blanks."""
    return tuple(dict.fromkeys(tag for part in re.split(r"[,;]", text) if (tag := part.strip())))


@lru_cache(maxsize=16_384)
def kb_numbers(text: str) -> tuple[str, ...]:
    """Return the Microsoft update numbers in a text: ``("KB5062557",)``."""
    return tuple(dict.fromkeys(f"KB{number}" for number in _KB.findall(text)))
