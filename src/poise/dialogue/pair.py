"""Goals, profiles, guesses, meetings, the survey, notes on signals."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from poise.dialogue.base import Act, Clock, Digest, Id, Line, Quarter, Text


class GoalProposed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A business goal, linked to services; who proposes it endorses it."""

    id: Id
    title: Line
    measure: Text = ""
    services: tuple[Id, ...] = ()


class GoalEndorsed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The other side's word that this is its goal too."""

    goal: Id


class GoalRetired(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The goal is over; what named it keeps naming it."""

    goal: Id
    reason: Line


class Pressure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What weighs on a side this quarter."""

    what: Line
    kind: Literal["board", "project", "audit", "freeze", "other"] = "other"
    start: date
    end: date


class Quiet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours in which nothing is sent, in the side's own time zone."""

    start: Clock = "19:00"
    end: Clock = "07:00"
    weekends: bool = True


class ProfileStated(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A side's pressures and way of working, in its own words; only the side itself states it.

    Parameters
    ----------
    priorities
        Most important first; the exercise guesses the first three.
    style
        What a reader wants to see first of an item.
    detail
        How much stands before the fold; the rest follows below, never nowhere.
    day, time
        When the weekly digest is wanted; 0 is Monday.
    urgent_in_quiet
        Whether what has a clock running may come in quiet hours.
    incident_minutes
        How often an update is wanted while an incident lasts [min].
    notices
        Whether an offer, a proposal or a question of the other side comes by itself too.
    """

    priorities: tuple[Line, ...] = ()
    pressures: tuple[Pressure, ...] = ()
    style: Literal["numbers first", "reasons first", "options first"] = "reasons first"
    detail: Literal["headline", "summary", "full"] = "summary"
    cadence: Literal["daily", "weekly"] = "weekly"
    day: Annotated[int, Meta(ge=0, le=6)] = 0
    time: Clock = "08:00"
    channels: tuple[Id, ...] = ("mail",)
    quiet: Quiet = Quiet()
    urgent_in_quiet: bool = True
    incident_minutes: Annotated[int, Meta(ge=5, le=10_080)] = 30
    notices: Literal["with the digest", "at once"] = "with the digest"
    timezone: str = "UTC"


class GuessSealed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guess of the other side's first three priorities, as a digest: taking part is free."""

    quarter: Quarter
    digest: Digest


class MeetingPlanned(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the two meet each week; the last word stands. Day 0 is Monday."""

    day: Annotated[int, Meta(ge=0, le=6)] = 0
    time: Clock = "09:00"
    timezone: str = "UTC"
    minutes: Annotated[int, Meta(ge=5, le=120)] = 20


class MeetingOpened(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A meeting begins with these items, in this order."""

    id: Id
    minutes: Annotated[int, Meta(ge=5, le=120)] = 20
    items: tuple[Line, ...] = ()


class ItemTaken(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one item."""

    meeting: Id
    item: Line
    outcome: Literal["decided", "promised", "carried", "closed"]
    note: Text = ""


class MeetingClosed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was agreed, by when, who tells whom."""

    meeting: Id
    summary: Text = ""


class SurveySealed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A side's answers, as a digest."""

    quarter: Quarter
    digest: Digest


class SignalAnnotated(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a side wants read beside a signal."""

    signal: Id
    text: Line
