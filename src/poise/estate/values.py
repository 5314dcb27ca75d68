"""Reading one value: durations, money, shares, hours of the week, dates.

Every reader returns the value or a message that says what was expected; the caller knows where the
text stands. Units are written, so that nobody has to guess them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

_MINUTES = {
    "min": 1.0, "minute": 1.0, "minutes": 1.0, "m": 1.0,
    "h": 60.0, "hour": 60.0, "hours": 60.0,
    "d": 1440.0, "day": 1440.0, "days": 1440.0,
    "w": 10_080.0, "week": 10_080.0, "weeks": 10_080.0,
}  # fmt: skip
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[_,' \u00a0\u202f]\d{3})+(?:\.\d+)?")
#: Longest duration that any field can mean [min]: ten years.
MAX_DURATION_MINUTES = 5_259_600.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is not a value: the fault id, the sentence, the hint."""

    id: str
    message: str
    hint: str = ""


def read_number(text: str, low: float = -math.inf, high: float = math.inf) -> float | Problem:
    """Read a plain number in [low, high]; thousands may be grouped by ``_``, ``,``, ``'`` or a space."""
    plain = text.strip()
    if _GROUPED.fullmatch(plain):
        plain = re.sub(r"[_,' \u00a0\u202f]", "", plain)
    if not _NUMBER.fullmatch(plain):
        return Problem("E111", f"{text!r} is not a number.", "write plain figures such as 12000 or 0.5.")
    number = float(plain)
    if not math.isfinite(number) or not low <= number <= high:
        return Problem("E111", f"{text} is out of range; expected {_range(low, high)}.")
    return number


def read_count(text: str, low: int = 0, high: int = 10**9) -> int | Problem:
    """Read a whole number in [low, high]."""
    number = read_number(text, low, high)
    if isinstance(number, Problem):
        return number
    if number != int(number):
        return Problem("E111", f"{text} is not a whole number.")
    return int(number)


def read_share(text: str) -> float | Problem:
    """Read a share in [0, 1], written ``0.15`` or ``15 %``."""
    plain = text.strip()
    is_percent = plain.endswith("%")
    number = read_number(plain.removesuffix("%").strip(), 0.0, 100.0 if is_percent else 1.0)
    if isinstance(number, Problem):
        return Problem("E111", f"{text!r} is not a share; expected 0 to 1, or 0 % to 100 %.")
    return number / 100.0 if is_percent else number


def read_minutes(text: str) -> float | Problem:
    """Read a duration such as ``30 min``, ``6 h``, ``1 h 30 min``, ``3 d``; returns minutes."""
    plain = text.strip()
    total, position = 0.0, 0
    while position < len(plain):
        match = _PART.match(plain, position)
        if match is None or match[2].lower() not in _MINUTES:
            hint = "write a number and a unit: 30 min, 6 h, 1 h 30 min, 3 d or 2 w."
            return Problem("E112", f"{text!r} is not a duration.", hint)
        total += float(match[1]) * _MINUTES[match[2].lower()]
        position = match.end()
    if not plain:
        return Problem("E112", "the duration is empty.")
    if total > MAX_DURATION_MINUTES:
        return Problem("E112", f"{text} is longer than ten years.")
    return total


def read_capacity(text: str) -> float | Problem:
    """Read ``6 h per window`` (or ``6 h``); returns minutes per window."""
    plain = re.sub(r"\s*(?:per|/)\s*window\s*$", "", text.strip(), flags=re.IGNORECASE)
    minutes = read_minutes(plain)
    if isinstance(minutes, Problem):
        return Problem("E112", f"{text!r} is not a capacity.", "write such as '6 h per window'.")
    return minutes


def read_moment(text: str) -> date | datetime | Problem:
    """Read ``2026-12-15``, ``2026-12-15 18:00`` or ``2026-12-15T18:00+01:00``."""
    plain = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", plain):
            return date.fromisoformat(plain)
        if re.match(r"\d{4}-\d{2}-\d{2}[T ]", plain):
            return datetime.fromisoformat(plain)
    except ValueError:
        pass
    return Problem(
        "E115", f"{text!r} is not a date.", "write 2026-12-15, 2026-12-15 18:00 or 2026-12-15T18:00+01:00."
    )


def _range(low: float, high: float) -> str:
    if math.isinf(high):
        return "any number" if math.isinf(low) else f"{low:g} or more"
    return f"{low:g} to {high:g}"


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = re.compile(r"(\d{1,2})(?::00)?\s*(?:-|to|\u2013)\s*(\d{1,2})(?::00)?")
#: A block may say ``daily`` or ``weekend`` for its days.
_DAY_WORDS = {"daily": range(7), "every day": range(7), "weekdays": range(5), "weekend": range(5, 7)}


def read_hours(text: str) -> npt.NDArray[np.bool_] | Problem:
    """Read a block of the week such as ``mon-fri 08-18``, ``sat,sun 10-16`` or ``daily 22-06``.

    Returns
    -------
    numpy.ndarray
        Shape ``(7, 24)``, True in the block. Hours are local and the end is not included; a block
        that ends at or before its start runs past midnight into the next day.
    """
    plain = re.sub(r"\s+", " ", text.strip().lower())
    hint = "write days and hours such as mon-fri 08-18, sat,sun 10-16 or daily 22-06."
    match = re.fullmatch(r"(.*?)(?: (\S+(?: (?:-|to|\u2013) \S+)?))?", plain)
    hours = _HOURS.fullmatch(match[2]) if match and match[2] else None
    days_text = match[1] if match and hours else plain
    days = _read_days(days_text)
    if days is None:
        return Problem("E113", f"{text!r} is not a block of weekday hours.", hint)
    block = np.zeros((7, 24), dtype=np.bool_)
    if hours is None:
        block[days] = True
        return block
    start, end = int(hours[1]), int(hours[2])
    if start > 23 or end > 24:
        return Problem("E113", f"the hours of {text!r} are not in 00 to 24.", hint)
    length = (end - start) % 24 or 24
    for day in days:
        for hour in range(start, start + length):
            block[(day + hour // 24) % 7, hour % 24] = True
    return block


def _read_days(text: str) -> list[int] | None:
    days: list[int] = []
    for part in text.split(","):
        word = part.strip()
        if word in _DAY_WORDS:
            days.extend(_DAY_WORDS[word])
            continue
        first, dash, last = word.replace("\u2013", "-").partition("-")
        begin, end = _day(first), _day(last if dash else first)
        if begin is None or end is None:
            return None
        days.extend((begin + offset) % 7 for offset in range((end - begin) % 7 + 1))
    return sorted(set(days))


def _day(word: str) -> int | None:
    plain = word.strip()
    for names in (_DAYS, _LONG_DAYS):
        if plain in names:
            return names.index(plain)
    return None
