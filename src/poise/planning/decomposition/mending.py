"""A plan made under other facts, less what the present ones forbid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poise.planning.choices import slots_of
from poise.planning.problem import TIME_TOLERANCE_DAYS, Ints, Problem


def keep_rules(problem: Problem, window: Ints) -> Ints:
    """Return a plan less the changes that break a rule other than the teams' time.

    Hard due dates may be broken by what is left out; whoever goes on from here puts those back first.

    Parameters
    ----------
    problem
        A checked problem.
    window
        Shape ``(J,)``: a window per change, -1 for never.
    """
    kept = np.where(_may_stand_alone(problem, window), window, -1)
    _drop_unready(problem, kept)
    _drop_excluded(problem, kept)
    _drop_unready(problem, kept)
    return kept


def _may_stand_alone(problem: Problem, window: Ints) -> npt.NDArray[np.bool_]:
    """Return which changes are in a slot of their group, after their release and before their last day."""
    start, end = problem.window_start_days[window], problem.window_end_days[window]
    in_time = (start >= problem.release_days - TIME_TOLERANCE_DAYS) & (
        end <= problem.last_days + TIME_TOLERANCE_DAYS
    )
    return np.asarray((slots_of(problem, window) >= 0) & in_time)


def _drop_unready(problem: Problem, window: Ints) -> None:
    """Leave out changes whose forerunner is not done or not soaked, and those that follow on them."""
    start, end = problem.window_start_days, problem.window_end_days
    while True:
        before, after = window[problem.link_before], window[problem.link_after]
        ready = end[before] + problem.link_soak_days - TIME_TOLERANCE_DAYS
        is_broken = (after >= 0) & ((before < 0) | (start[after] < ready))
        if not is_broken.any():
            return
        window[problem.link_after[is_broken]] = -1


def _drop_excluded(problem: Problem, window: Ints) -> None:
    """Leave out the changes of one of two excluding groups where both are open at a time."""
    start, end = problem.window_start_days, problem.window_end_days
    for a, b in zip(problem.exclusion_a, problem.exclusion_b, strict=True):
        changes = slice(problem.change_ptr[b], problem.change_ptr[b + 1])
        held = np.unique(window[problem.change_ptr[a] : problem.change_ptr[a + 1]])
        held, own = held[held >= 0], window[changes]
        shared = np.minimum.outer(end[own], end[held]) - np.maximum.outer(start[own], start[held])
        window[changes] = np.where((own >= 0) & (shared > TIME_TOLERANCE_DAYS).any(axis=1), -1, own)
