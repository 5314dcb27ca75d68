"""The digest: one source, two forms, and never another content; sent when the reader wants it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue.cases import Told, day, decision, disagreement, escalation, promise, told
from poise.cli import main
from poise.dialogue.agenda import make_agenda
from poise.dialogue.base import PARTIES
from poise.dialogue.digest import week, write
from poise.dialogue.pair import ProfileStated, Quiet
from poise.dialogue.working import is_quiet, next_open, send_at

HISTORY: list[Told] = [
    *disagreement("a", 1, cost_per_day=12.0),
    *decision("d", 5),
    *decision("e", 5, made=8, option="no"),
    *promise("p", 1, 9),
    *promise("q", 1, 12),
    escalation("a", 7),
]


@pytest.mark.parametrize(
    ("style", "detail"),
    list(product(("numbers first", "reasons first", "options first"), ("headline", "summary", "full"))),
)
def test_every_fact_stands_in_both_digests(style: str, detail: str) -> None:
    """A profile changes order and fold; what is left out of one digest would be a second truth."""
    profile: Told = (0, "profile.stated", "security", {"style": style, "detail": detail})
    state = told(profile, *HISTORY)
    digest = week(state, day(10), make_agenda(state, day(10)))
    assert len(digest.facts) > 20
    for reader in PARTIES:
        _, text = write(digest, state, reader)
        assert not [fact for fact in digest.facts if fact not in text]


def test_each_reads_it_from_its_own_side() -> None:
    """The same promise is one's own and the other's."""
    state = told(*HISTORY)
    digest = week(state, day(10), make_agenda(state, day(10)))
    assert "You promised" in write(digest, state, "operations")[1]
    assert "You were promised" in write(digest, state, "security")[1]
    assert "You escalated (surprise)" in write(digest, state, "security")[1]
    assert "Security escalated (surprise)" in write(digest, state, "operations")[1]


BERLIN = ProfileStated(
    party="security", timezone="Europe/Berlin", day=2, time="06:00", quiet=Quiet(start="19:00", end="07:00")
)


def test_the_weekly_digest_waits_for_its_day_and_the_end_of_quiet() -> None:
    """Wednesday at 6 lies in quiet hours that end at 7 in Berlin: 6 UTC in winter."""
    assert send_at(BERLIN, datetime(2026, 1, 5, 12, tzinfo=UTC)) == datetime(2026, 1, 7, 6, tzinfo=UTC)


def test_urgent_goes_at_once_only_where_it_may() -> None:
    """A Saturday is quiet; what has a clock running comes then by the reader's own choice."""
    saturday = datetime(2026, 1, 10, 12, tzinfo=UTC)
    assert send_at(BERLIN, saturday, is_urgent=True) == saturday
    silent = ProfileStated(party="security", timezone="Europe/Berlin", urgent_in_quiet=False)
    assert send_at(silent, saturday, is_urgent=True) == datetime(2026, 1, 12, 6, tzinfo=UTC)


CLOCKS = st.integers(0, 24 * 4 - 1).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")


@settings(max_examples=150, deadline=None)
@given(
    CLOCKS, CLOCKS, st.booleans(), st.integers(0, 60 * 24 * 400), CLOCKS, st.sampled_from(["daily", "weekly"])
)
def test_nothing_comes_in_quiet_hours(
    start: str, end: str, weekends: bool, minute: int, clock: str, cadence: str
) -> None:
    """Over a year with both changes of the clock: never quiet, never before now, within nine days."""
    profile = ProfileStated(
        party="security",
        timezone="Europe/Berlin",
        quiet=Quiet(start=start, end=end, weekends=weekends),
        cadence=cadence,  # type: ignore[arg-type]
        time=clock,
    )
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    for moment in (next_open(profile, now), send_at(profile, now)):
        assert now <= moment <= now + timedelta(days=11)
        assert not is_quiet(profile, moment)


def test_a_digest_goes_by_a_channel_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the workspace's channels, as briefs of incidents do; none of that name is told."""
    command = ["dialogue", "say", "goal.proposed", "id=grow", "title=Grow", "--party", "operations"]
    common = ["--workspace", str(tmp_path), "--now", "2026-01-05T08:00Z"]
    assert main([*command, *common]) == 0
    assert main(["dialogue", "digest", "--party", "security", "--send", "mail-ciso", *common]) == 2
    assert "E857" in capsys.readouterr().err
    # Nobody stated a profile, so Monday at 8 is asked for: an hour later nothing is sent.
    later = ["--workspace", str(tmp_path), "--now", "2026-01-05T09:00Z"]
    assert main(["dialogue", "digest", "--party", "security", "--send", "mail-ciso", "--hourly", *later]) == 0
