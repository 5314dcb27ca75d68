"""A regime: a version of a reporting duty, as data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from poise.errors import Fault, IncidentError
from poise.incident.base import Id, Line, Text
from poise.incident.clocks.calendars import calendar_of

SENT: Final = "sent:"
NOT_ADVICE: Final = "Not legal advice: rules as found, doubts marked. Counsel decides."
Number = Annotated[int, Meta(ge=1, le=3660)]
Reference = Annotated[str, Meta(pattern=r"^(sent:)?[a-z0-9][a-z0-9-]{0,63}$")]


class Term(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A duration after an anchor; exactly one of hours, days, business_days and months.

    Parameters
    ----------
    after
        An anchor, or ``sent:STAGE``: when that stage was filed (the latest filing counts).
    hours
        Of elapsed time, whatever clocks on the wall do.
    days, months
        Of the calendar at the regime's place. The last of a month stands for a day that it lacks.
    business_days
        The n-th business day after the anchor's day.
    from_year_end
        Whether the period begins at the end of the anchor's calendar year.
    ends
        Whether a period of days or months ends at the anchor's time of day or with the day.
    void_before
        An anchor: the term does not count when it would end before that.
    """

    after: Reference
    hours: Number | None = None
    days: Number | None = None
    business_days: Number | None = None
    months: Number | None = None
    from_year_end: bool = False
    ends: Literal["same-time", "end-of-day"] = "end-of-day"
    void_before: Reference | None = None


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One filing.

    Parameters
    ----------
    when
        In which case it is due, in words, where not in every case.
    due
        Terms; none means that the law gives no number.
    combine
        Which of several terms counts: the earliest or the latest.
    words
        The law's own words beside or in place of a number.
    roll
        What happens to a limit on a day that is no business day.
    suspension
        In which case the law lets it rest, in words; empty where it does not.
    """

    id: Id
    title: Line
    recipient: Line
    when: Text = ""
    due: tuple[Term, ...] = ()
    combine: Literal["earliest", "latest"] = "earliest"
    words: Text = ""
    roll: Literal["none", "next-business-day", "noon-next-business-day"] = "none"
    suspension: Text = ""


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A worked example: what is due after these anchors and filings, and where that follows from."""

    anchors: dict[str, datetime]
    sent: dict[str, datetime] = {}
    expect: dict[str, datetime]
    why: Line


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One version of one regime.

    Parameters
    ----------
    status
        ``pending`` rules are no law yet, ``repealed`` ones no longer; neither runs by itself.
    effective_from, effective_to
        First day, and first day no longer; None where not known or without end.
    citation, url
        Where the rule stands.
    basis
        On what this file rests: the primary text, what others write about it, or memory; or sources that
        contradict each other.
    doubts
        What is not certain, each a sentence.
    reviewed_by, reviewed_on
        Counsel who confirmed it for this workspace; empty as shipped.
    review_by
        When to look again at the latest.
    timezone, calendar
        The regime's place, and its business days (:mod:`poise.incident.clocks.calendars`).
    anchors
        Each with the question that a person answers by setting it.
    """

    id: Id
    title: Line
    version: Line
    status: Literal["in-force", "pending", "repealed"]
    effective_from: date | None = None
    effective_to: date | None = None
    citation: Line
    url: Line
    basis: Literal["primary", "secondary", "memory", "conflict"]
    doubts: tuple[Line, ...] = ()
    reviewed_by: Text = ""
    reviewed_on: date | None = None
    review_by: date
    timezone: Line
    calendar: Line
    anchors: dict[Id, Line]
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1, max_length=20)]
    examples: tuple[Example, ...] = ()

    def warnings(self, on: date) -> list[str]:
        """Return what somebody who relies on it on a day must know."""
        found = [] if self.reviewed_by else ["No counsel has reviewed this rule for this workspace."]
        if on > self.review_by:
            found.append(f"Its review was due on {self.review_by}.")
        if self.status != "in-force":
            found.append(f"It is {self.status}: it is no law in force as far as known.")
        if self.effective_from and on < self.effective_from:
            found.append(f"It takes effect on {self.effective_from}.")
        if self.effective_to and on >= self.effective_to:
            found.append(f"It ceased to have effect on {self.effective_to}.")
        if self.basis != "primary":
            found.append(f"It rests on {_BASIS[self.basis]}.")
        return [*found, *self.doubts]


_BASIS: Final = {
    "secondary": "what others write about the law, not on its text",
    "memory": "memory, not on a text",
    "conflict": "sources that contradict each other",
}


def read_rule(value: Mapping[str, Any], where: str) -> Rule:
    """Return the rule of plain values, as they stand in a file or in an incident's snapshot.

    Raises
    ------
    IncidentError
        E830 when they are none, E831 when its stages or anchors do not fit together.
    """
    try:
        rule = msgspec.convert(value, Rule)
    except (msgspec.ValidationError, OverflowError) as error:
        raise IncidentError(Fault("E830", where, f"is no rule of a regime: {error}.")) from error
    faults = [Fault("E831", where, text) for text in _wrong(rule)]
    if faults:
        raise IncidentError(faults)
    return rule


def parse_rule(content: str, where: str) -> Rule:
    """Return the rule of a TOML text; E830 and E831 as in :func:`read_rule`."""
    import tomllib

    try:
        value = tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise IncidentError(Fault("E830", where, f"is no TOML: {error}.")) from error
    return read_rule(value, where)


@cache
def shipped() -> dict[str, Rule]:
    """Return the regimes that come with Poise, by id."""
    folder = files(__package__) / "regimes"
    named = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    rules = [parse_rule(one.read_text("utf-8"), one.name) for one in named]
    return {rule.id: rule for rule in rules}


def _wrong(rule: Rule) -> list[str]:
    found = []
    stages = [stage.id for stage in rule.stages]
    if len(set(stages)) < len(stages):
        found.append(f"a stage is named twice: {', '.join(stages)}.")
    known = {*rule.anchors, *(f"{SENT}{stage}" for stage in stages)}
    for stage in rule.stages:
        if not stage.due and not stage.words:
            found.append(f"stage {stage.id} has neither due nor words.")
        for term in stage.due:
            given = [term.hours, term.days, term.business_days, term.months]
            if sum(one is not None for one in given) != 1:
                found.append(f"stage {stage.id}: one of hours, days, business_days, months is needed.")
            for name in (term.after, term.void_before):
                if name is not None and name not in known:
                    found.append(f"stage {stage.id}: {name!r} is no anchor and no filing.")
    if not found and _has_circle(rule):
        found.append("its stages wait for each other in a circle.")
    try:
        ZoneInfo(rule.timezone)
    except (ValueError, OSError, KeyError):
        found.append(f"timezone is {rule.timezone!r}; expected a name such as Europe/Berlin.")
    try:
        calendar_of(rule.calendar)
    except IncidentError as error:
        found.append(error.faults[0].message)
    return found


def _has_circle(rule: Rule) -> bool:
    """Return whether the stages, as a graph of who waits for whose filing, have a circle."""
    waits = {
        stage.id: {term.after.removeprefix(SENT) for term in stage.due if term.after.startswith(SENT)}
        for stage in rule.stages
    }
    while waits:
        free = [stage for stage, needs in waits.items() if not needs & waits.keys()]
        if not free:
            return True
        for stage in free:
            del waits[stage]
    return False
