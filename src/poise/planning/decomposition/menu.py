"""Ready-made plans of single clusters: what each of them answered to prices, costed once.

A cluster is a group with all those tied to it by links or exclusions; most are one group alone. Every
option of a cluster keeps all rules but the time that teams have, so any choice of one option per cluster
within that time is a plan.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np

from poise.planning.components import lowest_connected
from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Floats32, Groups, Ints32, Ties, Windows
from poise.planning.decomposition.jit import kernel
from poise.planning.problem import Floats, Ints

Items = TypeVar("Items", Ints32, Floats32, Windows)

#: In an answer: no plan of this cluster was found.
NO_PLAN = -2


class Clusters(NamedTuple):
    """Groups of cluster c are ``groups[ptr[c]:ptr[c+1]]``, in growing order; ``of_group`` is the inverse."""

    ptr: Ints
    groups: Ints
    of_group: Ints


class Menu(NamedTuple):
    """Options by cluster.

    Options of cluster c are ``ptr[c]:ptr[c+1]``, by growing cost at the prices of the last
    pruning. Option o costs ``cost[o]`` [money], uses ``use_minutes`` of the (team * W + window) in
    ``use_row`` for ``use_ptr[o]:use_ptr[o+1]``, and puts the changes of its cluster, group by
    group, into ``window[window_ptr[o]:window_ptr[o+1]]``, -1 for never.
    """

    ptr: Ints
    cost: Floats
    use_ptr: Ints
    use_row: Ints32
    use_minutes: Floats32
    window_ptr: Ints
    window: Windows


def cluster(ties: Ties, num_groups: int) -> Clusters:
    """Gather groups that ties connect, directly or through others."""
    source = np.repeat(np.arange(num_groups), np.diff(ties.kin_ptr))
    roots, of_group = np.unique(lowest_connected(num_groups, source, ties.kin), return_inverse=True)
    of_group = of_group.reshape(-1).astype(np.int64)
    order = np.argsort(of_group, kind="stable").astype(np.int64)
    ptr = np.searchsorted(of_group[order], np.arange(len(roots) + 1)).astype(np.int64)
    return Clusters(ptr, order, of_group)


def empty_menu(num_clusters: int) -> Menu:
    """Return a menu without options."""
    zero, no_row = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32)
    no_use, no_window = np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int16)
    return Menu(
        np.zeros(num_clusters + 1, dtype=np.int64), np.zeros(0), zero, no_row, no_use, zero, no_window
    )


@kernel
def _grown(array: Items, size: int) -> Items:
    """Return an array with room for so many items, the former ones in it."""
    if size <= len(array):
        return array
    wider = np.empty(size + size // 2, dtype=array.dtype)
    wider[: len(array)] = array
    return wider


@kernel
def _cost_option(
    groups: Groups, g: int, window: Windows, minutes: Floats, rows: Ints32, use: Floats32, used: int
) -> tuple[float, int]:
    """Return what a group costs at these windows, and the end of the list of rows that it uses."""
    change, times, base = groups.change, groups.window, groups.change_ptr[g]
    total, num_windows = 0.0, len(groups.window)
    for i in range(len(window)):
        w, j = window[i], base + i
        if w < 0:
            total += change[j, col.NEVER]
            continue
        end = times[w, col.END]
        total += change[j, col.CONST] + change[j, col.SLOPE] * end + change[j, col.EARLY] * times[w, col.AGE]
        if end > change[j, col.DUE]:
            total += change[j, col.LATE]
        minutes[w] += change[j, col.LABOUR] + 1e-12  # work of no length opens a window too
    for s in range(groups.slot_ptr[g], groups.slot_ptr[g + 1]):
        w = groups.slot_window[s]
        if minutes[w] > 0.0:
            total += groups.slot[s, col.OPEN_COST]
            rows[used] = groups.team[g] * num_windows + w
            use[used] = minutes[w] + groups.slot[s, col.OPEN_LABOUR]
            used += 1
            minutes[w] = 0.0
    return total, used


@kernel
def _is_known(window: Windows, known: Windows, known_ptr: Ints, first: int, last: int) -> bool:
    for o in range(first, last):
        same, start = True, known_ptr[o]
        for i in range(len(window)):
            if known[start + i] != window[i]:
                same = False
                break
        if same:
            return True
    return False


@kernel
def extend_menu(groups: Groups, clusters: Clusters, menu: Menu, answers: Windows) -> Menu:
    """Return the menu with new answers in it.

    Parameters
    ----------
    answers
        Shape ``(A, J)``: a window per change, -1 for never; :data:`NO_PLAN` marks a cluster without a plan.
    """
    num_clusters, num_windows = len(clusters.ptr) - 1, len(groups.window)
    most = len(menu.cost) + len(answers) * num_clusters
    ptr, cost = np.zeros(num_clusters + 1, dtype=np.int64), np.empty(most)
    use_ptr, window_ptr = np.zeros(most + 1, dtype=np.int64), np.zeros(most + 1, dtype=np.int64)
    rows, use = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.float32)
    window = np.empty(len(menu.window) + 1024, dtype=np.int16)
    minutes = np.zeros(num_windows)
    options = 0
    for c in range(num_clusters):
        members = clusters.groups[clusters.ptr[c] : clusters.ptr[c + 1]]
        size = 0
        for g in members:
            size += groups.change_ptr[g + 1] - groups.change_ptr[g]
        first = options
        for o in range(menu.ptr[c], menu.ptr[c + 1]):
            used, end = use_ptr[options], window_ptr[options] + size
            more = menu.use_ptr[o + 1] - menu.use_ptr[o]
            rows, use = _grown(rows, used + more), _grown(use, used + more)
            rows[used : used + more] = menu.use_row[menu.use_ptr[o] : menu.use_ptr[o + 1]]
            use[used : used + more] = menu.use_minutes[menu.use_ptr[o] : menu.use_ptr[o + 1]]
            window = _grown(window, end)
            window[end - size : end] = menu.window[menu.window_ptr[o] : menu.window_ptr[o + 1]]
            cost[options] = menu.cost[o]
            options += 1
            use_ptr[options], window_ptr[options] = used + more, end
        for a in range(len(answers)):
            start = window_ptr[options]
            window = _grown(window, start + size)
            end = start
            for g in members:
                for j in range(groups.change_ptr[g], groups.change_ptr[g + 1]):
                    window[end] = answers[a, j]
                    end += 1
            if size > 0 and window[start] == NO_PLAN:
                continue
            if _is_known(window[start:end], window, window_ptr, first, options):
                continue
            used = use_ptr[options]
            cost[options], at = 0.0, start
            for g in members:
                n = groups.change_ptr[g + 1] - groups.change_ptr[g]
                slots = groups.slot_ptr[g + 1] - groups.slot_ptr[g]
                rows, use = _grown(rows, used + slots), _grown(use, used + slots)
                part, used = _cost_option(groups, g, window[at : at + n], minutes, rows, use, used)
                cost[options] += part
                at += n
            options += 1
            use_ptr[options], window_ptr[options] = used, end
        ptr[c + 1] = options
    used, end = use_ptr[options], window_ptr[options]
    return Menu(
        ptr, cost[:options].copy(), use_ptr[: options + 1].copy(), rows[:used].copy(), use[:used].copy(),
        window_ptr[: options + 1].copy(), window[:end].copy(),
    )  # fmt: skip


@kernel
def priced_costs(menu: Menu, price: Floats) -> Floats:
    """Return the cost of each option at prices per minute of each row, shape ``(P * W,)`` [money]."""
    priced = menu.cost.copy()
    for o in range(len(priced)):
        for q in range(menu.use_ptr[o], menu.use_ptr[o + 1]):
            priced[o] += price[menu.use_row[q]] * menu.use_minutes[q]
    return priced


def prune(menu: Menu, price: Floats, most: int) -> Menu:
    """Keep the ``most`` options of each cluster that are cheapest at these prices, cheapest first."""
    priced = priced_costs(menu, price)
    owner = np.repeat(np.arange(len(menu.ptr) - 1), np.diff(menu.ptr))
    order = np.lexsort((priced, owner))
    rank = np.arange(len(order)) - menu.ptr[owner]
    order = order[rank < most]
    ptr = np.searchsorted(owner[order], np.arange(len(menu.ptr))).astype(np.int64)
    return Menu(
        ptr,
        menu.cost[order],
        *_take(menu.use_ptr, order, menu.use_row, menu.use_minutes),
        *_take(menu.window_ptr, order, menu.window),
    )


def _take(ptr: Ints, order: Ints, *arrays: np.ndarray) -> tuple:  # type: ignore[type-arg]
    """Return pointers and items of these rows of a list of lists."""
    counts = ptr[order + 1] - ptr[order]
    new_ptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    items = np.repeat(ptr[order] - new_ptr[:-1], counts) + np.arange(new_ptr[-1])
    return (new_ptr, *(array[items] for array in arrays))


@kernel
def match_options(menu: Menu, clusters: Clusters, groups: Groups, window: Windows) -> Ints:
    """Return the option of each cluster that puts its changes as this plan does, -1 where none does."""
    chosen = np.full(len(menu.ptr) - 1, -1)
    for c in range(len(chosen)):
        for o in range(menu.ptr[c], menu.ptr[c + 1]):
            same, at = True, menu.window_ptr[o]
            for g in clusters.groups[clusters.ptr[c] : clusters.ptr[c + 1]]:
                for j in range(groups.change_ptr[g], groups.change_ptr[g + 1]):
                    if menu.window[at] != window[j]:
                        same = False
                        break
                    at += 1
                if not same:
                    break
            if same:
                chosen[c] = o
                break
    return chosen


@kernel
def plan_windows(menu: Menu, clusters: Clusters, groups: Groups, chosen: Ints, window: Ints) -> None:
    """Write the windows that the chosen options put the changes into; -1 where nothing is chosen."""
    for c in range(len(chosen)):
        at = menu.window_ptr[max(chosen[c], 0)]
        for g in clusters.groups[clusters.ptr[c] : clusters.ptr[c + 1]]:
            for j in range(groups.change_ptr[g], groups.change_ptr[g + 1]):
                window[j] = menu.window[at] if chosen[c] >= 0 else -1
                at += 1
