"""Where each stage of each regime stands in an incident, or after anchors that somebody just names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from poise.incident.clocks.due import Due, due_of
from poise.incident.clocks.regime import SENT, Rule, Stage, read_rule
from poise.incident.duties import Sent, Suspended
from poise.incident.moments import in_utc
from poise.incident.state import Incident, Obligation

State = Literal[
    "waiting", "running", "overdue", "sent", "sent late", "suspended", "no number", "does not apply"
]


@dataclass(frozen=True, slots=True)
class Clock:
    """One stage.

    Parameters
    ----------
    due
        Its limit.
    sent
        The filing, once there is one.
    rests_until
        The end of a lawful suspension that lasts.
    idle_hours
        How long [h] the incident has been known without the determination that this stage waits for; a clock
        that nobody starts never runs, so this is shown in its place.
    receipt
        What the recipient gave back, in words with its time; empty without any.
    reason
        Why the stage is not due here, where somebody determined that.
    """

    regime: str
    stage: Stage
    state: State
    due: Due
    sent: Sent | None = None
    rests_until: datetime | None = None
    idle_hours: float | None = None
    receipt: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Duty:
    """A regime with its clocks and what must be known about its rule."""

    rule: Rule
    state: Literal["assessed", "does not apply"]
    reason: str
    anchors: Mapping[str, datetime] = field(default_factory=dict)
    clocks: tuple[Clock, ...] = ()
    warnings: tuple[str, ...] = ()


def clocks_of(
    rule: Rule,
    anchors: Mapping[str, datetime],
    sent: Sequence[Sent],
    now: datetime,
    suspended: Sequence[Suspended] = (),
    detected: datetime | None = None,
    calendar: str = "",
) -> tuple[Clock, ...]:
    """Return where each stage of a rule stands.

    Parameters
    ----------
    anchors
        Determined moments by anchor.
    sent, suspended
        In the order of recording; of several about one stage the latest counts.
    detected
        Since when the incident is known.
    calendar
        Business days in place of the rule's.
    """
    filed = {one.stage: one for one in sorted(sent, key=lambda one: one.at)}
    moments = {**anchors, **{f"{SENT}{stage}": one.at for stage, one in filed.items()}}
    rests = {one.stage: one for one in suspended}
    found = []
    for stage in rule.stages:
        due = due_of(rule, stage, moments, calendar)
        rest = rests.get(stage.id)
        if rest is not None and due.at is not None and rest.until > due.at:
            due = Due(rest.until, because=(*due.because, f"rests until then by {rest.authority}"))
        first = next((one for one in sent if one.stage == stage.id), None)
        is_waiting = any(not name.startswith(SENT) for name in due.missing)
        idle = (now - detected).total_seconds() / 3600 if is_waiting and detected else None
        state = _state(stage, due, first, rest, now)
        found.append(
            Clock(rule.id, stage, state, due, filed.get(stage.id), rest.until if rest else None, idle)
        )
    return tuple(found)


def duties_of(incident: Incident, now: datetime) -> tuple[Duty, ...]:
    """Return every assessed regime of an incident with its clocks, under the rule that it ran under."""
    return tuple(
        _duty(found, incident, now)
        for found in incident.obligations.values()
        if any(done.time <= now for done, _ in found.assessed)
    )


def rule_of(incident: Incident, regime: str) -> Rule | None:
    """Return the rule under which a regime runs in an incident, else the one shipped; None for neither."""
    from poise.incident.clocks.regime import shipped

    found = incident.obligations.get(regime)
    rules = [act.rule for _, act in found.assessed if act.applies] if found else []
    return read_rule(rules[-1], regime) if rules else shipped().get(regime)


def _duty(found: Obligation, incident: Incident, now: datetime) -> Duty:
    assessed = [act for done, act in found.assessed if done.time <= now]
    rules = [act.rule for act in assessed if act.applies]
    last = assessed[-1]
    if not last.applies:
        from poise.incident.clocks.regime import shipped

        rule = read_rule(rules[-1], last.regime) if rules else shipped()[last.regime]
        return Duty(rule, "does not apply", last.reason)
    rule = read_rule(rules[-1], last.regime)
    anchors: dict[str, datetime] = {}
    for done, act in found.anchors:
        if done.time <= now:
            anchors.pop(act.anchor, None)
            if act.at is not None:
                anchors[act.anchor] = act.at
    clocks = clocks_of(
        rule,
        anchors,
        [act for done, act in found.sent if done.time <= now],
        now,
        [act for done, act in found.suspended if done.time <= now],
        incident.head.detected,
    )
    clocks = tuple(_with_words(clock, found, now) for clock in clocks)
    return Duty(rule, "assessed", last.reason, anchors, clocks, tuple(rule.warnings(now.date())))


def _with_words(clock: Clock, found: Obligation, now: datetime) -> Clock:
    """Return a clock with what its recipient and what somebody said of this one stage."""
    said = [act for done, act in found.stages if done.time <= now and act.stage == clock.stage.id]
    if said and not said[-1].applies and clock.sent is None:
        return replace(clock, state="does not apply", reason=said[-1].reason)
    receipts = [act for done, act in found.receipts if done.time <= now and act.stage == clock.stage.id]
    if receipts:
        return replace(clock, receipt=f"{receipts[-1].receipt}, {in_utc(receipts[-1].at)}")
    return replace(clock, receipt=clock.sent.receipt if clock.sent else "")


def _state(stage: Stage, due: Due, first: Sent | None, rest: Suspended | None, now: datetime) -> State:
    if first is not None:
        return "sent late" if due.at is not None and first.at > due.at else "sent"
    if not stage.due:
        return "no number"
    if rest is not None and rest.until > now:
        return "suspended"
    if due.at is None:
        return "overdue" if due.bound is not None and now > due.bound else "waiting"
    return "overdue" if now > due.at else "running"
