"""Why is this change not earlier, later, or in that window? Two honest re-solves and what blocks it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from poise.bargain.prices import Price, difference
from poise.bargain.value import Value
from poise.errors import Fault, NoFeasiblePlanError, TableError
from poise.planning.capped import find_any, solve_within
from poise.planning.evaluate import evaluate
from poise.planning.problem import TIME_TOLERANCE_DAYS, Goal, Ints, Plan, Problem
from poise.table.binding import bind
from poise.table.ground import Ground
from poise.table.limits import Limit
from poise.table.pricing import SAME_PRICE, short_number
from poise.table.solving import Costs, Effort, Progress, costs_of, is_proof, moves_between


@dataclass(frozen=True)
class Asked:
    """What was asked for: a change done by a moment, not before one, or in a span."""

    change: str
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """The best plan found with what was asked for, at one side's cost held equal.

    Parameters
    ----------
    costs
        Of that plan.
    extra
        What the wish costs: the least cost with it less that without, in a proven interval [money].
    moved
        Other changes that move for it.
    """

    plan: Plan
    costs: Costs
    extra: Price
    moved: Ints


@dataclass(frozen=True)
class Reason:
    """Why a plan does not do what was asked for.

    Parameters
    ----------
    at_equal_disruption, at_equal_exposure
        The re-solves; None where none exists or none was found.
    is_ruled_out
        Whether it is proven that no plan does it at no more disruption, and at no more expected loss.
    is_impossible
        Whether it is proven that no plan does it, at any cost.
    blocked_by
        Limits without which it is possible, or which shut its windows.
    sentence
        All of it in words.
    """

    asked: Asked
    draft: Costs
    at_equal_disruption: Outcome | None
    at_equal_exposure: Outcome | None
    is_ruled_out: tuple[bool, bool]
    is_impossible: bool
    blocked_by: tuple[str, ...]
    sentence: str


def why_not(
    ground: Ground,
    limits: Sequence[Limit],
    draft: Plan,
    asked: Asked,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Reason:
    """Ask for a change to be done at another time, and say what that costs or what is in the way.

    Raises
    ------
    TableError
        E554 when there is no such change.
    """
    effort = effort or Effort()
    number = ground.change_number.get(asked.change)
    if number is None:
        hint = "poise table changes lists them, and so does plan.csv."
        web = "A plan's page lists the changes of each visit."
        raise TableError(Fault("E554", "why", f"There is no change {asked.change!r} here.", hint, web))
    solver = _Wish(ground, bind(ground, limits).problem, draft, number, asked, effort)
    tell = progress or (lambda done, total, text: None)
    tell(0, 3, "with the wish, at no more disruption")
    disruption, no_disruption = solver.priced("exposure")
    tell(1, 3, "with the wish, at no more expected loss")
    exposure, no_exposure = solver.priced("disruption")
    blocked: tuple[str, ...] = ()
    impossible = False
    if disruption is None and exposure is None:
        tell(2, 3, "what is in the way")
        blocked, impossible = _blocking(ground, limits, number, asked, effort)
    ruled_out = (no_disruption, no_exposure)
    reason = Reason(asked, solver.costs, disruption, exposure, ruled_out, impossible, blocked, "")
    return replace(reason, sentence=_sentence(ground, reason))


class _Wish:
    """Solves a problem with a wish and without it, one side's cost held at the draft's."""

    def __init__(
        self, ground: Ground, problem: Problem, draft: Plan, number: int, asked: Asked, effort: Effort
    ) -> None:
        self.ground, self.problem, self.draft, self.number, self.effort = (
            ground,
            problem,
            draft,
            number,
            effort,
        )
        self.wished = _with_wish(ground, problem, number, asked)
        self.costs = costs_of(ground.problem, draft)
        self.is_kept = evaluate(problem, draft).is_feasible
        # A later release takes waiting out of that problem's costs, the same for every plan with the wish.
        waited_days = float(self.wished.release_days[number] - problem.release_days[number])
        self.shift = Costs(
            float(problem.exposure_per_day[number]) * waited_days,
            float(problem.deferral_cost_per_day[number]) * waited_days,
        )

    def priced(self, goal: Goal) -> tuple[Outcome | None, bool]:
        """Return what the wish costs one side at no more of the other's cost, and whether none is proven."""
        with_it = self._least(self.wished, goal, self.shift)
        plan = with_it.witness
        if plan is None:
            return None, with_it.is_impossible
        without = self._least(self.problem, goal, Costs(0.0, 0.0))
        # What does the wish, and the draft itself, are plans without the wish too.
        best = min(without.best, with_it.best, self._own(self.costs, goal) if self.is_kept else math.inf)
        extra = difference(with_it, Value(min(without.bound, best), best))
        moved = moves_between(plan, self.draft)
        return Outcome(plan, costs_of(self.ground.problem, plan), extra, moved[moved != self.number]), False

    def _least(self, problem: Problem, goal: Goal, shift: Costs) -> Value:
        """Return the least cost to one side, in the ground's measure, and the plan."""
        self.effort.go_on()
        caps = (math.inf, self.costs.operations - shift.operations)
        if goal == "disruption":
            caps = (self.costs.security - shift.security, math.inf)
        try:
            found = solve_within(
                problem,
                0.0 if goal == "exposure" else math.inf,
                seconds=self.effort.seconds,
                exposure_cap=caps[0],
                disruption_cap=caps[1],
                warm=self.draft,
                focus=self.problem.change_group[[self.number]],
                rounds=self.effort.rounds,
                seed=self.effort.seed,
            )
        except NoFeasiblePlanError as error:
            return Value(math.inf if is_proof(error) else 0.0, math.inf)
        added = self._own(shift, goal)
        return Value(found.bound + added, found.value + added, found.plan)

    @staticmethod
    def _own(costs: Costs, goal: Goal) -> float:
        return costs.security if goal == "exposure" else costs.operations


def _with_wish(ground: Ground, problem: Problem, number: int, asked: Asked) -> Problem:
    """Return a problem in which a change must be done within the span asked for.

    Its release moves up for the one, and it must be done by the latest day for the other.
    """
    release = problem.release_days.copy()
    latest = (
        np.full(problem.num_changes, np.inf) if problem.latest_days is None else problem.latest_days.copy()
    )
    if asked.after is not None:
        # Exposure counts from the release: costs of this one change are told by the evaluator, not here.
        release[number] = max(release[number], min(ground.days(asked.after), problem.horizon_days))
    end = problem.horizon_days if asked.before is None else ground.days(asked.before)
    latest[number] = min(latest[number], end, problem.horizon_days)
    return replace(problem, release_days=release, latest_days=latest)


def _blocking(
    ground: Ground, limits: Sequence[Limit], number: int, asked: Asked, effort: Effort
) -> tuple[tuple[str, ...], bool]:
    """Return the limits each of which alone is in the way, and whether nothing helps at all."""

    def is_possible(kept: Sequence[Limit]) -> bool | None:
        wished = _with_wish(ground, bind(ground, kept).problem, number, asked)
        try:
            return True if find_any(wished, effort.seconds) is not None else None
        except NoFeasiblePlanError:
            return False

    if is_possible(limits) is not False:
        return (), False
    alone = tuple(
        limit.id for limit in limits if is_possible([other for other in limits if other is not limit])
    )
    return alone, not alone and is_possible(()) is False


def windows_of(ground: Ground, number: int, asked: Asked) -> tuple[Ints, Ints]:
    """Return the windows of a change's group within the span asked for, and those before its end."""
    problem = ground.problem
    group = int(problem.change_group[number])
    windows = problem.slot_window[problem.slot_ptr[group] : problem.slot_ptr[group + 1]]
    start = -np.inf if asked.after is None else ground.days(asked.after)
    end = np.inf if asked.before is None else ground.days(asked.before)
    by_then = windows[problem.window_end_days[windows] <= end + TIME_TOLERANCE_DAYS]
    return by_then[problem.window_start_days[by_then] >= start - TIME_TOLERANCE_DAYS], windows


def _sentence(ground: Ground, reason: Reason) -> str:
    asked, money = reason.asked, ground.currency
    number = ground.change_number[asked.change]
    when = " and ".join(
        part
        for part in (
            f"not before {asked.after:%Y-%m-%d %H:%M}" if asked.after else "",
            f"by {asked.before:%Y-%m-%d %H:%M}" if asked.before else "",
        )
        if part
    )
    head = f"{asked.change} {when or 'at all'}"
    inside, windows = windows_of(ground, number, asked)
    if not len(inside):
        first = min((ground.windows[w].end for w in windows), default=None)
        then = f"; its first ends {first:%Y-%m-%d %H:%M}" if first else "; it has none in the horizon"
        return f"{head}: its group has no window then{then}."
    parts = [
        f"{_extra(outcome.extra, money, what)} at no more {held}"
        for outcome, what, held in (
            (reason.at_equal_disruption, "expected loss", "disruption"),
            (reason.at_equal_exposure, "disruption", "expected loss"),
        )
        if outcome is not None
    ]
    if parts:
        moved = len(reason.at_equal_disruption.moved) if reason.at_equal_disruption else 0
        more = f" ({moved} other changes move)" if moved else ""
        return f"{head}: {', or '.join(parts)}{more}."
    if reason.blocked_by:
        return f"{head}: not while {' or '.join(reason.blocked_by)} stands."
    if reason.is_impossible:
        return f"{head}: no plan does it; the calendar, capacity or rollout order is in the way."
    if all(reason.is_ruled_out):
        return f"{head}: possible only if both expected loss and disruption may grow."
    return f"{head}: no plan was found that does it unless both expected loss and disruption grow."


def _extra(price: Price, money: str, what: str) -> str:
    """Return what a wish costs more in words: an interval as soon as it is not proven."""
    if price.high <= 0:
        return f"no more {what}"
    if price.low <= 0:
        return f"at most {money} {short_number(price.high)} more {what}"
    if price.high - price.low <= SAME_PRICE * price.high:
        return f"{money} {short_number(price.best)} more {what}"
    return f"{money} {short_number(price.low)} to {short_number(price.high)} more {what}"
