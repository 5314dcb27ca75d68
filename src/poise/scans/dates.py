"""Points in time as scanners spell them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Literal

#: The order of day, month and year that a format documents for dates written in digits only.
DayOrder = Literal["dmy", "mdy"]

#: A scanner cannot have seen anything before; "0001-01-01" and epoch 0 are how programs write "never".
_FIRST_YEAR: Final = 1990
_LAST_YEAR: Final = 2200
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
#: Zone names with one meaning, in hours east of UTC: RFC 5322 section 4.3 and the European names.
#: IST, BST and CST of China are left out or read as RFC 5322 has it: a name with two meanings is unknown.
_ZONES: Final[dict[str, float]] = {
    **dict.fromkeys(("z", "ut", "utc", "gmt", "wet"), 0.0),
    **{
        "est": -5.0,
        "edt": -4.0,
        "cst": -6.0,
        "cdt": -5.0,
        "mst": -7.0,
        "mdt": -6.0,
        "pst": -8.0,
        "pdt": -7.0,
    },
    **{"cet": 1.0, "cest": 2.0, "west": 1.0, "eet": 2.0, "eest": 3.0, "msk": 3.0, "jst": 9.0, "kst": 9.0},
    **{"aest": 10.0, "aedt": 11.0, "nzst": 12.0, "nzdt": 13.0},
}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_IGNORED_WORDS: Final = frozenset(
    (*_WEEKDAYS, *(day[:3] for day in _WEEKDAYS), "tues", "thur", "thurs", "at", "on"),
)
_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?:\s*([AaPp])\.?[Mm]\.?)?(?![\d:])")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d\d):?(\d\d)(?: (?:UTC|GMT|[+-]\d{4}))?$", re.IGNORECASE)
_DIGITS_ONLY = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})")
_EPOCH = re.compile(r"\d{9,10}(?:\.\d+)?|\d{12,13}")
_TIME_OF_DAY = tuple[int, int, int]


def parse_when(text: str | float | None, order: DayOrder | None = None) -> datetime | None:
    """Return the point in time that a text names, or ``None`` where it names none for certain.

    Read are ISO 8601 (``2021-01-05T10:24:08.123456789Z``, ``2021-01-05 10:24``, ``2021-01-05``), Unix time in
    seconds or milliseconds, dates with a month's name in any order (``Jan 5, 2021 10:24:08 MST``,
    ``Tue Jan  5 10:24:08 2021``, ``05-Jan-2021``), and dates in digits (``09/22/2021``).

    Parameters
    ----------
    text
        The date as the report holds it.
    order
        The order that the format documents for dates in digits. Without it, ``09/08/2021`` is unknown,
        because it is two dates; ``09/22/2021`` can only be one and is read.

    Returns
    -------
    datetime or None
        With a zone always. A text without one is read as UTC, which is what scanners write, so it may
        be off by at most 14 hours. Years before 1990 are how programs write "never" and give ``None``, as do
        a zone name with two meanings and anything else that is not a date.
    """
    if text is None or isinstance(text, bool):
        return None
    if isinstance(text, int | float):
        return _from_epoch(float(text)) if -1e15 < text < 1e15 else None
    return _parse_text(text, order) if len(text) <= 80 else None


@lru_cache(maxsize=4_096)
def _parse_text(raw: str, order: DayOrder | None) -> datetime | None:
    text = raw.strip()
    if not text.isascii():
        return None
    if _EPOCH.fullmatch(text):
        return _from_epoch(float(text))
    found: datetime | None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = _parse_spelled(text, order)
    return None if found is None else _plausible(found)


def _plausible(found: datetime) -> datetime | None:
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _from_epoch(seconds: float) -> datetime | None:
    # 1e11 s is the year 5138, 1e11 ms is March 1973: no date of a report is on the wrong side.
    if abs(seconds) >= 1e11:
        seconds /= 1_000
    # 0 to the year 2223; _plausible sets the narrower limits.
    if not 0 <= seconds <= 8e9:
        return None
    return _plausible(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


def _parse_spelled(text: str, order: DayOrder | None) -> datetime | None:
    """Read a date that is not ISO 8601: take the time of day out, then the zone, then the date."""
    clock = _TIME.search(text)
    time_of_day: _TIME_OF_DAY | None = (0, 0, 0)
    zone: timezone | None = UTC
    rest = text
    if clock:
        time_of_day = _time_of_day(clock)
        rest = f"{text[: clock.start()]} "
        after = text[clock.end() :].strip()
        offset = _OFFSET.match(after)
        if offset:
            sign = -1 if offset[1] == "-" else 1
            minutes = int(offset[2]) * 60 + int(offset[3])
            zone = timezone(sign * timedelta(minutes=minutes)) if minutes < 24 * 60 else None
        else:
            rest += after
    day, named_zone = _date_of(rest, order)
    if named_zone is not None:
        zone = timezone(timedelta(hours=named_zone))
    if day is None or time_of_day is None or zone is None:
        return None
    try:
        return datetime(*day, *time_of_day, tzinfo=zone)
    except ValueError:
        return None


def _time_of_day(clock: re.Match[str]) -> _TIME_OF_DAY | None:
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    if clock[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if clock[4] in "pP" else 0)
    return (hour, minute, min(second, 59))


def _date_of(text: str, order: DayOrder | None) -> tuple[tuple[int, int, int] | None, float | None]:
    """Return (year, month, day) and the offset of a zone name in hours, each ``None`` where not certain."""
    zone: float | None = None
    words: list[str] = []
    # "05-Jan-2021" is three words; "09-22-2021" stays one.
    spaced = re.sub(r"(?<=\d)-(?=[A-Za-z])|(?<=[A-Za-z])-(?=\d)", " ", text.replace(",", " "))
    for word in spaced.split():
        lowered = word.lower().rstrip(".")
        if lowered in _ZONES and words and zone is None:
            zone = _ZONES[lowered]
        elif lowered not in _IGNORED_WORDS:
            words.append(lowered)
    if len(words) == 1:
        return _date_in_digits(words[0], order), zone
    if len(words) == 3:
        return _date_with_month(words), zone
    return None, zone


def _date_with_month(words: list[str]) -> tuple[int, int, int] | None:
    months = [_MONTHS[word] for word in words if word in _MONTHS]
    days = [int(day[1]) for word in words if (day := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?", word))]
    years = [int(word) for word in words if re.fullmatch(r"\d{4}", word)]
    if len(months) == len(days) == len(years) == 1:
        return years[0], months[0], days[0]
    return None


def _date_in_digits(word: str, order: DayOrder | None) -> tuple[int, int, int] | None:
    if found := _YEAR_FIRST.fullmatch(word):
        return int(found[1]), int(found[3]), int(found[4])
    found = _DIGITS_ONLY.fullmatch(word)
    if not found:
        return None
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if order == "mdy":
        return year, first, second
    if order == "dmy":
        return year, second, first
    if first > 12 or first == second:
        return year, second, first
    return (year, first, second) if second > 12 else None
