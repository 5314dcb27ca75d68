"""Statements: what each kind must say, how it reads, how it is corrected, and who sees it."""

from __future__ import annotations

import pytest

from incident.cases import FACT, JUDGEMENT, START, Desk, at
from poise.errors import IncidentError
from poise.incident.acts import read_act
from poise.incident.known import readers, sentence, view
from poise.incident.statements import Stated
from poise.incident.statements import sentence as said
from poise.incident.tlp import MARKS, Watcher, strictest
from poise.incident.words import BANDS, band_of, likelihood

CIO = Watcher("cio", "operations")


def stated(**body: object) -> Stated:
    act = read_act(
        "incident.stated",
        {"incident": "case", "party": "security", "known_from": START.isoformat(), **FACT, **body},
        "test",
    )
    assert isinstance(act, Stated)
    return act


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ({"source": ""}, "a fact needs its source"),
        ({"low": 0.5, "high": 0.6}, "a fact carries no likelihood"),
        ({**JUDGEMENT, "low": 0.9}, "high is 0.8, below low"),
        ({**JUDGEMENT, "confidence": None}, "needs confidence"),
        ({"kind": "assumption"}, "an assumption needs unless"),
        ({"kind": "unknown"}, "an unknown needs owner"),
        ({"named": ["cio"]}, "only RED goes to people by name"),
        ({"fault": "wrong server"}, "go together"),
    ],
)
def test_a_statement_says_what_its_kind_must(body: dict[str, object], missing: str) -> None:
    """Half a statement is what quarrels are made of."""
    with pytest.raises(IncidentError, match=missing):
        stated(**body)


def test_number_and_word_stand_in_the_sentence() -> None:
    """Only numbers within the sentence are understood alike; likelihood and confidence keep apart."""
    first, second, _ = said(stated(**JUDGEMENT)).split(". ", 1)[0], *said(stated(**JUDGEMENT)).split(". ")
    assert first == "It is likely (55-80 %) that payroll data left"
    likely, confidence = said(stated(**JUDGEMENT)).split(". ")
    assert "%" not in confidence
    assert "low" in confidence
    assert "confidence" not in likely
    assert second == likely


def test_bands_are_icd_203_and_cover_the_scale() -> None:
    """A shared end point belongs to the upper band, and every probability has one word."""
    ends = [(band.low, band.high) for band in BANDS]
    assert ends == [
        (0.01, 0.05),
        (0.05, 0.2),
        (0.2, 0.45),
        (0.45, 0.55),
        (0.55, 0.8),
        (0.8, 0.95),
        (0.95, 0.99),
    ]
    assert band_of(0.55).word == "likely"
    assert band_of(0.5499).word == "roughly even"
    for band in BANDS:
        assert likelihood(band.low, band.high).startswith(band.clause.split("(")[0])
    assert likelihood(0.3, 0.7) == "It is unlikely to likely (30-70 %) that"


def test_a_correction_adds_and_ends_the_old_one(desk: Desk) -> None:
    """Nothing is edited: both stay, the change has a name, and only the later one can be corrected."""
    unknown = desk.state(1, 30, kind="unknown", owner="SOC", by=at(60).isoformat(), matters="it may spread")
    fact = desk.state(5, corrects=unknown, fault="now known")
    old, new = desk.case.statements[unknown], desk.case.statements[fact]
    assert (old.corrected_by, old.ended, new.change) == (fact, at(5), "upgraded")
    assert [told.record for told in desk.case.standing(at(4))] == [unknown]
    assert [told.record for told in desk.case.standing(at(5))] == [fact]
    with pytest.raises(IncidentError, match="E827"):
        desk.state(6, corrects=unknown, fault="late")


def test_a_correction_reaches_whom_the_statement_reached(desk: Desk) -> None:
    """Who read the false one must not go on with it because the true one is marked more strictly."""
    old = desk.state(1, 30, tlp="GREEN")
    with pytest.raises(IncidentError, match="E824"):
        desk.state(2, tlp="RED", corrects=old, fault="wrong")
    desk.do("withdrawn", 3, statement=old, reason="wrong")
    assert not desk.case.standing(at(3))


def test_what_a_mark_keeps_is_neither_shown_nor_counted(desk: Desk) -> None:
    """Not text, not number, not news: the page is the same whether a RED statement exists or not."""
    shown = desk.state(1, 30)
    before = view(desk.case, CIO, at(9))
    desk.state(2, tlp="RED")
    desk.state(3, tlp="RED", named=["somebody"])
    after = view(desk.case, CIO, at(9))
    assert [told.record for told in after.standing] == [shown]
    assert (before.news, before.unread) == (after.news, after.unread)
    named = Watcher("somebody", None, "CLEAR")
    assert len(view(desk.case, named, at(9)).standing) == 1
    lead = desk.case.watcher("ciso", "security")
    assert len(view(desk.case, lead, at(9)).standing) == 3


def test_marks_are_ordered_and_a_text_takes_the_strictest() -> None:
    """A brief travels under the mark of its strictest statement."""
    assert [Watcher("x", None, "AMBER").may_see(mark) for mark in MARKS] == [True, True, True, False, False]
    assert strictest(["GREEN", "RED", "AMBER"]) == "RED"
    assert strictest([]) == "CLEAR"


def test_since_you_last_looked(desk: Desk) -> None:
    """A deliberate press counts, for the presser's own eyes, and names each kind of change."""
    first = desk.state(1, 30)
    second = desk.state(2, kind="assumption", unless="x", owner="SOC", by=at(60).isoformat())
    third = desk.state(3)
    desk.do("read", 4, author="cio", party="operations", upto=third)
    assert sentence(view(desk.case, CIO, at(4)).news) == "nothing new"
    desk.do("withdrawn", 5, statement=first, reason="wrong server")
    desk.state(6, corrects=second, fault="checked")
    desk.state(7)
    assert sentence(view(desk.case, CIO, at(8)).news) == "1 new, 1 withdrawn, 1 upgraded"
    assert readers(desk.case, desk.case.statements[third], at(8)) == {
        "operations": ("cio", at(4)),
        "security": ("ciso", at(3)),
    }
    assert readers(desk.case, desk.case.statements[third], at(3.5))["operations"] is None
