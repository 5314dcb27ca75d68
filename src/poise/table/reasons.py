"""Why is this change not earlier, later, or in that window? Two honest re-solves and what blocks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from poise.errors import Fault, NoFeasiblePlanError, TableError
from poise.planning.capped import find_any, solve_within
from poise.planning.problem import TIME_TOLERANCE_DAYS, Ints, Plan, Problem
from poise.table.binding import bind
from poise.table.ground import Ground
from poise.table.limits import Limit
from poise.table.solving import Costs, Effort, costs_of, moves_between


@dataclass(frozen=True)
class Asked:
    """What was asked for: a change done by a moment, not before one, or in a span."""

    change: str
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """The best plan with what was asked for, at one side's cost held equal.

    Parameters
    ----------
    costs
        Of that plan.
    extra
        What it costs more than the best plan found without the wish, solved alike [money]; at least 0.
    moved
        Other changes that move for it.
    """

    plan: Plan
    costs: Costs
    extra: float
    moved: Ints


@dataclass(frozen=True)
class Reason:
    """Why a plan does not do what was asked for.

    Parameters
    ----------
    at_equal_disruption, at_equal_exposure
        The re-solves; None where none exists or none was found.
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
    is_impossible: bool
    blocked_by: tuple[str, ...]
    sentence: str


def why_not(
    ground: Ground, limits: Sequence[Limit], draft: Plan, asked: Asked, effort: Effort | None = None
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
        hint = "plan.csv and poise table show list the changes."
        raise TableError(Fault("E554", "why", f"There is no change {asked.change!r} here.", hint))
    problem = bind(ground, limits).problem
    costs = costs_of(ground.problem, draft)
    group = int(problem.change_group[number])
    with_it = _with_wish(ground, problem, number, asked)
    # A later release takes waiting out of this problem's costs; the draft's are told in the same measure.
    waited_days = with_it.release_days[number] - problem.release_days[number]
    less_security = float(problem.exposure_per_day[number] * waited_days)
    less_operations = float(problem.deferral_cost_per_day[number] * waited_days)
    focus = np.array([group])
    outcomes: list[Outcome | None] = []
    for weight, exposure_cap, disruption_cap in (
        (0.0, np.inf, costs.operations),
        (np.inf, costs.security, np.inf),
    ):
        wished = _best(
            with_it,
            weight,
            (exposure_cap - less_security, disruption_cap - less_operations),
            draft,
            focus,
            effort,
        )
        if wished is None:
            outcomes.append(None)
            continue
        free = _best(problem, weight, (exposure_cap, disruption_cap), draft, focus, effort) or draft
        seen, without = costs_of(ground.problem, wished), costs_of(ground.problem, free)
        if weight == 0.0:
            extra = seen.security - min(without.security, costs.security)
        else:
            extra = seen.operations - min(without.operations, costs.operations)
        moved = moves_between(wished, draft)
        outcomes.append(Outcome(wished, seen, max(0.0, extra), moved[moved != number]))
    blocked: tuple[str, ...] = ()
    impossible = False
    if outcomes == [None, None]:
        blocked, impossible = _blocking(ground, limits, number, asked, effort)
    reason = Reason(asked, costs, outcomes[0], outcomes[1], impossible, blocked, "")
    return replace(reason, sentence=_sentence(ground, reason))


def _best(
    problem: Problem, weight: float, caps: tuple[float, float], warm: Plan, focus: Ints, effort: Effort
) -> Plan | None:
    """Return the best plan found within caps on (exposure, disruption); None without one."""
    effort.go_on()
    try:
        return solve_within(
            problem,
            weight,
            seconds=effort.seconds,
            exposure_cap=caps[0],
            disruption_cap=caps[1],
            warm=warm,
            focus=focus,
            rounds=effort.rounds,
            seed=effort.seed,
        ).plan
    except NoFeasiblePlanError:
        return None


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

    if is_possible(limits):
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
    parts = []
    if reason.at_equal_disruption:
        extra = reason.at_equal_disruption.extra
        parts.append(f"{money} {extra:,.0f} more expected loss at no more disruption")
    if reason.at_equal_exposure:
        extra = reason.at_equal_exposure.extra
        parts.append(f"{money} {extra:,.0f} more disruption at no more expected loss")
    if parts:
        moved = len(reason.at_equal_disruption.moved) if reason.at_equal_disruption else 0
        more = f" ({moved} other changes move)" if moved else ""
        return f"{head}: {', or '.join(parts)}{more}."
    if reason.blocked_by:
        return f"{head}: not while {' or '.join(reason.blocked_by)} stands."
    if reason.is_impossible:
        return f"{head}: no plan does it; the calendar, capacity or rollout order is in the way."
    return f"{head}: possible only if both expected loss and disruption may grow."
