"""What incidents add to the counts: promises, decisions and judgements, and none of their words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from incident.cases import JUDGEMENT, OPTIONS, START, Desk, at
from poise.cli.at_table import plain
from poise.dialogue.agenda import make_agenda
from poise.dialogue.conversation import Conversation
from poise.dialogue.incidents import with_incidents
from poise.dialogue.signals import read_signals
from poise.dialogue.state import Dialogue
from poise.incident.state import Decision, Incident

SECRET = "payroll"
LATER = START + timedelta(days=2)


@pytest.fixture(params=[False, True], ids=["incident", "drill"])
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """Give an incident, or a drill of the same, in which something of each kind was said."""
    made = Desk(tmp_path, is_drill=request.param)
    made.open()
    made.state(1, 30)
    asked = {"question": f"Tell staff about {SECRET}?", "options": OPTIONS, "recommendation": "cut"}
    asked |= {"is_reversible": False, "needed_by": at(60).isoformat(), "cost_low_per_hour": 100.0}
    asked |= {"cost_high_per_hour": 300.0, "basis": "orders"}
    first = made.do("decision.asked", 2, **asked).hash
    made.do("decision.asked", 3, **asked)
    judged = made.state(4, **JUDGEMENT)
    made.do("decision.made", 20, "cio", "operations", request=first, option="wait", reason="no proof")
    made.do("checked", 30, next_update={"due": at(60).isoformat()})
    made.do("resolved", 61, statement=judged, was_true=True, how="forensics")
    made.do("checked", 90, next_update={"due": at(120).isoformat()})
    yield made
    made.room.ledger.close()


def test_an_incident_counts_and_a_drill_does_not(desk: Desk) -> None:
    """One update in time, one late, one open; one request overridden, one open; one judgement."""
    state = Conversation(desk.room.ledger, LATER).state
    if desk.is_drill:
        assert (state.promises, state.decisions, state.judgements) == ({}, {}, {})
        return
    kept = [one.kept is not None and one.kept <= one.due for one in state.promises.values()]
    assert kept == [True, False, False]
    made, still = state.decisions.values()
    assert made.is_override
    assert made.made is not None
    assert made.made.reason == "no proof"
    assert (still.ended, still.act.cost_per_day) == (None, 2400.0)
    (judgement,) = state.judgements.values()
    assert judgement.resolved is not None
    assert judgement.resolved.came_true


def test_what_an_incident_says_stays_there(desk: Desk) -> None:
    """Marked words may not travel as far as an agenda: it names the incident and nothing else."""
    state = Conversation(desk.room.ledger, LATER).state
    shown = [plain(read_signals(state, LATER)), plain(make_agenda(state, LATER))]
    told = json.dumps(shown, ensure_ascii=False)
    assert SECRET not in told
    assert "Orders stopped" not in told
    assert ("Decision on incident “Orders stop”" in told) == (not desk.is_drill)
    assert ("Option 2" in told) == (not desk.is_drill)


def test_a_reader_s_own_page_may_show_the_words_of_a_question(desk: Desk) -> None:
    """Those of the questions that are for them: asked and offered in words, and named by their incident."""
    (case,) = desk.room.state().by_id.values()
    marks = []

    def may_show(_: Incident, asked: Decision) -> bool:
        marks.append(asked.act.tlp)
        return len(marks) == 2

    found = with_incidents(Dialogue(), [case], may_show).decisions.values()
    if desk.is_drill:
        assert (list(found), marks) == ([], [])
        return
    told = [(one.act.question, [option.text for option in one.act.options], one.incident) for one in found]
    assert told == [
        ("Decision on incident “Orders stop”", ["Option 1", "Option 2"], "case"),
        (f"Tell staff about {SECRET}? (incident “Orders stop”)", [one["text"] for one in OPTIONS], "case"),
    ]
