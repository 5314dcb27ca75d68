"""A room on a fresh ledger, and the acts that tests repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from poise.incident.acts import read_act
from poise.incident.room import Room
from poise.incident.state import Incident
from poise.ledger.record import Record
from poise.ledger.store import Ledger

START = datetime(2026, 11, 25, 12, tzinfo=UTC)
FACT: dict[str, Any] = {
    "kind": "fact",
    "text": "Orders stopped",
    "source": "service desk",
    "topic": "services",
}
JUDGEMENT: dict[str, Any] = {
    "kind": "judgement",
    "text": "payroll data left",
    "low": 0.55,
    "high": 0.8,
    "confidence": "low",
    "confidence_because": "one log source",
    "topic": "exposure",
}
OPTIONS = [{"id": "cut", "text": "Cut the network off"}, {"id": "wait", "text": "Wait"}]


def at(minutes: float) -> datetime:
    """Return a moment some minutes after the start."""
    return START + timedelta(minutes=minutes)


class Desk:
    """A room with an open incident, and a short way to act in it."""

    def __init__(self, folder: Path, *, is_drill: bool = False) -> None:
        self.room = Room(Ledger.open(folder / "ledger.sqlite"))
        self.prefix = "drill" if is_drill else "incident"
        self.is_drill = is_drill

    def do(
        self, name: str, minutes: float, author: str = "ciso", party: str = "security", **body: Any
    ) -> Record:
        """Put an act on the ledger, some minutes after the start."""
        act = read_act(f"{self.prefix}.{name}", {"incident": "case", "party": party, **body}, "test")
        return self.room.act(act, author, at(minutes), is_drill=self.is_drill)

    def open(self, **body: Any) -> Record:
        """Open the incident."""
        head = {"title": "Orders stop", "lead": "ciso", "detected": START.isoformat()}
        return self.do("opened", 0, **{**head, **body})

    def state(self, minutes: float, due: float | None = None, **body: Any) -> str:
        """State something, with the next update promised for some minutes after the start."""
        if due is not None:
            body["next_update"] = {"due": at(due).isoformat()}
        return self.do("stated", minutes, known_from=at(minutes).isoformat(), **{**FACT, **body}).hash

    @property
    def case(self) -> Incident:
        """The incident as it stands."""
        return self.room.incident("case")
