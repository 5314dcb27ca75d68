"""What pages of an incident show, made of the room's objects while they are held still."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from poise.desk import convert
from poise.incident.base import PARTIES
from poise.incident.clocks.standing import Clock, duties_of
from poise.incident.clocks.words import both, due_sentence
from poise.incident.drill import injects_by, is_over
from poise.incident.known import View, readers, sentence, view
from poise.incident.state import Decision, Incident, Told
from poise.incident.statements import duty, source_words
from poise.incident.statements import sentence as words
from poise.incident.tlp import Watcher, label, strictest

#: Statements on one page.
PAGE: Final = 40


def sitting(incident: Incident, who: Watcher, at: datetime, *, before: int | None = None) -> dict[str, Any]:
    """Return what the page of an incident shows to somebody at a moment.

    Parameters
    ----------
    before
        Only statements that stand before this place; for leafing back.
    """
    seen = view(incident, who, at)
    zone = ZoneInfo(incident.head.timezone)
    told = sorted([*seen.standing, *seen.ended], key=lambda one: one.place)
    older = [one for one in told if before is None or one.place < before]
    shown = older[: -PAGE - 1 : -1]
    marks = [one.act.tlp for one in seen.standing] + [one.act.tlp for one in seen.decisions]
    closed = incident.closed if incident.closed and incident.closed.time <= at else None
    return {
        "incident": incident,
        "head": incident.head,
        "is_drill": incident.is_drill,
        "at": at,
        "at_both": both(at, zone),
        "mark": label(strictest(marks)),
        "closed": closed,
        "news": sentence(seen.news),
        "num_unread": len(seen.unread),
        "upto": told[-1].record if told else "",
        "rows": [row(incident, one, seen, at) for one in shown],
        "older": shown[-1].place if shown and len(older) > len(shown) else None,
        "num_standing": len(seen.standing),
        "promises": promises(incident, seen, at),
        "requests": [one for one in seen.requests if one.answer is None and (one.ended or at) >= at],
        "decisions": [decision(one, at, zone) for one in seen.decisions][::-1],
        "duties": duties(incident, at),
        "troubled": [one for one in incident.messages.values() if one.state in ("failing", "given up")],
        "injects": [
            (when, one) for when, one in _injects(incident, at) if who.party is None or one.to == who.party
        ],
        "is_over": incident.is_drill and is_over(incident, at),
    }


def row(incident: Incident, told: Told, seen: View, at: datetime) -> dict[str, Any]:
    """Return one statement as a page shows it."""
    stands = told.stands(at)
    by_then = told.ended is not None and told.ended <= at
    correction = incident.statements.get(told.corrected_by or "") if by_then else None
    hidden = correction is not None and not correction.is_for(seen.watcher)
    return {
        "told": told,
        "act": told.act,
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
        "change": told.change,
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
                "both": both(last.due_at(at), ZoneInfo(incident.head.timezone)) if last else "",
                "moved": [(move.time, getattr(move.act, "reason", "")) for move in moved],
                "kept": sum(one.state(at) == "kept" for one in own),
                "late": sum(one.state(at) in ("late", "kept late") for one in own),
            }
        )
    return found


def decision(one: Decision, at: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Return a decision request as a page shows it."""
    made = one.made if one.made and one.made.time <= at else None
    return {
        "one": one,
        "act": one.act,
        "record": one.asked.record,
        "state": one.state(at),
        "needed": both(one.act.needed_by, zone),
        "made": made,
        "option": getattr(made.act, "option", "") if made else "",
        "known": len(getattr(made.act, "known", ())) if made else 0,
        "names": {option.id: option.text for option in one.act.options},
        "agreed": one.default_agreed is not None and one.default_agreed.time <= at,
    }


def duties(incident: Incident, at: datetime) -> list[dict[str, Any]]:
    """Return the regimes that were assessed, each with its clocks in sentences."""
    zone = ZoneInfo(incident.head.timezone)
    return [
        {
            "duty": one,
            "rule": one.rule,
            "clocks": [_clock(clock, zone, at) for clock in one.clocks],
        }
        for one in duties_of(incident, at)
    ]


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
        "known_both": both(told.act.known_from, zone),
        "true_both": both(told.act.true_from, zone) if told.act.true_from else "",
        "recorded_both": both(told.time, zone),
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


def services_of() -> list[tuple[str, str]]:
    """Return the estate's services, for choosing."""
    version = convert.latest_estate()
    if version is None:
        return []
    return [(service.id, service.name) for service in convert.estate_of(version).services.values()]
