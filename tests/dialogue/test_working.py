"""Working profiles beyond the digest: the form and the time of an incident's briefs."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from dialogue.cases import Told, told
from incident.cases import JUDGEMENT, Desk, at
from poise.dialogue.working import brief_at, brief_form
from poise.incident.brief import brief, differences
from poise.incident.profile import DEFAULTS
from poise.incident.tlp import EVERYTHING

STYLES = ("numbers first", "reasons first", "options first")
NIGHT = datetime(2026, 1, 7, 3, tzinfo=UTC)


def profile(party: str, **fields: object) -> Told:
    return (0, "profile.stated", party, fields)


def test_a_profile_shapes_briefs_and_changes_no_fact(tmp_path: Path) -> None:
    """Every style and detail of either side: the same statements as the board's brief has."""
    desk = Desk(tmp_path)
    desk.open()
    desk.state(1, 60, topic="services")
    desk.state(2, **JUDGEMENT)
    forms = set()
    for style, detail in product(STYLES, ("headline", "summary", "full")):
        state = told(*(profile(party, style=style, detail=detail) for party in ("operations", "security")))
        briefs = [
            brief(desk.case, reader, at(9), EVERYTHING, brief_form(state, reader))
            for reader in ("operations", "security", "board")
        ]
        assert not differences(briefs)
        forms.add((brief_form(state, "security").order, brief_form(state, "security").detail))
    assert len(forms) == 6


def test_who_stated_nothing_reads_the_default_form() -> None:
    """The board has no profile; neither has a side before it states one."""
    state = told(profile("security", channels=["chat"], timezone="Europe/Berlin", incident_minutes=45))
    assert brief_form(state, "operations") == DEFAULTS["operations"]
    assert brief_form(state, "operations", "Europe/Paris").timezone == "Europe/Paris"
    assert brief_form(state, "board") == DEFAULTS["board"]
    form = brief_form(state, "security")
    assert (form.channel, form.timezone, form.cadence_minutes) == ("chat", "Europe/Berlin", 45)


def test_a_brief_waits_for_the_end_of_quiet_hours_unless_it_may_not() -> None:
    """A clock that runs comes at night by the reader's own choice; all else at seven."""
    morning = NIGHT.replace(hour=7)
    state = told(profile("operations", urgent_in_quiet=False), profile("security"))
    assert brief_at(state, "operations", NIGHT, is_urgent=True) == morning
    assert brief_at(state, "security", NIGHT, is_urgent=True) == NIGHT
    assert brief_at(state, "security", NIGHT, is_urgent=False) == morning
    assert brief_at(state, "board", NIGHT, is_urgent=False) == NIGHT
