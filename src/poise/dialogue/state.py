"""Where the dialogue stands: what each record of the ledger left, with its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Literal

from poise.bargain.rounds import Party
from poise.dialogue import commitments, pair, quarrel


@dataclass(frozen=True)
class Goal:
    """A goal, and which sides endorse it."""

    act: pair.GoalProposed
    time: datetime
    endorsed: Mapping[Party, datetime]
    retired: datetime | None = None

    def is_shared(self, at: datetime) -> bool:
        """Return whether both endorsed it by a moment, and it was not over."""
        both = len([time for time in self.endorsed.values() if time <= at]) == 2
        return both and (self.retired is None or at < self.retired)


@dataclass(frozen=True)
class Decision:
    """A decision asked of the other side; one that an incident asks for has its id, and is made there."""

    act: commitments.DecisionAsked
    time: datetime
    made: commitments.DecisionMade | None = None
    ended: datetime | None = None
    incident: str = ""

    @property
    def is_override(self) -> bool:
        """Return whether it was decided against the recorded recommendation."""
        return (
            bool(self.act.recommendation)
            and self.made is not None
            and (self.made.option != self.act.recommendation)
        )


@dataclass(frozen=True)
class Promise:
    """A promise with every time that was said for it: (when said, due)."""

    act: commitments.PromiseMade
    time: datetime
    dues: tuple[tuple[datetime, datetime], ...]
    kept: datetime | None = None
    dropped: datetime | None = None

    @property
    def due(self) -> datetime:
        """The time that counts: the last one said before the one before it had passed."""
        counted = self.dues[0][1]
        for said, due in self.dues[1:]:
            if said <= counted:
                counted = due
        return counted

    @property
    def expected(self) -> datetime:
        """The last time said, in time or not."""
        return self.dues[-1][1]

    @property
    def is_open(self) -> bool:
        """Return whether it is neither kept nor dropped."""
        return self.kept is None and self.dropped is None


@dataclass(frozen=True)
class Judgement:
    """What was held likely, and what came of it."""

    act: commitments.JudgementStated
    time: datetime
    resolved: commitments.JudgementResolved | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True)
class Accepted:
    """An exception: an accepted risk, with every review it had."""

    act: commitments.ExceptionNoted
    time: datetime
    renewed: tuple[tuple[datetime, date], ...] = ()
    closed: datetime | None = None
    #: Record of the agreement that accepts it; empty for one noted by itself.
    agreement: str = ""
    #: Record of the last document at the delivery gate; empty for one that is none of the gate's.
    gate: str = ""

    @property
    def until(self) -> date:
        """Until when it goes, by its last review."""
        return self.renewed[-1][1] if self.renewed else self.act.until

    def until_at(self, moment: datetime) -> date:
        """Return until when it went as of a moment."""
        return max((until for time, until in self.renewed if time <= moment), default=self.act.until)


@dataclass(frozen=True)
class Settlement:
    """How a disagreement ended."""

    proposed: quarrel.SettlementProposed
    accepted: quarrel.SettlementAccepted
    time: datetime

    def got(self, party: Party) -> float | None:
        """Return how much of its position a side sees in it, by its own word."""
        return self.proposed.got if party == self.proposed.party else self.accepted.got


@dataclass(frozen=True)
class Escalation:
    """A page that went up; a surprise when one side sent it without a notice before."""

    kind: Literal["joint", "one-sided", "surprise"]
    party: Party
    time: datetime
    record: str
    page: dict[str, Any]
    decided: quarrel.EscalationDecided | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True)
class Disagreement:
    """A disagreement with all that was said about it."""

    act: quarrel.DisagreementRaised
    time: datetime
    type: quarrel.Type
    #: Goals that it was said to serve, each with its time; the last one counts.
    goals: tuple[tuple[datetime, str], ...] = ()
    positions: Mapping[Party, tuple[tuple[datetime, quarrel.PositionTaken], ...]] = field(
        default_factory=dict
    )
    test: quarrel.TestSet | None = None
    result: quarrel.TestDone | None = None
    offer: quarrel.SettlementProposed | None = None
    settled: tuple[Settlement, ...] = ()
    reopened: tuple[tuple[datetime, quarrel.DisagreementReopened], ...] = ()
    notices: tuple[tuple[datetime, quarrel.EscalationNoticed], ...] = ()
    escalations: tuple[Escalation, ...] = ()

    @property
    def goal(self) -> str:
        """The goal that it serves; empty for none."""
        return self.goals[-1][1] if self.goals else ""

    def goal_at(self, moment: datetime) -> str:
        """Return the goal that it was said to serve by a moment; empty for none."""
        return next((goal for time, goal in reversed(self.goals) if time <= moment), "")

    @property
    def ended(self) -> datetime | None:
        """When it was last settled, or decided above; None while it is contested."""
        ends = [one.time for one in self.settled]
        ends += [one.decided_at for one in self.escalations if one.decided_at is not None]
        last = max(ends, default=None)
        if last is not None and self.reopened and self.reopened[-1][0] >= last:
            return None
        return last

    def position(self, party: Party) -> quarrel.PositionTaken | None:
        """Return a side's last position."""
        said = self.positions.get(party)
        return said[-1][1] if said else None

    def importance(self, party: Party) -> float | None:
        """Return the importance that a side gave with its first position, before it talked."""
        said = self.positions.get(party)
        return said[0][1].importance if said else None

    @property
    def last_word(self) -> datetime:
        """When something about it was last put down."""
        times = [self.time, *(time for said in self.positions.values() for time, _ in said)]
        times += [one.time for one in self.settled] + [time for time, _ in self.reopened]
        times += [time for time, _ in self.notices] + [one.time for one in self.escalations]
        return max(times)


@dataclass(frozen=True)
class Meeting:
    """A meeting with what became of its items."""

    act: pair.MeetingOpened
    time: datetime
    taken: tuple[tuple[datetime, pair.ItemTaken], ...] = ()
    closed: pair.MeetingClosed | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Signed:
    """An agreement of the table: its record, and whether it still stands."""

    record: str
    time: datetime
    body: dict[str, Any]
    reopened: datetime | None = None
    reasons: tuple[str, ...] = ()


@dataclass
class Dialogue:
    """Everything, by id. Only :mod:`poise.dialogue.fold` changes it."""

    goals: dict[str, Goal] = field(default_factory=dict)
    profiles: dict[Party, tuple[datetime, pair.ProfileStated]] = field(default_factory=dict)
    #: Digests of sealed answers by quarter and side; the answers themselves never stand on the ledger.
    guesses: dict[str, Mapping[Party, str]] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    judgements: dict[str, Judgement] = field(default_factory=dict)
    corrections: list[tuple[datetime, commitments.CorrectionMade]] = field(default_factory=list)
    exceptions: dict[str, Accepted] = field(default_factory=dict)
    disagreements: dict[str, Disagreement] = field(default_factory=dict)
    meetings: dict[str, Meeting] = field(default_factory=dict)
    meeting_time: pair.MeetingPlanned | None = None
    surveys: dict[str, Mapping[Party, str]] = field(default_factory=dict)
    annotations: list[tuple[datetime, pair.SignalAnnotated]] = field(default_factory=list)
    agreements: dict[str, Signed] = field(default_factory=dict)
    #: Hashes of records that were no possible step at their place, and change nothing.
    void: list[str] = field(default_factory=list)

    def copy(self) -> Dialogue:
        """Return a copy that can be changed without changing this one."""
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        tables = {name: one.copy() for name, one in values.items() if isinstance(one, dict | list)}
        return Dialogue(**{**values, **tables})

    @property
    def last_signed(self) -> Signed | None:
        """The last agreement, in force or re-opened."""
        return next(reversed(self.agreements.values()), None)

    @property
    def in_force(self) -> Signed | None:
        """The last agreement unless it was re-opened; then no older one returns."""
        last = self.last_signed
        return None if last is None or last.reopened is not None else last

    @property
    def currency(self) -> str:
        """The currency of the last agreement; empty without one."""
        return str(self.last_signed.body.get("currency", "")) if self.last_signed else ""

    def title_of(self, key: str) -> str:
        """Return what an id or an agenda's key is about, in words; the key itself where nothing is known."""
        kind, _, id = key.rpartition(":")
        if kind in ("agreement", "review-agreement"):
            return "The signed plan"
        if id in self.goals:
            return self.goals[id].act.title
        if id in self.disagreements:
            return self.disagreements[id].act.title
        if id in self.decisions:
            return self.decisions[id].act.question
        if id in self.promises:
            return self.promises[id].act.what
        return self.exceptions[id].act.what if id in self.exceptions else key

    def contested(self) -> list[Disagreement]:
        """Return the disagreements that are open now."""
        return [one for one in self.disagreements.values() if one.ended is None]
