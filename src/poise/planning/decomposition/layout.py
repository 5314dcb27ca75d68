"""From a problem and a weight to the arrays that the kernels read."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Groups, Links, Ties
from poise.planning.decomposition.jit import kernel
from poise.planning.problem import (
    CAPACITY_TOLERANCE_MINUTES,
    TIME_TOLERANCE_DAYS,
    Floats,
    Ints,
    Problem,
)

#: A forbidden "never" costs this many times the dearest thing in the problem.
_HARD_FACTOR = 50.0


@dataclass(frozen=True)
class Layout:
    """A problem made ready for the kernels.

    Parameters
    ----------
    groups, links, ties
        What the kernels read.
    pair_slot_a, pair_slot_b
        Slots of excluding groups that overlap, shape ``(Q,)``.
    hard_cost
        What stands for a "never" that no feasible plan may choose [money].
    """

    groups: Groups
    links: Links
    ties: Ties
    pair_slot_a: Ints
    pair_slot_b: Ints
    hard_cost: float


def lay_out(problem: Problem, weight: float) -> Layout:
    """Lay a problem out for the kernels.

    Parameters
    ----------
    problem
        A checked problem.
    weight
        Of disruption, >= 0; ``inf`` leaves exposure and late cost out.
    """
    fe, fd = (0.0, 1.0) if math.isinf(weight) else (1.0, float(weight))
    change, window, slot, hard_cost = _cost_columns(problem, fe, fd)
    groups = Groups(
        slot_ptr=_ints(problem.slot_ptr),
        slot_window=np.ascontiguousarray(problem.slot_window, dtype=np.int16),
        slot=slot,
        change_ptr=_ints(problem.change_ptr),
        change=change,
        window=window,
        team=_ints(problem.group_team),
        capacity=np.ascontiguousarray(problem.capacity_minutes, dtype=np.float64),
    )
    links = _lay_out_links(problem)
    depth = np.zeros(problem.num_changes, dtype=np.int64)
    propagate_links(groups, links, problem.link_soak_days, depth, hard_cost, TIME_TOLERANCE_DAYS)
    link_group = problem.change_group[links.link[:, :2]].reshape(-1, 2)
    exclusion = np.stack([problem.exclusion_a, problem.exclusion_b], axis=1)
    kin_ptr, kin = _neighbours(np.concatenate([link_group, exclusion]), problem.num_groups)
    rival_ptr, rival = _neighbours(exclusion, problem.num_groups)
    group_depth = np.zeros(problem.num_groups, dtype=np.int64)
    np.maximum.at(group_depth, problem.change_group, depth)
    overlap = _overlaps(problem)
    ties = Ties(kin_ptr, kin, rival_ptr, rival, overlap, group_depth, _by_urgency(problem, change))
    pair_a, pair_b = _exclusion_pairs(problem, overlap)
    return Layout(groups, links, ties, pair_a, pair_b, hard_cost)


def _lay_out_links(problem: Problem) -> Links:
    """List the links by their ends, and what each window makes ready for each soak time."""
    links_in = np.argsort(problem.link_after, kind="stable")
    links_out = np.argsort(problem.link_before, kind="stable")
    changes = np.arange(problem.num_changes + 1)
    soaks, soak_class = np.unique(problem.link_soak_days, return_inverse=True)
    starts = np.sort(problem.window_start_days)
    ready = np.searchsorted(starts, problem.window_end_days[None, :] + soaks[:, None] - TIME_TOLERANCE_DAYS)
    return Links(
        link=_ints(np.stack([problem.link_before, problem.link_after, soak_class.reshape(-1)], axis=1)),
        in_ptr=_ints(np.searchsorted(problem.link_after[links_in], changes)),
        links_in=_ints(links_in),
        out_ptr=_ints(np.searchsorted(problem.link_before[links_out], changes)),
        links_out=_ints(links_out),
        start_rank=_ints(np.searchsorted(starts, problem.window_start_days)),
        ready=_ints(ready.reshape(len(soaks), problem.num_windows)),
        change_group=_ints(problem.change_group),
    )


def _ints(array: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Ints:
    return np.ascontiguousarray(array, dtype=np.int64)


def _cost_columns(problem: Problem, fe: float, fd: float) -> tuple[Floats, Floats, Floats, float]:
    """Return the tables of changes, windows and slots, and the cost that forbids a "never"."""
    end = problem.window_end_days
    first_end = float(end[0]) if len(end) else 0.0
    # Age is counted from the first window's end so that neither factor overflows. Beyond exp(700) the
    # cost is understated, which keeps the bound a bound.
    aged = np.clip((problem.available_days - first_end) / problem.settle_days, -700.0, 700.0)
    slope = fe * problem.exposure_per_day + fd * problem.deferral_cost_per_day
    release = problem.release_days
    has_due = np.isfinite(problem.due_days)
    change = np.zeros((problem.num_changes, col.NUM_CHANGE_COLUMNS))
    change[:, col.EARLIEST] = release - TIME_TOLERANCE_DAYS
    last = problem.last_days
    change[:, col.LATEST] = last + TIME_TOLERANCE_DAYS
    change[:, col.SLOPE] = slope
    change[:, col.CONST] = fd * problem.change_cost - slope * release
    change[:, col.EARLY] = fd * problem.early_cost * np.exp(aged)
    change[:, col.DUE] = problem.due_days + TIME_TOLERANCE_DAYS
    change[:, col.LATE] = fe * problem.late_cost
    change[:, col.LABOUR] = problem.labour_minutes
    change[:, col.NEVER] = slope * (problem.horizon_days - release) + fe * problem.late_cost * has_due
    window = np.stack(
        [
            problem.window_start_days,
            end,
            np.exp(-np.minimum((end - first_end) / problem.settle_days, 700.0)),
        ],
        axis=1,
    )
    slot = np.stack([fd * problem.slot_cost, problem.slot_labour_minutes], axis=1)
    dearest = float(change[:, col.NEVER].max(initial=0.0)) + float(slot[:, 0].max(initial=0.0))
    dearest += float((fd * (problem.change_cost + problem.early_cost)).max(initial=0.0))
    hard_cost = _HARD_FACTOR * max(dearest, 1.0)
    change[np.isfinite(last), col.NEVER] = hard_cost
    return change, np.ascontiguousarray(window), np.ascontiguousarray(slot), hard_cost


@kernel
def propagate_links(
    groups: Groups, links: Links, soak_days: Floats, depth: Ints, hard_cost: float, tolerance: float
) -> None:
    """Carry earliest dates forward and hard deadlines backward along links.

    Sets ``EARLIEST``, ``LATEST`` and ``NEVER`` of the changes, and ``depth``: the links before each.
    """
    n = len(groups.change)
    waiting = np.empty(n, dtype=np.int64)
    order = np.empty(n, dtype=np.int64)
    tail = 0
    for j in range(n):
        waiting[j] = links.in_ptr[j + 1] - links.in_ptr[j]
        if waiting[j] == 0:
            order[tail] = j
            tail += 1
    for head in range(n):
        j = order[head]
        if links.out_ptr[j] == links.out_ptr[j + 1]:
            continue
        g = links.change_group[j]
        first_end = np.inf
        for s in range(groups.slot_ptr[g], groups.slot_ptr[g + 1]):
            w = groups.slot_window[s]
            if (
                groups.window[w, col.START] >= groups.change[j, col.EARLIEST]
                and groups.window[w, col.END] <= groups.change[j, col.LATEST]
            ):
                first_end = min(first_end, groups.window[w, col.END])
        for q in range(links.out_ptr[j], links.out_ptr[j + 1]):
            k = links.links_out[q]
            after = links.link[k, col.AFTER]
            ready = first_end + soak_days[k] - tolerance
            groups.change[after, col.EARLIEST] = max(groups.change[after, col.EARLIEST], ready)
            depth[after] = max(depth[after], depth[j] + 1)
            waiting[after] -= 1
            if waiting[after] == 0:
                order[tail] = after
                tail += 1
    for head in range(n - 1, -1, -1):
        j = order[head]
        if links.in_ptr[j] == links.in_ptr[j + 1] or groups.change[j, col.NEVER] < hard_cost:
            continue
        g = links.change_group[j]
        last_start = -np.inf
        for s in range(groups.slot_ptr[g], groups.slot_ptr[g + 1]):
            w = groups.slot_window[s]
            if (
                groups.window[w, col.START] >= groups.change[j, col.EARLIEST]
                and groups.window[w, col.END] <= groups.change[j, col.LATEST]
            ):
                last_start = max(last_start, groups.window[w, col.START])
        for q in range(links.in_ptr[j], links.in_ptr[j + 1]):
            k = links.links_in[q]
            before = links.link[k, col.BEFORE]
            latest = last_start - soak_days[k] + tolerance
            groups.change[before, col.LATEST] = min(groups.change[before, col.LATEST], latest)
            groups.change[before, col.NEVER] = hard_cost


def _by_urgency(problem: Problem, change: Floats) -> Ints:
    """Return changes sorted within their group by what a day costs per minute of work, dearest first."""
    worth = change[:, col.SLOPE] * 30.0 + np.minimum(change[:, col.NEVER], 1e12)
    per_minute = worth / np.maximum(change[:, col.LABOUR], 1.0)
    order = np.lexsort((-per_minute, problem.change_group))
    return _ints(order)


def _neighbours(pairs: Ints, count: int) -> tuple[Ints, Ints]:
    """Return for each group those it forms a pair with, as pointers and a list."""
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[both[:, 0] != both[:, 1]]
    both = np.unique(both, axis=0) if len(both) else both.reshape(0, 2)
    ptr = np.searchsorted(both[:, 0], np.arange(count + 1))
    return _ints(ptr), _ints(both[:, 1])


def _overlaps(problem: Problem) -> Ints:
    """Return 1 for every two windows that share time, shape ``(W, W)``."""
    start, end = problem.window_start_days, problem.window_end_days
    shared = np.minimum.outer(end, end) - np.maximum.outer(start, start)
    return _ints(shared > TIME_TOLERANCE_DAYS)


def _exclusion_pairs(problem: Problem, overlap: Ints) -> tuple[Ints, Ints]:
    """Return the slots of excluding groups that may not both be open."""
    pairs_a, pairs_b = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for a, b in zip(problem.exclusion_a, problem.exclusion_b, strict=True):
        slots_a = np.arange(problem.slot_ptr[a], problem.slot_ptr[a + 1])
        slots_b = np.arange(problem.slot_ptr[b], problem.slot_ptr[b + 1])
        meet = overlap[problem.slot_window[slots_a][:, None], problem.slot_window[slots_b][None, :]]
        first, second = np.nonzero(meet)
        pairs_a.append(slots_a[first])
        pairs_b.append(slots_b[second])
    return _ints(np.concatenate(pairs_a)), _ints(np.concatenate(pairs_b))


#: Slack that a proven bound grants each team and window, because the evaluator does [min].
CAPACITY_SLACK_MINUTES = CAPACITY_TOLERANCE_MINUTES
