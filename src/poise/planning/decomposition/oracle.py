"""What each group would do at given prices, and what that proves."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Groups, Links
from poise.planning.decomposition.facility import lower_bound, open_slots
from poise.planning.decomposition.jit import kernel
from poise.planning.problem import CAPACITY_TOLERANCE_MINUTES, Floats, Ints


@kernel
def fill_costs(
    change: Floats,
    window: Floats,
    slot_window: Ints,
    first_change: int,
    n: int,
    first_slot: int,
    m: int,
    cost: Floats,
) -> None:
    """Write the weighted cost of each change of a group in each slot; infinite where it may not go [money].

    Whole groups at a time: every array handed to a compiled function costs a counter, which per
    change and slot would be dearer than the sum itself.
    """
    for i in range(n):
        j = first_change + i
        earliest, latest, due = change[j, col.EARLIEST], change[j, col.LATEST], change[j, col.DUE]
        const, slope, early, late = (
            change[j, col.CONST],
            change[j, col.SLOPE],
            change[j, col.EARLY],
            change[j, col.LATE],
        )
        for s in range(m):
            w = slot_window[first_slot + s]
            end = window[w, col.END]
            if window[w, col.START] < earliest or end > latest:
                cost[i, s] = np.inf
            else:
                c = const + slope * end + early * window[w, col.AGE]
                cost[i, s] = c + late if end > due else c


@kernel
def _priced_group(
    groups: Groups, links: Links, g: int, price: Floats, link_price: Floats, slot_price: Floats, fill: Floats,
    cost: Floats, never: Floats, opening: Floats, per_minute: Floats,
) -> None:  # fmt: skip
    """Fill the costs of one group's facility location at given prices."""
    team = groups.team[g]
    first, base = groups.slot_ptr[g], groups.change_ptr[g]
    n, m = groups.change_ptr[g + 1] - base, groups.slot_ptr[g + 1] - first
    fill_costs(groups.change, groups.window, groups.slot_window, base, n, first, m, cost)
    change, slot_window, slot, capacity = groups.change, groups.slot_window, groups.slot, groups.capacity
    for s in range(m):
        w = slot_window[first + s]
        labour = slot[first + s, col.OPEN_LABOUR]
        room = capacity[team, w] + CAPACITY_TOLERANCE_MINUTES - labour
        opening[s] = slot[first + s, col.OPEN_COST] + price[team, w] * labour + slot_price[first + s]
        per_minute[s] = price[team, w]
        if room < 0.0:
            opening[s] = np.inf
        elif room > 0.0 and fill[first + s] > 0.0:
            charge = min(fill[first + s], opening[s] / room)
            per_minute[s] += charge
            opening[s] = max(0.0, opening[s] - charge * room)
    for i in range(n):
        j = base + i
        never[i] = change[j, col.NEVER]
        labour = change[j, col.LABOUR]
        for s in range(m):
            w = slot_window[first + s]
            if labour + slot[first + s, col.OPEN_LABOUR] > capacity[team, w] + CAPACITY_TOLERANCE_MINUTES:
                cost[i, s] = np.inf
            cost[i, s] += per_minute[s] * labour
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
    groups: Groups, links: Links, first_group: int, last_group: int, price: Floats, link_price: Floats,
    slot_price: Floats, fill: Floats,
    with_bound: bool, is_open: Ints, choice: Ints, value: Floats, bound: Floats, usage: Floats, load: Floats,
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
    never, opening, per_minute = np.empty(most_n), np.empty(most_m), np.empty(most_m)
    where, reach, work = (
        np.empty(most_n, dtype=np.int64),
        np.empty((2, wide), dtype=np.int64),
        np.empty((4, wide)),
    )
    for g in range(first_group, last_group):
        first, base = groups.slot_ptr[g], groups.change_ptr[g]
        n, m = groups.change_ptr[g + 1] - base, groups.slot_ptr[g + 1] - first
        cost = cost_buffer[: n * m].reshape((n, m))
        open_here = is_open[first : first + m]
        _priced_group(groups, links, g, price, link_price, slot_price, fill, cost, never, opening, per_minute)
        team = groups.team[g]
        for s in range(m):
            load[first + s] = 0.0
            if opening[s] == np.inf:
                open_here[s] = 0
        value[g] = open_slots(cost, never, opening, open_here, n, m, True, where, work)
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


@kernel
def link_slopes(groups: Groups, links: Links, choice: Ints, multiplier: Floats, slope: Floats) -> None:
    """Write the slope of the dual in each link multiplier: +1 where the answer breaks the link there.

    Multiplier i of a link belongs to "after has started by place i only if before was ready by
    place i"; only places of windows that the after group may use carry one.
    """
    for k in range(len(links.link)):
        before, after = choice[links.link[k, col.BEFORE]], choice[links.link[k, col.AFTER]]
        size = multiplier.shape[1]
        started = links.start_rank[after] if after >= 0 else size
        ready = links.ready[links.link[k, col.SOAK], before] if before >= 0 else size
        g = links.change_group[links.link[k, col.AFTER]]
        for i in range(size):
            slope[k, i] = 0.0
        for s in range(groups.slot_ptr[g], groups.slot_ptr[g + 1]):
            i = links.start_rank[groups.slot_window[s]]
            if started <= i < ready:
                slope[k, i] = 1.0
            elif ready <= i < started:
                slope[k, i] = -1.0
