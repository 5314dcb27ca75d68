"""Who knew what when: since somebody last looked, what had been told, what had been read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import msgspec

from poise.incident.base import PARTIES, Party
from poise.incident.course import Answered, Decided, Read
from poise.incident.state import Change, Decision, Done, Incident, Promise, Request, Told
from poise.incident.statements import Stated
from poise.incident.statements import sentence as words
from poise.incident.tlp import Watcher

News: TypeAlias = Change
_ORDER: tuple[News, ...] = ("new", "withdrawn", "upgraded", "corrected", "downgraded")


@dataclass(frozen=True)
class View:
    """An incident as one watcher could see it at one moment; every count is taken after the marks.

    Parameters
    ----------
    standing
        The statements that stood, in the order of recording.
    ended
        Those that had been corrected or withdrawn by then.
    unread
        Ids of standing statements that the watcher had not pressed "read" for.
    news
        How many changes there were since the watcher last pressed it.
    """

    at: datetime
    watcher: Watcher
    standing: tuple[Told, ...]
    ended: tuple[Told, ...]
    unread: frozenset[str]
    news: dict[News, int]
    promises: tuple[Promise, ...]
    requests: tuple[Request, ...]
    decisions: tuple[Decision, ...]


def view(incident: Incident, watcher: Watcher, at: datetime) -> View:
    """Return what a watcher could see at a moment, reconstructed from what was recorded by then."""
    seen = [told for told in incident.order if told.time <= at and told.is_for(watcher)]
    press = last_read(incident, watcher, at)
    has_read = _has_read(incident, watcher, press)
    news: dict[News, int] = dict.fromkeys(_ORDER, 0)
    for told in seen:
        ended = told.ended is not None and told.ended <= at
        if told.author == watcher.name:
            continue
        if not has_read(told) and not ended:
            news[change_for(incident, told, watcher)] += 1
        elif press is not None and has_read(told) and told.withdrawn is not None and ended:
            # By their order on the ledger, which counts whole seconds only.
            news["withdrawn"] += incident.places[told.withdrawn.record] > incident.places[press.record]
    standing = tuple(told for told in seen if told.stands(at))
    asked = incident.requests.values() if watcher.knows_the_course else ()
    return View(
        at,
        watcher,
        standing,
        tuple(told for told in seen if not told.stands(at)),
        frozenset(told.record for told in standing if not has_read(told) and told.author != watcher.name),
        {name: count for name, count in news.items() if count},
        tuple(one for one in incident.promises_for(watcher) if one.made <= at),
        tuple(one for one in asked if one.asked.time <= at),
        tuple(one for one in incident.decisions.values() if one.asked.time <= at and one.is_for(watcher)),
    )


def change_for(incident: Incident, told: Told, watcher: Watcher) -> Change:
    """Return what a statement changed in a watcher's eyes: it is new to whom the earlier one was not for."""
    before = incident.statements.get(told.act.corrects or "")
    return "new" if before is not None and not before.is_for(watcher) else told.change


def act_for(incident: Incident, told: Told, watcher: Watcher) -> Stated:
    """Return what somebody stated without what points to a thing that is not for this watcher."""
    act = told.act
    before = incident.statements.get(act.corrects or "")
    if before is not None and not before.is_for(watcher):
        act = msgspec.structs.replace(act, corrects=None, fault="")
    asked = incident.decisions.get(act.waits or "")
    if asked is not None and not asked.is_for(watcher):
        act = msgspec.structs.replace(act, waits=None)
    return act


def known_for(incident: Incident, decided: Done, watcher: Watcher) -> tuple[str, ...]:
    """Return which of the statements that a decision rested on are for this watcher."""
    known = decided.act.known if isinstance(decided.act, Decided) else ()
    return tuple(one for one in known if incident.statements[one].is_for(watcher))


def answer_words(incident: Incident, request: Request, at: datetime) -> str:
    """Return what a request had been answered by then, in words; empty while it had not.

    An answer by a statement says its sentence; RED ones answer nothing, so whoever sees requests sees it.
    """
    done = request.answer
    if done is None or done.time > at or not isinstance(done.act, Answered):
        return ""
    told = incident.statements.get(done.act.statement or "")
    return done.act.text or (words(told.act) if told else "")


def _has_read(incident: Incident, watcher: Watcher, press: Done | None) -> Callable[[Told], bool]:
    """Return what tells whether a statement was covered by the watcher's last press of "read".

    A press covers what its presser could see then, and nothing that a later clearance opened.
    """
    if press is None:
        return lambda _: False
    place = _reach(incident, press)
    then = incident.as_then(watcher, press.time)
    if then == watcher:
        return lambda told: told.place <= place
    return lambda told: told.place <= place and told.is_for(then)


def last_read(incident: Incident, watcher: Watcher, at: datetime) -> Done | None:
    """Return the press that reached furthest by then, the latest of several."""
    presses = [done for done in incident.reads if done.author == watcher.name and done.time <= at]
    return max(presses, key=lambda done: (_reach(incident, done), incident.places[done.record]), default=None)


def _reach(incident: Incident, press: Done) -> int:
    """Return the place of the statement up to which a press says that all was read."""
    return incident.statements[press.act.upto].place if isinstance(press.act, Read) else -1


def readers(incident: Incident, told: Told, at: datetime) -> dict[Party, tuple[str, datetime] | None]:
    """Return for each side who read a statement first, and when; the side that wrote it needs no press."""
    found: dict[Party, tuple[str, datetime] | None] = dict.fromkeys(PARTIES)
    for done in incident.reads:
        if done.time > at or not isinstance(done.act, Read):
            continue
        watcher = incident.watcher(done.author, done.act.party, at=done.time)
        reached = incident.statements[done.act.upto].place >= told.place and done.time >= told.time
        if found[done.act.party] is None and reached and told.is_for(watcher):
            found[done.act.party] = (done.author, done.time)
    if found[told.act.party] is None:
        found[told.act.party] = (told.author, told.time)
    return found


def sentence(news: dict[News, int]) -> str:
    """Return what changed in a sentence, as "2 new, 1 withdrawn, 1 upgraded"; "nothing new" of nothing."""
    return ", ".join(f"{news[name]} {name}" for name in _ORDER if news.get(name)) or "nothing new"
