"""Who knew what when: since somebody last looked, what had been told, what had been read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from poise.incident.base import PARTIES, Party
from poise.incident.course import Read
from poise.incident.state import Decision, Incident, Promise, Request, Told
from poise.incident.tlp import Watcher

News = Literal["new", "corrected", "upgraded", "downgraded", "withdrawn"]
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
    last = last_read(incident, watcher, at)
    place, since = (-1, None) if last is None else (incident.statements[last[0].upto].place, last[1])
    news: dict[News, int] = dict.fromkeys(_ORDER, 0)
    for told in seen:
        ended = told.ended is not None and told.ended <= at
        if told.author == watcher.name:
            continue
        if told.place > place and not ended:
            news[told.change] += 1
        elif told.place <= place and told.withdrawn and ended and since and told.withdrawn.time > since:
            news["withdrawn"] += 1
    standing = tuple(told for told in seen if told.stands(at))
    return View(
        at,
        watcher,
        standing,
        tuple(told for told in seen if not told.stands(at)),
        frozenset(told.record for told in standing if told.place > place and told.author != watcher.name),
        {name: count for name, count in news.items() if count},
        tuple(one for one in incident.promises_for(watcher) if one.made <= at),
        tuple(one for one in incident.requests.values() if one.asked.time <= at),
        tuple(
            one
            for one in incident.decisions.values()
            if one.asked.time <= at and (watcher.may_see(one.act.tlp) or one.asked.author == watcher.name)
        ),
    )


def last_read(incident: Incident, watcher: Watcher, at: datetime) -> tuple[Read, datetime] | None:
    """Return the press that reached furthest by then, and its time."""
    presses = [
        (done.act, done.time)
        for done in incident.reads
        if done.author == watcher.name and done.time <= at and isinstance(done.act, Read)
    ]
    return max(presses, key=lambda pair: incident.statements[pair[0].upto].place, default=None)


def readers(incident: Incident, told: Told, at: datetime) -> dict[Party, tuple[str, datetime] | None]:
    """Return for each side who read a statement first, and when; the side that wrote it needs no press."""
    found: dict[Party, tuple[str, datetime] | None] = dict.fromkeys(PARTIES)
    for done in incident.reads:
        if done.time > at or not isinstance(done.act, Read):
            continue
        watcher = incident.watcher(done.author, done.act.party)
        reached = incident.statements[done.act.upto].place >= told.place and done.time >= told.time
        if found[done.act.party] is None and reached and told.is_for(watcher):
            found[done.act.party] = (done.author, done.time)
    if found[told.act.party] is None:
        found[told.act.party] = (told.author, told.time)
    return found


def sentence(news: dict[News, int]) -> str:
    """Return what changed in a sentence, as "2 new, 1 withdrawn, 1 upgraded"; "nothing new" of nothing."""
    return ", ".join(f"{news[name]} {name}" for name in _ORDER if news.get(name)) or "nothing new"
