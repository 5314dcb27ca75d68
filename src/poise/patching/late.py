"""What misses its deadline under a plan, and why."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import numpy as np

from poise.patching.case import PatchCase
from poise.patching.document import LateChange
from poise.planning.problem import Evaluation, Floats, Plan


def earliest_end_days(case: PatchCase) -> Floats:
    """Return the end of the first window in which each change could be done at all [d], inf for none.

    Counts releases, calendars, freezes and the soak time of rings, but neither capacity nor what a
    redundant half needs: a plan that pays for it can meet this date for any one change.
    """
    problem = case.problem
    group = problem.change_group
    before: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for first, then, soak in zip(
        problem.link_before, problem.link_after, problem.link_soak_days, strict=True
    ):
        before[int(then)].append((int(first), float(soak)))
    earliest = np.full(problem.num_changes, np.nan)

    def settle(change: int) -> float:
        if np.isnan(earliest[change]):
            ready = max(
                [float(problem.release_days[change])]
                + [settle(first) + soak for first, soak in before[change]]
            )
            low, high = problem.slot_ptr[group[change]], problem.slot_ptr[group[change] + 1]
            windows = problem.slot_window[low:high]
            ends = problem.window_end_days[windows[problem.window_start_days[windows] >= ready]]
            earliest[change] = ends.min(initial=np.inf)
        return float(earliest[change])

    for change in range(problem.num_changes):
        settle(change)
    return earliest


def late_changes(case: PatchCase, plan: Plan, evaluation: Evaluation) -> tuple[LateChange, ...]:
    """Return every late change of a plan with the earliest possible date and the reason, worst first."""
    earliest = earliest_end_days(case)
    entries = []
    for index in np.flatnonzero(evaluation.late):
        change = case.changes[index]
        assert change.deadline is not None
        window = int(plan.window[index])
        possible = earliest[index]
        entries.append(
            (
                -change.exposure_per_day,
                LateChange(
                    change=change.id,
                    deadline=change.deadline,
                    deadline_source=change.deadline_source,
                    done=case.windows[window].end if window >= 0 else None,
                    earliest=case.now + timedelta(days=float(possible)) if np.isfinite(possible) else None,
                    why=_why(case, int(index), float(possible)),
                ),
            )
        )
    return tuple(entry for _, entry in sorted(entries, key=lambda pair: (pair[0], pair[1].change)))


def _why(case: PatchCase, index: int, earliest_days: float) -> str:
    due = case.problem.due_days[index]
    if case.is_overdue[index] and earliest_days <= due:
        return (
            "It was overdue before this plan begins, and stays open past the "
            f"{case.parameters.overdue_grace_days:g} days that this plan allows."
        )
    if np.isinf(earliest_days):
        return "Its calendar has no window within the horizon in which it could be done."
    if earliest_days > due:
        return "No window of its calendar comes before the deadline (freezes and soak time counted)."
    return "A window before the deadline exists, but in this plan it is full, or costs more than being late."
