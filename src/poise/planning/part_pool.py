"""Plans of parts, and the best whole plan of one for each part.

Caps couple parts that nothing else does. So whatever whole plans were found, under whatever limits, each
falls into plans of parts; which of them go together within the caps at the least cost is a small integer
program (the restricted master problem of column generation [1]_, in whole numbers). A part that a limit
does not touch keeps its plans when the limit goes.

References
----------
.. [1] G. B. Dantzig, P. Wolfe, Decomposition principle for linear programs, Operations Research 8, 1960,
   101-111.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.choices import sum_by
from poise.planning.highs import Limits, run_program
from poise.planning.milp import Model
from poise.planning.part_master import part_groups
from poise.planning.problem import Floats, Ints, Plan, Problem
from poise.planning.program import Program
from poise.planning.relaxation import Bounds

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _PartPlan:
    """A part's columns of the model that are one, what they cost, and what they add to the rows."""

    part: int
    columns: Ints
    exposure: float
    disruption: float
    activity: Floats
    units: Flags


class PartPool:
    """Plans of the parts of one problem.

    Parameters
    ----------
    problem, model
        A checked problem, and its program of :func:`~poise.planning.milp.build_model`. The first rows are
        those of the changes, the last those of the caps; only their bounds, and the columns', may
        differ between choices.
    """

    def __init__(self, problem: Problem, model: Model) -> None:
        self.problem, self.model = problem, model
        part_of_group, self.num_parts = part_groups(problem)
        self._part_of_change = part_of_group[problem.change_group]
        self._part_of_column = np.concatenate(
            (
                self._part_of_change[model.choices.change],
                part_of_group[problem.slot_group[model.open_slot]],
                np.full(model.units.count, -1),
            )
        )
        rows, caps = len(model.row_upper), problem.caps.num_rows
        self._watched = np.concatenate((np.arange(problem.num_changes), np.arange(rows - caps, rows)))
        place = np.full(rows, -1)
        place[self._watched] = np.arange(len(self._watched))
        row = place[model.entry_row]
        first_unit = model.num_columns - model.units.count
        kept = (row >= 0) & (model.column < first_unit)
        self._row, self._column, self._value = row[kept], model.column[kept], model.value[kept]
        of_unit = (row >= 0) & (model.column >= first_unit)
        self._unit_row, self._unit = row[of_unit], model.column[of_unit] - first_unit
        self._unit_value = model.value[of_unit]
        self._plans: dict[tuple[int, bytes], _PartPlan] = {}
        self._sources: dict[Hashable, set[tuple[int, bytes]]] = {}

    def add(self, plan: Plan, source: Hashable) -> None:
        """Take a plan that keeps all rules but caps and latest days; ``source`` is asked for again."""
        values = self.model.values_of(plan.window)
        used = np.flatnonzero(values)
        for part in range(self.num_parts):
            columns = used[self._part_of_column[used] == part]
            key = part, columns.tobytes()
            if key not in self._plans:
                self._plans[key] = self._part_plan(part, columns)
            self._sources.setdefault(source, set()).add(key)

    def columns_of(self, part: int) -> Flags:
        """Return which columns of the model belong to a part, shape ``(columns,)``."""
        own: Flags = self._part_of_column == part
        return own

    def _part_plan(self, part: int, columns: Ints) -> _PartPlan:
        model, values = self.model, np.zeros(self.model.num_columns)
        values[columns] = 1.0
        used = np.zeros(model.units.count, dtype=np.bool_)
        opened = columns[columns >= len(model.choices.change)] - len(model.choices.change)
        used[model.units.used_by(opened)] = True
        return _PartPlan(
            part,
            columns,
            float(model.exposure[columns].sum()),
            float(model.disruption[columns].sum()),
            sum_by(self._row, self._value * values[self._column], len(self._watched)),
            used,
        )

    def choose(
        self,
        sources: Collection[Hashable],
        bounds: Bounds,
        factors: tuple[float, float],
        caps: tuple[float, float],
        limits: Limits,
    ) -> Plan | None:
        """Return the cheapest whole plan within bounds and caps that plans of these sources make.

        Parameters
        ----------
        bounds
            Of the model's columns and rows.
        factors, caps
            Weights of (exposure plus late cost, disruption) in what is minimised, and caps on both.
        limits
            Of the search; the program has one column for each plan of a part.

        Returns
        -------
        Plan or None
            A proposal: the evaluator has the last word. None where none was found.
        """
        upper, row_upper = bounds.column_upper, bounds.row_upper[self._watched]
        wanted = sorted(set().union(*(self._sources.get(source, set()) for source in sources)))
        must = np.flatnonzero(bounds.row_lower[: self.problem.num_changes] > 0)
        plans = [
            plan
            for plan in (self._plans[key] for key in wanted)
            if not (upper[plan.columns] <= 0).any() and self._does_all(plan, must)
        ]
        if len({plan.part for plan in plans}) < self.num_parts:
            return None
        run = run_program(self._program(plans, row_upper), factors, caps, limits)
        if run.values is None:
            return None
        values = np.zeros(self.model.num_columns)
        for plan, taken in zip(plans, run.values[: len(plans)], strict=True):
            if taken > 0.5:
                values[plan.columns] = 1.0
        return Plan(self.model.plan_windows(values))

    def _does_all(self, plan: _PartPlan, must: Ints) -> bool:
        own = must[self._part_of_change[must] == plan.part]
        return bool((plan.activity[own] > 0.5).all())

    def _program(self, plans: list[_PartPlan], row_upper: Floats) -> Program:
        """Return the program: a column for each plan, then one for each unit of slots that plans use.

        A row takes one plan for each part; a plan needs its units; and the caps hold.
        """
        count, changes = len(plans), self.problem.num_changes
        kept = np.flatnonzero(np.isfinite(row_upper[changes:])) + changes
        counted = np.isin(self._unit_row, kept)
        units = np.unique(self._unit[counted])
        uses = np.array([plan.units[units] for plan in plans], dtype=np.float64).reshape(count, len(units))
        part = np.array([plan.part for plan in plans])
        one_each = np.zeros((self.num_parts, count + len(units)))
        one_each[part, np.arange(count)] = 1.0
        blocks, lower, upper = [one_each], [np.ones(self.num_parts)], [np.ones(self.num_parts)]
        for number in range(self.num_parts):
            own = np.flatnonzero(part == number)
            used = np.flatnonzero(uses[own].any(axis=0))
            needs = np.zeros((len(used), count + len(units)))
            needs[:, own] = uses[np.ix_(own, used)].T
            needs[np.arange(len(used)), count + used] = -1.0
            blocks.append(needs)
            lower.append(np.full(len(used), -np.inf))
            upper.append(np.zeros(len(used)))
        amounts = np.zeros((len(kept), count + len(units)))
        amounts[:, :count] = np.array([plan.activity[kept] for plan in plans]).T
        place = np.searchsorted(kept, self._unit_row[counted])
        amounts[place, count + np.searchsorted(units, self._unit[counted])] = self._unit_value[counted]
        blocks.append(amounts)
        lower.append(np.full(len(kept), -np.inf))
        upper.append(row_upper[kept])
        matrix = np.vstack(blocks)
        row, column = np.nonzero(matrix)
        idle = np.zeros(len(units))
        return Program(
            exposure=np.concatenate(([plan.exposure for plan in plans], idle)),
            disruption=np.concatenate(([plan.disruption for plan in plans], idle)),
            exposure_of_nothing=self.model.exposure_of_nothing,
            disruption_of_nothing=self.model.disruption_of_nothing,
            start=np.searchsorted(row, np.arange(len(matrix) + 1)),
            column=column,
            value=matrix[row, column],
            row_lower=np.concatenate(lower),
            row_upper=np.concatenate(upper),
        )
