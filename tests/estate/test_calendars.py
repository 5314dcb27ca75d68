"""Calendars: occurrences agree with a reference, and bad files are refused by line."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poise.errors import EstateError
from poise.estate.calendars import read_calendar, windows
from poise.estate.model import Calendar

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "calendars"
START, END = datetime(2010, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)


def reference() -> list[dict[str, str]]:
    """Return the reference counts, none where the data are not beside the checkout."""
    if not (DATA / "manifest.csv").exists():
        return []
    with (DATA / "manifest.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def event(*lines: str, before: str = "") -> str:
    """Return a calendar with one event."""
    body = "\r\n".join(("BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT"))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{before}{body}\r\nEND:VCALENDAR\r\n"


def write(folder: Path, text: str | bytes) -> Path:
    """Write a calendar file."""
    path = folder / "w.ics"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def ids_of(path: Path, start: datetime = START, end: datetime = END) -> list[tuple[str, str]]:
    """Return (id, where) of the faults that reading and expanding the file raises."""
    with pytest.raises(EstateError) as caught:
        read_calendar(path).occurrences(start, end, UTC)
    return [(fault.id, fault.where) for fault in caught.value.faults]


@pytest.mark.skipif(not reference(), reason="needs shared/data/calendars beside the checkout")
@pytest.mark.parametrize("row", reference(), ids=lambda row: row["path"])
def test_occurrences_match_the_reference(row: dict[str, str]) -> None:
    """Counts and first starts equal those of recurring-ical-events on hard calendars."""
    path = DATA / row["path"]
    if row["occurrences_2010_2030"].startswith("expand error"):
        # Two events lack DTSTART, which RFC 5545 requires; the library fails, we name the lines.
        assert ids_of(path) == [("E132", f"{path.name}:9"), ("E132", f"{path.name}:15")]
        return
    found = read_calendar(path).occurrences(START, END, UTC)
    assert len(found) == int(row["occurrences_2010_2030"])
    expected = [first for first in row["first_starts"].split(" | ") if first]
    assert [str(one.start)[: len(first)] for one, first in zip(found, expected, strict=False)] == expected


@pytest.mark.skipif(not reference(), reason="needs shared/data/calendars beside the checkout")
def test_cancelled_occurrence_is_no_window() -> None:
    """The reference counts a cancelled occurrence; nobody can patch in one, so windows() has one less."""
    path = DATA / "issue_18_cancel_status.ics"
    calendar = Calendar("c", str(path), "Europe/Berlin")
    assert len(read_calendar(path).occurrences(START, END, UTC)) == 3
    assert len(windows(calendar, START, END)) == 2


def test_floating_times_are_read_in_the_declared_zone(tmp_path: Path) -> None:
    """A time without zone means local time of the calendar, on both sides of the clock change."""
    path = write(tmp_path, event("DTSTART:20260328T220000", "DURATION:PT8H", "RRULE:FREQ=DAILY;COUNT=2"))
    found = windows(Calendar("c", str(path), "Europe/Berlin"), START, END)
    assert [one.start.isoformat() for one in found] == [
        "2026-03-28T22:00:00+01:00",
        "2026-03-29T22:00:00+02:00",
    ]
    # The first night loses an hour: wall-clock end 06:00 comes after seven hours.
    hours = [(one.end.astimezone(UTC) - one.start.astimezone(UTC)) / timedelta(hours=1) for one in found]
    assert hours == [7, 8]


def test_all_day_event_is_a_local_day(tmp_path: Path) -> None:
    """An all-day event runs from local midnight to local midnight, 23 hours in spring."""
    path = write(tmp_path, event("DTSTART;VALUE=DATE:20260329"))
    (found,) = windows(Calendar("c", str(path), "Europe/Berlin"), START, END)
    assert found.start.isoformat() == "2026-03-29T00:00:00+01:00"
    assert found.end.astimezone(UTC) - found.start.astimezone(UTC) == timedelta(hours=23)


def test_skipped_hour_is_moved_to_the_hour_that_clocks_show(tmp_path: Path) -> None:
    """02:30 does not exist in the spring night; the window starts at 03:30 summer time."""
    path = write(tmp_path, event("DTSTART;TZID=Europe/Berlin:20260329T023000", "DURATION:PT1H"))
    (found,) = windows(Calendar("c", str(path), "Europe/Berlin"), START, END)
    assert found.start.isoformat() == "2026-03-29T03:30:00+02:00"


def test_range_is_half_open(tmp_path: Path) -> None:
    """A window that ends when the range starts, or starts when it ends, is not in it."""
    path = write(tmp_path, event("DTSTART:20260101T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=9"))
    calendar = Calendar("c", str(path), "UTC")
    found = windows(calendar, datetime(2026, 1, 2, 1, tzinfo=UTC), datetime(2026, 1, 4, tzinfo=UTC))
    assert [one.start.day for one in found] == [3]


def test_second_range_is_not_cut_by_the_first(tmp_path: Path) -> None:
    """Bounding an endless rule for one range leaves the file as it was for the next."""
    calendar = read_calendar(write(tmp_path, event("DTSTART:20260101T000000Z", "RRULE:FREQ=MONTHLY")))
    short = calendar.occurrences(START, datetime(2026, 3, 2, tzinfo=UTC), UTC)
    assert len(short) == 3
    assert len(calendar.occurrences(START, END, UTC)) == 60


def test_a_rule_until_the_end_of_time_is_one_without_an_end(tmp_path: Path) -> None:
    """Some calendars write the last day that there is for "always"."""
    rule = "RRULE:FREQ=MONTHLY;UNTIL=99991231T000000Z"
    calendar = read_calendar(write(tmp_path, event("DTSTART:20260101T000000Z", rule)))
    assert len(calendar.occurrences(START, END, UTC)) == 60


def test_own_zone_of_one_file_does_not_leak_into_another(tmp_path: Path) -> None:
    """Two files may define the same TZID differently; each is read by its own definition."""
    offsets = []
    for offset in ("+0100", "+0500"):
        zone_text = (
            "BEGIN:VTIMEZONE\r\nTZID:Custom\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
            f"TZOFFSETFROM:{offset}\r\nTZOFFSETTO:{offset}\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
        )
        path = write(tmp_path, event("DTSTART;TZID=Custom:20260105T120000", before=zone_text))
        (found,) = read_calendar(path).occurrences(START, END, UTC)
        offsets.append(found.start.utcoffset())
    assert offsets == [timedelta(hours=1), timedelta(hours=5)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["SUMMARY:no start"], ("E132", "w.ics:3")),
        (["DTSTART:20260105T020000Z", "DTEND:20260105T010000Z"], ("E103", "w.ics:6")),
        (["DTSTART:20260105T020000Z", "DURATION:-PT1H"], ("E103", "w.ics:6")),
        (["DTSTART:5 January"], ("E133", "w.ics:5")),
        (["DTSTART:20260105T020000Z", "EXDATE:never"], ("E133", "w.ics:6")),
        (["DTSTART:20260105T020000Z", "SEQUENCE:one"], ("E133", "w.ics:6")),
        (["DTSTART:20260105T020000Z", "DTSTART:20260106T020000Z"], ("E108", "w.ics:6")),
        (["DTSTART;TZID=Mars/Base:20260105T020000"], ("E136", "w.ics:5")),
        (["DTSTART:20260105T020000Z", "DURATION:P9999999D"], ("E133", "w.ics:6")),
    ],
)
def test_bad_event_is_refused_by_its_line(
    tmp_path: Path, lines: list[str], expected: tuple[str, str]
) -> None:
    """Each fault of an event names the line to mend."""
    assert ids_of(write(tmp_path, event(*lines))) == [expected]


@pytest.mark.parametrize(
    ("rule", "id"),
    [
        ("FREQ=FORTNIGHTLY", "E134"),
        ("BYDAY=MO", "E134"),
        ("FREQ=WEEKLY;INTERVAL=0", "E134"),
        ("FREQ=MONTHLY;BYDAY=9M", "E134"),
        ("FREQ=DAILY;COUNT=-1", "E134"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "E134"),
        ("FREQ=DAILY;BYHOUR=25", "E134"),
        ("FREQ=WEEKLY;BYDAY=2MO", "E134"),
        ("FREQ=DAILY;BYSETPOS=5", "E134"),
        ("FREQ=DAILY;BYWEEKNO=1;BYMONTH=7", "E134"),
        ("FREQ=DAILY;UNTIL=tomorrow", "E134"),
        ("FREQ=DAILY;RSCALE=HEBREW", "E134"),
        ("FREQ=SECONDLY", "E135"),
        ("FREQ=SECONDLY;UNTIL=20460101T000000Z", "E135"),
        (
            "FREQ=DAILY;BYHOUR="
            + ",".join(map(str, range(24)))
            + ";BYMINUTE="
            + ",".join(map(str, range(60))),
            "E135",
        ),
    ],
)
@pytest.mark.timeout(20)
def test_absurd_rule_is_refused(tmp_path: Path, rule: str, id: str) -> None:
    """INTERVAL=0 would never return and every second of years would fill the memory."""
    path = write(tmp_path, event("DTSTART:20260105T020000Z", "DURATION:PT1H", f"RRULE:{rule}"))
    assert ids_of(path) == [(id, "w.ics:7")]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;COUNT=3;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=HOURLY;BYYEARDAY=60;BYMONTH=7",
    ],
)
def test_rule_that_matches_no_day_ends(tmp_path: Path, rule: str) -> None:
    """30 February is searched for within the range and not to the year 9999; DTSTART itself counts."""
    path = write(tmp_path, event("DTSTART:20260105T020000Z", "DURATION:PT1H", f"RRULE:{rule}"))
    assert len(read_calendar(path).occurrences(START, END, UTC)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (event("DTSTART:20260105T020000Z")[:60], ("E130", "w.ics:3")),
        ("BEGIN:VCALENDAR\nEND:VEVENT\n", ("E130", "w.ics:2")),
        ("BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", ("E131", "w.ics")),
        ("<html>not a calendar</html>", ("E131", "w.ics:1")),
        ("", ("E102", "w.ics")),
        (b"BEGIN:VCALENDAR\nSUMMARY:B\xfcro\n", ("E101", "w.ics:2")),
        (event("DTSTART:20260105T020000Z").encode("utf-16"), ("E101", "w.ics")),
        ("BEGIN:VCALENDAR\n" * 100_000, ("E106", "w.ics:9")),
    ],
)
def test_bad_file_is_refused(tmp_path: Path, text: str | bytes, expected: tuple[str, str]) -> None:
    """Cut-off, foreign, empty, wrongly encoded and absurdly nested files get a place, not a traceback."""
    assert ids_of(write(tmp_path, text)) == [expected]


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is a fault with the system's reason."""
    assert ids_of(tmp_path / "none.ics") == [("E100", "none.ics")]


PARTS = st.sampled_from(
    [
        "DTSTART:20260105T020000Z",
        "DTSTART;VALUE=DATE:20260105",
        "DTEND:20260105T040000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY",
        "RRULE:FREQ=MONTHLY;BYDAY=2TU",
        "RRULE:FREQ=YEARLY;BYDAY=53MO",
        "RDATE:20260301",
        "EXDATE;VALUE=DATE:20260112",
        "RECURRENCE-ID:20260112T020000Z",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260112",
        "STATUS:CANCELLED",
        "DTSTART;TZID=Europe/Berlin:20260105T020000",
        "RDATE;VALUE=PERIOD:20260301T000000Z/PT1H",
        "SUMMARY:x",
        "BEGIN:VALARM",
        "END:VALARM",
        "DTSTART:99991231T230000Z",
        "DTSTART:00010101T000000",
        " y",
        ";:",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PARTS, max_size=7), st.lists(PARTS, max_size=3), st.binary(max_size=6), st.integers(0, 400))
def test_no_calendar_makes_a_traceback(
    tmp_path: Path, first: list[str], second: list[str], noise: bytes, at: int
) -> None:
    """Whatever the lines, the file is either read or refused with faults."""
    body = event(
        *first, before=event(*second).removeprefix("BEGIN:VCALENDAR\r\n").removesuffix("END:VCALENDAR\r\n")
    )
    data = body.encode()
    path = write(tmp_path, data[:at] + noise + data[at:])
    try:
        found = read_calendar(path).occurrences(START, END, ZoneInfo("America/New_York"))
    except EstateError:
        return  # refused with faults; an error without any cannot be made
    assert all(one.start.tzinfo and one.start <= one.end for one in found)
