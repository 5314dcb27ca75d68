"""After an incident: its timeline in two lanes, as known then; promises, decisions, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from poise.incident import course, duties, statements
from poise.incident.acts import name_of
from poise.incident.base import PARTIES, Act
from poise.incident.clocks.standing import duties_of, rule_of
from poise.incident.known import View, act_for, change_for, known_for, readers, view
from poise.incident.moments import at_place, day
from poise.incident.state import Decision, Done, FollowUp, Incident, Told
from poise.incident.tlp import EVERYTHING, Watcher, label, strictest
from poise.incident.words import BANDS, band_of

Lane = Literal["events", "knowledge"]


@dataclass(frozen=True)
class Moment:
    """A line of the timeline.

    Parameters
    ----------
    at
        When it happened (events) or was recorded (knowledge).
    kind
        What it is, for signs and filters.
    record
        Where it stands on the ledger.
    """

    at: datetime
    lane: Lane
    kind: str
    text: str
    author: str
    record: str


@dataclass(frozen=True)
class Kept:
    """How one side kept its promised updates: counts, and the median lateness of the late ones [min]."""

    party: str
    due: int
    kept: int
    late: int
    moved: int
    median_late_minutes: float | None


@dataclass(frozen=True)
class BandCount:
    """Judgements of one band that turned out: how many, and how many came true."""

    word: str
    low: float
    high: float
    resolved: int
    came_true: int


def timeline(incident: Incident, watcher: Watcher, at: datetime, *, hindsight: bool = False) -> list[Moment]:
    """Return what happened and what was known, in two lanes, in order of time.

    Parameters
    ----------
    hindsight
        Whether statements stand in the event lane as they were corrected later. Without it each stands as it
        was told first, which is what the people acting then could know.
    """
    found: list[Moment] = []
    for told in incident.order:
        if told.time > at or not told.is_for(watcher):
            continue
        is_first = change_for(incident, told, watcher) == "new"
        if told.act.true_from is not None and (told.stands(at) if hindsight else is_first):
            text = statements.sentence(told.act)
            found.append(Moment(told.act.true_from, "events", told.act.kind, text, told.author, told.record))
    found += [
        Moment(done.time, "knowledge", _kind(done.act), text, done.author, done.record)
        for done in incident.log
        if done.time <= at and (text := _text(incident, done, watcher))
    ]
    found += [*_promised(incident, watcher, at), *_silent(incident, watcher, at)]
    return sorted(found, key=lambda one: (one.at, one.lane, incident.places.get(one.record, 0)))


def _promised(incident: Incident, watcher: Watcher, at: datetime) -> Iterator[Moment]:
    """Yield when each update was promised, and when one that was due had not come."""
    for one in incident.promises_for(watcher):
        if one.made <= at:
            text = f"{one.party} promised the next update by {_there(incident, one.due)}."
            yield Moment(one.made, "knowledge", "promise", text, one.party, one.record)
        due = one.due_at(at)
        if due < at and one.state(at) in ("late", "kept late"):
            came = (
                f"it came {_there(incident, one.ended)}"
                if one.ended and one.ended <= at
                else "it has not come"
            )
            text = f"The update that {one.party} promised for this time was late; {came}."
            yield Moment(due, "knowledge", "late", text, one.party, one.record)


def _silent(incident: Incident, watcher: Watcher, at: datetime) -> Iterator[Moment]:
    """Yield the decisions that came by the silence that was agreed beforehand."""
    for one in incident.decisions.values():
        if one.is_for(watcher) and one.state(at) == "default":
            text = f"Nobody decided: {one.act.words_of(one.act.default)!r} as agreed, on: {one.act.question}"
            yield Moment(one.act.needed_by, "knowledge", "default", text, one.asked.author, one.asked.record)


def _there(incident: Incident, moment: datetime) -> str:
    """Return a moment where the incident is."""
    return at_place(moment, ZoneInfo(incident.head.timezone))


def promises_kept(incident: Incident, at: datetime, watcher: Watcher = EVERYTHING) -> list[Kept]:
    """Return how each side kept its promises; one that was moved before it was due is no miss."""
    found = []
    for party in PARTIES:
        own = [one for one in incident.promises_for(watcher) if one.party == party and one.made <= at]
        states = [one.state(at) for one in own]
        late = sorted(
            ((one.ended if one.ended and one.ended <= at else at) - one.due_at(at)).total_seconds() / 60
            for one, state in zip(own, states, strict=True)
            if state in ("late", "kept late")
        )
        middle = None if not late else (late[(len(late) - 1) // 2] + late[len(late) // 2]) / 2
        settled = [state for state in states if state != "open" and state != "ended"]
        moved = sum(any(move.time <= at for move in one.moves) for one in own)
        found.append(Kept(party, len(settled), settled.count("kept"), len(late), moved, middle))
    return found


def calibration(incident: Incident, at: datetime, watcher: Watcher) -> list[BandCount]:
    """Return for each band of likelihood how many of its judgements turned out, and how many came true."""
    found = ((told, _outcome(told, at)) for told in incident.order if told.is_for(watcher))
    return count_bands((middle(told.act), outcome) for told, outcome in found if outcome is not None)


def count_bands(judged: Iterable[tuple[float, bool]]) -> list[BandCount]:
    """Return the bands of likelihood [1] that were judged, each with how many there are and came true."""
    counts = {band.word: [0, 0] for band in BANDS}
    for likelihood, came_true in judged:
        count = counts[band_of(likelihood).word]
        count[0] += 1
        count[1] += came_true
    return [
        BandCount(band.word, band.low, band.high, *counts[band.word])
        for band in BANDS
        if counts[band.word][0]
    ]


def middle(act: statements.Stated) -> float:
    """Return the middle of a judgement's range [1]."""
    return ((act.low or 0.0) + (act.high or 0.0)) / 2


def _outcome(told: Told, at: datetime) -> bool | None:
    done = told.resolved
    if done is None or done.time > at:
        return None
    return bool(getattr(done.act, "was_true", False))


def document(incident: Incident, watcher: Watcher, at: datetime) -> dict[str, Any]:
    """Return the whole review as JSON values, of what the watcher may see."""
    seen = view(incident, watcher, at)
    told = sorted([*seen.standing, *seen.ended], key=lambda one: one.place)
    return {
        "form": "poise-incident/1",
        "incident": incident.id,
        "title": incident.head.title,
        "drill": incident.is_drill,
        "lead": incident.head.lead,
        "detected": incident.head.detected,
        "opened": incident.opened.time,
        "closed": incident.closed.time if incident.closed and incident.closed.time <= at else None,
        "as_of": at,
        "mark": mark_of(seen),
        "statements": [_statement_json(incident, one, watcher, at) for one in told],
        "timeline": [vars(one) for one in timeline(incident, watcher, at)],
        "promises": [vars(one) for one in promises_kept(incident, at, watcher)],
        "calibration": [vars(one) for one in calibration(incident, at, watcher)],
        "decisions": [_decision_json(incident, one, watcher, at) for one in seen.decisions],
        "duties": [
            {
                "regime": one.rule.id,
                "version": one.rule.version,
                "state": one.state,
                "reason": one.reason,
                "stages": [{"stage": clock.stage.id, "state": clock.state} for clock in one.clocks],
            }
            for one in (duties_of(incident, at) if watcher.knows_the_course else ())
        ],
        "follow_ups": [_follow_up_json(one, at) for one in follow_ups(incident, watcher, at)],
    }


def mark_of(seen: View) -> str:
    """Return the strictest mark of what a view shows, as the standard writes it."""
    told = [one.act.tlp for one in (*seen.standing, *seen.ended)]
    return label(strictest([*told, *(one.act.tlp for one in seen.decisions)]))


def follow_ups(incident: Incident, watcher: Watcher, at: datetime) -> list[FollowUp]:
    """Return what had been noted as open by then, for this watcher."""
    noted = incident.follow_ups.values() if watcher.knows_the_course else ()
    return [one for one in noted if one.opened.time <= at]


def _follow_up_json(one: FollowUp, at: datetime) -> dict[str, Any]:
    done = one.done if one.done is not None and one.done.time <= at else None
    return {
        **msgspec.to_builtins(one.act),
        "record": one.opened.record,
        "result": done and _result(done),
    }


def _statement_json(incident: Incident, told: Told, watcher: Watcher, at: datetime) -> dict[str, Any]:
    later = incident.statements.get(told.corrected_by or "")
    is_ended = told.ended is not None and told.ended <= at
    return {
        "record": told.record,
        "recorded": told.time,
        "author": told.author,
        "sentence": statements.sentence(told.act),
        "change": change_for(incident, told, watcher),
        "corrected_by": later.record if later and is_ended and later.is_for(watcher) else None,
        "ended": told.ended if is_ended else None,
        "came_true": _outcome(told, at),
        "read": {party: press for party, press in readers(incident, told, at).items() if press},
        **msgspec.to_builtins(act_for(incident, told, watcher)),
    }


def _decision_json(incident: Incident, one: Decision, watcher: Watcher, at: datetime) -> dict[str, Any]:
    made = one.made if one.made is not None and one.made.time <= at else None
    known = list(known_for(incident, made, watcher)) if made is not None else []
    return {
        **msgspec.to_builtins(one.act),
        "record": one.asked.record,
        "state": one.state(at),
        "made": None if made is None else {**msgspec.to_builtins(made.act), "known": known},
        "decided_at": None if made is None else made.time,
        "decided_by": None if made is None else made.author,
    }


def _result(done: Done) -> str:
    return str(getattr(done.act, "result", ""))


def _kind(act: Act) -> str:
    return act.kind if isinstance(act, statements.Stated) else name_of(act).replace(".", " ")


#: Acts that carry the mark of what they are about; the others have that of what has none of its own.
_MARKED: Final = (
    course.Opened, course.Read, course.DecisionAsked, course.DefaultAgreed, course.Decided,
    statements.Stated, statements.Withdrawn, statements.Resolved,
)  # fmt: skip
_PLAIN: Final[dict[type, str]] = {
    course.Opened: "Opened: {0.title}.",
    course.Asked: "{0.party} asked for an update: {0.what}",
    course.Closed: "Closed. {0.summary}",
    course.FollowUpDone: "A follow-up became: {0.result}.",
}


def _text(of: Incident, done: Done, watcher: Watcher) -> str:
    """Return an act in a sentence; empty when it is not for this watcher, or says nothing by itself."""
    act = done.act
    if not watcher.knows_the_course and not isinstance(act, _MARKED):
        return f"Closed by {done.author}." if isinstance(act, course.Closed) else ""
    if isinstance(act, statements.Stated):
        told = of.statements[done.record]
        change = change_for(of, told, watcher)
        said = "" if change == "new" else f"{change.capitalize()}: "
        return f"{said}{statements.sentence(act)}" if told.is_for(watcher) else ""
    if isinstance(act, statements.Withdrawn | statements.Resolved):
        told = of.statements[act.statement]
        if not told.is_for(watcher):
            return ""
        what = statements.sentence(told.act)
        if isinstance(act, statements.Withdrawn):
            return f"Withdrawn, {act.reason}: {what}"
        return f"Came {'true' if act.was_true else 'out false'}, {act.how}: {what}"
    if isinstance(act, course.Read):
        is_shown = of.statements[act.upto].is_for(watcher)
        return f"All up to {act.upto[:8]} was read." if is_shown else ""
    if isinstance(act, course.Checked):
        return f"{act.party} checked: no change."
    if isinstance(act, course.Answered):
        told_by = of.statements.get(act.statement or "")
        hidden = told_by is not None and not told_by.is_for(watcher)
        said = act.text or (statements.sentence(told_by.act) if told_by else "")
        return "" if hidden else f"{act.party} answered: {said.rstrip('.')}."
    if isinstance(act, course.Held):
        return f"Legal hold {'begun' if act.is_on else 'ended'}: {act.reason}."
    if isinstance(act, course.Moved):
        return f"The next update by {act.party} was moved to {_there(of, act.due)}: {act.reason}."
    if isinstance(act, course.Followed):
        return f"Stays open, noted as {act.becomes}: {act.text} ({act.owner}, by {day(act.due)})."
    if isinstance(act, _DUTIES):
        return _duty(of, act)
    if isinstance(act, course.DecisionAsked | course.DefaultAgreed | course.Decided):
        return "".join(_decision(of, done, watcher))
    return _PLAIN[type(act)].format(act) if type(act) in _PLAIN else ""


_Duty = (
    duties.Assessed | duties.StageAssessed | duties.Anchored | duties.Sent | duties.Suspended | duties.Receipt
)
_DUTIES: Final = get_args(_Duty)


def _duty(of: Incident, act: _Duty) -> str:
    """Return what was said of a regime, by the names that its rule has for itself and its stages."""
    rule = rule_of(of, act.regime)
    law = rule.title if rule else act.regime
    if isinstance(act, duties.Assessed):
        return f"{law}, {'applies' if act.applies else 'does not apply'}: {act.reason}."
    if isinstance(act, duties.Anchored):
        to = f"set to {_there(of, act.at)}" if act.at else "taken back"
        return f"{law}: '{act.anchor}' was {to}: {act.reason}."
    stages = {stage.id: stage.title for stage in rule.stages} if rule else {}
    filing = f"{law}: '{stages.get(act.stage, act.stage)}'"
    if isinstance(act, duties.StageAssessed):
        return f"{filing} {'is' if act.applies else 'is not'} due here: {act.reason}."
    if isinstance(act, duties.Suspended):
        return f"{filing} rests until {_there(of, act.until)} by {act.authority}."
    if isinstance(act, duties.Sent):
        return f"{filing} was filed, reference {act.reference}."
    return f"{filing} was received: {act.receipt}."


def _decision(of: Incident, done: Done, watcher: Watcher) -> Iterator[str]:
    act = done.act
    record = done.record if isinstance(act, course.DecisionAsked) else getattr(act, "request", "")
    asked = of.decisions[record]
    if not asked.is_for(watcher):
        return
    if isinstance(act, course.DecisionAsked):
        yield f"{act.party} asked: {act.question}"
    elif isinstance(act, course.Decided):
        count = len(known_for(of, done, watcher))
        yield f"{act.party} decided {asked.act.words_of(act.option)!r} on: {asked.act.question}"
        yield f" {act.reason}" if act.reason else ""
        yield f" ({count} statement{'s' * (count != 1)} stood then)"
    else:
        silence = asked.act.words_of(asked.act.default)
        yield f"{act.party} agreed that silence means {silence!r} on: {asked.act.question}"
