"""Drills: a scenario whose injects come by the clock, played on the same screens, scored by open formulas."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from poise.errors import Fault, IncidentError
from poise.incident.base import Id, Line, Party, Text
from poise.incident.review import BandCount, Kept, count_bands, promises_kept
from poise.incident.state import Incident, Told
from poise.incident.tlp import EVERYTHING, Watcher

Minutes = Annotated[int, Meta(ge=0, le=1440)]


class Inject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a side learns at a time.

    Parameters
    ----------
    at_minutes
        After the start [min].
    answer_within_minutes
        In which time a statement that names this inject counts as prompt [min].
    """

    id: Id
    at_minutes: Minutes
    to: Party
    text: Text
    answer_within_minutes: Annotated[int, Meta(ge=1, le=1440)]


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What turns out at the end: judgements that name it are scored against it."""

    id: Id
    text: Line
    is_true: bool
    told: Text


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A drill to be played."""

    id: Id
    title: Line
    minutes: Annotated[int, Meta(ge=1, le=1440)]
    setting: Text
    injects: Annotated[tuple[Inject, ...], Meta(min_length=1, max_length=100)]
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Answered:
    """An inject with its first answer: minutes from inject to statement, and whether that was in time."""

    inject: str
    to: Party
    minutes: float | None
    limit_minutes: int

    @property
    def is_prompt(self) -> bool:
        """Whether it was answered in its time."""
        return self.minutes is not None and self.minutes <= self.limit_minutes


@dataclass(frozen=True)
class Judged:
    """A question with the last judgement of it by each side that made one.

    Whose a judgement was is not said: a side is one person, and a person gets no score (ADR 18).

    Parameters
    ----------
    ranges
        Low and high end of each [1], lowest first.
    """

    question: str
    is_true: bool
    ranges: tuple[tuple[float, float], ...]

    @property
    def middles(self) -> list[float]:
        """The middle of each range [1]."""
        return [(low + high) / 2 for low, high in self.ranges]


@dataclass(frozen=True)
class Score:
    """How a drill went: counts and their parts, no sum of unlike things."""

    answered: tuple[Answered, ...]
    judged: tuple[Judged, ...]
    promises: tuple[Kept, ...]

    @property
    def num_prompt(self) -> int:
        """How many injects were answered in their time."""
        return sum(one.is_prompt for one in self.answered)

    @property
    def brier(self) -> float | None:
        """Mean squared distance of the judgements' middles from what was true; None without any.

        0 is best, 0.25 is what "no idea" gives.
        """
        found = [(middle - one.is_true) ** 2 for one in self.judged for middle in one.middles]
        return sum(found) / len(found) if found else None

    @property
    def bands(self) -> list[BandCount]:
        """The judgements by band: how many were made, and of how many the thing was true."""
        return count_bands((middle, one.is_true) for one in self.judged for middle in one.middles)


def read_scenario(value: Mapping[str, Any], where: str) -> Scenario:
    """Return the scenario of plain values; E839 when they are none, or an id stands twice."""
    try:
        scenario = msgspec.convert(value, Scenario)
    except msgspec.ValidationError as error:
        raise IncidentError(Fault("E839", where, f"is no scenario of a drill: {error}.")) from error
    ids = [*(one.id for one in scenario.injects), *(one.id for one in scenario.questions)]
    if len(set(ids)) < len(ids):
        raise IncidentError(Fault("E839", where, f"an id stands twice: {', '.join(ids)}."))
    return scenario


def parse_scenario(content: str, where: str) -> Scenario:
    """Return the scenario of a TOML text; E839 when it is none."""
    try:
        return read_scenario(tomllib.loads(content), where)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise IncidentError(Fault("E839", where, f"is no TOML: {error}.")) from error


@cache
def shipped() -> dict[str, Scenario]:
    """Return the scenarios that come with Poise, by id."""
    folder = files(__package__) / "drills"
    named = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    found = [parse_scenario(one.read_text("utf-8"), one.name) for one in named]
    return {one.id: one for one in found}


def scenario_of(incident: Incident) -> Scenario:
    """Return the scenario under which a drill runs, as it was when it began; E839 for an incident."""
    if not incident.is_drill:
        raise IncidentError(Fault("E839", incident.id, "is an incident, not a drill."))
    return read_scenario(incident.head.scenario, incident.id)


def injects_by(incident: Incident, at: datetime, party: Party | None = None) -> list[tuple[datetime, Inject]]:
    """Return the injects that have come by a moment, for one side or for both."""
    start = incident.opened.time
    found = [(start + timedelta(minutes=one.at_minutes), one) for one in scenario_of(incident).injects]
    return [(when, one) for when, one in found if when <= at and party in (None, one.to)]


def score(incident: Incident, at: datetime, watcher: Watcher = EVERYTHING) -> Score:
    """Return how the two did by a moment; injects that have not come yet are left out.

    Only statements that the watcher may see count.
    Questions are told once the drill is closed or its time is over, and scored from then on.
    """
    scenario = scenario_of(incident)
    told = [one for one in incident.order if one.time <= at and one.is_for(watcher)]
    answered = []
    for when, inject in injects_by(incident, at):
        first = next(
            (one for one in told if one.act.inject == inject.id and one.act.party == inject.to), None
        )
        minutes = None if first is None else max(0.0, (first.time - when).total_seconds() / 60)
        answered.append(Answered(inject.id, inject.to, minutes, inject.answer_within_minutes))
    judged = []
    if is_over(incident, at):
        made = [one for one in told if one.time <= min(at, ends_at(incident))]
        judged = [_judged(question, made) for question in scenario.questions]
    return Score(tuple(answered), tuple(judged), tuple(promises_kept(incident, at, watcher)))


def _judged(question: Question, told: Iterable[Told]) -> Judged:
    last: dict[Party, tuple[float, float]] = {}
    for one in told:
        act = one.act
        if act.inject == question.id and act.low is not None and act.high is not None:
            last[act.party] = (act.low, act.high)
    return Judged(question.id, question.is_true, tuple(sorted(last.values())))


def ends_at(incident: Incident) -> datetime:
    """Return when a drill ends: when it was closed, else when its time is over."""
    limit = incident.opened.time + timedelta(minutes=scenario_of(incident).minutes)
    return min(limit, incident.closed.time) if incident.closed else limit


def is_over(incident: Incident, at: datetime) -> bool:
    """Return whether a drill has ended."""
    return at >= ends_at(incident)
