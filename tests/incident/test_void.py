"""Records written past the room: they stand on the ledger, change nothing, and stop nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from incident.cases import Desk, at
from poise.cli import main
from poise.dialogue.conversation import Conversation

IMPOSSIBLE: list[tuple[str, dict[str, Any]]] = [
    ("incident.stated", {"incident": "no such", "party": "security"}),
    ("incident.closed", {"incident": "case", "party": "nobody"}),
    ("incident.opened", {"incident": "case"}),
    ("goal.endorsed", {"goal": "nothing", "party": "security"}),
    ("promise.made", {"party": 7}),
    ("agreement.reopened", {"agreement": [], "reasons": 1}),
]


@pytest.mark.parametrize(("kind", "body"), IMPOSSIBLE)
def test_a_record_past_the_room_stops_nobody(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    body: dict[str, Any],
) -> None:
    """Rooms read on, tell what they passed over, and take the next step."""
    desk = Desk(tmp_path)
    desk.open()
    record = desk.room.ledger.append(kind, "somebody", body, now=at(5))
    stated = desk.state(10, 60)
    assert stated in desk.case.statements
    talk = Conversation(desk.room.ledger, at(20))
    goal = {"id": "grow", "title": "Grow", "party": "operations"}
    talk.say("goal.proposed", goal, author="cio")
    later = Conversation(desk.room.ledger, at(30)).state
    assert set(later.goals) == {"grow"}
    void = {"incident": desk.room.state().void, "dialogue": later.void}
    monkeypatch.setenv("POISE_HOME", str(tmp_path))
    for command in (["incident", "list"], ["signals"]):
        assert main([*command, "--now", datetime.isoformat(at(40).astimezone(UTC)), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)["void"]
        assert told == void["incident" if command[0] == "incident" else "dialogue"]
    # What re-opens an agreement that is none changes nothing either, and is no step of these rooms.
    expected = [] if kind == "agreement.reopened" else [record.hash]
    assert [*void["incident"], *void["dialogue"]] == expected
