"""What is not for a watcher leaves no trace: not in words, not in numbers, not in references."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from incident.cases import OPTIONS, Desk, at
from poise.errors import IncidentError
from poise.incident.brief import brief
from poise.incident.known import readers, view
from poise.incident.review import document, timeline
from poise.incident.stix import bundle
from poise.incident.tlp import MARKS, Watcher

AUDITOR = Watcher("auditor", None, "GREEN", "GREEN")
CIO = Watcher("cio", "operations")


def told(desk: Desk, watcher: Watcher) -> str:
    """Return everything that leaves the room for a watcher, as one text."""
    case, now = desk.case, at(90)
    parts: list[Any] = [document(case, watcher, now), [vars(one) for one in timeline(case, watcher, now)]]
    parts += [brief(case, one, now, watcher).text() for one in ("operations", "security", "board")]  # type: ignore[arg-type]
    return str(json.dumps(msgspec.to_builtins(parts))) + bundle(case, watcher, now)


def test_words_without_a_mark_of_their_own_go_no_further_than_promises(desk: Desk) -> None:
    """Requests, answers, determinations, reasons and follow-ups tell of statements that they rest on."""
    desk.state(1, 30, tlp="GREEN", text="Mail is slow")
    request = desk.do("asked", 2, "cio", "operations", what="HIDDEN?", wanted_by=at(9).isoformat()).hash
    desk.do("answered", 3, request=request, text="HIDDEN answer")
    desk.do("moved", 4, due=at(50).isoformat(), reason="HIDDEN reason")
    desk.do("followed", 5, text="HIDDEN rest", becomes="goal", owner="cio", due="2027-01-31")
    desk.do("clock.assessed", 6, regime="eu-gdpr-33", applies=False, reason="HIDDEN kind of data")
    desk.do("held", 7, is_on=True, reason="HIDDEN claim")
    desk.do("closed", 8, summary="HIDDEN end")
    assert "HIDDEN" not in told(desk, AUDITOR)
    assert "Mail is slow" in told(desk, AUDITOR)
    assert told(desk, CIO).count("HIDDEN") >= 7


@pytest.mark.parametrize("mark", MARKS[2:])
def test_a_correction_is_new_to_whom_the_first_was_not_for(desk: Desk, mark: str) -> None:
    """Else "1 corrected" and the old record's hash tell that there was one."""
    old = desk.state(1, None if mark == "RED" else 30, tlp=mark, text="HIDDEN")
    new = desk.state(2, 40, tlp="GREEN", corrects=old, fault="HIDDEN fault", text="Plain")
    seen = view(desk.case, AUDITOR, at(9))
    assert ([one.record for one in seen.standing], seen.news) == ([new], {"new": 1})
    said = told(desk, AUDITOR)
    assert "HIDDEN" not in said
    assert old not in said
    assert old in told(desk, desk.case.watcher("ciso", "security"))


def test_a_decision_counts_only_what_its_reader_may_see(desk: Desk) -> None:
    """How many statements stood tells how many are hidden."""
    first = desk.state(1, 30, tlp="GREEN")
    hidden = desk.state(2)
    request = desk.do(
        "decision.asked", 3, question="Cut?", options=OPTIONS, recommendation="cut", is_reversible=True,
        needed_by=at(30).isoformat(), tlp="GREEN",
    ).hash  # fmt: skip
    desk.do("decision.made", 4, "cio", "operations", request=request, option="cut")
    assert document(desk.case, AUDITOR, at(9))["decisions"][0]["made"]["known"] == [first]
    assert hidden not in told(desk, AUDITOR)
    assert "(1 statement stood then)" in told(desk, AUDITOR)
    assert "(2 statements stood then)" in told(desk, CIO)


def test_a_press_covers_what_its_presser_could_see_then(desk: Desk) -> None:
    """Somebody who is let in later has not read what stood there before."""
    hidden = desk.state(1, 30)
    shown = desk.state(2, tlp="GREEN")
    desk.do("read", 3, "auditor", "operations", upto=shown)
    desk.do("admitted", 4, person="auditor", clearance="AMBER")
    later = desk.case.watcher("auditor", "operations", "GREEN")
    assert view(desk.case, later, at(5)).unread == {hidden}
    desk.do("read", 6, "auditor", "operations", upto=shown)
    assert not view(desk.case, later, at(7)).unread
    desk.do("admitted", 8, person="auditor", clearance="GREEN")
    assert readers(desk.case, desk.case.statements[hidden], at(9))["operations"] == ("auditor", at(3))


def test_red_asks_and_tells_by_name(desk: Desk) -> None:
    """A RED question names whom it asks; a RED correction goes to all who had the first; none answers."""
    question = {"question": "Pay?", "options": OPTIONS, "recommendation": "cut", "is_reversible": False}
    question |= {"needed_by": at(9).isoformat(), "tlp": "RED"}
    with pytest.raises(IncidentError, match="names the people"):
        desk.do("decision.asked", 1, **question)
    desk.do("decision.asked", 1, **question, named=["cio"])
    assert [one.act.question for one in view(desk.case, CIO, at(2)).decisions] == ["Pay?"]
    assert view(desk.case, Watcher("other", "operations"), at(2)).decisions == ()
    first = desk.state(3, tlp="RED", named=["cio"])
    with pytest.raises(IncidentError, match=r"E824.*went to cio as well"):
        desk.state(4, tlp="RED", named=["coo"], corrects=first, fault="wrong")
    request = desk.do("asked", 5, "cio", "operations", what="News?", wanted_by=at(9).isoformat()).hash
    with pytest.raises(IncidentError, match="answers no request"):
        desk.do("answered", 6, request=request, statement=first)
