"""Drills: injects by the clock, data apart, scores by hand."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from incident.cases import JUDGEMENT, Desk, at
from poise.errors import IncidentError
from poise.incident.drill import injects_by, parse_scenario, scenario_of, score, shipped

SCENARIO = shipped()["leaked-credentials"]


@pytest.fixture
def drill(tmp_path: Path) -> Desk:
    """Begin a drill."""
    made = Desk(tmp_path, is_drill=True)
    made.open(drill=SCENARIO.id, scenario=msgspec.to_builtins(SCENARIO))
    return made


def test_three_drills_are_shipped_and_fit_their_time() -> None:
    """Each has injects for both sides, and something to judge."""
    assert set(shipped()) == {"ransomware-core-service", "leaked-credentials", "supplier-compromise"}
    for one in shipped().values():
        assert {inject.to for inject in one.injects} == {"operations", "security"}
        assert all(inject.at_minutes + inject.answer_within_minutes <= one.minutes for inject in one.injects)
        assert {question.is_true for question in one.questions} == {True, False}


def test_injects_come_by_the_clock(drill: Desk) -> None:
    """Nobody sees what has not happened yet."""
    assert [one.id for _, one in injects_by(drill.case, at(0))] == ["report"]
    assert [one.id for _, one in injects_by(drill.case, at(10), "operations")] == ["owner"]
    assert len(injects_by(drill.case, at(999))) == len(SCENARIO.injects)


def test_a_drill_is_scored_by_open_formulas(drill: Desk) -> None:
    """Promptness, calibration and promises, each recomputed here by hand."""
    drill.state(12, 40, inject="report")
    drill.state(30, 60, author="cio", party="operations", inject="owner")
    drill.state(40, **{**JUDGEMENT, "source": "", "inject": "storage-read"})
    drill.state(41, **{**JUDGEMENT, "source": "", "low": 0.8, "high": 0.95, "inject": "storage-read"})
    theirs = {**JUDGEMENT, "source": "", "low": 0.2, "high": 0.45, "inject": "storage-read"}
    drill.state(42, author="cio", party="operations", **theirs)
    assert score(drill.case, at(50)).judged == ()
    found = score(drill.case, at(95))
    assert [(one.inject, one.minutes, one.is_prompt) for one in found.answered][:3] == [
        ("report", 12, True),
        ("owner", 20, False),
        ("use", None, False),
    ]
    assert found.num_prompt == 1
    answers = {one.id: one.is_true for one in SCENARIO.questions}
    assert {one.question: one.ranges for one in found.judged} == {
        **dict.fromkeys(answers, ()),
        "storage-read": ((0.2, 0.45), (0.8, 0.95)),
    }
    assert answers["storage-read"]
    assert found.brier == pytest.approx(((0.875 - 1) ** 2 + (0.325 - 1) ** 2) / 2)
    assert [(one.word, one.resolved, one.came_true) for one in found.bands] == [
        ("unlikely", 1, 1),
        ("very likely", 1, 1),
    ]
    assert [(one.party, one.due, one.kept, one.late) for one in found.promises] == [
        ("operations", 1, 0, 1),
        ("security", 1, 0, 1),
    ]


def test_an_inject_that_nobody_sent_cannot_be_answered(drill: Desk) -> None:
    """A slip in its name would score an answer as none."""
    with pytest.raises(IncidentError, match=r"no inject and no question 'reprot'.*\n.*report, owner"):
        drill.state(1, 30, inject="reprot")


def test_a_score_rates_no_side(drill: Desk) -> None:
    """A side is one person: the score says what was judged, never by whom."""
    judgement = {**JUDGEMENT, "source": "", "inject": "storage-read"}
    for party, author in (("security", "ciso"), ("operations", "cio")):
        drill.state(13, 40, author=author, party=party, **judgement)
    judged = msgspec.json.encode(score(drill.case, at(95)).judged).decode()
    assert '"ranges":[[0.55,0.8],[0.55,0.8]]' in judged
    assert not {"ciso", "cio", "security", "operations"} & set(re.findall(r"[a-z]+", judged))


def test_a_drill_never_counts_as_an_incident(drill: Desk) -> None:
    """Its records are of kinds of their own, and an incident's acts find no drill."""
    assert {record.statement.kind for record in drill.room.ledger.records()} == {"drill.opened"}
    other = Desk.__new__(Desk)
    other.room, other.prefix, other.is_drill = drill.room, "incident", False
    with pytest.raises(IncidentError, match=r"E820|E821|E822"):
        other.open()


def test_scenarios_that_are_none_are_refused(desk: Desk) -> None:
    """Each with its reason."""
    for text in ("[", "id = 'x'", SCENARIO.id):
        with pytest.raises(IncidentError, match="E839"):
            parse_scenario(text, "x.toml")
    with pytest.raises(IncidentError, match="E839"):
        scenario_of(desk.case)
