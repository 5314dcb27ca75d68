"""What a plan really costs, and which rules it breaks.

Recomputed from the raw arrays alone. No solver's code is used here and no solver uses this code
while it searches, so that a mistake in one cannot hide in the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from poise.errors import Fault, ModelError
from poise.planning.check import check
from poise.planning.problem import (
    CAPACITY_TOLERANCE_MINUTES,
    TIME_TOLERANCE_DAYS,
    Evaluation,
    Floats,
    Ints,
    Plan,
    Problem,
    Violation,
)

__all__ = ["check", "evaluate"]


def evaluate(problem: Problem, plan: Plan) -> Evaluation:
    """Recompute a plan's costs, its use of the teams and every hard rule it breaks.

    Parameters
    ----------
    problem
        One that :func:`check` accepts.
    plan
        A window per change, -1 for never.

    Returns
    -------
    Evaluation
        With the formulas of :class:`~poise.planning.problem.Problem`. A change put into a window
        that its group has no slot for breaks the rule ``"window"``; it opens the group at no cost.

    Raises
    ------
    ModelError
        E300, E301 or E307 when the plan is not a window per change of this problem.
    """
    window = checked_windows(problem, plan)
    is_done = window >= 0
    end = np.full(problem.num_changes, problem.horizon_days)
    end[is_done] = problem.window_end_days[window[is_done]]
    waited_days = end - problem.release_days
    failure = problem.change_cost + problem.early_cost * np.exp(
        -(end - problem.available_days) / problem.settle_days
    )
    late = np.isfinite(problem.due_days) & (~is_done | (end > problem.due_days + TIME_TOLERANCE_DAYS))
    opened, slot = _openings(problem, window)
    usage = _usage(problem, window, opened, slot)
    amounts = _cap_amounts(problem, window, slot[slot >= 0], problem.exposure_per_day * waited_days)
    opening_cost = float(problem.slot_cost[slot[slot >= 0]].sum())
    failure_cost = float(failure[is_done].sum())
    deferral_cost = float((problem.deferral_cost_per_day * waited_days).sum())
    return Evaluation(
        exposure=float((problem.exposure_per_day * waited_days).sum()),
        disruption=opening_cost + failure_cost + deferral_cost,
        opening_cost=opening_cost,
        failure_cost=failure_cost,
        deferral_cost=deferral_cost,
        late_cost=float(problem.late_cost[late].sum()),
        num_late=int(late.sum()),
        late=late,
        usage_minutes=usage,
        num_openings=len(opened),
        cap_amounts=amounts,
        violations=(
            *_change_violations(problem, window, late),
            *_capacity_violations(problem, usage),
            *_link_violations(problem, window),
            *_exclusion_violations(problem, opened),
            *_cap_violations(problem, amounts),
        ),
    )


def checked_windows(problem: Problem, plan: Plan) -> Ints:
    """Return a plan's windows; raises E300, E301 or E307 when it is no window per change."""
    window = np.asarray(plan.window)
    if window.shape != (problem.num_changes,):
        text = f"has shape {window.shape}; expected a window for each of {problem.num_changes} changes."
        raise ModelError(Fault("E300", "plan.window", text))
    if not np.issubdtype(window.dtype, np.integer):
        raise ModelError(Fault("E301", "plan.window", f"holds {window.dtype}; expected whole numbers."))
    outside = np.flatnonzero((window < -1) | (window >= problem.num_windows))
    if len(outside):
        text = f"is {window[outside[0]]}; expected -1 for never, or 0 to {problem.num_windows - 1}."
        raise ModelError(Fault("E307", f"plan.window[{outside[0]}]", text))
    return window.astype(np.int64)


def _openings(problem: Problem, window: Ints) -> tuple[Ints, Ints]:
    """Return the (group, window) pairs in use as sorted ``group * W + window``, and their slots or -1."""
    is_done = window >= 0
    pairs = problem.change_group[is_done] * problem.num_windows + window[is_done]
    opened = np.unique(pairs)
    return opened, _slot_of(problem, opened)


def _slot_of(problem: Problem, pairs: Ints) -> Ints:
    """Return the slot of each ``group * W + window``, -1 where the group may not use the window."""
    slot_pairs = np.repeat(np.arange(problem.num_groups) * problem.num_windows, np.diff(problem.slot_ptr))
    slot_pairs += problem.slot_window
    if not len(slot_pairs):
        return np.full(len(pairs), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(slot_pairs, pairs), len(slot_pairs) - 1)
    return np.where(slot_pairs[place] == pairs, place, -1)


def _usage(problem: Problem, window: Ints, opened: Ints, slot: Ints) -> Floats:
    usage = np.zeros((problem.num_teams, problem.num_windows))
    done = np.flatnonzero(window >= 0)
    np.add.at(
        usage, (problem.group_team[problem.change_group[done]], window[done]), problem.labour_minutes[done]
    )
    group, open_window = np.divmod(opened[slot >= 0], max(problem.num_windows, 1))
    np.add.at(usage, (problem.group_team[group], open_window), problem.slot_labour_minutes[slot[slot >= 0]])
    return usage


def _cap_amounts(problem: Problem, window: Ints, open_slots: Ints, exposure: Floats) -> Floats:
    """Return what each row of caps adds up to, given the slots in use and each change's exposure."""
    caps = problem.caps
    amounts = np.zeros(caps.num_rows)
    if not caps.num_rows:
        return amounts
    is_open = np.zeros(problem.num_slots, dtype=bool)
    is_open[open_slots] = True
    unit = np.repeat(np.arange(len(caps.unit_row)), np.diff(caps.unit_ptr))
    used = np.unique(unit[is_open[caps.unit_slot]])
    np.add.at(amounts, caps.unit_row[used], caps.unit_amount[used])
    share_row = np.repeat(np.arange(caps.num_rows), np.diff(caps.share_ptr))
    np.add.at(amounts, share_row, caps.share * exposure[caps.share_change])
    for count, row in enumerate(caps.move_row):
        amounts[row] += caps.move_amount[count][window != caps.kept_window[count]].sum()
    return amounts


def _cap_violations(problem: Problem, amounts: Floats) -> Iterator[Violation]:
    over = amounts - problem.caps.limit
    for row in np.flatnonzero(over > problem.caps.slack):
        yield Violation("cap", int(row), float(over[row]))


def _change_violations(problem: Problem, window: Ints, late: npt.NDArray[np.bool_]) -> Iterator[Violation]:
    done = np.flatnonzero(window >= 0)
    slot = _slot_of(problem, problem.change_group[done] * problem.num_windows + window[done])
    for change in done[slot < 0]:
        yield Violation("window", int(change), 0.0)
    early_days = problem.release_days[done] - problem.window_start_days[window[done]]
    for place in np.flatnonzero(early_days > TIME_TOLERANCE_DAYS):
        yield Violation("release", int(done[place]), float(early_days[place]))
    latest = np.where(problem.hard_due, problem.due_days, np.inf)
    missed = late & problem.hard_due
    if problem.latest_days is not None:
        ends = np.append(problem.window_end_days, np.inf)[window]
        latest = np.minimum(latest, problem.latest_days)
        missed |= np.isfinite(problem.latest_days) & (ends > problem.latest_days + TIME_TOLERANCE_DAYS)
    for change in np.flatnonzero(missed):
        end = problem.window_end_days[window[change]] if window[change] >= 0 else problem.horizon_days
        yield Violation("due", int(change), max(0.0, float(end - latest[change])))


def _capacity_violations(problem: Problem, usage: Floats) -> Iterator[Violation]:
    over = usage - problem.capacity_minutes
    for team, window in np.argwhere(over > CAPACITY_TOLERANCE_MINUTES):
        yield Violation("capacity", int(team * problem.num_windows + window), float(over[team, window]))


def _link_violations(problem: Problem, window: Ints) -> Iterator[Violation]:
    """Yield broken links; a change done without its predecessor lacks the whole horizon."""
    before, after = window[problem.link_before], window[problem.link_after]
    for link in np.flatnonzero((after >= 0) & (before < 0)):
        yield Violation("link", int(link), float(problem.horizon_days))
    both = np.flatnonzero((after >= 0) & (before >= 0))
    ready_days = problem.window_end_days[before[both]] + problem.link_soak_days[both]
    short_days = ready_days - problem.window_start_days[after[both]]
    for place in np.flatnonzero(short_days > TIME_TOLERANCE_DAYS):
        yield Violation("link", int(both[place]), float(short_days[place]))


def _exclusion_violations(problem: Problem, opened: Ints) -> Iterator[Violation]:
    """Yield exclusions whose groups share time, with the days they share."""
    bounds = np.searchsorted(opened, np.arange(problem.num_groups + 1) * problem.num_windows)
    start, end = problem.window_start_days, problem.window_end_days
    for exclusion, (a, b) in enumerate(zip(problem.exclusion_a, problem.exclusion_b, strict=True)):
        first = opened[bounds[a] : bounds[a + 1]] - a * problem.num_windows
        second = opened[bounds[b] : bounds[b + 1]] - b * problem.num_windows
        if not (len(first) and len(second)):
            continue
        shared = np.minimum.outer(end[first], end[second]) - np.maximum.outer(start[first], start[second])
        days = float(shared[shared > TIME_TOLERANCE_DAYS].sum())
        if days > 0:
            yield Violation("exclusion", int(exclusion), days)
