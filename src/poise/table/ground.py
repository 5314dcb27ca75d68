"""The ground that a table stands on: the problem without negotiable limits, names, and where it came from.

It is one file, written once when the table is opened. Everything that is said at the table follows from it
and from the records of the ledger.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from poise.patching.document import ChangeEntry, GroupEntry, InputFile, ServiceEntry, TeamEntry, WindowEntry
from poise.planning.problem import Caps, Ints, Plan, Problem
from poise.table.limits import Limit

SCHEMA = "poise-ground/1"


class StoredPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan by name: the window of each change, -1 for never."""

    key: str
    label: str
    windows: tuple[int, ...]


class StoredProblem(msgspec.Struct, frozen=True, kw_only=True):
    """The arrays of a :class:`~poise.planning.problem.Problem`, by their names; its caps are always none."""

    numbers: dict[str, float]
    arrays: dict[str, list[Any]]


class Ground(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that a table knows of the company and its backlog.

    Parameters
    ----------
    digest
        SHA-256 of the inputs, in hexadecimal: what the whole table rests on.
    problem_arrays
        Without the freezes of class policy and preference: those are limits.
    group_service
        The service whose loss stands for each group.
    group_downtime_minutes
        What one opening of each group costs its services, in minutes of whole downtime.
    emergency_start, emergency_end, emergency_cost
        The night after ``now`` outside every calendar, and what opening each group then costs [money].
    overtime_per_minute
        What a minute beyond a team's capacity costs, by team [money/min].
    estate_limits
        The estate's own negotiable freezes.
    default
        What happens if nobody signs: a plan, priced on today's data.
    plans
        Plans of the frontier before negotiable limits, by growing disruption.
    line_weight, line_bound
        Proven: every plan has exposure plus late cost plus weight times disruption of at least bound.
    risk
        What a simulation needs (:mod:`poise.risk.simulation.storage`), with the default plan; None in
        grounds of a
        Poise that did not simulate.


    rules
        What the rules that people use make of the same backlog, windows and teams, freezes kept.
    """

    schema: str
    poise_version: str
    company: str
    currency: str
    timezone: str
    now: datetime
    horizon_end: datetime
    seed: int
    digest: str
    inputs: tuple[InputFile, ...]
    problem_arrays: StoredProblem
    changes: tuple[ChangeEntry, ...]
    groups: tuple[GroupEntry, ...]
    services: tuple[ServiceEntry, ...]
    teams: tuple[TeamEntry, ...]
    windows: tuple[WindowEntry, ...]
    group_service: tuple[str, ...]
    group_downtime_minutes: tuple[float, ...]
    emergency_start: datetime
    emergency_end: datetime
    emergency_cost: tuple[float, ...]
    overtime_per_minute: tuple[float, ...]
    estate_limits: tuple[Limit, ...]
    default: StoredPlan
    default_sentence: str
    plans: tuple[StoredPlan, ...]
    line_weight: tuple[float, ...]
    line_bound: tuple[float, ...]
    risk: dict[str, Any] | None = None

    rules: tuple[StoredPlan, ...] = ()

    @cached_property
    def problem(self) -> Problem:
        """Return the planning problem."""
        return restore_problem(self.problem_arrays)

    @cached_property
    def default_plan(self) -> Plan:
        """Return the default plan."""
        return as_plan(self.default.windows)

    @cached_property
    def slot_group(self) -> Ints:
        """Group of each slot, shape ``(S,)``."""
        return np.repeat(np.arange(len(self.groups)), np.diff(self.problem.slot_ptr))

    @cached_property
    def names(self) -> frozenset[str]:
        """Ids of all services, groups and teams."""
        groups = {group.id for group in self.groups}
        return frozenset(
            groups | {service.id for service in self.services} | {team.id for team in self.teams}
        )

    @cached_property
    def change_number(self) -> dict[str, int]:
        """Number of each change, by id."""
        return {change.id: number for number, change in enumerate(self.changes)}

    def groups_in(self, scope: tuple[str, ...]) -> Ints:
        """Return the groups that a scope covers: by own id, team, or any service; empty means all."""
        if not scope:
            return np.arange(len(self.groups))
        wanted = set(scope)
        return np.array(
            [
                number
                for number, group in enumerate(self.groups)
                if wanted & {group.id, group.team, *group.services}
            ],
            dtype=np.int64,
        )

    def days(self, moment: datetime) -> float:
        """Return days from ``now`` to a moment [d]."""
        return (moment - self.now).total_seconds() / 86_400


def as_plan(windows: tuple[int, ...] | list[int]) -> Plan:
    """Return a stored plan as the planning room has it."""
    return Plan(np.array(windows, dtype=np.int64))


def store_problem(problem: Problem) -> StoredProblem:
    """Return the arrays of a problem as plain lists."""
    values = {field.name: getattr(problem, field.name) for field in fields(Problem) if field.name != "caps"}
    # No JSON number is infinite; a change without a due date has none.
    return StoredProblem(
        numbers={name: float(value) for name, value in values.items() if isinstance(value, float)},
        arrays={
            name: [None if item == np.inf else item for item in value.tolist()]
            if name == "due_days"
            else value.tolist()
            for name, value in values.items()
            if isinstance(value, np.ndarray)
        },
    )


_INDEX = ("group_team", "slot_ptr", "slot_window", "change_ptr", "link_before", "link_after")


def restore_problem(stored: StoredProblem) -> Problem:
    """Return the problem of stored arrays."""
    arrays: dict[str, Any] = {}
    for name, values in stored.arrays.items():
        if name == "hard_due":
            arrays[name] = np.array(values, dtype=np.bool_)
        elif name in (*_INDEX, "exclusion_a", "exclusion_b"):
            arrays[name] = np.array(values, dtype=np.int64)
        elif name == "due_days":
            arrays[name] = np.array([np.inf if value is None else value for value in values])
        else:
            arrays[name] = np.array(values, dtype=np.float64)
    teams = len(stored.arrays["capacity_minutes"])
    arrays["capacity_minutes"] = arrays["capacity_minutes"].reshape(teams, -1)
    numbers: dict[str, Any] = dict(stored.numbers)
    return Problem(**numbers, **arrays, caps=Caps())


def encode(ground: Ground) -> bytes:
    """Return the file of a ground."""
    return msgspec.json.encode(ground) + b"\n"
