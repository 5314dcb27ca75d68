"""What had been told at a moment is the same, filtered from today's state or replayed from the ledger."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from incident.cases import OPTIONS, Desk, at
from poise.errors import IncidentError
from poise.incident.brief import brief
from poise.incident.clocks.regime import shipped
from poise.incident.fold import as_of, entries
from poise.incident.known import view
from poise.incident.review import document
from poise.incident.tlp import MARKS, Watcher

RULE = msgspec.to_builtins(shipped()["eu-gdpr-33"])
STEPS = st.tuples(
    st.sampled_from(
        ["state", "correct", "withdraw", "read", "checked", "moved", "asked", "answer", "question", "agree",
         "decide", "admit", "assess", "anchor", "sent", "note", "done", "close"]
    ),
    st.integers(0, 5),
    st.sampled_from(MARKS),
    st.integers(0, 3),
)  # fmt: skip


def play(desk: Desk, steps: list[tuple[str, int, str, int]]) -> float:
    minutes = 1.0
    for step, index, mark, wait in steps:
        minutes += wait
        order = desk.case.order
        target = order[index % len(order)].record if order else "0" * 64
        with suppress(IncidentError):
            act(desk, step, target, minutes, mark)
    return minutes


def act(desk: Desk, step: str, target: str, minutes: float, mark: str) -> None:
    """Do one step; those that are not possible there are refused."""
    soon, case = at(minutes + 5).isoformat(), desk.case
    operations: tuple[str, str] = ("cio", "operations")
    request = next(reversed(case.requests), target)
    decision = next(reversed(case.decisions), target)
    note = next(reversed(case.follow_ups), target)
    wrong = {"corrects": target, "fault": "wrong"}
    named = ["cio"] if mark == "RED" else []
    regime: dict[str, Any] = {"regime": "eu-gdpr-33"}
    question = {"question": "?", "options": OPTIONS, "recommendation": "cut", "is_reversible": True,
                "needed_by": soon, "default": "cut", "tlp": mark, "named": named}  # fmt: skip
    steps: dict[str, Any] = {
        "state": lambda: desk.state(minutes, None if mark == "RED" else minutes + 5, tlp=mark),
        "correct": lambda: desk.state(minutes, tlp=mark, **wrong),
        "withdraw": lambda: desk.do("withdrawn", minutes, statement=target, reason="wrong"),
        "read": lambda: desk.do("read", minutes, *operations, upto=target),
        "checked": lambda: desk.do("checked", minutes, next_update={"due": soon}),
        "moved": lambda: desk.do("moved", minutes, due=at(minutes + 9).isoformat(), reason="later"),
        "asked": lambda: desk.do("asked", minutes, *operations, what="news?", wanted_by=soon),
        "answer": lambda: desk.do("answered", minutes, request=request, text="none"),
        "question": lambda: desk.do("decision.asked", minutes, **question),
        "agree": lambda: desk.do("decision.default", minutes, *operations, request=decision),
        "decide": lambda: desk.do("decision.made", minutes, *operations, request=decision, option="cut"),
        "admit": lambda: desk.do("admitted", minutes, person="cio", clearance=mark),
        "assess": lambda: desk.do(
            "clock.assessed", minutes, applies=mark != "RED", reason="r", rule=RULE, **regime
        ),
        "anchor": lambda: desk.do(
            "clock.anchored", minutes, anchor="aware", at=at(0).isoformat(), reason="r", **regime
        ),
        "sent": lambda: desk.do("clock.sent", minutes, stage="authority", at=at(minutes).isoformat(),
                                reference="1", **regime),
        "note": lambda: desk.do("followed", minutes, text="t", becomes="goal", owner="o", due="2027-01-01"),
        "done": lambda: desk.do("followed.done", minutes, follow_up=note, result="a goal"),
        "close": lambda: desk.do("closed", minutes),
    }  # fmt: skip
    steps[step]()


def seen(incident: Any, watcher: Watcher, moment: Any) -> Any:
    """Return all that a page, an export or a brief tells of a moment."""
    shown = view(incident, watcher, moment)
    return (
        [one.record for one in shown.standing],
        [one.record for one in shown.ended],
        shown.unread,
        shown.news,
        [(one.record, one.state(moment), one.due_at(moment)) for one in shown.promises],
        [(one.asked.record, one.is_open(moment)) for one in shown.requests],
        [(one.asked.record, one.state(moment)) for one in shown.decisions],
        document(incident, watcher, moment),
        brief(incident, "operations", moment, watcher),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25), st.floats(0, 1), st.sampled_from(MARKS))
def test_as_of_equals_a_replay(steps: list[tuple[str, int, str, int]], share: float, clearance: Any) -> None:
    """Who says what somebody had been told must not depend on how it is computed."""
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        desk.open()
        end = play(desk, steps)
        moment = at(0) + timedelta(minutes=round(share * end))
        watcher = Watcher("cio", "operations", clearance, clearance)
        replayed = as_of(entries(desk.room.ledger.records()), moment).by_id["case"]
        assert seen(desk.case, watcher, moment) == seen(replayed, watcher, moment)
        desk.room.ledger.close()
