"""Limits: what a side wants every plan to keep, whose it is, why, and until when."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from difflib import get_close_matches
from typing import Final, Literal

import msgspec

from poise.errors import Fault, TableError

Party = Literal["operations", "security"]
Rule = Literal["freeze", "hours", "weekends", "services", "deadline", "exposure"]
Class = Literal["law", "policy", "preference"]
Affected = Literal["kev", "ransomware", "critical", "high", "all"]

#: What an id may look like: words of letters, digits and ``-``.
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
#: Most limits at one table; nobody talks about more.
MOST_LIMITS = 64
#: Years that a time may be of: near the ends of the calendar, it has no equal in every zone.
FIRST_YEAR, LAST_YEAR = 1900, 2999
#: Largest amount: beyond, relaxing it step by step counts nothing.
MOST_AMOUNT = 1e15
#: Latest deadline of a limit [d]: a hundred years, so that its day is one that calendars have.
MOST_DEADLINE_DAYS = 36_500.0
#: Rules whose amount counts whole things, and rules that have no start and no end.
_COUNTED, _TIMELESS = ("weekends", "services"), ("deadline", "exposure")
#: A freeze is trimmed by this at each end, a deadline moved by it.
WEEK = timedelta(days=7)


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One limit.

    ==========  =====================================================================  =================
    rule        what every plan must keep                                              ``amount``
    ==========  =====================================================================  =================
    freeze      nothing in scope is opened in a window that overlaps [start, end)      none
    hours       planned downtime of the groups in scope                                hours
    weekends    weekends that the teams in scope work, added up                        weekends
    services    services in scope that are opened in any one calendar week             services
    deadline    changes ``affected`` in scope are done this many days from now         days
    exposure    expected loss of the services in scope over the horizon                money
    ==========  =====================================================================  =================

    Parameters
    ----------
    id
        Unique at the table.
    party
        Whose limit it is.
    rule
        As in the table above.
    class_
        ``law`` can neither be traded nor repaired away; ``policy`` has an owner who may waive it;
        ``preference`` may be traded.
    owner, reason
        Who answers for it, and why it is there.
    until
        Last day on which the limit stands; None without an end.
    scope
        Ids of services, patch groups or teams; empty for everything.
    amount
        In the rule's unit, >= 0.
    start, end
        Of a freeze, and of the windows that hours, weekends and services count, which may have only one
        of the two; with time zones.
    affected
        Which changes a deadline is about.
    """

    id: str
    party: Party
    rule: Rule
    class_: Class = msgspec.field(name="class", default="preference")
    owner: str = ""
    reason: str = ""
    until: date | None = None
    scope: tuple[str, ...] = ()
    amount: float | None = None
    start: datetime | None = None
    end: datetime | None = None
    affected: Affected = "all"

    @property
    def may_give_way(self) -> bool:
        """Return whether the limit is negotiable at all."""
        return self.class_ != "law"

    def is_in_force(self, day: date) -> bool:
        """Return whether the limit stands on a day."""
        return self.until is None or day <= self.until

    def unit(self, currency: str) -> str:
        """Return the unit of ``amount``."""
        units = {"hours": "h", "weekends": "weekends", "services": "services a week", "deadline": "d"}
        return units.get(self.rule, currency if self.rule == "exposure" else "")


def check_importance(importance: Iterable[str], services: Iterable[str], where: str) -> None:
    """Raise E553 when an importance is of something that is no service, all of them together."""
    known = frozenset(services)
    faults = [
        Fault("E553", f"{where}, importance", f"{name!r} is no service.", near(name, known))
        for name in importance
        if name not in known
    ]
    if faults:
        raise TableError(faults)


def near(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the ids most like one that is not known."""
    found = get_close_matches(name, sorted(known), 3)
    return f"Perhaps {' or '.join(found)} is meant." if found else "Its id stands in the estate's file."


def check_limits(
    limits: Iterable[Limit], known: Iterable[str], where: str, today: date | None = None
) -> tuple[Limit, ...]:
    """Return the limits when each makes sense and all fit together.

    Parameters
    ----------
    known
        Ids of services, groups and teams that a scope may name.
    where
        What an error names.
    today
        A limit that ended before is refused; None for limits that were posted earlier.

    Raises
    ------
    TableError
        E551 to E553, all faults together.
    """
    names = frozenset(known)
    seen: set[str] = set()
    faults: list[Fault] = []
    checked = tuple(limits)
    if len(checked) > MOST_LIMITS:
        text = f"There are {len(checked)} limits; expected at most {MOST_LIMITS}."
        faults.append(Fault("E551", where, text))
    for limit in checked[:MOST_LIMITS]:
        place = f"{where}, limit {limit.id!r}"
        if limit.id in seen:
            faults.append(Fault("E552", place, "This id is given twice; expected one limit for each."))
        seen.add(limit.id)
        faults += [Fault("E551", place, text) for text in _wrong(limit)]
        if today is not None and not limit.is_in_force(today):
            text = f"It stands until {limit.until}, which is past; expected {today} or later."
            faults.append(Fault("E551", place, text))
        for name in limit.scope:
            if name not in names:
                text = f"The scope names {name!r}, which is no service, patch group or team."
                web = "The form of a limit lists them all."
                faults.append(Fault("E553", place, text, near(name, names), web))
    if faults:
        raise TableError(faults)
    return checked


def check_kept(broken: Sequence[str], where: str) -> None:
    """Raise E557 when a plan breaks limits in force, which are given by their ids."""
    if broken:
        hint = "Drop or change the limit first, or propose a plan that keeps it."
        raise TableError(Fault("E557", where, f"It breaks {', '.join(broken)}.", hint))


def _wrong(limit: Limit) -> Iterator[str]:
    if not ID.fullmatch(limit.id):
        yield f"The id is {limit.id!r}; expected lower-case letters, digits and '-'."
    if limit.rule == "freeze":
        if limit.amount is not None:
            yield f"A freeze has no amount; this one has {limit.amount:g}."
        if limit.start is None or limit.end is None:
            yield "A freeze needs a start and an end."
    elif limit.amount is None or not (math.isfinite(limit.amount) and limit.amount >= 0):
        yield f"The amount is {limit.amount}; expected a number of at least 0."
    elif limit.amount > MOST_AMOUNT:
        yield f"The amount is {limit.amount:g}; expected at most {MOST_AMOUNT:g}."
    elif limit.rule == "deadline" and limit.amount > MOST_DEADLINE_DAYS:
        yield f"The amount is {limit.amount:g} days; expected at most {MOST_DEADLINE_DAYS:g}."
    elif limit.rule in _COUNTED and limit.amount % 1:
        yield f"The amount is {limit.amount:g}; expected a whole number of {limit.unit('')}."
    if limit.affected != "all" and limit.rule != "deadline":
        yield f"It affects {limit.affected} changes only, which just a deadline can; this is {limit.rule}."
    if limit.rule in _TIMELESS and (limit.start is not None or limit.end is not None):
        yield f"A limit of rule {limit.rule} has no start and no end; expected neither."
    for name, moment in (("start", limit.start), ("end", limit.end)):
        if moment is not None and moment.tzinfo is None:
            yield f"The {name} is {moment}; expected a time zone with it."
        if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            yield f"The {name} is {moment}; expected a year from {FIRST_YEAR} to {LAST_YEAR}."
    both = (limit.start, limit.end)
    aware = all(moment is not None and moment.tzinfo is not None for moment in both)
    if aware and limit.start is not None and limit.end is not None and limit.end <= limit.start:
        yield f"It ends at {limit.end} and starts at {limit.start}; expected an end after the start."
    if limit.class_ != "preference" and not limit.owner.strip():
        yield f"A limit of class {limit.class_} needs an owner who answers for it."


def relaxed(limit: Limit, steps: int) -> Limit | None:
    """Return a limit that gives way by so many steps; None when nothing is left of it.

    A step is a week at each end of a freeze, a week of a deadline, one weekend or service, and a tenth
    of the first amount of hours or exposure.
    """
    if steps == 0:
        return limit
    if limit.rule == "freeze" and limit.start is not None and limit.end is not None:
        start, end = limit.start + steps * WEEK, limit.end - steps * WEEK
        return msgspec.structs.replace(limit, start=start, end=end) if start < end else None
    return msgspec.structs.replace(limit, amount=(limit.amount or 0.0) + steps * step_of(limit))


def step_of(limit: Limit) -> float:
    """Return by how much the amount of a limit gives way in one step, in its unit."""
    tenth = 0.1 * (limit.amount or 0.0) or 1.0
    return {"deadline": float(WEEK.days), "weekends": 1.0, "services": 1.0}.get(limit.rule, tenth)


#: What a deadline is about, as sentences begin.
_AFFECTED: Final[Mapping[Affected, str]] = {
    "all": "Every change",
    "kev": "Known-exploited changes",
    "ransomware": "Changes against ransomware",
    "critical": "Critical changes",
    "high": "High and critical changes",
}


def sentence(limit: Limit, currency: str, zone: tzinfo | None = None) -> str:
    """Return what a limit says, in a sentence for people; times in a zone, named, where one is given."""
    scope = ", ".join(limit.scope) or "everything"
    amount = f"{limit.amount:,.6g}" if limit.amount is not None else ""
    span = _span(limit, zone)
    if limit.rule == "freeze":
        return f"No change on {scope}{span}."
    if limit.rule == "hours":
        return f"At most {amount} h of planned downtime on {scope}{span}."
    if limit.rule == "weekends":
        return f"At most {amount} weekends of work on {scope}{span}."
    if limit.rule == "services":
        return f"At most {amount} of these services opened in one week{span}: {scope}."
    if limit.rule == "deadline":
        return f"{_AFFECTED[limit.affected]} on {scope} done within {amount} days."
    return f"At most {currency} {amount} of expected loss on {scope}."


def _span(limit: Limit, zone: tzinfo | None) -> str:
    """Return from when to when a limit counts, with a space before it; nothing where it always does."""
    said = []
    for word, moment in (("from", limit.start), ("to" if limit.start else "until", limit.end)):
        if moment is not None:
            said.append(f" {word} {moment.astimezone(zone or moment.tzinfo):%Y-%m-%d %H:%M}")
    last = limit.end or limit.start
    return "".join(said) + (f" {last.astimezone(zone):%Z}" if zone and last else "")
