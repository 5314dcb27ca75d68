"""How an incident's sentences write moments."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from poise.incident.moments import at_place, day, in_utc

PARIS, HAWAII = ZoneInfo("Europe/Paris"), ZoneInfo("Pacific/Honolulu")
NOON = datetime(2026, 11, 5, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "zone", "is_exact", "expected"),
    [
        (NOON, PARIS, False, "5 Nov 2026, 13:05 CET (12:05 UTC)"),
        (NOON, ZoneInfo("UTC"), False, "5 Nov 2026, 12:05 UTC"),
        (NOON.astimezone(PARIS), ZoneInfo("Europe/London"), False, "5 Nov 2026, 12:05 UTC"),
        (NOON.replace(hour=8), HAWAII, False, "4 Nov 2026, 22:05 HST (5 Nov 2026, 08:05 UTC)"),
        (NOON, PARIS, True, "5 Nov 2026, 13:05 CET (12:05 UTC)"),
        (NOON.replace(second=59), PARIS, True, "5 Nov 2026, 13:05:59 CET (12:05:59 UTC)"),
        (NOON.replace(second=59), PARIS, False, "5 Nov 2026, 13:05 CET (12:05 UTC)"),
    ],
)
def test_a_moment_is_told_at_its_place_and_in_utc(
    moment: datetime, zone: ZoneInfo, is_exact: bool, expected: str
) -> None:
    """The day in words; UTC beside it, and its day, where they differ; seconds where somebody asks."""
    assert at_place(moment, zone, is_exact=is_exact) == expected


def test_utc_alone_says_so_whatever_zone_it_came_in() -> None:
    """A refusal of the ledger names one time for everybody."""
    assert in_utc(NOON.astimezone(HAWAII)) == "5 Nov 2026, 12:05 UTC"
    assert day(NOON.date()) == "5 Nov 2026"
