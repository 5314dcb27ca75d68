"""What had been told at a moment is the same, filtered from today's state or replayed from the ledger."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from incident.cases import Desk, at
from poise.errors import IncidentError
from poise.incident.fold import as_of, entries
from poise.incident.known import view
from poise.incident.tlp import MARKS, Watcher

STEPS = st.tuples(
    st.sampled_from(["state", "correct", "withdraw", "read", "checked", "moved", "asked", "close"]),
    st.integers(0, 5),
    st.sampled_from(MARKS),
    st.integers(0, 3),
)


def play(desk: Desk, steps: list[tuple[str, int, str, int]]) -> float:
    minutes = 1.0
    for step, index, mark, wait in steps:
        minutes += wait
        order = desk.case.order
        target = order[index % len(order)].record if order else "0" * 64
        with suppress(IncidentError):
            if step == "state":
                desk.state(minutes, None if mark == "RED" else minutes + 5, tlp=mark)
            elif step == "correct":
                desk.state(minutes, tlp=mark, corrects=target, fault="wrong")
            elif step == "withdraw":
                desk.do("withdrawn", minutes, statement=target, reason="wrong")
            elif step == "read":
                desk.do("read", minutes, "cio", "operations", upto=target)
            elif step == "checked":
                desk.do("checked", minutes, next_update={"due": at(minutes + 3).isoformat()})
            elif step == "moved":
                desk.do("moved", minutes, due=at(minutes + 9).isoformat(), reason="later")
            elif step == "asked":
                desk.do(
                    "asked", minutes, "cio", "operations", what="news?", wanted_by=at(minutes + 5).isoformat()
                )
            else:
                desk.do("closed", minutes)
    return minutes


def seen(incident: Any, watcher: Watcher, moment: Any) -> Any:
    shown = view(incident, watcher, moment)
    return (
        [one.record for one in shown.standing],
        [one.record for one in shown.ended],
        shown.unread,
        shown.news,
        [(one.record, one.state(moment), one.due_at(moment)) for one in shown.promises],
        [(one.asked.record, one.answer is not None) for one in shown.requests],
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
        watcher = Watcher("cio", "operations", clearance)
        replayed = as_of(entries(desk.room.ledger.records()), moment).by_id["case"]
        assert seen(desk.case, watcher, moment) == seen(replayed, watcher, moment)
        desk.room.ledger.close()
