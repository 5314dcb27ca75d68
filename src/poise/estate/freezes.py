"""Change freezes, given by two dates or by a calendar file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, cast
from zoneinfo import ZoneInfo

from poise.errors import EstateError
from poise.estate import vocabulary as words
from poise.estate.calendars import read_calendar
from poise.estate.model import Freeze
from poise.estate.section import Section
from poise.estate.text import Folder

#: Freezes of a calendar file are listed for these years; a plan's horizon lies within.
FIRST_YEAR, LAST_YEAR = 2000, 2050

Kind = Literal["law", "policy", "preference"]


def read_freezes(id: str, section: Section, folder: Folder, timezone: str) -> Iterator[Freeze]:
    """Yield the freezes of one record: one for two dates, one per event of a calendar file.

    A ``to`` without a time of day includes that whole day.
    """
    local = ZoneInfo(section.timezone("timezone", timezone))
    unset = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    freeze = Freeze(
        id=id,
        start=unset,
        end=unset,
        scope=section.words("for"),
        reason=section.text("reason"),
        kind=cast(Kind, section.choice("kind", words.FREEZE_KINDS) or "policy"),
        owner=section.text("owner"),
    )
    if section.has("file"):
        yield from _from_file(freeze, section, folder, local)
        return
    for key, example in (("from", "2026-12-15"), ("to", "2027-01-04")):
        section.required(key, example)
    first, last = section.moment("from"), section.moment("to")
    if first is None or last is None:
        return
    start, end = _aware(first, local, is_end=False), _aware(last, local, is_end=True)
    if end <= start:
        section.faults.add(
            "E103", section.where("to"), f"freeze {id!r} ends {last} before it starts {first}."
        )
        return
    yield replace(freeze, start=start, end=end)


def _from_file(freeze: Freeze, section: Section, folder: Folder, local: ZoneInfo) -> Iterator[Freeze]:
    for key in ("from", "to"):
        if section.has(key):
            section.faults.add(
                "E109",
                section.where(key),
                f"freeze {freeze.id!r}: {key} is given beside file; expected one of them.",
            )
    file = section.text("file")
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in (FIRST_YEAR, LAST_YEAR))
    try:
        found = read_calendar(folder.file(file), file).occurrences(first, last, local)
    except EstateError as error:
        section.faults.extend(error.faults)
        return
    for one in found:
        if not one.is_cancelled:
            start, end = one.start.astimezone(local), one.end.astimezone(local)
            yield replace(
                freeze,
                id=f"{freeze.id}@{start:%Y-%m-%d}",
                start=start,
                end=end,
                reason=freeze.reason or one.summary,
            )


def _aware(moment: date | datetime, local: ZoneInfo, *, is_end: bool) -> datetime:
    if isinstance(moment, datetime):
        return moment if moment.tzinfo else moment.replace(tzinfo=local)
    day = moment + timedelta(days=1) if is_end else moment
    return datetime.combine(day, time(), local)
