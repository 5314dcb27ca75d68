"""Good plans under any set of limits, part by part: what a limit does not touch keeps its plans.

What couples the parts of a plan, caps on the whole and on either cost, is charged for at the prices of the
linear relaxation; then each part is a problem of its own (:mod:`poise.planning.decomposition`), and
the plans of all parts are put together within the caps as they are (:mod:`poise.planning.part_pool`).
Charges hardly ever make a plan use exactly as many weekends, or one service a week, as it may. So
of the units of several slots that a row counts, the ones that are worth most to a first plan stay open, as
many as the row allows, and the others are closed.

A set of limits near another one is solved from it: parts with the same facts are not solved again.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from poise.errors import NoFeasiblePlanError
from poise.planning.choices import opened_slots, slots_of, sum_by
from poise.planning.decomposition import PricedSolution, solve
from poise.planning.edit import without_slots
from poise.planning.evaluate import evaluate
from poise.planning.highs import Limits, Relaxed, run_program
from poise.planning.part_pool import PartPool
from poise.planning.problem import Caps, Floats, Ints, Plan, Problem
from poise.planning.relaxation import Bounds, Charged, Relaxation, Switches

Flags = npt.NDArray[np.bool_]

#: Steps of each part: of a first plan, of the next, of those from it, and of a set of limits near another.
_FIRST_STEPS, _STEPS, _MORE_STEPS, _NEAR_STEPS = 40, 80, 40, 17
#: Ratio of one weight of disruption to the next; how many are tried once plans lie on both sides of the cap,
#: and until they do.
_APART, _WEIGHTS, _MOST_WEIGHTS = 1.3, 4, 6
#: Weights, of those nearest to the cap, that a set near another is solved for.
_NEAR_WEIGHTS = 2
#: A weight lies at most this factor from the typical one: a cap that does not bind has none.
_FAR = 100.0
#: The search for units to keep open, and for whole plans of known parts.
_UNIT_LIMITS = Limits(5.0, 50, "few")
_WHOLE_LIMITS = Limits(5.0, 200, "few")
#: What any unit is worth at least, of the dearest one: so that a row's room is used.
_LEAST_WORTH = 1e-3


@dataclass(frozen=True)
class _Anchor:
    """A set of limits solved from nothing: its charges, and a solution for each weight."""

    switches: Switches
    charges: Charged
    first: Plan
    goes: Flags
    found: dict[float, PricedSolution]


@dataclass
class _Tried:
    """Weights tried for one set: more of them keeps a cap on disruption, less one on exposure."""

    caps_disruption: bool
    solutions: dict[float, PricedSolution] = field(default_factory=dict)
    over: list[float] = field(default_factory=list)
    under: list[float] = field(default_factory=list)

    def add(self, weight: float, solution: PricedSolution, *, is_over: bool) -> None:
        """Take a solution whose plan is over the cap, or within it."""
        self.solutions[weight] = solution
        (self.over if is_over else self.under).append(weight)

    @property
    def is_straddled(self) -> bool:
        """Return whether plans lie on both sides of the cap."""
        return bool(self.over) and bool(self.under)

    @property
    def _sides(self) -> tuple[float, float]:
        """Return the weights nearest to the cap on both of its sides."""
        if self.caps_disruption:
            return max(self.over), min(self.under)
        return min(self.over), max(self.under)

    def next_weight(self) -> float:
        """Return the weight to try next: beyond those tried, or between the two next to the cap."""
        if self.is_straddled:
            one, other = self._sides
            between = math.sqrt(one * other)
            return between if between not in self.solutions else max(self.solutions) * _APART
        # Ever farther: where groups are few, the relaxation says little about the weight.
        factor: float = _APART ** (2 ** (len(self.solutions) - 1))
        if bool(self.over) == self.caps_disruption:
            return max(self.solutions) * factor
        return min(self.solutions) / factor

    def nearest(self) -> dict[float, PricedSolution]:
        """Return the solutions nearest to the cap, of growing weights; one where all lie on one side."""
        if self.is_straddled:
            middle = math.sqrt(self._sides[0] * self._sides[1])
            order = sorted(self.solutions, key=lambda weight: abs(math.log(weight / middle)))
        else:
            order = list(self.solutions)[:-2:-1]
        return {weight: self.solutions[weight] for weight in sorted(order[:_NEAR_WEIGHTS])}


class PartSearch:
    """Plans of one problem under any switches.

    Parameters
    ----------
    relaxation
        Of the problem with every row of caps, one cost minimised and the other capped.
    row_like
        For each row of caps the one whose charges stand for its own, itself or a stricter form of it;
        shape ``(R,)``.
    rate
        What one money of disruption is typically worth in exposure, > 0.
    """

    def __init__(self, relaxation: Relaxation, row_like: Ints, rate: float, *, seed: int = 0) -> None:
        self.relaxation, self.rate, self.seed = relaxation, rate, seed
        self.problem, self.model = relaxation.problem, relaxation.model
        self.pool = PartPool(self.problem, self.model)
        self._row_like = row_like
        self._anchors: dict[Hashable, _Anchor] = {}
        model, units, caps = self.model, self.model.units, self.problem.caps
        self._choices, self._openings = len(model.choices.change), len(model.open_slot)
        self._last_rows = len(model.row_upper) - caps.num_rows
        own = units.column >= self._openings
        self._unit_row = np.zeros(units.count, dtype=np.int64)
        self._unit_row[units.column[own] - self._openings] = units.row[own]

    def begin(
        self, source: Hashable, switches: Switches, relaxed: Relaxed, plans: Iterable[Plan] = ()
    ) -> None:
        """Solve a set from nothing, from what :meth:`Relaxation.under` said of it.

        ``plans`` are known ones; their parts may be used, whatever limits the whole plans break.
        """
        for plan in plans:
            self.pool.add(plan, source)
        charges = self.relaxation.charges(relaxed)
        weight = self._weight(charges)
        try:
            near = self._solve(self._charged(charges, switches, weight), weight, _FIRST_STEPS)
        except NoFeasiblePlanError:
            return
        first, found, steps = near.plan, _Tried(self._caps_disruption), _STEPS
        goes = self._goes(switches, first, weight)
        shut = self._slots_in(goes)
        while len(found.solutions) < (_WEIGHTS if found.is_straddled else _MOST_WEIGHTS):
            try:
                near = self._solve(self._charged(charges, switches, weight, shut), weight, steps, near)
            except NoFeasiblePlanError:
                break
            steps = _MORE_STEPS
            self.pool.add(near.plan, source)
            found.add(weight, near, is_over=self._is_over(near.plan))
            weight = found.next_weight()
        self._anchors[source] = _Anchor(switches, charges, first, goes, found.nearest())

    @property
    def _caps_disruption(self) -> bool:
        return math.isfinite(self.relaxation.caps[1])

    def _is_over(self, plan: Plan) -> bool:
        """Return whether a plan costs more than the capped cost may be."""
        seen = evaluate(self.problem, plan)
        costs = seen.exposure + seen.late_cost, seen.disruption
        return any(cost > cap for cost, cap in zip(costs, self.relaxation.caps, strict=True))

    def go_on(self, source: Hashable, switches: Switches, relaxed: Relaxed, anchor: Hashable) -> None:
        """Solve a set from another one that :meth:`begin` solved; from nothing where that found nothing."""
        near = self._anchors.get(anchor)
        if near is None:
            self.begin(source, switches, relaxed)
            return
        charges = self._mixed(near, self.relaxation.charges(relaxed))
        is_weaker = not (switches.has_row & ~near.switches.has_row).any()
        if is_weaker and (switches.latest_days >= near.switches.latest_days).all():
            goes = near.goes & switches.has_row[self._unit_row]
        else:
            goes = self._goes(switches, near.first, min(near.found, default=self.rate))
        shut = self._slots_in(goes)
        for weight, solution in near.found.items():
            problem = self._charged(charges, switches, weight, shut)
            try:
                found = self._solve(problem, weight, _NEAR_STEPS, solution)
            except NoFeasiblePlanError:
                continue
            self.pool.add(found.plan, source)

    def _mixed(self, near: _Anchor, own: Charged) -> Charged:
        """Return the charges of a known set, and for rows that it did not have the own ones."""
        row = near.charges.row.copy()
        is_new = ~near.switches.has_row
        row[self._last_rows :][is_new] = own.row[self._last_rows :][is_new]
        entries = row[self._last_rows - len(self.model.units.slot) : self._last_rows]
        of_new = is_new[self._unit_row[self.model.units.unit]]
        entries[of_new] = own.row[self._last_rows - len(of_new) : self._last_rows][of_new]
        scale = near.charges.weights[0] / max(own.weights[0], 1e-12)
        row[self._last_rows :][is_new] *= scale
        entries[of_new] *= scale
        return replace(near.charges, row=row)

    def whole(self, sources: Collection[Hashable], switches: Switches) -> Plan | None:
        """Return the best plan that the plans of parts of these sources make, if any."""
        relaxation = self.relaxation
        return self.pool.choose(
            sources, relaxation.bounds(switches), relaxation.factors, relaxation.caps, _WHOLE_LIMITS
        )

    def _weight(self, charges: Charged) -> float:
        exposure, disruption = charges.weights
        weight = math.inf if exposure <= 0 else disruption / exposure
        return min(max(weight, self.rate / _FAR), self.rate * _FAR)

    def _solve(
        self, problem: Problem, weight: float, steps: int, near: PricedSolution | None = None
    ) -> PricedSolution:
        warm, prices, resume = (None, (), ()) if near is None else (near.plan, near.prices, near.parts)
        if near is not None and near.weight != weight:
            resume = ()
        return solve(problem, weight, steps=steps, seed=self.seed, warm=warm, prices=prices, resume=resume)

    def _charged(
        self, charges: Charged, switches: Switches, weight: float, shut: Flags | None = None
    ) -> Problem:
        """Return the problem without caps that pays for what they count.

        With slots shut, rows of sets of slots charge no more: what is left open is free.
        """
        problem, model, caps = self.problem, self.model, self.problem.caps
        units = model.units
        unit = max(charges.weights[0], 1e-12)
        row = np.maximum(0.0, -charges.row[self._last_rows :])[self._row_like] / unit
        row = np.where(switches.has_row, row, 0.0) / np.maximum(1.0, caps.limit)
        cost = np.zeros(problem.num_slots)
        single = units.column < self._openings
        slots = model.open_slot[units.column[single]]
        np.add.at(cost, slots, row[units.row[single]] * units.amount[single])
        if shut is None:
            first = self._last_rows - len(units.slot)
            own = np.maximum(0.0, -charges.row[first : self._last_rows]) / unit
            own = np.where(switches.has_row[self._unit_row[units.unit]], own, 0.0)
            np.add.at(cost, model.open_slot[units.slot], own)
        dearer = sum_by(caps.share_change, row[caps.share_row] * caps.share, problem.num_changes)
        charged = replace(
            problem,
            caps=Caps(),
            slot_cost=problem.slot_cost + cost / weight,
            exposure_per_day=problem.exposure_per_day * (1.0 + dearer),
            latest_days=switches.latest_days,
        )
        closed = switches.closed if shut is None else switches.closed | shut
        return without_slots(charged, closed) if closed.any() else charged

    def _slots_in(self, goes: Flags) -> Flags:
        """Return the slots of some units of several slots."""
        units, slots = self.model.units, np.zeros(self.problem.num_slots, dtype=np.bool_)
        slots[self.model.open_slot[units.slot[goes[units.unit]]]] = True
        return slots

    def _goes(self, switches: Switches, plan: Plan, weight: float) -> Flags:
        """Return the units of several slots to close so that no row counts more of them than it may.

        What stays open is worth most to a plan, and lets every change be done that must be, by an exact
        search among these changes alone.
        """
        model, is_on = self.model, switches.has_row[self._unit_row]
        if not is_on.any():
            return is_on
        bounds = self.relaxation.bounds(switches)
        used = self._columns_of_musts(bounds)
        worth = self._worth(plan, weight)
        cost = np.zeros(model.num_columns)
        least = _LEAST_WORTH * max(float(worth.max()), 1.0)
        cost[self._choices + self._openings :] = np.where(is_on, -(worth + least), 0.0)
        upper = bounds.row_upper.copy()
        upper[self._last_rows + np.unique(self.problem.caps.share_row)] = np.inf
        program = replace(
            model,
            exposure=cost,
            disruption=np.zeros(model.num_columns),
            exposure_of_nothing=0.0,
            disruption_of_nothing=0.0,
            row_lower=bounds.row_lower,
            row_upper=upper,
        ).restricted(used, np.zeros(model.num_columns))
        run = run_program(program, (1.0, 0.0), (math.inf, math.inf), _UNIT_LIMITS)
        if run.values is None:
            return np.zeros_like(is_on)
        values = np.zeros(model.num_columns)
        values[used] = run.values
        goes: Flags = is_on & (values[self._choices + self._openings :] < 0.5)
        return goes

    def _columns_of_musts(self, bounds: Bounds) -> Flags:
        """Return the columns of changes that must be done, of what they wait for, and of units."""
        problem, model = self.problem, self.model
        must = bounds.row_lower[: problem.num_changes] > 0
        while True:
            waits = must.copy()
            waits[problem.link_before[must[problem.link_after]]] = True
            if np.array_equal(waits, must):
                break
            must = waits
        used = np.zeros(model.num_columns, dtype=np.bool_)
        used[: self._choices] = must[model.choices.change]
        slots = np.unique(model.choices.slot[used[: self._choices]])
        used[self._choices + np.searchsorted(model.open_slot, slots)] = True
        used[self._choices + self._openings :] = True
        return used & (bounds.column_upper > 0)

    def _worth(self, plan: Plan, weight: float) -> Floats:
        """Return what a plan would lose without each unit [money of exposure], shape ``(units,)``.

        Each change of the unit would go to the next best slot that the plan opens, or undone.
        """
        problem, model, choices = self.problem, self.model, self.model.choices
        cost = (model.exposure + weight * model.disruption)[: self._choices]
        opened = np.zeros(problem.num_slots, dtype=np.bool_)
        opened[opened_slots(problem, plan.window)] = True
        slot = slots_of(problem, plan.window)
        now = np.zeros(problem.num_changes)
        taken = plan.window[choices.change] == choices.window
        now[choices.change[taken]] = cost[taken]
        is_open = np.flatnonzero(opened[choices.slot])
        worth = np.zeros(model.units.count)
        for unit in np.unique(model.units.unit[opened[model.open_slot[model.units.slot]]]):
            members = np.zeros(problem.num_slots, dtype=np.bool_)
            members[model.open_slot[model.units.slot[model.units.unit == unit]]] = True
            others = is_open[~members[choices.slot[is_open]]]
            elsewhere = np.zeros(problem.num_changes)
            np.minimum.at(elsewhere, choices.change[others], cost[others])
            moved = np.flatnonzero((slot >= 0) & members[slot])
            saved = weight * float(problem.slot_cost[members & opened].sum())
            worth[unit] = max(0.0, float((elsewhere[moved] - now[moved]).sum()) - saved)
        return worth
