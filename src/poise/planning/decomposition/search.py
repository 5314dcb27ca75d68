"""Ruin and recreate: take a few tied groups out, put them back better.

The groups of one ruin meet in a window of their team or are tied by links and exclusions. Forerunners
go back first, valued with what their after changes still cost (an exact shortest path through the chain), or
last, in the time that their after changes leave them.
"""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Flags, Groups, Ints32, Links, Ties, Windows
from poise.planning.decomposition.insertion import (
    TAKEN_OUT,
    book,
    group_cost,
    insert_group,
    take_out,
    value_links,
)
from poise.planning.decomposition.jit import kernel
from poise.planning.decomposition.menu import NO_PLAN
from poise.planning.decomposition.randoms import draw
from poise.planning.problem import Floats, Ints

_MOST_GROUPS = 24
_MOST_KIN = 8


@kernel
def _add_with_kin(
    ties: Ties, g: int, chosen: Ints, size: int, most: int, is_chosen: Flags, is_free: Flags
) -> int:
    """Add a group and those tied to it to the chosen ones; return how many are chosen now."""
    if is_chosen[g] or size >= len(chosen):
        return size
    chosen[size] = g
    is_chosen[g] = 1
    first, size = size, size + 1
    head = first
    while head < size:
        h = chosen[head]
        for q in range(ties.kin_ptr[h], ties.kin_ptr[h + 1]):
            kin = ties.kin[q]
            if is_free[kin] and not is_chosen[kin] and size < len(chosen) and size - first < most:
                chosen[size] = kin
                is_chosen[kin] = 1
                size += 1
        head += 1
    return size


@kernel
def _choose(
    groups: Groups, ties: Ties, g: int, wanted: int, team_ptr: Ints, team_groups: Ints, slot_of: Ints,
    count: Ints32, random: Ints,
    chosen: Ints, is_chosen: Flags, is_free: Flags,
) -> int:  # fmt: skip
    """Choose a group with its kin and others of its team that are open in one window it may use."""
    most_kin = _MOST_KIN if draw(random) < 0.85 else 1
    nothing = len(chosen) - len(chosen)  # a literal 0 would compile the kernel a second time
    size = _add_with_kin(ties, g, chosen, nothing, most_kin, is_chosen, is_free)
    seed_group = chosen[int(draw(random) * size)]
    slots = groups.slot_ptr[seed_group + 1] - groups.slot_ptr[seed_group]
    if wanted <= 1 or slots == 0:
        return size
    w = groups.slot_window[groups.slot_ptr[seed_group] + int(draw(random) * slots)]
    first, number = (
        team_ptr[groups.team[seed_group]],
        team_ptr[groups.team[seed_group] + 1] - team_ptr[groups.team[seed_group]],
    )
    slot_window = groups.slot_window
    added = 1
    for _ in range(12 * wanted):
        if added >= wanted or number == 0:
            break
        h = team_groups[first + int(draw(random) * number)]
        low, high = groups.slot_ptr[h], groups.slot_ptr[h + 1]
        while low < high:
            middle = (low + high) // 2
            if slot_window[middle] < w:
                low = middle + 1
            else:
                high = middle
        if low < groups.slot_ptr[h + 1] and slot_window[low] == w and count[low] > 0 and not is_chosen[h]:
            size = _add_with_kin(ties, h, chosen, size, most_kin, is_chosen, is_free)
            added += 1
    return size


@kernel
def _order_groups(depth: Ints, chosen: Ints, size: int, by_depth: int, random: Ints) -> None:
    """Shuffle the chosen groups, then sort them along links (1) or against them (-1)."""
    for i in range(size - 1, 0, -1):
        k = int(draw(random) * (i + 1))
        chosen[i], chosen[k] = chosen[k], chosen[i]
    for i in range(1, size):
        k = i
        while k > 0 and by_depth * depth[chosen[k - 1]] > by_depth * depth[chosen[k]]:
            chosen[k - 1], chosen[k] = chosen[k], chosen[k - 1]
            k -= 1


@kernel
def _mark_links(
    change_ptr: Ints, links: Links, chosen: Ints, size: int, is_chosen: Flags, row_of_link: Ints, rows: int
) -> int:
    """Give each link between two chosen groups a row of values, as far as ``rows`` go; -1 to the others."""
    used = 0
    for c in range(size):
        g = chosen[c]
        for q in range(links.in_ptr[change_ptr[g]], links.in_ptr[change_ptr[g + 1]]):
            k = links.links_in[q]
            before = links.change_group[links.link[k, col.BEFORE]]
            row_of_link[k] = -1
            if before != g and is_chosen[before] and used < rows:
                row_of_link[k] = used
                used += 1
    return used


@kernel
def _lift_out(
    groups: Groups, chosen: Ints, size: int, slot_of: Ints, saved: Ints, was_open: Flags, count: Ints32,
    usage: Floats,
) -> float:  # fmt: skip
    """Take the chosen groups out of the plan, noting how they were; return what they cost [money]."""
    former = 0.0
    for c in range(size):
        h = chosen[c]
        former += group_cost(groups, h, slot_of, count)
        for j in range(groups.change_ptr[h], groups.change_ptr[h + 1]):
            saved[j] = slot_of[j]
        for s in range(groups.slot_ptr[h], groups.slot_ptr[h + 1]):
            was_open[s] = count[s] > 0
        take_out(groups, h, slot_of, count, usage)
    return former


@kernel
def _restore(
    groups: Groups, chosen: Ints, size: int, saved: Ints, slot_of: Ints, count: Ints32, usage: Floats
) -> None:
    """Put the chosen groups back exactly as they were."""
    for c in range(size):
        take_out(groups, chosen[c], slot_of, count, usage)
    for c in range(size):
        g = chosen[c]
        for j in range(groups.change_ptr[g], groups.change_ptr[g + 1]):
            slot_of[j] = saved[j]
        book(groups, g, slot_of, 1.0, count, usage)


@kernel
def search(
    groups: Groups, links: Links, ties: Ties, starters: Ints, team_ptr: Ints, team_groups: Ints,
    is_free: Flags, iterations: int, in_order: bool,
    seed: int, temperature: float, price: Floats, forbidden: float, slot_of: Ints, saved: Ints, count: Ints32,
    usage: Floats,
    row_of_link: Ints, is_chosen: Flags, was_open: Flags,
) -> None:  # fmt: skip
    """Improve a plan in place by ruin and recreate.

    Parameters
    ----------
    starters
        Groups that a ruin may start from; all of the same block.
    team_ptr, team_groups, is_free
        The block's groups by team, and 1 for each of them, shapes ``(P + 1,)``, any, ``(G,)``.
    iterations, in_order
        How many ruins; whether they start from ``starters`` one after the other, each with its kin alone.
    seed, temperature
        Of the random numbers; of accepting a worse plan [money].
    price
        Shape ``(P, W)`` [money/min].
    slot_of, saved, count, usage
        The plan: slot of each change; scratch ``(J,)``; changes per slot; use ``(P, W)`` [min].
    row_of_link, is_chosen, was_open
        Scratch of shapes ``(K,)`` filled with -1, ``(G,)`` and ``(S,)`` filled with 0.
    """
    random = np.empty(1, dtype=np.int64)
    random[0] = seed | 1
    most_n, most_m = 1, 1
    for g in team_groups:
        most_n = max(most_n, groups.change_ptr[g + 1] - groups.change_ptr[g])
        most_m = max(most_m, groups.slot_ptr[g + 1] - groups.slot_ptr[g])
    wide = max(most_n, most_m)
    floats, ints = np.empty((10, wide)), np.empty((4, wide), dtype=np.int64)
    cost_buffer = np.empty(most_n * most_m)
    chosen = np.empty(_MOST_GROUPS, dtype=np.int64)
    values = np.empty((8 * most_n + 1, len(links.start_rank) + 1))
    nothing = iterations - iterations
    for iteration in range(iterations):
        if in_order:
            g, wanted = starters[iteration % len(starters)], 1
        else:
            g, wanted = starters[int(draw(random) * len(starters))], 1 + int(5.0 * draw(random))
        size = _choose(
            groups, ties, g, wanted, team_ptr, team_groups, slot_of, count, random, chosen, is_chosen, is_free
        )
        former = _lift_out(groups, chosen, size, slot_of, saved, was_open, count, usage)
        forward = in_order or draw(random) < 0.75
        _order_groups(ties.depth, chosen, size, 1 if forward else -1, random)
        share = 1.0 if in_order else 1.2 * draw(random)
        if (
            forward
            and _mark_links(groups.change_ptr, links, chosen, size, is_chosen, row_of_link, len(values)) > 0
        ):
            for c in range(size - 1, -1, -1):
                value_links(
                    groups, links, ties, chosen[c], slot_of, count, usage, price, share, row_of_link,
                    values, forbidden,
                    floats, cost_buffer, was_open,
                )  # fmt: skip
        is_done = True
        for c in range(size):
            is_done = is_done and insert_group(
                groups, links, ties, chosen[c], slot_of, count, usage, price, share, row_of_link, values,
                forbidden,
                floats, ints, cost_buffer,
            )  # fmt: skip
        now = 0.0
        for c in range(size):
            now += group_cost(groups, chosen[c], slot_of, count)
        allowance = -temperature * np.log(draw(random) + 1e-300)
        if not is_done or now > former + allowance:
            _restore(groups, chosen, size, saved, slot_of, count, usage)
        _mark_links(groups.change_ptr, links, chosen, size, is_chosen, row_of_link, nothing)
        for c in range(size):
            is_chosen[chosen[c]] = 0


@kernel
def plan_tied(
    groups: Groups, links: Links, ties: Ties, cluster_ptr: Ints, cluster_groups: Ints, wanted: Ints,
    price: Floats, was_open: Flags, forbidden: float, slot_of: Ints, count: Ints32, usage: Floats,
    row_of_link: Ints, is_chosen: Flags, answer: Windows,
) -> None:  # fmt: skip
    """Plan clusters of tied groups, each as if its teams had nothing else to do, at full prices.

    Parameters
    ----------
    wanted
        The clusters to plan.
    was_open
        Shape ``(S,)``: slots that the groups' own answers open; their partners count on them.
    slot_of, count, row_of_link, is_chosen
        Scratch of shapes ``(J,)``, ``(S,)`` filled with 0, ``(K,)`` filled with -1 and ``(G,)`` filled
        with 0; calls at the same time may share it, as no two clusters share an entry.
    usage
        Scratch ``(P, W)`` filled with 0, of this call alone.
    answer
        Shape ``(J,)``: the window of each change, -1 for never, written; :data:`NO_PLAN` where a cluster
        has no plan.
    """
    most, most_n, most_m = 1, 1, 1
    for c in wanted:
        most = max(most, cluster_ptr[c + 1] - cluster_ptr[c])
        for g in cluster_groups[cluster_ptr[c] : cluster_ptr[c + 1]]:
            most_n = max(most_n, groups.change_ptr[g + 1] - groups.change_ptr[g])
            most_m = max(most_m, groups.slot_ptr[g + 1] - groups.slot_ptr[g])
    wide = max(most_n, most_m)
    floats, ints = np.empty((10, wide)), np.empty((4, wide), dtype=np.int64)
    cost_buffer = np.empty(most_n * most_m)
    chosen, random = np.empty(most, dtype=np.int64), np.ones(1, dtype=np.int64)
    values = np.empty((8 * most_n + 1, len(links.start_rank) + 1))
    nothing = len(chosen) - len(chosen)  # a literal 0 would compile the kernel a second time
    for c in wanted:
        size = cluster_ptr[c + 1] - cluster_ptr[c]
        for i in range(size):
            chosen[i] = cluster_groups[cluster_ptr[c] + i]
            is_chosen[chosen[i]] = 1
            for j in range(groups.change_ptr[chosen[i]], groups.change_ptr[chosen[i] + 1]):
                slot_of[j] = TAKEN_OUT
        _order_groups(ties.depth, chosen, size, 1, random)
        _mark_links(groups.change_ptr, links, chosen, size, is_chosen, row_of_link, len(values))
        for i in range(size - 1, -1, -1):
            value_links(
                groups, links, ties, chosen[i], slot_of, count, usage, price, 1.0, row_of_link, values,
                forbidden, floats, cost_buffer, was_open,
            )  # fmt: skip
        is_done = True
        for i in range(size):
            is_done = is_done and insert_group(
                groups, links, ties, chosen[i], slot_of, count, usage, price, 1.0, row_of_link, values,
                forbidden, floats, ints, cost_buffer,
            )  # fmt: skip
        for i in range(size):
            g = chosen[i]
            for j in range(groups.change_ptr[g], groups.change_ptr[g + 1]):
                answer[j] = groups.slot_window[slot_of[j]] if slot_of[j] >= 0 else -1
                if not is_done:
                    answer[j] = NO_PLAN
            book(groups, g, slot_of, -1.0, count, usage)
        _mark_links(groups.change_ptr, links, chosen, size, is_chosen, row_of_link, nothing)
        for i in range(size):
            is_chosen[chosen[i]] = 0
        for i in range(size):
            usage[groups.team[chosen[i]], :] = 0.0
