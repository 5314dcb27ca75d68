"""Ruin and recreate: take a few tied groups out, put them back better.

The groups of one ruin meet in a window of their team or are tied by links and exclusions. Forerunners
go back first, valued with what their after changes still cost (an exact shortest path through the chain), or
last, in the time that their after changes leave them.
"""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Arrays
from poise.planning.decomposition.insertion import group_cost, insert_group, put, take_out
from poise.planning.decomposition.jit import kernel
from poise.planning.problem import Floats, Ints

_MOST_GROUPS = 24
_MOST_KIN = 8


@kernel
def _draw(state: Ints) -> float:
    """Return the next number in [0, 1) of an xorshift generator (G. Marsaglia, 2003)."""
    x = np.uint64(state[0])
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = np.int64(x)
    return float(x >> np.uint64(11)) / 9007199254740992.0


@kernel
def _add_with_kin(
    a: Arrays, g: int, chosen: Ints, size: int, most: int, is_chosen: Ints, is_free: Ints
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
        for q in range(a.kin_ptr[h], a.kin_ptr[h + 1]):
            kin = a.kin[q]
            if is_free[kin] and not is_chosen[kin] and size < len(chosen) and size - first < most:
                chosen[size] = kin
                is_chosen[kin] = 1
                size += 1
        head += 1
    return size


@kernel
def _choose(
    a: Arrays, g: int, wanted: int, team_ptr: Ints, team_groups: Ints, slot_of: Ints, count: Ints, random: Ints,
    chosen: Ints, is_chosen: Ints, is_free: Ints,
) -> int:  # fmt: skip
    """Choose a group with its kin and others of its team that are open in one window it may use."""
    most_kin = _MOST_KIN if _draw(random) < 0.85 else 1
    size = _add_with_kin(a, g, chosen, 0, most_kin, is_chosen, is_free)
    seed_group = chosen[int(_draw(random) * size)]
    slots = a.slot_ptr[seed_group + 1] - a.slot_ptr[seed_group]
    if wanted <= 1 or slots == 0:
        return size
    w = a.slot_window[a.slot_ptr[seed_group] + int(_draw(random) * slots)]
    first, number = (
        team_ptr[a.team[seed_group]],
        team_ptr[a.team[seed_group] + 1] - team_ptr[a.team[seed_group]],
    )
    slot_window = a.slot_window
    added = 1
    for _ in range(12 * wanted):
        if added >= wanted or number == 0:
            break
        h = team_groups[first + int(_draw(random) * number)]
        low, high = a.slot_ptr[h], a.slot_ptr[h + 1]
        while low < high:
            middle = (low + high) // 2
            if slot_window[middle] < w:
                low = middle + 1
            else:
                high = middle
        if low < a.slot_ptr[h + 1] and slot_window[low] == w and count[low] > 0 and not is_chosen[h]:
            size = _add_with_kin(a, h, chosen, size, most_kin, is_chosen, is_free)
            added += 1
    return size


@kernel
def _order_groups(a: Arrays, chosen: Ints, size: int, by_depth: int, random: Ints) -> None:
    """Shuffle the chosen groups, then sort them along links (1) or against them (-1)."""
    for i in range(size - 1, 0, -1):
        k = int(_draw(random) * (i + 1))
        chosen[i], chosen[k] = chosen[k], chosen[i]
    for i in range(1, size):
        k = i
        while k > 0 and by_depth * a.depth[chosen[k - 1]] > by_depth * a.depth[chosen[k]]:
            chosen[k - 1], chosen[k] = chosen[k], chosen[k - 1]
            k -= 1


@kernel
def _mark_links(
    a: Arrays, chosen: Ints, size: int, is_chosen: Ints, row_of_link: Ints, rows: int, mark: bool
) -> int:
    """Give each link between two chosen groups a row of values, or take the rows back."""
    used = 0
    for c in range(size):
        g = chosen[c]
        for j in range(a.change_ptr[g], a.change_ptr[g + 1]):
            for q in range(a.in_ptr[j], a.in_ptr[j + 1]):
                k = a.links_in[q]
                before = a.change_group[a.link[k, col.BEFORE]]
                row_of_link[k] = -1
                if mark and before != g and is_chosen[before] and used < rows:
                    row_of_link[k] = used
                    used += 1
    return used


@kernel
def _restore(
    a: Arrays, chosen: Ints, size: int, saved: Ints, slot_of: Ints, count: Ints, usage: Floats
) -> None:
    """Put the chosen groups back exactly as they were."""
    for c in range(size):
        take_out(a, chosen[c], slot_of, count, usage)
    for c in range(size):
        g = chosen[c]
        for j in range(a.change_ptr[g], a.change_ptr[g + 1]):
            slot_of[j] = saved[j]
            if saved[j] >= 0:
                put(a, j, saved[j], 1, count, usage)


@kernel
def search(
    a: Arrays, groups: Ints, team_ptr: Ints, team_groups: Ints, is_free: Ints, iterations: int, in_order: bool,
    seed: int, temperature: float, price: Floats, forbidden: float, slot_of: Ints, saved: Ints, count: Ints, usage: Floats,
    row_of_link: Ints, is_chosen: Ints, was_open: Ints,
) -> float:  # fmt: skip
    """Improve a plan in place by ruin and recreate; return the change of its cost [money].

    Parameters
    ----------
    groups
        Groups that a ruin may start from; all of the same block.
    team_ptr, team_groups, is_free
        The block's groups by team, and 1 for each of them, shapes ``(P + 1,)``, any, ``(G,)``.
    iterations, in_order
        How many ruins; whether they start from ``groups`` one after the other, each with its kin alone.
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
        most_n = max(most_n, a.change_ptr[g + 1] - a.change_ptr[g])
        most_m = max(most_m, a.slot_ptr[g + 1] - a.slot_ptr[g])
    wide = max(most_n, most_m)
    floats, ints, cost_buffer = (
        np.empty((6, wide)),
        np.empty((4, wide), dtype=np.int64),
        np.empty(most_n * most_m),
    )
    chosen = np.empty(_MOST_GROUPS, dtype=np.int64)
    values = np.empty((8 * most_n + 1, len(a.start_rank) + 1))
    gained = 0.0
    for iteration in range(iterations):
        if in_order:
            g, wanted = groups[iteration % len(groups)], 1
        else:
            g, wanted = groups[int(_draw(random) * len(groups))], 1 + int(5.0 * _draw(random))
        size = _choose(
            a, g, wanted, team_ptr, team_groups, slot_of, count, random, chosen, is_chosen, is_free
        )
        former = 0.0
        for c in range(size):
            h = chosen[c]
            former += group_cost(a, h, slot_of, count)
            for j in range(a.change_ptr[h], a.change_ptr[h + 1]):
                saved[j] = slot_of[j]
            for s in range(a.slot_ptr[h], a.slot_ptr[h + 1]):
                was_open[s] = count[s]
            take_out(a, h, slot_of, count, usage)
        forward = in_order or _draw(random) < 0.75
        _order_groups(a, chosen, size, 1 if forward else -1, random)
        share = 1.0 if in_order else 1.2 * _draw(random)
        if forward and _mark_links(a, chosen, size, is_chosen, row_of_link, len(values), True) > 0:
            for c in range(size - 1, -1, -1):
                insert_group(
                    a, chosen[c], slot_of, count, usage, price, share, row_of_link, values, forbidden,
                    floats, ints, cost_buffer, True, was_open,
                )  # fmt: skip
        is_done = True
        for c in range(size):
            is_done = is_done and insert_group(
                a, chosen[c], slot_of, count, usage, price, share, row_of_link, values, forbidden,
                floats, ints, cost_buffer, False, was_open,
            )  # fmt: skip
        now = 0.0
        for c in range(size):
            now += group_cost(a, chosen[c], slot_of, count)
        allowance = -temperature * np.log(_draw(random) + 1e-300)
        if is_done and now <= former + allowance:
            gained += now - former
        else:
            _restore(a, chosen, size, saved, slot_of, count, usage)
        _mark_links(a, chosen, size, is_chosen, row_of_link, 0, False)
        for c in range(size):
            is_chosen[chosen[c]] = 0
    return gained
