"""Which charges to try next, and which whole plans the plans of parts make together.

Every plan found at some charges falls into plans of parts that nothing but the caps couples. The least
cost of a mixture of them within the caps is a small linear program; its multipliers are the next
charges (column generation [1]_), kept in a box around the best ones so that they do not jump (boxstep
[2]_). With whole numbers instead of mixtures, it picks one plan for each part.

References
----------
.. [1] G. B. Dantzig, P. Wolfe, Decomposition principle for linear programs, Operations Research 8, 1960,
   101-111.
.. [2] R. E. Marsten, W. W. Hogan, J. W. Blankenship, The BOXSTEP method for large-scale optimization,
   Operations Research 23, 1975, 389-405.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from poise.planning.choices import group_costs, opened_slots, sum_by
from poise.planning.decomposition.parts import split
from poise.planning.highs import solve_dense
from poise.planning.problem import Floats, Goal, Ints, Plan, Problem

if TYPE_CHECKING:
    from poise.planning.priced import Charges

#: Factor between the box's edge and its middle at first, from nothing and from known charges, and least.
_FIRST_BOX, _NEAR_BOX, _LEAST_BOX = 4.0, 1.5, 1.02
#: First edge of the box of a charge that was nothing, as the share of a plan's cost that it would cost.
_FIRST_SHARE = 0.02
#: Longest that choosing one plan for each part may take [s].
_CHOICE_SECONDS = 2.0


def part_groups(problem: Problem) -> tuple[Ints, int]:
    """Return the part of each group, shape ``(G,)``, and the number of parts, which caps may couple."""
    parts = split(problem)
    part_of_group = np.zeros(problem.num_groups, dtype=np.int64)
    for number, part in enumerate(parts):
        part_of_group[part.groups] = number
    return part_of_group, len(parts)


class PartMaster:
    """Plans of parts found so far, with what each costs and uses of every cap.

    Row 0 of a part's use is the capped cost, the others are the problem's rows of caps.
    """

    def __init__(self, problem: Problem, goal: Goal, cap: float, *, is_near: bool) -> None:
        self.problem, self.goal = problem, goal
        self.limit = np.concatenate(([cap], problem.caps.limit))
        self.part_of_group, self.num_parts = part_groups(problem)
        self.plans: list[Plan] = []
        self.cost: list[Floats] = []
        self.use: list[Floats] = []
        self._counted: list[Floats] = []
        self._box = _NEAR_BOX if is_near else _FIRST_BOX

    def add(self, plan: Plan, share: Floats) -> None:
        """Take a plan into the mixture.

        ``share`` is what part of its unit each slot of the caps is counted with.
        """
        problem, caps = self.problem, self.problem.caps
        exposure, disruption = group_costs(problem, plan.window)
        cost, capped = (exposure, disruption) if self.goal == "exposure" else (disruption, exposure)
        use = np.zeros((len(self.limit), self.num_parts))
        use[0] = sum_by(self.part_of_group, capped, self.num_parts)
        end = np.where(plan.window >= 0, problem.window_end_days[plan.window], problem.horizon_days)
        waited = (problem.exposure_per_day * (end - problem.release_days))[caps.share_change]
        row = caps.share_row
        part = self.part_of_group[problem.change_group[caps.share_change]]
        np.add.at(use, (1 + row, part), caps.share * waited)
        unit = caps.entry_unit
        is_open = np.isin(caps.unit_slot, opened_slots(problem, plan.window))
        unit, slot, share = unit[is_open], caps.unit_slot[is_open], share[is_open]
        part = self.part_of_group[np.searchsorted(problem.slot_ptr, slot, side="right") - 1]
        counted = use.copy()
        np.add.at(use, (1 + caps.unit_row[unit], part), caps.unit_amount[unit] * share)
        both = np.unique(np.stack((unit, part), axis=1), axis=0)  # a unit counts once, whatever it opens
        np.add.at(counted, (1 + caps.unit_row[both[:, 0]], both[:, 1]), caps.unit_amount[both[:, 0]])
        self.plans.append(plan)
        self.cost.append(sum_by(self.part_of_group, cost, self.num_parts))
        self.use.append(use)
        self._counted.append(counted)

    def charges(self, best: Charges, *, has_gained: bool) -> tuple[float, Floats]:
        """Return the next weight of disruption and charges of the rows.

        Parameters
        ----------
        best
            The charges that prove most so far: the middle of the box.
        has_gained
            Whether the last charges did, so that the box need not shrink.
        """
        self._box = self._box if has_gained else max(_LEAST_BOX, self._box**0.6)
        middle = self._as_multipliers(best.weight, best.row)
        typical = float(self.cost[-1].sum()) * _FIRST_SHARE / np.maximum(self.use[-1].sum(axis=1), 1e-9)
        typical = np.maximum(typical, 1e-12)
        is_idle = middle <= 1e-3 * typical
        low = np.where(is_idle, 0.0, middle / self._box)
        high = np.where(is_idle, typical, middle * self._box)
        low[0] = max(low[0], 1e-9)
        multiplier = np.clip(self._mixture(low, high), low, high)
        if self.goal == "exposure":
            return float(multiplier[0]), multiplier[1:]
        weight = 1.0 / float(multiplier[0])
        return weight, multiplier[1:] * weight

    def _as_multipliers(self, weight: float, row: Floats) -> Floats:
        """Return charges as money of the goal for one unit of each cap."""
        if self.goal == "exposure":
            return np.concatenate(([weight], row))
        return np.concatenate(([1.0], row)) / weight

    def _mixture(self, low: Floats, high: Floats) -> Floats:
        """Return the multipliers of the cheapest mixture, between two edges each."""
        cost, matrix, limit = self._program(self.use)
        unit, rows = self._units(), len(self.limit)
        # What is over its limit costs the upper edge, what is left under it earns the lower one.
        making_up = np.zeros((len(limit), 2 * rows))
        making_up[:rows, :rows], making_up[:rows, rows:] = -np.eye(rows), np.eye(rows)
        found = solve_dense(
            np.concatenate((cost, high * unit, -low * unit)),
            np.hstack((matrix, making_up)),
            limit,
            limit,
            np.full(len(cost) + 2 * rows, np.inf),
            whole=False,
            seconds=_CHOICE_SECONDS,
        )
        return low if found is None else np.maximum(-found.row_dual[:rows] / unit, 0.0)

    def chosen(self) -> list[Plan]:
        """Return the cheapest whole plan of one known plan per part within the caps, where there is one."""
        cost, matrix, limit = self._program(self._counted)
        rows = len(self.limit)
        lower = np.concatenate((np.full(rows, -np.inf), limit[rows:]))
        found = solve_dense(
            cost, matrix, lower, limit, np.ones(len(cost)), whole=True, seconds=_CHOICE_SECONDS
        )
        if found is None:
            return []
        values = found.values.reshape(len(self.plans), self.num_parts)
        pick = values.argmax(axis=0)[self.part_of_group][self.problem.change_group]
        windows = np.stack([plan.window for plan in self.plans])
        return [Plan(windows[pick, np.arange(self.problem.num_changes)])]

    def _units(self) -> Floats:
        return np.maximum(self.limit, 1.0)

    def _program(self, use: list[Floats]) -> tuple[Floats, Floats, Floats]:
        """Return costs, rows and limits: a column for each plan of each part, a row for each cap and part."""
        uses = np.hstack(use) / self._units()[:, None]
        one_each = np.tile(np.eye(self.num_parts), len(self.plans))
        limit = np.concatenate((self.limit / self._units(), np.ones(self.num_parts)))
        return np.concatenate(self.cost), np.vstack((uses, one_each)), limit
