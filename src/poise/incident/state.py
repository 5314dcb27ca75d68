"""What records tell about one incident. Lists only grow; what stood at a time is a filter over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from poise.incident.base import Act, Party
from poise.incident.course import Asked, Decided, DecisionAsked, Followed, Opened
from poise.incident.duties import Anchored, Assessed, Receipt, Sent, StageAssessed, Suspended
from poise.incident.messages import Message
from poise.incident.statements import KINDS, Stated
from poise.incident.tlp import EVERYTHING, Mark, Watcher

Change = Literal["new", "corrected", "upgraded", "downgraded", "withdrawn"]


class Entry(NamedTuple):
    """What is read of a ledger's record."""

    kind: str
    hash: str
    time: datetime
    author: str
    body: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class Done:
    """An act at its place: by whom and when it was recorded."""

    record: str
    time: datetime
    author: str
    act: Act


@dataclass(slots=True)
class Told:
    """A statement with what became of it."""

    record: str
    time: datetime
    author: str
    act: Stated
    place: int
    change: Change = "new"
    corrected_by: str | None = None
    withdrawn: Done | None = None
    ended: datetime | None = None
    resolved: Done | None = None

    def stands(self, at: datetime) -> bool:
        """Return whether it was recorded by then and nothing had taken its place."""
        return self.time <= at and (self.ended is None or self.ended > at)

    def is_for(self, watcher: Watcher) -> bool:
        """Return whether this watcher may know of it; its author always may."""
        return watcher.name == self.author or watcher.may_see(self.act.tlp, self.act.named)


@dataclass(slots=True)
class Promise:
    """One promised update, with every time it was moved to."""

    record: str
    party: Party
    made: datetime
    due: datetime
    moves: list[Done] = field(default_factory=list)
    ended: datetime | None = None
    how: Literal["", "updated", "no change", "incident closed", "no further update"] = ""

    def state(self, at: datetime) -> Literal["open", "late", "kept", "kept late", "ended"]:
        """Return how the promise stood then."""
        due = self.due_at(at)
        if self.ended is not None and self.ended <= at:
            if self.how in ("incident closed", "no further update") and self.ended <= due:
                return "ended"
            return "kept" if self.ended <= due else "kept late"
        return "late" if at > due else "open"

    def due_at(self, at: datetime) -> datetime:
        """Return for when it was promised, as known then."""
        moved = [move.act.due for move in self.moves if move.time <= at]  # type: ignore[attr-defined]
        first: datetime = self.due
        return moved[-1] if moved else first


@dataclass(slots=True)
class Request:
    """A request for an update, and its answer."""

    asked: Done
    answer: Done | None = None
    ended: datetime | None = None

    def is_open(self, at: datetime) -> bool:
        """Return whether it waited for an answer then."""
        return self.asked.time <= at and (self.ended is None or self.ended > at)

    @property
    def act(self) -> Asked:
        """What was asked."""
        assert isinstance(self.asked.act, Asked)
        return self.asked.act


@dataclass(slots=True)
class Decision:
    """A decision request, and what came of it."""

    asked: Done
    default_agreed: Done | None = None
    made: Done | None = None

    @property
    def act(self) -> DecisionAsked:
        """What was asked."""
        assert isinstance(self.asked.act, DecisionAsked)
        return self.asked.act

    def is_for(self, watcher: Watcher) -> bool:
        """Return whether this watcher may know of it; who asked always may."""
        return watcher.name == self.asked.author or watcher.may_see(self.act.tlp, self.act.named)

    def state(self, at: datetime) -> Literal["open", "overdue", "decided", "default"]:
        """Return how it stood then."""
        if self.made is not None and self.made.time <= at:
            return "decided"
        if at <= self.act.needed_by:
            return "open"
        agreed = self.default_agreed
        return "default" if agreed is not None and agreed.time <= self.act.needed_by else "overdue"

    def option(self, at: datetime) -> str:
        """Return the id of the option that held then, by a decision or by silence; empty for none."""
        state = self.state(at)
        if state == "decided" and self.made is not None and isinstance(self.made.act, Decided):
            return self.made.act.option
        return self.act.default if state == "default" else ""


@dataclass(slots=True)
class FollowUp:
    """Something that stays open, and what became of it."""

    opened: Done
    done: Done | None = None

    @property
    def act(self) -> Followed:
        """What stays open."""
        assert isinstance(self.opened.act, Followed)
        return self.opened.act


@dataclass(slots=True)
class Obligation:
    """One regime in this incident, each list in the order of the records."""

    assessed: list[tuple[Done, Assessed]] = field(default_factory=list)
    anchors: list[tuple[Done, Anchored]] = field(default_factory=list)
    sent: list[tuple[Done, Sent]] = field(default_factory=list)
    suspended: list[tuple[Done, Suspended]] = field(default_factory=list)
    receipts: list[tuple[Done, Receipt]] = field(default_factory=list)
    stages: list[tuple[Done, StageAssessed]] = field(default_factory=list)


@dataclass
class Incident:
    """Everything that was recorded of one incident."""

    opened: Done
    is_drill: bool
    statements: dict[str, Told] = field(default_factory=dict)
    order: list[Told] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    requests: dict[str, Request] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    follow_ups: dict[str, FollowUp] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    obligations: dict[str, Obligation] = field(default_factory=dict)
    reads: list[Done] = field(default_factory=list)
    clearances: dict[str, list[tuple[datetime, Mark]]] = field(default_factory=dict)
    holds: list[Done] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    log: list[Done] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    closed: Done | None = None

    @property
    def head(self) -> Opened:
        """The act that opened it."""
        assert isinstance(self.opened.act, Opened)
        return self.opened.act

    @property
    def id(self) -> str:
        """Its id."""
        return self.head.incident

    def watcher(
        self, name: str, party: Party | None, clearance: Mark = "AMBER+STRICT", at: datetime | None = None
    ) -> Watcher:
        """Return somebody with the clearance that this incident gives them: the lead's is the strictest.

        Parameters
        ----------
        at
            As of when; None for now.
        """
        if name == self.head.lead:
            return Watcher(name, party, "RED", "RED")
        given = [mark for time, mark in self.clearances.get(name, ()) if at is None or time <= at]
        return Watcher(name, party, given[-1] if given else clearance, clearance)

    def as_then(self, watcher: Watcher, at: datetime) -> Watcher:
        """Return a watcher with the clearance that they had at a time."""
        if watcher.name not in self.clearances:
            return watcher
        return self.watcher(watcher.name, watcher.party, watcher.base, at)

    def open_promise(self, party: Party) -> Promise | None:
        """Return the promise that a side has still to keep."""
        return next((one for one in reversed(self.promises) if one.party == party and not one.how), None)

    def promises_for(self, watcher: Watcher) -> list[Promise]:
        """Return the promises; none for a watcher below the marks of statements that make and keep them."""
        return self.promises if watcher.knows_the_course else []

    def standing(self, at: datetime, watcher: Watcher = EVERYTHING) -> list[Told]:
        """Return the statements that stood at a time, for this watcher, in the order of recording."""
        return [told for told in self.order if told.stands(at) and told.is_for(watcher)]

    def is_held(self) -> bool:
        """Return whether a legal hold lasts."""
        return bool(self.holds) and bool(getattr(self.holds[-1].act, "is_on", False))


def change_between(before: Stated, after: Stated) -> Change:
    """Return what a correction is: a kind that says more is an upgrade, one that says less the opposite."""
    step = KINDS.index(after.kind) - KINDS.index(before.kind)
    return "upgraded" if step > 0 else "downgraded" if step < 0 else "corrected"
