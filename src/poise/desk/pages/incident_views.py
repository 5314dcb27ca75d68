"""What pages of an incident show, made of the room's objects while they are held still."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from poise.desk import convert
from poise.incident.base import PARTIES, Party
from poise.incident.clocks.standing import Clock, duties_of
from poise.incident.clocks.words import both, due_sentence
from poise.incident.drill import injects_by, is_over, scenario_of
from poise.incident.known import (
    View,
    act_for,
    answer_words,
    change_for,
    known_for,
    readers,
    sentence,
    view,
)
from poise.incident.moments import at_place
from poise.incident.review import mark_of
from poise.incident.state import Decision, Incident, Obligation, Told
from poise.incident.statements import duty, source_words
from poise.incident.statements import sentence as words
from poise.incident.tlp import UNMARKED, Watcher, label, rank

#: Statements on one page, and answered requests.
PAGE: Final = 40
ANSWERED: Final = 3


def sitting(incident: Incident, who: Watcher, at: datetime, *, before: str = "") -> dict[str, Any]:
    """Return what the page of an incident shows to somebody at a moment.

    Parameters
    ----------
    before
        Only statements that were recorded before this one; for leafing back. It is a hash and no place, as
        places would count what is not for this reader.
    """
    seen = view(incident, who, at)
    zone = ZoneInfo(incident.head.timezone)
    told = sorted([*seen.standing, *seen.ended], key=lambda one: one.place)
    first = next((number for number, one in enumerate(told) if one.record == before), len(told))
    shown = told[max(0, first - PAGE) : first][::-1]
    closed = incident.closed if incident.closed and incident.closed.time <= at else None
    return {
        "incident": incident,
        "head": incident.head,
        "is_drill": incident.is_drill,
        "at": at,
        "at_both": both(at, zone),
        "mark": mark_of(seen),
        "closed": closed,
        "news": sentence(seen.news),
        "has_news": bool(seen.news),
        # What was there when somebody presses "read": the same press twice is one, a later one is another.
        "upto": f"{told[-1].record}:{len(told)}-{len(seen.ended)}-{len(seen.unread)}" if told else "",
        "rows": [row(incident, one, seen, at) for one in shown],
        "older": shown[-1].record if first > PAGE else None,
        "num_standing": len(seen.standing),
        "promises": promises(incident, seen, at),
        "knows_the_course": who.knows_the_course,
        "requests": requests(incident, seen),
        "decisions": [decision(incident, one, seen, zone) for one in seen.decisions][::-1],
        "duties": duties(incident, who, at),
        "troubled": troubled(incident, who, at),
        "injects": [
            (when, one) for when, one in _injects(incident, at) if who.party is None or one.to == who.party
        ],
        "is_over": incident.is_drill and is_over(incident, at),
        "questions": _questions(incident, at),
    }


def told_to(incident: Incident, who: Watcher, side: Party, at: datetime) -> dict[str, Any]:
    """Return what a whole side had been told by a moment and had read, as far as it is for the reader.

    RED goes to people by name and never to a side.
    """
    eyes = Watcher("", side, min(who.clearance, UNMARKED, key=rank))
    shown = sitting(incident, eyes, at)
    for one in shown["rows"]:
        one["is_new"] = one["stands"] and not dict(one["readers"])[side]
    standing = incident.standing(at, eyes)
    num_read = sum(readers(incident, one, at)[side] is not None for one in standing)
    return {**shown, "news": f"{len(standing)} that stood, {num_read} of them read", "has_news": False}


def row(incident: Incident, told: Told, seen: View, at: datetime) -> dict[str, Any]:
    """Return one statement as a page shows it."""
    stands = told.stands(at)
    by_then = told.ended is not None and told.ended <= at
    correction = incident.statements.get(told.corrected_by or "") if by_then else None
    hidden = correction is not None and not correction.is_for(seen.watcher)
    return {
        "told": told,
        "act": act_for(incident, told, seen.watcher),
        "sentence": words(told.act),
        "source": source_words(told.act),
        "duty": duty(told.act),
        "mark": label(told.act.tlp),
        "is_new": told.record in seen.unread,
        "stands": stands,
        "correction": None if hidden else correction,
        "withdrawn": getattr(told.withdrawn.act, "reason", "") if told.withdrawn and by_then else "",
        "is_withdrawn": bool(told.withdrawn) and by_then,
        "readers": [(party, press) for party, press in readers(incident, told, at).items()],
        "change": change_for(incident, told, seen.watcher),
    }


def promises(incident: Incident, seen: View, at: datetime) -> list[dict[str, Any]]:
    """Return for each side what it promised last, and how that stands."""
    found = []
    for party in PARTIES:
        own = [one for one in seen.promises if one.party == party]
        last = own[-1] if own else None
        moved = [move for move in last.moves if move.time <= at] if last else []
        found.append(
            {
                "party": party,
                "promise": last,
                "state": last.state(at) if last else "none",
                "due": last.due_at(at) if last else None,
                "moved": [(move.time, getattr(move.act, "reason", "")) for move in moved],
                "kept": sum(one.state(at) == "kept" for one in own),
                "late": sum(one.state(at) in ("late", "kept late") for one in own),
            }
        )
    return found


def requests(incident: Incident, seen: View) -> list[dict[str, Any]]:
    """Return the requests that wait for an answer, and the last ones that got theirs."""
    at = seen.at
    waiting = [one for one in seen.requests if one.is_open(at)]
    answered = [one for one in seen.requests if one.answer is not None and one.answer.time <= at]
    return [
        {
            "act": one.act,
            "is_late": one.is_open(at) and one.act.wanted_by < at,
            "answer": None if one.is_open(at) else one.answer,
            "words": answer_words(incident, one, at),
        }
        for one in (*waiting, *answered[: -ANSWERED - 1 : -1])
    ]


def troubled(incident: Incident, who: Watcher, at: datetime) -> list[dict[str, Any]]:
    """Return the messages that had not been taken by then, with every attempt."""
    return [
        {
            "act": one.act,
            "state": one.state_at(at),
            "failures": [failure for failure in one.failures if failure[0] <= at],
        }
        for one in incident.messages.values()
        if one.is_for(who) and one.state_at(at) in ("failing", "given up")
    ]


def decision(incident: Incident, one: Decision, seen: View, zone: ZoneInfo) -> dict[str, Any]:
    """Return a decision request as a page shows it; only statements that the reader may see are counted."""
    at = seen.at
    made = one.made if one.made and one.made.time <= at else None
    return {
        "one": one,
        "act": one.act,
        "record": one.asked.record,
        "state": one.state(at),
        "needed": at_place(one.act.needed_by, zone),
        "made": made,
        "option": getattr(made.act, "option", "") if made else "",
        "known": len(known_for(incident, made, seen.watcher)) if made else 0,
        "names": {option.id: option.text for option in one.act.options},
        "agreed": one.default_agreed is not None and one.default_agreed.time <= at,
    }


def duties(incident: Incident, who: Watcher, at: datetime) -> list[dict[str, Any]]:
    """Return the regimes that were assessed, each with its clocks in sentences."""
    if not who.knows_the_course:
        return []
    zone = ZoneInfo(incident.head.timezone)
    return [
        {
            "duty": one,
            "rule": one.rule,
            "clocks": [_clock(clock, zone, at) for clock in one.clocks],
            "anchors": [
                _anchor(incident.obligations[one.rule.id], name, question, zone, at)
                for name, question in one.rule.anchors.items()
            ],
            "has_sent": any(clock.sent for clock in one.clocks),
            "may_rest": any(clock.stage.suspension for clock in one.clocks),
        }
        for one in duties_of(incident, at)
    ]


def _anchor(of: Obligation, name: str, question: str, zone: ZoneInfo, at: datetime) -> dict[str, Any]:
    """Return the last determination of an anchor: when, by whom and why; the question where there is none."""
    made = [(done, act) for done, act in of.anchors if act.anchor == name and done.time <= at]
    done, act = made[-1] if made else (None, None)
    when = both(act.at, zone) if act is not None and act.at is not None else ""
    return {"name": name, "question": question, "at": when, "by": done, "earlier": len(made) - 1}


def _clock(clock: Clock, zone: ZoneInfo, at: datetime) -> dict[str, Any]:
    return {"clock": clock, "stage": clock.stage, "text": due_sentence(clock, zone, at), "state": clock.state}


def statement_context(incident: Incident, who: Watcher, record: str, at: datetime) -> dict[str, Any] | None:
    """Return what the page of one statement shows; None where it is not for this reader or not there."""
    told = incident.statements.get(record)
    if told is None or not told.is_for(who):
        return None
    zone = ZoneInfo(incident.head.timezone)
    past = _before(incident, told, who)
    return {
        **row(incident, told, view(incident, who, at), at),
        "earlier": [(one, words(one.act)) for one in past],
        "known_both": at_place(told.act.known_from, zone),
        "true_both": at_place(told.act.true_from, zone) if told.act.true_from else "",
        "recorded_both": at_place(told.time, zone),
        "resolved": told.resolved,
    }


def _before(incident: Incident, told: Told, who: Watcher) -> list[Told]:
    found, one = [], told
    while one.act.corrects is not None and one.act.corrects in incident.statements:
        one = incident.statements[one.act.corrects]
        if one.is_for(who):
            found.append(one)
    return found


def _injects(incident: Incident, at: datetime) -> list[tuple[datetime, Any]]:
    return injects_by(incident, at) if incident.is_drill else []


def _questions(incident: Incident, at: datetime) -> list[str]:
    """Return what a drill that goes on asks both sides to judge."""
    if not incident.is_drill or is_over(incident, at):
        return []
    return [one.text for one in scenario_of(incident).questions]


def services_of() -> list[tuple[str, str]]:
    """Return the estate's services, for choosing."""
    version = convert.latest_estate()
    if version is None:
        return []
    return [(service.id, service.name) for service in convert.estate_of(version).services.values()]
