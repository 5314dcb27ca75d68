"""What each group would do at given prices, and what that proves."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Flags, Floats32, Groups, Links, Windows
from poise.planning.decomposition.facility import lower_bound, open_slots
from poise.planning.decomposition.jit import kernel
from poise.planning.problem import CAPACITY_TOLERANCE_MINUTES, Floats


@kernel
def fill_costs(
    groups: Groups, g: int, start: Floats, end: Floats, age: Floats, per_minute: Floats, room: Floats,
    cost: Floats,
) -> None:  # fmt: skip
    """Write the weighted cost of each change of a group in each slot; infinite where it may not go [money].

    ``start``, ``end``, ``age``, ``per_minute`` and ``room`` are of the group's slots, one after the
    other, so that the inner loop runs over neighbouring numbers without a branch.
    """
    change, base = groups.change, groups.change_ptr[g]
    m = groups.slot_ptr[g + 1] - groups.slot_ptr[g]
    for i in range(groups.change_ptr[g + 1] - base):
        j = base + i
        earliest, latest, due = change[j, col.EARLIEST], change[j, col.LATEST], change[j, col.DUE]
        const, slope, early = change[j, col.CONST], change[j, col.SLOPE], change[j, col.EARLY]
        late, labour = change[j, col.LATE], change[j, col.LABOUR]
        for s in range(m):
            c = const + slope * end[s] + early * age[s] + per_minute[s] * labour
            if end[s] > due:
                c += late
            if start[s] < earliest or end[s] > latest or labour > room[s]:
                c = np.inf
            cost[i, s] = c


@kernel
def gather_slots(groups: Groups, g: int, start: Floats, end: Floats, age: Floats) -> None:
    """Write the times of a group's slots one after the other."""
    first = groups.slot_ptr[g]
    for s in range(groups.slot_ptr[g + 1] - first):
        w = groups.slot_window[first + s]
        start[s], end[s] = groups.window[w, col.START], groups.window[w, col.END]
        age[s] = groups.window[w, col.AGE]


@kernel
def _priced_group(
    groups: Groups, links: Links, g: int, price: Floats, link_price: Floats32, slot_price: Floats,
    fill: Floats32, cost: Floats, never: Floats, opening: Floats, slots: Floats,
) -> None:  # fmt: skip
    """Fill the costs of one group's facility location at given prices."""
    team = groups.team[g]
    first, base = groups.slot_ptr[g], groups.change_ptr[g]
    n, m = groups.change_ptr[g + 1] - base, groups.slot_ptr[g + 1] - first
    slot_window, slot, capacity = groups.slot_window, groups.slot, groups.capacity
    start, end, age, per_minute, room = slots[0], slots[1], slots[2], slots[3], slots[4]
    gather_slots(groups, g, start, end, age)
    for s in range(m):
        w = slot_window[first + s]
        labour = slot[first + s, col.OPEN_LABOUR]
        room[s] = capacity[team, w] + CAPACITY_TOLERANCE_MINUTES - labour
        opening[s] = slot[first + s, col.OPEN_COST] + price[team, w] * labour + slot_price[first + s]
        per_minute[s] = price[team, w]
        if room[s] < 0.0:
            opening[s] = np.inf
        elif room[s] > 0.0 and fill[first + s] > 0.0:
            charge = min(fill[first + s], opening[s] / room[s])
            per_minute[s] += charge
            opening[s] = max(0.0, opening[s] - charge * room[s])
    fill_costs(groups, g, start, end, age, per_minute, room, cost)
    for i in range(n):
        j = base + i
        never[i] = groups.change[j, col.NEVER]
        for q in range(links.in_ptr[j], links.in_ptr[j + 1]):
            k = links.links_in[q]
            for s in range(m):
                cost[i, s] += link_price[k, links.start_rank[slot_window[first + s]]]
        for q in range(links.out_ptr[j], links.out_ptr[j + 1]):
            k = links.links_out[q]
            soak = links.link[k, col.SOAK]
            for s in range(m):
                cost[i, s] -= link_price[k, links.ready[soak, slot_window[first + s]]]


@kernel
def answer_prices(
    groups: Groups, links: Links, first_group: int, last_group: int, price: Floats, link_price: Floats32,
    slot_price: Floats, fill: Floats32,
    with_bound: bool, is_open: Flags, choice: Windows, value: Floats, bound: Floats, usage: Floats,
    load: Floats32,
) -> None:  # fmt: skip
    """Let groups ``first_group`` to ``last_group`` answer prices, each on its own.

    Parameters
    ----------
    price, link_price, slot_price, fill
        Shapes ``(P, W)`` [money/min], ``(K, W + 1)``, ``(S,)`` [money] and ``(S,)`` [money/min]. ``fill``
        is charged per minute of changes in a slot and given back, for all of the team's time, to its
        opening: no group can put more into a slot than the team has, which a group alone does not see.
    with_bound
        Whether to prove ``bound``; without it only ``value`` is written.
    is_open
        Shape ``(S,)``: slots open in the former answer, where the search starts; updated.
    choice
        Shape ``(J,)``, window of each change or -1; written.
    value, bound
        Shape ``(G,)``: cost of the answer and a lower bound on any answer's, at these prices [money].
    usage, load
        Shapes ``(P, W)`` and ``(S,)`` [min]; the groups' use is added; the labour of the changes in each
        slot is written.
    """
    most_n, most_m = 1, 1
    for g in range(first_group, last_group):
        most_n = max(most_n, groups.change_ptr[g + 1] - groups.change_ptr[g])
        most_m = max(most_m, groups.slot_ptr[g + 1] - groups.slot_ptr[g])
    wide = max(most_n, most_m)
    cost_buffer = np.empty(most_n * most_m)
    order_buffer = np.empty(most_n * most_m, dtype=np.int64)
    never, opening, slots = np.empty(most_n), np.empty(most_m), np.empty((5, most_m))
    where, reach = np.empty(most_n, dtype=np.int64), np.empty((3, wide), dtype=np.int64)
    listed, work = np.empty(most_m, dtype=np.int64), np.empty((4, wide))
    for g in range(first_group, last_group):
        first, base = groups.slot_ptr[g], groups.change_ptr[g]
        n, m = groups.change_ptr[g + 1] - base, groups.slot_ptr[g + 1] - first
        cost = cost_buffer[: n * m].reshape((n, m))
        open_here = is_open[first : first + m]
        _priced_group(groups, links, g, price, link_price, slot_price, fill, cost, never, opening, slots)
        team = groups.team[g]
        for s in range(m):
            load[first + s] = 0.0
            if opening[s] == np.inf:
                open_here[s] = 0
        value[g] = open_slots(cost, never, opening, open_here, n, m, True, where, listed, work)
        for s in range(m):
            if open_here[s]:
                usage[team, groups.slot_window[first + s]] += groups.slot[first + s, col.OPEN_LABOUR]
        for i in range(n):
            choice[base + i] = -1
            if where[i] >= 0:
                w = groups.slot_window[first + where[i]]
                choice[base + i] = w
                load[first + where[i]] += groups.change[base + i, col.LABOUR]
                usage[team, w] += groups.change[base + i, col.LABOUR]
        if with_bound:
            order = order_buffer[: n * m].reshape((n, m))
            bound[g] = lower_bound(cost, never, opening, open_here, value[g], n, m, order, reach, work)
