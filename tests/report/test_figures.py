"""How numbers are written."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from poise.report import figures
from poise.report.figures import Money, amount, days, hours, minutes, percent, plural, span

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (291_437.0, "291,000"),
        (1_234_567.0, "1,230,000"),
        (12_380_000.0, "12.4\xa0million"),
        (9.5, "9.50"),
        (0.0626, "0.0626"),
        (0.0000123, "0.0000123"),
        (-5_550.0, "\N{MINUS SIGN}5,550"),
        (math.nan, "not known"),
        (math.inf, "not known"),
    ],
)
def test_amounts_are_rounded_to_what_they_bear(value: float, written: str) -> None:
    """More than three digits of an estimate are noise; nothing may vanish to zero."""
    assert amount(value) == written


def test_money_tells_its_currency_each_time() -> None:
    """A number without a unit is not a statement."""
    money = Money("EUR")
    assert money(291_437) == "EUR\xa0291,000"
    assert money.range(104_900, 669_000) == "EUR\xa0100,000 to\xa0670,000"
    assert money(math.nan) == "not known"
    assert money(0.0029) == "under EUR\xa00.01"
    assert money(0.0) == "EUR\xa00"


def test_shares_keep_small_apart_from_nothing() -> None:
    """Zero per cent must mean zero."""
    assert [percent(value) for value in (0.0, 0.0004, 0.031, 0.01, 0.71, -0.2, None)] == [
        "0\xa0%",
        "under 0.1\xa0%",
        "3.1\xa0%",
        "1\xa0%",
        "71\xa0%",
        "\N{MINUS SIGN}20\xa0%",
        "not known",
    ]


def test_durations_and_counts() -> None:
    """Short times are minutes, long ones hours."""
    assert [minutes(45), minutes(150), hours(43.2), hours(3.0)] == [
        "45\xa0min",
        "2.5\xa0h",
        "43\xa0h",
        "3\xa0h",
    ]
    assert [plural(1, "change"), plural(1_204, "change")] == ["1 change", "1,204 changes"]


def test_spans_name_the_last_day_where_it_is_not_obvious() -> None:
    """A window over midnight reads as one night, a freeze of a week must name its end."""
    start = datetime(2026, 1, 10, 21, tzinfo=ZoneInfo("UTC"))
    assert span(start, start + timedelta(hours=6), PARIS) == "Sat\xa010\xa0Jan\xa02026, 22:00 to\xa004:00"
    assert span(start, start + timedelta(days=7), PARIS).endswith("to Sat\xa017\xa0Jan\xa02026, 22:00")


def test_days_are_grouped_by_month() -> None:
    """Twenty dates with a year each are unreadable."""
    assert (
        days([date(2026, 2, 7), date(2026, 1, 10), date(2026, 1, 17)])
        == "Jan\xa02026: 10, 17; Feb\xa02026: 7"
    )


def test_significant_keeps_zero() -> None:
    """The logarithm of zero must not be asked for."""
    assert figures.significant(0.0, 3) == 0.0
