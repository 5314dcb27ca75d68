"""Plans under caps at any size: the caps are charged for, and the charges adjusted until they hold.

Every amount that a row of caps counts is a cost of single changes and slots, so at given charges the
problem is one without caps, which the price decomposition solves part by part, with a proven bound:
less the charges at the limits themselves, it bounds all plans within the caps (Lagrangian relaxation).
The plans found on the way, which keep all rules but the caps, are mixed group by group.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from poise.errors import Fault, ModelError, NoFeasiblePlanError
from poise.planning.blend import blend, tie_groups
from poise.planning.choices import opened_slots, slots_of, sum_by
from poise.planning.decomposition import PartResult, PricedSolution, solve
from poise.planning.edit import without_slots
from poise.planning.evaluate import evaluate
from poise.planning.exact import is_within, no_plan
from poise.planning.highs import CAP_TOLERANCE
from poise.planning.part_master import PartMaster
from poise.planning.problem import CappedSolution, Caps, Evaluation, Floats, Goal, Plan, Problem

#: Steps of each part per round: the first plan is there after 18 from nothing and 16 from known prices.
_FIRST_STEPS, _STEPS = 20, 17
#: Rounds from nothing, and from the charges of a like problem; more while no plan keeps the caps.
COLD_ROUNDS, WARM_ROUNDS, _EXTRA_ROUNDS = 12, 4, 6
#: Rounds that close sets of slots, where caps count such.
_LAST_ROUNDS = 2
#: Factor by which what is above its cap at last gets dearer, the more often the faster.
_DEARER = 1.5
#: Gap that ends the rounds.
_GAP = 0.002


@dataclass(frozen=True)
class Charges:
    """What the caps cost in a priced problem; any values >= 0 prove a bound.

    Parameters
    ----------
    weight
        Of disruption against exposure, > 0: what the cap on one of them makes the other worth.
    row
        Shape ``(R,)``: exposure money for one unit of each row's amount.
    share
        Shape of ``caps.unit_slot``: the part of its unit that each slot is charged with, together <= 1.
    """

    weight: float
    row: Floats
    share: Floats


@dataclass(frozen=True)
class CappedByPrices(CappedSolution):
    """A solution with the charges and the parts that prove its bound, to start a like problem from."""

    charges: Charges | None = field(default=None, repr=False)
    parts: tuple[PartResult, ...] = field(default=(), repr=False)
    caps: Caps = field(default_factory=Caps, repr=False)

    def with_rows(self, kept: npt.NDArray[np.bool_]) -> CappedByPrices:
        """Return the same with the charges of some rows only, marked in shape ``(R,)``."""
        assert self.charges is not None
        entry_row = self.caps.unit_row[self.caps.entry_unit]
        charges = Charges(self.charges.weight, self.charges.row[kept], self.charges.share[kept[entry_row]])
        return replace(self, charges=charges)


def solve_by_charges(
    problem: Problem,
    goal: Goal,
    cap: float,
    *,
    seconds: float = math.inf,
    rounds: int | None = None,
    seed: int = 0,
    threads: int = 1,
    warm: Plan | None = None,
    near: CappedByPrices | None = None,
    progress: Callable[[int, float, float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> CappedByPrices:
    """Return a plan with little exposure plus late cost, or little disruption, the other being capped.

    Parameters
    ----------
    problem
        A checked problem; its caps may not count moves away from a plan.
    goal, cap
        What to minimise, and the most that the other may be [money].
    seconds
        Limit [s], kept to within one round; within it the result depends on the other arguments only.
    rounds
        Of adjusting the charges; by default :data:`COLD_ROUNDS`, or :data:`WARM_ROUNDS` with ``near``.
    threads
        Computing at a time; does not change the result.
    warm
        A plan to mix with, whether it keeps the caps or not.
    near
        The solution of a problem with like caps, whose charges to start from.
    progress
        Told (rounds done, value of the best plan or infinity, bound).
    stop
        Asked before every round; true ends the run.

    Raises
    ------
    ModelError
        E312 when caps count moves.
    NoFeasiblePlanError
        E502, E503 or E505 when there is none, which a bound above all costs proves; E504 when none was found.
    """
    if len(problem.caps.move_row):
        text = "counts moves away from a plan; expected hours, pieces or exposure."
        raise ModelError(Fault("E312", "problem.caps", text, "use poise.planning.capped for these."))
    search = _Search(problem, goal, cap, seed, threads, near)
    if warm is not None:
        search.offer(warm)
    begin = time.monotonic()
    wanted = rounds if rounds is not None else (COLD_ROUNDS if near is None else WARM_ROUNDS)
    is_cut = False
    for number in range(wanted + _EXTRA_ROUNDS):
        enough = wanted if not search.counts_sets else wanted + _LAST_ROUNDS
        if search.best is not None and (number >= enough or search.gap <= _GAP):
            break
        if number and (time.monotonic() - begin >= seconds or (stop is not None and stop())):
            is_cut = True
            break
        search.round(is_last=number >= wanted)
        search.check_possible()
        if progress is not None:
            progress(number + 1, search.value, search.bound)
    return search.found(is_cut, seconds)


def charged(problem: Problem, charges: Charges) -> Problem:
    """Return the problem without caps whose costs hold what its caps are charged with."""
    caps = problem.caps
    unit = caps.entry_unit
    per_unit = charges.row[caps.unit_row] * caps.unit_amount
    slot_cost = sum_by(caps.unit_slot, per_unit[unit] * charges.share, problem.num_slots)
    row = caps.share_row
    dearer = sum_by(caps.share_change, charges.row[row] * caps.share, problem.num_changes)
    return replace(
        problem,
        exposure_per_day=problem.exposure_per_day * (1.0 + dearer),
        slot_cost=problem.slot_cost + slot_cost / charges.weight,
        caps=Caps(),
    )


class _Search:
    """Rounds of solving at charges and adjusting them."""

    def __init__(
        self, problem: Problem, goal: Goal, cap: float, seed: int, threads: int, near: CappedByPrices | None
    ) -> None:
        self.problem, self.goal, self.cap, self.seed, self.threads = problem, goal, cap, seed, threads
        self.ties = tie_groups(problem)
        rows = problem.caps.num_rows
        self.charges = Charges(1.0, np.zeros(rows), _even_shares(problem.caps))
        self.parts: tuple[PartResult, ...] = ()
        self.best: tuple[Plan, Evaluation] | None = None
        self.bound, self.proof = 0.0, self.charges
        self.proven_parts: tuple[PartResult, ...] = ()
        self.seen: list[Plan] = []
        self.work = 0
        self._times_over = np.zeros(problem.caps.num_rows + 1)
        self._most = 1.001 * _most_cost(problem, goal) + 1.0
        self._plan: Plan | None = None
        known = near.charges if near is not None else None
        if near is not None and known is not None:
            self.parts, self._plan = near.parts, near.plan
            self.charges = Charges(
                known.weight,
                known.row if len(known.row) == rows else self.charges.row,
                known.share if len(known.share) == len(self.charges.share) else self.charges.share,
            )
        self.master = PartMaster(problem, goal, cap, is_near=known is not None)

    @property
    def value(self) -> float:
        """Cost of the best plan within the caps [money], infinite without one."""
        return math.inf if self.best is None else self._cost(self.best[1])

    @property
    def gap(self) -> float:
        """(value - bound) / value."""
        return (self.value - self.bound) / self.value if 0 < self.value < math.inf else 1.0

    def _cost(self, seen: Evaluation) -> float:
        return seen.exposure + seen.late_cost if self.goal == "exposure" else seen.disruption

    def _capped(self, seen: Evaluation) -> float:
        return seen.disruption if self.goal == "exposure" else seen.exposure + seen.late_cost

    @property
    def _caps(self) -> tuple[float, float]:
        return (math.inf, self.cap) if self.goal == "exposure" else (self.cap, math.inf)

    @property
    def counts_sets(self) -> bool:
        """Return whether any cap counts sets of slots, which charges alone rarely close one by one."""
        return bool((np.diff(self.problem.caps.unit_ptr) > 1).any())

    def round(self, *, is_last: bool) -> None:
        """Solve at the present charges, keep what is proven and found, and adjust them.

        At last, plans within the caps are wanted, not proofs: the least used sets of slots are closed until
        their number fits, and of the charges only those of what is above its cap rise.
        """
        priced = charged(self.problem, self.charges)
        closed = self._to_close() if is_last else None
        if closed is not None and closed.any():
            priced = without_slots(priced, closed)
        try:
            found = self._solve(priced)
        except NoFeasiblePlanError:
            if not is_last:
                raise
            return
        if not is_last:
            self.parts = found.parts
            self._prove(found)
        self._plan = found.plan
        self.work += found.work
        seen = self.offer(found.plan)
        self._adjust(found.plan, seen if is_last else None)
        self._share_out(found.plan)

    def _to_close(self) -> npt.NDArray[np.bool_]:
        """Return the slots to close so that no row counts more sets than it may, the least used ones."""
        caps, closed = self.problem.caps, np.zeros(self.problem.num_slots, dtype=np.bool_)
        if self._plan is None:
            return closed
        slot = slots_of(self.problem, self._plan.window)
        done = np.flatnonzero(slot >= 0)
        worth = sum_by(slot[done], self.problem.exposure_per_day[done], self.problem.num_slots)
        unit = caps.entry_unit
        used = sum_by(unit, worth[caps.unit_slot], len(caps.unit_row))
        size = np.diff(caps.unit_ptr)
        for row in np.unique(caps.unit_row[size > 1]):
            members = np.flatnonzero(caps.unit_row == row)
            members = members[np.argsort(-used[members], kind="stable")]
            beyond = np.cumsum(caps.unit_amount[members]) > caps.limit[row] + caps.slack[row]
            closed[caps.unit_slot[np.isin(unit, members[beyond])]] = True
        return closed

    def _solve(self, priced: Problem) -> PricedSolution:
        return solve(
            priced,
            self.charges.weight,
            steps=_STEPS if self.parts else _FIRST_STEPS,
            seed=self.seed,
            threads=self.threads,
            warm=self._plan,
            resume=self.parts,
        )

    def _prove(self, found: PricedSolution) -> None:
        """Turn the bound at charges into one on all plans within the caps."""
        caps, charges = self.problem.caps, self.charges
        limit = self.cap + CAP_TOLERANCE * max(1.0, abs(self.cap))
        paid = float(charges.row @ (caps.limit + caps.slack))
        if self.goal == "exposure":
            bound = found.bound - charges.weight * limit - paid
        else:
            bound = (found.bound - limit - paid) / charges.weight
        if bound > self.bound:
            self.bound, self.proof, self.proven_parts = bound, charges, found.parts

    def check_possible(self) -> None:
        """Raise an error when the bound is above what any plan costs: then no plan keeps the caps."""
        if self.bound > self._most:
            raise no_plan(self.problem, self._caps, 0.0, is_infeasible=True)

    def offer(self, plan: Plan) -> Evaluation:
        """Take a plan that keeps all rules but caps into account, alone and mixed with the best."""
        seen = evaluate(self.problem, plan)
        self._keep(plan, seen)
        for other in [*self.seen[-3:], plan]:
            if self.best is not None and other is not self.best[0]:
                mixed = blend(self.problem, self.ties, self.best[0], other, np.array([self.cap]), self.goal)[
                    0
                ]
                self._keep(mixed, evaluate(self.problem, mixed))
        self.seen.append(plan)
        return seen

    def _keep(self, plan: Plan, seen: Evaluation) -> None:
        if is_within(seen, self._caps) and self._cost(seen) < self.value:
            self.best = plan, seen

    def _share_out(self, plan: Plan) -> None:
        """Charge the slots of a unit more that plans open: those are what keep it from being free."""
        caps = self.problem.caps
        if not len(caps.unit_slot):
            return
        unit = caps.entry_unit
        is_open = np.isin(caps.unit_slot, opened_slots(self.problem, plan.window)).astype(np.float64)
        opened = sum_by(unit, is_open, len(caps.unit_row))[unit]
        wanted = np.where(opened > 0, is_open / np.maximum(opened, 1.0), self.charges.share)
        self.charges = replace(self.charges, share=0.7 * self.charges.share + 0.3 * wanted)

    def _adjust(self, plan: Plan, late: Evaluation | None) -> None:
        """Choose the next charges by what the plans so far, part by part, would cost at them."""
        self.master.add(plan, self.charges.share)
        if late is None:
            weight, row = self.master.charges(self.proof, has_gained=self.proof is self.charges)
        else:
            over = np.append(late.cap_amounts > self.problem.caps.limit, self._capped(late) > self.cap)
            self._times_over = np.where(over, self._times_over + 1, 0)
            dearer = _DEARER**self._times_over
            row = dearer[:-1] * self.charges.row
            weight = self.charges.weight * float(dearer[-1] if self.goal == "exposure" else 1 / dearer[-1])
        self.charges = replace(self.charges, weight=weight, row=row)
        for mixed in self.master.chosen():
            self._keep(mixed, evaluate(self.problem, mixed))

    def found(self, is_cut: bool, seconds: float) -> CappedByPrices:
        """Return the best plan with what is proven."""
        if self.best is None:
            raise no_plan(self.problem, self._caps, seconds, is_infeasible=False)
        plan, seen = self.best
        value = self._cost(seen)
        bound = min(max(self.bound, 0.0), value)
        weight = 0.0 if self.goal == "exposure" else math.inf
        return CappedByPrices(
            plan, seen, weight, value, bound, self.work, "time" if is_cut else "work",
            line_weight=self.proof.weight if self.goal == "exposure" else 0.0,
            bound_of_relaxation=bound, charges=self.proof, parts=self.proven_parts, caps=self.problem.caps,
        )  # fmt: skip


def _most_cost(problem: Problem, goal: Goal) -> float:
    """Return what no plan can cost more than [money]."""
    waited = problem.horizon_days - problem.release_days
    if goal == "exposure":
        return float((problem.exposure_per_day * waited + problem.late_cost).sum())
    age = problem.window_end_days[:1].sum() - problem.available_days
    failure = problem.change_cost + problem.early_cost * np.exp(-age / problem.settle_days)
    return float((failure + problem.deferral_cost_per_day * waited).sum() + problem.slot_cost.sum())


def _even_shares(caps: Caps) -> Floats:
    """Return shares by which the slots of each unit are charged alike."""
    return 1.0 / np.diff(caps.unit_ptr)[caps.entry_unit]
