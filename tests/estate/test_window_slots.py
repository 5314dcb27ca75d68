"""Windows per group, and what an hour of downtime costs where the clocks change."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.samples import ESTATE, WEEKLY, write_estate
from poise.estate import load_estate
from poise.estate.model import Service
from poise.estate.window_slots import downtime_cost, group_windows

NOW, END = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 31, tzinfo=UTC)
HOURLY = np.arange(168, dtype=np.float64).reshape(7, 24)


def service(costs: np.ndarray, zone: str = "Europe/Berlin") -> Service:
    """Return a service with these costs."""
    return Service("s", "s", "o", 1, costs, 1, 2, zone)


def test_freeze_strikes_out_every_window_that_it_touches(tmp_path: Path) -> None:
    """The window of 15 December ends in the freeze of that night, so half of it is not offered."""
    text = ESTATE + "freezes:\n  year-end: {from: 2026-12-16, to: 2027-01-04, for: [shop]}\n"
    found = group_windows(load_estate(write_estate(tmp_path, text)), NOW, END)
    assert [window.start.date().isoformat() for window in found["a"].windows] == [
        "2026-12-01",
        "2026-12-08",
        "2027-01-05",
        "2027-01-12",
        "2027-01-19",
        "2027-01-26",
    ]
    assert [window.start.date().isoformat() for window, _ in found["a"].frozen] == [
        "2026-12-15",
        "2026-12-22",
        "2026-12-29",
    ]
    assert found["a"].frozen[0][1].id == "year-end"
    assert len(found["wiki"].windows) == 9


@pytest.mark.parametrize("scope", ["", "for: [linux], ", "for: [wiki], "])
def test_freeze_may_name_everything_a_team_or_a_group(tmp_path: Path, scope: str) -> None:
    """Each way of naming the group freezes it."""
    text = ESTATE + f"freezes:\n  f: {{{scope}from: 2026-12-01, to: 2027-01-31}}\n"
    found = group_windows(load_estate(write_estate(tmp_path, text)), NOW, END)
    assert found["wiki"].windows == ()


def test_window_shorter_than_the_reboot_is_not_offered(tmp_path: Path) -> None:
    """A group that is down for five hours cannot use a window of four."""
    text = ESTATE.replace("reboot: 20 min", "reboot: 5 h")
    found = group_windows(load_estate(write_estate(tmp_path, text)), NOW, END)
    assert found["wiki"].windows == ()
    assert len(found["wiki"].too_short) == 9


def test_window_in_progress_and_window_past_the_horizon_are_out(tmp_path: Path) -> None:
    """Only whole windows that lie ahead can be planned."""
    estate = load_estate(write_estate(tmp_path))
    now = datetime(2026, 12, 1, 22, tzinfo=UTC)
    found = group_windows(estate, now, datetime(2026, 12, 15, 23, tzinfo=UTC))
    assert [window.start.day for window in found["a"].windows] == [8]


def test_same_window_given_twice_counts_once(tmp_path: Path) -> None:
    """Two events at the same time are one window, with one team capacity."""
    event = WEEKLY[WEEKLY.index("BEGIN:VEVENT") : WEEKLY.index("END:VCALENDAR")]
    twice = WEEKLY.replace("END:VCALENDAR", event.replace("weekly@", "other@") + "END:VCALENDAR")
    estate = load_estate(write_estate(tmp_path, ESTATE, weekly=twice))
    assert len(group_windows(estate, NOW, END)["a"].windows) == 9


def test_cost_follows_the_local_hour_and_weekday() -> None:
    """Half an hour before and half after Monday 08:00 in Berlin cost half of each hour's price."""
    start = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
    assert downtime_cost(service(HOURLY), start, 60) == pytest.approx((7 + 8) / 2)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_days_of_clock_changes_have_23_and_25_hours(day: str, hours: int) -> None:
    """A price of one per hour sums to the hours that the day really has, each local hour priced as such."""
    zone = ZoneInfo("Europe/Berlin")
    start = datetime.fromisoformat(day).replace(tzinfo=zone)
    end = (start + timedelta(days=1)).astimezone(UTC)
    minutes = (end - start.astimezone(UTC)) / timedelta(minutes=1)
    assert downtime_cost(service(np.ones((7, 24))), start, minutes) == pytest.approx(hours)
    only_two = np.zeros((7, 24))
    only_two[:, 2] = 1
    assert downtime_cost(service(only_two), start, minutes) == pytest.approx(hours - 23)


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - hypothesis wants them naive
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    st.floats(0, 3000),
    st.floats(0, 3000),
)
def test_cost_is_additive_over_time(at: datetime, zone: str, first: float, second: float) -> None:
    """Two outages back to back cost what one outage of their sum costs."""
    start = at.replace(tzinfo=UTC)
    one = service(HOURLY, zone)
    first = round(first * 6e7) / 6e7  # whole microseconds, which a datetime can hold
    middle = start + timedelta(microseconds=round(first * 6e7))
    whole = downtime_cost(one, start, first + second)
    assert whole == pytest.approx(
        downtime_cost(one, start, first) + downtime_cost(one, middle, second), abs=1e-4
    )


def test_negative_downtime_is_refused() -> None:
    """A negative length is the caller's mistake."""
    with pytest.raises(ValueError, match="minutes >= 0"):
        downtime_cost(service(HOURLY), NOW, -1)


def test_thousands_of_groups_and_freezes_are_quick(tmp_path: Path) -> None:
    """Each group looks at its own freezes only: 3,000 groups and 1,000 freezes take a moment."""
    estate = load_estate(write_estate(tmp_path))
    model = estate.groups["wiki"]
    groups = {f"g{n}": dataclasses.replace(model, id=f"g{n}") for n in range(3000)}
    text = ESTATE + "freezes:\n  f: {for: [a], from: 2026-12-01, to: 2027-01-31}\n"
    freeze = load_estate(write_estate(tmp_path, text)).freezes[0]
    freezes = tuple(dataclasses.replace(freeze, id=str(n), scope=(f"g{n}",)) for n in range(1000))
    found = group_windows(dataclasses.replace(estate, groups=groups, freezes=freezes), NOW, END)
    assert sum(len(one.windows) for one in found.values()) == 2000 * 9
