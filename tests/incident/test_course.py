"""Promises, requests, decisions, holds: each step is possible at its point, or told why not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from incident.cases import JUDGEMENT, OPTIONS, Desk, at
from poise.errors import IncidentError
from poise.incident.review import calibration, document, promises_kept, timeline
from poise.incident.room import check_holds
from poise.incident.tlp import EVERYTHING, Watcher


def due(minutes: float) -> dict[str, str]:
    return {"due": at(minutes).isoformat()}


def test_an_update_promises_the_next_one(desk: Desk) -> None:
    """The first statement of a side must say when the next comes; later ones may lean on that."""
    with pytest.raises(IncidentError, match="E826"):
        desk.state(1)
    desk.state(1, 30)
    desk.state(2)
    with pytest.raises(IncidentError, match="E826"):
        desk.state(3, 2)
    assert len(desk.case.promises) == 1


def test_a_red_statement_makes_no_promise(desk: Desk) -> None:
    """All see promises, so one that moved would tell that something was stated."""
    desk.state(1, tlp="RED")
    with pytest.raises(IncidentError, match="E826"):
        desk.state(2, 30, tlp="RED")
    assert desk.case.promises == []


def test_promises_are_kept_moved_late_or_answered_by_no_change(desk: Desk) -> None:
    """Moving before due is no miss; late stays late; one press keeps a promise without news."""
    desk.state(1, 30)
    desk.do("moved", 20, due=at(50).isoformat(), reason="forensics need longer")
    assert desk.case.promises[0].state(at(40)) == "open"
    desk.do("checked", 50, next_update=due(60))
    assert desk.case.promises[0].state(at(50)) == "kept"
    with pytest.raises(IncidentError, match="E825"):
        desk.do("moved", 61, due=at(90).isoformat(), reason="too late")
    assert desk.case.promises[1].state(at(61)) == "late"
    desk.do("checked", 70, next_update={"none_because": "handed to the owner"})
    assert desk.case.promises[1].state(at(70)) == "kept late"
    security = next(one for one in promises_kept(desk.case, at(80)) if one.party == "security")
    assert (security.due, security.kept, security.late, security.moved) == (2, 1, 1, 1)
    assert security.median_late_minutes == 10


def test_a_request_for_an_update_has_an_answer(desk: Desk) -> None:
    """It is an object of its own, answered by the other side, once."""
    asked = desk.do(
        "asked", 1, "cio", "operations", what="can shops order?", wanted_by=at(20).isoformat()
    ).hash
    with pytest.raises(IncidentError, match="E823"):
        desk.do("answered", 2, "cio", "operations", request=asked, text="me")
    told = desk.state(3, 30)
    desk.do("answered", 3, request=asked, statement=told)
    with pytest.raises(IncidentError, match="answered already"):
        desk.do("answered", 4, request=asked, text="again")


def ask(desk: Desk, minutes: float, **body: object) -> str:
    return desk.do(
        "decision.asked", minutes, question="Cut the network off?", options=OPTIONS, recommendation="cut",
        **{"is_reversible": True, "needed_by": at(minutes + 30).isoformat(), **body},
    ).hash  # fmt: skip


def test_a_decision_keeps_what_was_known(desk: Desk) -> None:
    """The record holds the statements that stood and were visible to whoever decided."""
    seen = desk.state(1, 30)
    desk.state(2, tlp="RED")
    request = ask(desk, 3)
    with pytest.raises(IncidentError, match="E823"):
        desk.do("decision.made", 4, request=request, option="cut")
    desk.do("decision.made", 5, "cio", "operations", request=request, option="cut")
    desk.state(6)
    made = desk.case.decisions[request].made
    assert made is not None
    assert made.act.known == (seen,)  # type: ignore[attr-defined]
    with pytest.raises(IncidentError, match="decided already"):
        desk.do("decision.made", 7, "cio", "operations", request=request, option="wait")


def test_silence_means_something_only_if_agreed_before(desk: Desk) -> None:
    """A default that nobody agreed to never comes into force."""
    alone = ask(desk, 1, default="cut")
    agreed = ask(desk, 1, default="cut")
    desk.do("decision.default", 5, "cio", "operations", request=agreed)
    assert desk.case.decisions[alone].state(at(32)) == "overdue"
    assert desk.case.decisions[agreed].state(at(32)) == "default"
    assert desk.case.decisions[agreed].state(at(4)) == "open"
    with pytest.raises(IncidentError, match="before the decision is needed"):
        desk.do("decision.default", 40, "cio", "operations", request=alone)


def test_a_repeated_submit_is_one_act(desk: Desk) -> None:
    """A poor line sends twice; the ledger holds it once."""
    first = desk.state(1, 30, token="form-1")
    assert desk.state(2, 30, token="form-1") == first
    assert len(desk.case.order) == 1


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    """Writers at the same time, each on its own connection, and each statement corrected once only."""
    Desk(tmp_path).open()
    target = Desk(tmp_path).state(1, 30)

    def write(number: int) -> str:
        own = Desk(tmp_path)
        try:
            own.state(2, corrects=target, fault="wrong", text=f"Writer {number}")
        except IncidentError as error:
            return error.faults[0].id
        finally:
            own.state(3, text=f"More of {number}")
        return "ok"

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(write, range(4)))
    assert sorted(results) == ["E827", "E827", "E827", "ok"]
    desk = Desk(tmp_path)
    assert len(desk.case.order) == 6
    verified = desk.room.ledger.verify()
    assert (verified.size, verified.broken) == (7, None)


def test_a_hold_keeps_records_from_erasure(desk: Desk) -> None:
    """While it lasts nobody may take a body away; when it ends somebody may again."""
    told = desk.state(1, 30)
    check_holds(desk.room.ledger, [told])
    desk.do("held", 2, is_on=True, reason="litigation")
    with pytest.raises(IncidentError, match="E838"):
        check_holds(desk.room.ledger, [told])
    desk.do("held", 3, is_on=False, reason="settled")
    check_holds(desk.room.ledger, [told])


def test_closing_ends_what_was_promised_and_asked(desk: Desk) -> None:
    """Nothing is late for ever, and nothing is stated in a closed incident."""
    desk.state(1, 30)
    desk.do("closed", 10, summary="Restored.")
    assert desk.case.promises[0].state(at(99)) == "ended"
    with pytest.raises(IncidentError, match="was closed"):
        desk.state(11, 40)


def test_the_review_shows_two_lanes_as_known_then(desk: Desk) -> None:
    """What happened and what was known stand apart, and hindsight is a choice."""
    wrong = desk.state(10, 30, true_from=at(-60).isoformat(), text="It began at eleven")
    desk.state(20, corrects=wrong, fault="wrong log", true_from=at(-120).isoformat(), text="It began at ten")
    judged = desk.state(21, **{**JUDGEMENT, "source": ""})
    desk.do("resolved", 22, statement=judged, was_true=True, how="found at a paste site")
    known_then = [one.text for one in timeline(desk.case, EVERYTHING, at(30)) if one.lane == "events"]
    later = [
        one.text for one in timeline(desk.case, EVERYTHING, at(30), hindsight=True) if one.lane == "events"
    ]
    assert known_then == ["It began at eleven."]
    assert later == ["It began at ten."]
    assert [
        (one.word, one.resolved, one.came_true) for one in calibration(desk.case, at(30), EVERYTHING)
    ] == [("likely", 1, 1)]
    hidden = document(desk.case, Watcher("x", None, "CLEAR"), at(30))
    assert hidden["statements"] == []
    assert not any("ten" in one["text"] for one in hidden["timeline"])


def test_promises_decisions_and_answers_stand_on_the_timeline(desk: Desk) -> None:
    """In words: what was promised and came late, what was decided or left to silence, what was answered."""
    told = desk.state(1, 30, text="Orders go by phone")
    asked = desk.do("asked", 2, "cio", "operations", what="can shops order?", wanted_by=at(20).isoformat())
    desk.do("answered", 3, request=asked.hash, statement=told)
    decided, silent = ask(desk, 4), ask(desk, 4, default="wait")
    desk.do("decision.default", 5, "cio", "operations", request=silent)
    desk.do("decision.made", 6, "cio", "operations", request=decided, option="cut")
    desk.do("checked", 42, next_update={"due": at(80).isoformat()})

    def lines(minutes: float, watcher: Watcher = EVERYTHING) -> list[tuple[int, str]]:
        found = timeline(desk.case, watcher, at(minutes))
        return [(round((one.at - at(0)).total_seconds() / 60), one.text) for one in found]

    assert (1, "security promised the next update by 25 Nov 2026, 12:30 UTC.") in lines(10)
    assert not any("was late" in text for _, text in lines(30))
    late = "The update that security promised for this time was late; it "
    assert (30, late + "has not come.") in lines(31)
    assert (30, late + "came 25 Nov 2026, 12:42 UTC.") in lines(50)
    assert (3, "security answered: Orders go by phone.") in lines(10)
    assert any(text.startswith("operations decided 'Cut the network off' on:") for _, text in lines(10))
    assert (34, "Nobody decided: 'Wait' as agreed, on: Cut the network off?") in lines(40)
    assert not any("Nobody decided" in text for _, text in lines(34))
    assert not any("promised" in text for _, text in lines(50, Watcher("x", None, "CLEAR")))


def test_a_time_that_is_over_or_to_come_is_refused_when_it_is_said(tmp_path: Path, desk: Desk) -> None:
    """Nobody can answer by yesterday; whatever stands on a ledger already is read all the same."""
    over = {"wanted_by": at(0).isoformat(), "what": "can shops order?"}
    with pytest.raises(IncidentError, match="which is over"):
        desk.do("asked", 1, "cio", "operations", **over)
    with pytest.raises(IncidentError, match="which is over"):
        ask(desk, 1, needed_by=at(1).isoformat())
    (tmp_path / "other").mkdir()
    with pytest.raises(IncidentError, match="in the future"):
        Desk(tmp_path / "other").open(detected=at(60).isoformat())
    body = {"incident": "case", "party": "operations", **over}
    desk.room.ledger.append("incident.asked", "cio", body, now=at(2))
    assert len(desk.case.requests) == 1
