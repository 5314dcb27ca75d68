"""The planning problem as a mixed-integer linear program.

Columns: ``x``, one per choice of a change (:mod:`poise.planning.choices`), ``y``, one per slot
that a choice uses, and ``z``, one per unit of several slots in a row of caps
(:mod:`poise.planning.milp_caps`). Facility location with capacities:

- each change goes at most once (exactly once when its due date is hard),
- ``x <= y``: a change goes only into an open slot (one row per choice: the strong form, whose
  relaxation is much tighter than one row per slot),
- labour of changes and openings within each team's minutes of each window,
- a change that waits for another goes by day t only if the other went early enough before t; one
  row per start t that the later change may use,
- excluded groups: of two slots that share time at most one is open,
- caps: ``y <= z`` for every slot of a unit, the minutes done in a unit within ``z`` times those that there
  are, and each row's amount within its limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.choices import Choices
from poise.planning.milp_caps import Units, add_caps, add_unit_minutes, list_units
from poise.planning.problem import TIME_TOLERANCE_DAYS, Floats, Ints, Problem
from poise.planning.program import Program, Rows


@dataclass(frozen=True)
class Model(Program):
    """A problem's program; the columns are the ``choices``, then ``open_slot``, then ``units``.

    ``packed_rows`` are those that make a knapsack of each window of a team: choices in open slots, within
    the minutes that there are.
    """

    choices: Choices
    open_slot: Ints
    units: Units
    packed_rows: slice

    def plan_windows(self, values: Floats) -> Ints:
        """Return the window of each change in a solution, -1 for never."""
        window = np.full(len(self.choices.ptr) - 1, -1, dtype=np.int64)
        taken = np.flatnonzero(values[: len(self.choices.change)] > 0.5)
        window[self.choices.change[taken]] = self.choices.window[taken]
        return window

    def values_of(self, window: Ints) -> Floats:
        """Return the columns that a plan sets to one: the reverse of :meth:`plan_windows`."""
        values = np.zeros(self.num_columns)
        taken = np.flatnonzero(window[self.choices.change] == self.choices.window)
        values[taken] = 1.0
        opened = np.searchsorted(self.open_slot, self.choices.slot[taken])
        values[len(self.choices.change) + opened] = 1.0
        values[self.units.used_by(opened) + len(self.choices.change) + len(self.open_slot)] = 1.0
        return values


def build_model(problem: Problem, choices: Choices, *, force_hard: bool = True) -> Model:
    """Build the program over the given choices.

    Parameters
    ----------
    problem
        A checked problem.
    choices
        From :func:`~poise.planning.choices.list_choices`.
    force_hard
        Whether changes with a hard due date must be done.
    """
    open_slot = np.unique(choices.slot)
    opening = len(choices.change) + np.searchsorted(open_slot, choices.slot)
    rows = Rows()
    _add_assignment(rows, problem, choices, force_hard)
    first_packed = rows.count
    _add_openings(rows, opening)
    _add_capacity(rows, problem, choices, open_slot)
    packed_rows = slice(first_packed, rows.count)
    _add_links(rows, problem, choices)
    _add_exclusions(rows, problem, open_slot, len(choices.change))
    units = list_units(problem.caps, open_slot)
    add_unit_minutes(rows, problem, choices, open_slot, units)
    add_caps(rows, problem, choices, units, len(open_slot))
    idle = np.zeros(units.count)
    row, column, value = (np.concatenate(part) for part in zip(*rows.triples, strict=True))
    order = np.lexsort((column, row))
    return Model(
        choices=choices,
        open_slot=open_slot,
        units=units,
        packed_rows=packed_rows,
        exposure=np.concatenate(
            (choices.exposure - choices.never_exposure[choices.change], np.zeros(len(open_slot)), idle)
        ),
        disruption=np.concatenate(
            (
                choices.disruption - choices.never_disruption[choices.change],
                problem.slot_cost[open_slot],
                idle,
            )
        ),
        exposure_of_nothing=float(choices.never_exposure.sum()),
        disruption_of_nothing=float(choices.never_disruption.sum()),
        start=np.searchsorted(row[order], np.arange(rows.count + 1)),
        column=column[order],
        value=value[order],
        row_lower=np.concatenate(rows.lower),
        row_upper=np.concatenate(rows.upper),
    )


def _add_assignment(rows: Rows, problem: Problem, choices: Choices, force_hard: bool) -> None:
    must = np.isfinite(problem.last_days) if force_hard else np.zeros(problem.num_changes, dtype=bool)
    rows.add(
        choices.change,
        np.arange(len(choices.change)),
        np.ones(len(choices.change)),
        np.where(must, 1.0, -np.inf),
        np.ones(problem.num_changes),
    )


def _add_openings(rows: Rows, opening: Ints) -> None:
    each = np.arange(len(opening))
    rows.add(
        np.repeat(each, 2),
        np.stack((each, opening), axis=1).ravel(),
        np.tile([1.0, -1.0], len(opening)),
        np.full(len(opening), -np.inf),
        np.zeros(len(opening)),
    )


def _add_capacity(rows: Rows, problem: Problem, choices: Choices, open_slot: Ints) -> None:
    """Add the teams' minutes, each row in units of the team's own capacity so that all rows weigh alike."""
    slot_group = problem.slot_group
    slot = np.concatenate((choices.slot, open_slot))
    minutes = np.concatenate((problem.labour_minutes[choices.change], problem.slot_labour_minutes[open_slot]))
    cell = problem.group_team[slot_group[slot]] * problem.num_windows + problem.slot_window[slot]
    capacity = problem.capacity_minutes.ravel()
    wanted = np.bincount(cell, minutes, len(capacity))
    tight = wanted > capacity
    number = np.cumsum(tight) - 1
    kept = np.flatnonzero(tight[cell] & (minutes > 0))
    unit = np.maximum(capacity, 1.0)
    rows.add(
        number[cell[kept]],
        kept,
        minutes[kept] / unit[cell[kept]],
        np.full(int(tight.sum()), -np.inf),
        capacity[tight] / unit[tight],
    )


def _add_links(rows: Rows, problem: Problem, choices: Choices) -> None:
    start, end = problem.window_start_days[choices.window], problem.window_end_days[choices.window]
    row: list[Ints] = []
    column: list[Ints] = []
    value: list[Floats] = []
    count = 0
    for before, after, soak in zip(
        problem.link_before, problem.link_after, problem.link_soak_days, strict=True
    ):
        later = np.arange(choices.ptr[after], choices.ptr[after + 1])
        earlier = np.arange(choices.ptr[before], choices.ptr[before + 1])
        moments = np.unique(start[later])
        goes = start[later][None, :] <= moments[:, None]
        is_ready = end[earlier][None, :] + soak <= moments[:, None] + TIME_TOLERANCE_DAYS
        for marks, columns, sign in ((goes, later, 1.0), (is_ready, earlier, -1.0)):
            place, which = np.nonzero(marks)
            row.append(place + count)
            column.append(columns[which])
            value.append(np.full(len(which), sign))
        count += len(moments)
    if count:
        rows.add(
            np.concatenate(row),
            np.concatenate(column),
            np.concatenate(value),
            np.full(count, -np.inf),
            np.zeros(count),
        )


def _add_exclusions(rows: Rows, problem: Problem, open_slot: Ints, first_column: int) -> None:
    start, end = problem.window_start_days, problem.window_end_days
    bounds = np.searchsorted(open_slot, problem.slot_ptr)
    pairs: list[npt.NDArray[np.int64]] = []
    for a, b in zip(problem.exclusion_a, problem.exclusion_b, strict=True):
        first = np.arange(bounds[a], bounds[a + 1])
        second = np.arange(bounds[b], bounds[b + 1])
        u, v = problem.slot_window[open_slot[first]], problem.slot_window[open_slot[second]]
        shared = np.minimum.outer(end[u], end[v]) - np.maximum.outer(start[u], start[v])
        i, k = np.nonzero(shared > TIME_TOLERANCE_DAYS)
        pairs.append(np.stack((first[i], second[k]), axis=1))
    if pairs:
        both = np.concatenate(pairs)
        rows.add(
            np.repeat(np.arange(len(both)), 2),
            first_column + both.ravel(),
            np.ones(2 * len(both)),
            np.full(len(both), -np.inf),
            np.ones(len(both)),
        )
