"""Taking groups out of a plan and putting them back where rules, prices and partners allow."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Arrays
from poise.planning.decomposition.jit import kernel
from poise.planning.decomposition.oracle import fill_costs
from poise.planning.decomposition.placement import place
from poise.planning.problem import Floats, Ints

#: States of a change in a plan under work, beside its slot.
NEVER_DONE = -1
TAKEN_OUT = -2
#: What a team's window may be overdrawn by, a tenth of what the evaluator grants [min].
_ROOM_SLACK_MINUTES = 1e-7


@kernel
def group_cost(a: Arrays, g: int, slot_of: Ints, count: Ints) -> float:
    """Return what a group costs in the plan at hand [money]."""
    change, window, slot, slot_window = a.change, a.window, a.slot, a.slot_window
    total = 0.0
    for s in range(a.slot_ptr[g], a.slot_ptr[g + 1]):
        if count[s] > 0:
            total += slot[s, col.OPEN_COST]
    for j in range(a.change_ptr[g], a.change_ptr[g + 1]):
        if slot_of[j] < 0:
            total += change[j, col.NEVER]
            continue
        w = slot_window[slot_of[j]]
        end = window[w, col.END]
        total += change[j, col.CONST] + change[j, col.SLOPE] * end + change[j, col.EARLY] * window[w, col.AGE]
        if end > change[j, col.DUE]:
            total += change[j, col.LATE]
    return total


@kernel
def put(a: Arrays, j: int, s: int, sign: int, count: Ints, usage: Floats) -> None:
    """Book a change into a slot (sign 1) or out of it (sign -1)."""
    g = a.change_group[j]
    team, w = a.team[g], a.slot_window[s]
    if count[s] == (0 if sign > 0 else 1):
        usage[team, w] += sign * a.slot[s, col.OPEN_LABOUR]
    count[s] += sign
    usage[team, w] += sign * a.change[j, col.LABOUR]


@kernel
def take_out(a: Arrays, g: int, slot_of: Ints, count: Ints, usage: Floats) -> None:
    """Take all changes of a group out of the plan."""
    for j in range(a.change_ptr[g], a.change_ptr[g + 1]):
        if slot_of[j] >= 0:
            put(a, j, slot_of[j], -1, count, usage)
        slot_of[j] = TAKEN_OUT


@kernel
def _apply_links(
    a: Arrays,
    g: int,
    slot_of: Ints,
    row_of_link: Ints,
    values: Floats,
    forbidden: float,
    cost: Floats,
    never: Floats,
) -> None:
    """Forbid what placed partners forbid, and charge what is known of partners still out."""
    first, base = a.slot_ptr[g], a.change_ptr[g]
    n, m = a.change_ptr[g + 1] - base, a.slot_ptr[g + 1] - first
    link, slot_window, start_rank, ready = a.link, a.slot_window, a.start_rank, a.ready
    for i in range(n):
        j = base + i
        for q in range(a.in_ptr[j], a.in_ptr[j + 1]):
            k = a.links_in[q]
            before = slot_of[link[k, col.BEFORE]]
            if before == TAKEN_OUT:
                continue
            since = len(start_rank) if before < 0 else ready[link[k, col.SOAK], slot_window[before]]
            for s in range(m):
                if start_rank[slot_window[first + s]] < since:
                    cost[i, s] = np.inf
        for q in range(a.out_ptr[j], a.out_ptr[j + 1]):
            k = a.links_out[q]
            after, soak, row = slot_of[link[k, col.AFTER]], link[k, col.SOAK], row_of_link[k]
            if after >= 0:
                never[i] = forbidden
                until = start_rank[slot_window[after]]
                for s in range(m):
                    if ready[soak, slot_window[first + s]] > until:
                        cost[i, s] = np.inf
            elif after == TAKEN_OUT and row >= 0:
                never[i] += values[row, len(start_rank)]
                for s in range(m):
                    cost[i, s] += values[row, ready[soak, slot_window[first + s]]]


@kernel
def _fill_group(
    a: Arrays, g: int, slot_of: Ints, count: Ints, usage: Floats, price: Floats, price_share: float,
    cost: Floats, never: Floats, opening: Floats, labour: Floats, setup: Floats, room: Floats,
) -> None:  # fmt: skip
    """Fill one group's costs at a share of the prices, and the room that is left in its slots."""
    first, base, team = a.slot_ptr[g], a.change_ptr[g], a.team[g]
    n, m = a.change_ptr[g + 1] - base, a.slot_ptr[g + 1] - first
    fill_costs(a.change, a.window, a.slot_window, base, n, first, m, cost)
    change, slot, slot_window, overlap = a.change, a.slot, a.slot_window, a.overlap
    for s in range(m):
        w = slot_window[first + s]
        setup[s] = slot[first + s, col.OPEN_LABOUR]
        opening[s] = slot[first + s, col.OPEN_COST] + price_share * price[team, w] * setup[s]
        room[s] = a.capacity[team, w] - usage[team, w] + _ROOM_SLACK_MINUTES
    for i in range(n):
        never[i], labour[i] = change[base + i, col.NEVER], change[base + i, col.LABOUR]
        for s in range(m):
            cost[i, s] += price_share * price[team, slot_window[first + s]] * labour[i]
    for q in range(a.rival_ptr[g], a.rival_ptr[g + 1]):
        rival = a.rival[q]
        for t in range(a.slot_ptr[rival], a.slot_ptr[rival + 1]):
            if count[t] > 0:
                for s in range(m):
                    if overlap[slot_window[first + s], slot_window[t]]:
                        room[s] = -1.0


@kernel
def _undo_inner_breaks(
    a: Arrays, g: int, slot_of: Ints, slot_at: Ints, never: Floats, forbidden: float
) -> bool:
    """Leave out changes that break a link inside their own group; return False where that is forbidden."""
    first, base, last = a.slot_ptr[g], a.change_ptr[g], a.change_ptr[g + 1]
    again = True
    while again:
        again = False
        for j in range(base, last):
            if slot_at[j - base] < 0:
                continue
            started = a.start_rank[a.slot_window[first + slot_at[j - base]]]
            for q in range(a.in_ptr[j], a.in_ptr[j + 1]):
                before = a.link[a.links_in[q], col.BEFORE]
                if before < base or before >= last:
                    continue
                soak = a.link[a.links_in[q], col.SOAK]
                t = slot_at[before - base]
                if t < 0 or a.ready[soak, a.slot_window[first + t]] > started:
                    if never[j - base] >= forbidden:
                        return False
                    slot_at[j - base] = -1
                    again = True
                    break
    return True


@kernel
def insert_group(
    a: Arrays, g: int, slot_of: Ints, count: Ints, usage: Floats, price: Floats, price_share: float,
    row_of_link: Ints, values: Floats, forbidden: float, floats: Floats, ints: Ints, cost_buffer: Floats, only_value: bool,
    was_open: Ints,
) -> bool:  # fmt: skip
    """Put a group that was taken out back into the plan, or only value it for its forerunners.

    Parameters
    ----------
    price, price_share
        Shape ``(P, W)`` [money/min]; the share of it that is charged while choosing.
    row_of_link, values
        For links whose after change is still out: their row in ``values`` or -1, and by place of
        the start the least that the after change costs from there on, shape ``(rows, W + 1)`` [money].
    floats, ints, cost_buffer
        Scratch: ``(6, max(n, m))``, ``(3, max(n, m))``, ``(n * m,)``.
    only_value
        Write the rows of the links into this group instead of placing it.
    was_open
        Shape ``(S,)``: slots that were open before; in a valuation these open for free.

    Returns
    -------
    bool
        False where a change had to be left out that may not be.
    """
    first, base = a.slot_ptr[g], a.change_ptr[g]
    n, m = a.change_ptr[g + 1] - base, a.slot_ptr[g + 1] - first
    cost = cost_buffer[: n * m].reshape((n, m))
    never, opening, labour, setup, room = floats[0], floats[1], floats[2], floats[3], floats[4]
    _fill_group(a, g, slot_of, count, usage, price, price_share, cost, never, opening, labour, setup, room)
    _apply_links(a, g, slot_of, row_of_link, values, forbidden, cost, never)
    if only_value:
        width = len(a.start_rank)
        for i in range(n):
            for q in range(a.in_ptr[base + i], a.in_ptr[base + i + 1]):
                row = row_of_link[a.links_in[q]]
                if row < 0:
                    continue
                for place_of_start in range(width):
                    values[row, place_of_start] = np.inf
                values[row, width] = never[i]
                for s in range(m):
                    if room[s] < setup[s] + labour[i]:
                        continue
                    c = cost[i, s] if was_open[first + s] else cost[i, s] + opening[s] / min(n, 4)
                    at = a.start_rank[a.slot_window[first + s]]
                    values[row, at] = min(values[row, at], c)
                for back in range(width - 1, -1, -1):
                    values[row, back] = min(values[row, back], values[row, back + 1])
        return True
    slot_at, here, target = ints[0], ints[1], ints[2]
    order = ints[3]
    for q in range(n):
        order[q] = a.urgency[base + q] - base
    place(cost, never, opening, labour, setup, room, order, n, m, slot_at, here, floats[5], target)
    if not _undo_inner_breaks(a, g, slot_of, slot_at, never, forbidden):
        return False
    for i in range(n):
        if slot_at[i] < 0 and never[i] >= forbidden:
            return False
    for i in range(n):
        slot_of[base + i] = NEVER_DONE
        if slot_at[i] >= 0:
            slot_of[base + i] = first + slot_at[i]
            put(a, base + i, first + slot_at[i], 1, count, usage)
    return True
