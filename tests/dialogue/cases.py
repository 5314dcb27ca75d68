"""Short histories: acts by day, folded to a state."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from poise.dialogue.conversation import Entry
from poise.dialogue.fold import replay
from poise.dialogue.state import Dialogue

#: A Monday; day 0 of every history.
DAY0 = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
Told = tuple[float, str, str, dict[str, Any]]


def day(number: float) -> datetime:
    """Return noon of a day of the history."""
    return DAY0 + timedelta(days=number)


def entries_of(acts: Iterable[Told]) -> list[Entry]:
    """Return acts (day, kind, party, fields) as records, in the order of their days."""
    ordered = sorted(acts, key=lambda act: act[0])
    return [
        Entry(kind, sha256(str(number).encode()).hexdigest(), day(at), {**fields, "party": party})
        for number, (at, kind, party, fields) in enumerate(ordered)
    ]


def told(*acts: Told) -> Dialogue:
    """Return the state that acts leave."""
    return replay(entries_of(acts))


def promise(id: str, made: float, due: float, kept: float | None = None) -> list[Told]:
    """Return a promise of operations, kept on a day or not."""
    acts: list[Told] = [
        (made, "promise.made", "operations", {"id": id, "what": id, "due": day(due).isoformat()})
    ]
    if kept is not None:
        acts.append((kept, "promise.kept", "operations", {"promise": id}))
    return acts


def decision(
    id: str,
    asked: float,
    by: str = "security",
    made: float | None = None,
    option: str = "yes",
    reason: str = "",
) -> list[Told]:
    """Return a decision with two options, `yes` recommended, perhaps answered."""
    fields = {
        "id": id,
        "question": f"{id}?",
        "options": [{"id": "yes", "text": "Yes"}, {"id": "no", "text": "No"}],
        "recommendation": "yes",
        "needed_by": day(asked + 5).isoformat(),
    }
    acts: list[Told] = [(asked, "decision.asked", by, fields)]
    if made is not None:
        answering = "operations" if by == "security" else "security"
        acts.append((made, "decision.made", answering, {"decision": id, "option": option, "reason": reason}))
    return acts


def disagreement(
    id: str, raised: float, settled: float | None = None, *, goal: str = "", **fields: Any
) -> list[Told]:
    """Return a disagreement with both positions, perhaps settled by consent."""
    first, second = fields.pop("importance", (None, None))
    got = fields.pop("got", (None, None))
    acts: list[Told] = [
        (
            raised,
            "disagreement.raised",
            "security",
            {"id": id, "title": id, "type": "interests", "goal": goal, **fields},
        ),
        (raised + 0.1, "disagreement.position", "operations", _words(id, first)),
        (raised + 0.2, "disagreement.position", "security", _words(id, second)),
    ]
    if settled is not None:
        offer = {"disagreement": id, "how": "consent", "outcome": "so", "got": got[0]}
        acts.append((settled - 0.01, "settlement.proposed", "operations", offer))
        acts.append((settled, "settlement.accepted", "security", {"disagreement": id, "got": got[1]}))
    return acts


def _words(id: str, importance: float | None) -> dict[str, Any]:
    return {"disagreement": id, "position": "mine", "interest": "why", "importance": importance}


def escalation(id: str, at: float, party: str = "security") -> Told:
    """Return a one-sided page."""
    return (at, "escalation.alone", party, {"disagreement": id, "page": {"wanted": "a word"}})
