"""When limits cannot all hold: which could give way, by how much, whose they are, and the plan after each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from poise.bargain.repairs import find_repairs
from poise.bargain.value import Limits
from poise.errors import NoFeasiblePlanError
from poise.patching.harddates import named_dates
from poise.planning.capped import EXACT_CHOICES, find_any, mended, solve_within
from poise.planning.choices import list_choices
from poise.planning.evaluate import evaluate
from poise.planning.exact import no_plan
from poise.planning.mixing import best_mix
from poise.planning.problem import TIME_TOLERANCE_DAYS, Ints, Plan, Problem
from poise.planning.relaxation import Relaxation
from poise.table.binding import Board, amount_of, bind, changes_in, slots_in, touched
from poise.table.emergency import EmergencyWay, emergency_ways
from poise.table.ground import Ground, as_plan
from poise.table.limits import WEEK, Limit, Party, relaxed, step_of
from poise.table.solving import Costs, Effort, Progress, costs_of, split

#: Steps that a freeze or a deadline may give way by before it is dropped.
MOST_STEPS = 26
#: Known plans of least total cost of which the plan after a repair may be mixed.
MIXED = 4
#: Repairs whose amounts and plans are worked out.
DETAILED = 5
#: Changes that the law leaves no window for, of which so many are named.
NAMED = 6
#: Part of a solve's time for each of the many questions how far a limit has to give way [1].
_PROBES = 1 / 3


@dataclass(frozen=True)
class Give:
    """One limit that gives way.

    Parameters
    ----------
    limit
        As it stands.
    after
        As it would have to be; None where it must go altogether.
    share
        How much of it is given: 1 for all [1]. Of a freeze its length, of a deadline its days, of the
        others their amount.
    is_least
        Whether it is proven that no step less does it beside the others.
    """

    limit: Limit
    after: Limit | None
    share: float
    is_least: bool = True


@dataclass(frozen=True)
class Repair:
    """A smallest set of limits that give way, and the best plan then (least exposure plus disruption)."""

    gives: tuple[Give, ...]
    plan: Plan
    costs: Costs

    @property
    def share(self) -> float:
        """Return how much is given in all [1]."""
        return sum(give.share for give in self.gives)

    @property
    def parties(self) -> tuple[Party, ...]:
        """Return who gives."""
        return tuple(sorted({give.limit.party for give in self.gives}))


@dataclass(frozen=True)
class RepairSheet:
    """Ways out of limits that cannot all hold, smallest give first.

    Parameters
    ----------
    is_needed
        Whether any limit has to give way.
    repairs
        Worked out; every one is feasible and none contains another.
    conflicts
        Smallest sets of limits that no plan meets, proven.
    is_complete
        Whether no other repair exists.
    blocked_by
        Why even the limits of class law and the calendar leave no plan; empty where they do.
    emergency
        Then: ways to keep the law by overtime or outside the calendar, cheapest first; none where neither
        does it.
    """

    is_needed: bool
    repairs: tuple[Repair, ...]
    conflicts: tuple[Limits, ...]
    is_complete: bool
    blocked_by: tuple[str, ...] = ()
    emergency: tuple[EmergencyWay, ...] = ()


def repair_sheet(
    ground: Ground,
    limits: Sequence[Limit],
    start: Plan,
    *,
    most: int = DETAILED,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> RepairSheet:
    """Find the smallest sets of limits whose giving way leaves a plan.

    Windows, capacity, rings and the limits of class law stay as they are in all of them.

    Parameters
    ----------
    start
        Any plan, to start solves from.
    most
        Repairs to work out.
    """
    effort = effort or Effort()
    finder = _Finder(ground, limits, start, effort, progress)
    blocked = finder.blocked()
    if blocked:
        ways = emergency_ways(ground, finder.always, finder.effort)
        return RepairSheet(True, (), (), is_complete=False, blocked_by=blocked, emergency=ways)
    found = find_repairs(tuple(finder.negotiable), finder.is_feasible, is_proven=finder.is_proven, most=most)
    if found.repairs == (frozenset(),):
        return RepairSheet(False, (), (), is_complete=True)
    repairs = []
    for done, names in enumerate(found.repairs):
        effort.go_on()
        finder.tell(done, len(found.repairs), "how far to give: " + ", ".join(sorted(names)))
        gives, held = finder.gives(names)
        plan = finder.best(held)
        repairs.append(Repair(gives, plan, costs_of(ground.problem, plan)))
    repairs.sort(key=lambda repair: (repair.share, [give.limit.id for give in repair.gives]))
    return RepairSheet(True, tuple(repairs), found.conflicts, found.is_complete)


class _Finder:
    """Looks for plans under sets of limits, near those known; the relaxation says where there is none."""

    def __init__(
        self,
        ground: Ground,
        limits: Sequence[Limit],
        start: Plan,
        effort: Effort,
        progress: Progress | None = None,
    ) -> None:
        self.ground, self.effort = ground, effort
        self.tell: Progress = progress or (lambda done, total, text: None)
        self.always, self.negotiable = split(limits)
        self.known = [start, *(as_plan(stored.windows) for stored in ground.plans)]
        self.board = Board.of(ground, limits)
        self._hot: Relaxation | None = None

    def blocked(self) -> tuple[str, ...]:
        """Return why the law alone leaves no plan: the first few changes whose dates cannot be met."""
        problem = bind(self.ground, self.always).problem
        if any(evaluate(problem, plan).is_feasible for plan in self.known):
            return ()
        ground = self.ground
        try:
            with named_dates(lambda change: ground.changes[change].id, ground.now, ground.timezone):
                find_any(problem, self.effort.seconds, self.effort.seconds * _PROBES)
        except NoFeasiblePlanError as error:
            told = [
                f"{fault.where} {fault.message}" if error.dates else fault.message for fault in error.faults
            ]
            more = [f"{len(told) - NAMED} more changes too."] if len(told) > NAMED else []
            return (*told[:NAMED], *more)
        return ()

    def is_proven(self, kept: Limits) -> bool | None:
        """Answer as :meth:`is_feasible` does, in part of its time."""
        return self.is_feasible(kept, _PROBES)

    def is_feasible(self, kept: Limits, part: float = 1.0) -> bool | None:
        """Return whether a plan meets these limits: True with a plan, False with a proof."""
        given = ", ".join(sorted(set(self.negotiable) - kept)) or "nothing"
        self.tell(0, 1, f"whether there is a plan that gives up {given}")
        return self._is_possible([self.negotiable[name] for name in sorted(kept)], part)

    def gives(self, names: Limits) -> tuple[tuple[Give, ...], list[Limit]]:
        """Work out how far each limit of a repair has to give way, one after the other; and what then holds.

        Each gives only as much as is needed beside those before it and without those after it; so none
        of the amounts could be less while the others stay.
        """
        kept = [limit for name, limit in self.negotiable.items() if name not in names]
        gives = []
        for name in sorted(names, key=lambda name: (self.negotiable[name].class_ == "policy", name)):
            limit = self.negotiable[name]
            after, is_least = self._least(limit, kept)
            gives.append(Give(limit, after, _share(limit, after), is_least))
            if after is not None:
                kept.append(after)
        return tuple(gives), [*self.always, *kept]

    def _least(self, limit: Limit, others: Sequence[Limit]) -> tuple[Limit | None, bool]:
        """Return the limit after the fewest steps with which it and the others hold, and if that is proven.

        None where no number of steps was found that does: then it goes.
        """
        without = self._any([*self.always, *others])
        if without is None:
            return None, False
        most = _steps_to(self.ground, limit, without)
        low, high, best = 0, most, relaxed(limit, most)
        if best is None:
            return None, True
        holds = self._is_possible([*others, best], _PROBES)
        if not holds:
            return None, holds is False
        is_least = True
        while high - low > 1:
            middle = (low + high) // 2
            less = relaxed(limit, middle)
            holds = less is not None and self._is_possible([*others, less], _PROBES)
            if holds:
                high, best = middle, less
            else:
                low, is_least = middle, holds is False
        return best, is_least

    def _is_possible(self, limits: Iterable[Limit], part: float = 1.0) -> bool | None:
        try:
            return True if self._any([*self.always, *limits], part) is not None else None
        except NoFeasiblePlanError:
            return False

    def _any(self, limits: Sequence[Limit], part: float = 1.0) -> Plan | None:
        """Return a plan that meets these limits: one known, one near it, or any in part of a solve's time."""
        problem = bind(self.ground, limits).problem
        for plan in self.known:
            if evaluate(problem, plan).is_feasible:
                return plan
        self.effort.go_on()
        if self._is_ruled_out(limits):
            raise no_plan(problem, (math.inf, math.inf), 0.0, is_infeasible=True)
        found = self._near(problem, limits) or find_any(problem, part * self.effort.seconds)
        if found is not None:
            self.known.append(found)
        return found

    def _is_ruled_out(self, limits: Sequence[Limit]) -> bool:
        """Return whether already the relaxation of these limits has no answer: a proof in a hundredth second.

        Of a limit that gives way by an amount its row is left out, which proves no less.
        """
        if len(list_choices(self.ground.problem).change) <= EXACT_CHOICES:
            return False
        every = [*self.always, *self.negotiable.values()]
        if self._hot is None:
            anchors = [self.board.switches(self.ground, one) for one in (self.always, every)]
            free = (math.inf, math.inf)
            self._hot = Relaxation(self.board.problem, (0.0, 0.0), free, anchors, seconds=self.effort.seconds)
        known = {limit.id: limit for limit in every}
        rowed = ("freeze", "deadline")
        kept = [one for one in limits if one.rule in rowed or one == known.get(one.id)]
        return math.isinf(self._hot.under(self.board.switches(self.ground, kept)).bound)

    def _near(self, problem: Problem, limits: Sequence[Limit]) -> Plan | None:
        """Return a plan that differs from a known one where that breaks limits, or at most in those teams."""
        if len(list_choices(problem).change) <= EXACT_CHOICES:
            return None
        faulty = [(_at_fault(self.ground, limits, plan), plan) for plan in self.known]
        focus, plan = min(faulty, key=lambda one: len(one[0]))
        team = problem.group_team
        for groups in (focus, np.flatnonzero(np.isin(team, team[focus]))):
            found = mended(problem, plan, groups)
            if found is not None:
                return found
        return None

    def best(self, limits: Sequence[Limit]) -> Plan:
        """Return the plan of least exposure plus disruption found under limits that some known plan keeps."""
        problem = bind(self.ground, limits).problem
        total = {id(plan): _total(self.ground, plan) for plan in self.known}
        kept = [plan for plan in self.known if evaluate(problem, plan).is_feasible]
        cheapest = sorted(self.known, key=lambda plan: total[id(plan)])[:MIXED]
        warm = best_mix(problem, [*kept, *cheapest], 1.0, self.effort.seconds / 6)
        return solve_within(
            problem,
            1.0,
            seconds=self.effort.seconds,
            warm=warm or min(kept, key=lambda plan: total[id(plan)]),
            focus=touched(self.ground, limits),
            rounds=max(0, self.effort.rounds - 1),
            seed=self.effort.seed,
        ).plan


def _total(ground: Ground, plan: Plan) -> float:
    costs = costs_of(ground.problem, plan)
    return costs.security + costs.operations


def _at_fault(ground: Ground, limits: Sequence[Limit], plan: Plan) -> Ints:
    """Return the groups in which a plan breaks limits."""
    problem, groups = ground.problem, [np.zeros(0, dtype=np.int64)]
    end = np.append(problem.window_end_days, math.inf)[plan.window]
    pair = problem.change_group * problem.num_windows + plan.window
    for limit in limits:
        if limit.rule == "deadline":
            changes = changes_in(ground, limit)
            late = changes[end[changes] > (limit.amount or 0.0) + TIME_TOLERANCE_DAYS]
            groups.append(problem.change_group[late])
        elif limit.rule == "freeze":
            slots = np.flatnonzero(slots_in(ground, limit))
            frozen = ground.slot_group[slots] * problem.num_windows + problem.slot_window[slots]
            used = (plan.window >= 0) & np.isin(pair, frozen)
            groups.append(problem.change_group[used])
        elif not evaluate(bind(ground, [limit]).problem, plan).is_feasible:
            groups.append(ground.groups_in(limit.scope))
    return np.unique(np.concatenate(groups))


def _steps_to(ground: Ground, limit: Limit, plan: Plan) -> int:
    """Return how many steps a limit has to give way by to keep a plan, as far as steps go."""
    if limit.rule == "freeze":
        return next((n for n in range(1, MOST_STEPS + 1) if relaxed(limit, n + 1) is None), MOST_STEPS)
    needed = amount_of(ground, limit, plan)
    if needed is None:
        return MOST_STEPS
    return max(1, math.ceil((needed - (limit.amount or 0.0)) / step_of(limit) - 1e-9))


def _share(limit: Limit, after: Limit | None) -> float:
    if after is None:
        return 1.0
    if limit.rule == "freeze" and limit.start and limit.end and after.start and after.end:
        return 1.0 - (after.end - after.start) / (limit.end - limit.start)
    floor = float(WEEK.days) if limit.rule == "deadline" else 1.0
    return ((after.amount or 0.0) - (limit.amount or 0.0)) / max(limit.amount or 0.0, floor)
