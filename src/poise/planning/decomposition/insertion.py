"""Taking groups out of a plan and putting them back where rules, prices and partners allow."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Flags, Groups, Ints32, Links, Ties, Windows
from poise.planning.decomposition.jit import kernel
from poise.planning.decomposition.oracle import fill_costs, gather_slots
from poise.planning.decomposition.placement import place
from poise.planning.problem import Floats, Ints

#: States of a change in a plan under work, beside its slot.
NEVER_DONE = -1
TAKEN_OUT = -2
#: What a team's window may be overdrawn by, a tenth of what the evaluator grants [min].
_ROOM_SLACK_MINUTES = 1e-7


@kernel
def group_cost(groups: Groups, g: int, slot_of: Ints, count: Ints32) -> float:
    """Return what a group costs in the plan at hand [money]."""
    change, window, slot, slot_window = groups.change, groups.window, groups.slot, groups.slot_window
    total = 0.0
    for s in range(groups.slot_ptr[g], groups.slot_ptr[g + 1]):
        if count[s] > 0:
            total += slot[s, col.OPEN_COST]
    for j in range(groups.change_ptr[g], groups.change_ptr[g + 1]):
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
def book(groups: Groups, g: int, slot_of: Ints, sign: float, count: Ints32, usage: Floats) -> None:
    """Book all placed changes of a group into their slots (sign 1) or out of them (sign -1)."""
    team, slot_window, slot, change = groups.team[g], groups.slot_window, groups.slot, groups.change
    for j in range(groups.change_ptr[g], groups.change_ptr[g + 1]):
        s = slot_of[j]
        if s >= 0:
            w = slot_window[s]
            if count[s] == (0 if sign > 0.0 else 1):
                usage[team, w] += sign * slot[s, col.OPEN_LABOUR]
            count[s] += int(sign)
            usage[team, w] += sign * change[j, col.LABOUR]


@kernel
def take_out(groups: Groups, g: int, slot_of: Ints, count: Ints32, usage: Floats) -> None:
    """Take all changes of a group out of the plan."""
    book(groups, g, slot_of, -1.0, count, usage)
    for j in range(groups.change_ptr[g], groups.change_ptr[g + 1]):
        slot_of[j] = TAKEN_OUT


@kernel
def _apply_links(
    links: Links,
    slot_window: Windows,
    first: int,
    base: int,
    n: int,
    m: int,
    slot_of: Ints,
    row_of_link: Ints,
    values: Floats,
    forbidden: float,
    cost: Floats,
    never: Floats,
) -> None:
    """Forbid what placed partners forbid, and charge what is known of partners still out."""
    link, start_rank, ready = links.link, links.start_rank, links.ready
    for i in range(n):
        j = base + i
        for q in range(links.in_ptr[j], links.in_ptr[j + 1]):
            k = links.links_in[q]
            before = slot_of[link[k, col.BEFORE]]
            if before == TAKEN_OUT:
                continue
            since = len(start_rank) if before < 0 else ready[link[k, col.SOAK], slot_window[before]]
            for s in range(m):
                if start_rank[slot_window[first + s]] < since:
                    cost[i, s] = np.inf
        for q in range(links.out_ptr[j], links.out_ptr[j + 1]):
            k = links.links_out[q]
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
    groups: Groups, ties: Ties, g: int, slot_of: Ints, count: Ints32, usage: Floats, price: Floats,
    price_share: float, cost: Floats, never: Floats, floats: Floats,
) -> None:  # fmt: skip
    """Fill one group's costs at a share of the prices, and the room that is left in its slots.

    ``floats`` is scratch; rows 0 to 3 are written: opening [money], labour, setup and room [min].
    """
    first, base, team = groups.slot_ptr[g], groups.change_ptr[g], groups.team[g]
    n, m = groups.change_ptr[g + 1] - base, groups.slot_ptr[g + 1] - first
    opening, labour, setup, room, per_minute = floats[0], floats[1], floats[2], floats[3], floats[4]
    start, end, age, endless = floats[5], floats[6], floats[7], floats[8]
    change, slot, slot_window, overlap = groups.change, groups.slot, groups.slot_window, ties.overlap
    gather_slots(groups, g, start, end, age)
    for s in range(m):
        w = slot_window[first + s]
        setup[s] = slot[first + s, col.OPEN_LABOUR]
        per_minute[s] = price_share * price[team, w]
        opening[s] = slot[first + s, col.OPEN_COST] + per_minute[s] * setup[s]
        room[s] = groups.capacity[team, w] - usage[team, w] + _ROOM_SLACK_MINUTES
        endless[s] = np.inf
    fill_costs(groups, g, start, end, age, per_minute, endless, cost)
    for i in range(n):
        never[i], labour[i] = change[base + i, col.NEVER], change[base + i, col.LABOUR]
    for q in range(ties.rival_ptr[g], ties.rival_ptr[g + 1]):
        rival = ties.rival[q]
        for t in range(groups.slot_ptr[rival], groups.slot_ptr[rival + 1]):
            if count[t] > 0:
                for s in range(m):
                    if overlap[slot_window[first + s], slot_window[t]]:
                        room[s] = -1.0


@kernel
def _mend_inner_breaks(
    links: Links, slot_window: Windows, first: int, base: int, n: int, m: int, cost: Floats, never: Floats,
    opening: Floats, labour: Floats, setup: Floats, room: Floats, slot_at: Ints, here: Ints, forbidden: float,
) -> bool:  # fmt: skip
    """Move changes that break a link inside their own group to a later slot, or leave them out.

    Returns False where a change would have to be left out that may not be.
    """
    again = True
    while again:
        again = False
        for i in range(n):
            ready = 0
            for q in range(links.in_ptr[base + i], links.in_ptr[base + i + 1]):
                before = links.link[links.links_in[q], col.BEFORE] - base
                if 0 <= before < n:
                    soak, at = links.link[links.links_in[q], col.SOAK], slot_at[before]
                    since = links.ready[soak, slot_window[first + at]] if at >= 0 else len(links.start_rank)
                    ready = max(ready, since)
            former = slot_at[i]
            if former < 0 or links.start_rank[slot_window[first + former]] >= ready:
                continue
            again = True
            here[former] -= 1
            room[former] += labour[i] + (setup[former] if here[former] == 0 else 0.0)
            best, low = -1, never[i]
            for s in range(m):
                extra = 0.0 if here[s] > 0 else setup[s]
                c = cost[i, s] if here[s] > 0 else cost[i, s] + opening[s]
                is_ready = links.start_rank[slot_window[first + s]] >= ready
                if is_ready and c < low and labour[i] + extra <= room[s]:
                    best, low = s, c
            slot_at[i] = best
            if best >= 0:
                room[best] -= labour[i] + (setup[best] if here[best] == 0 else 0.0)
                here[best] += 1
            elif never[i] >= forbidden:
                return False
    return True


@kernel
def value_links(
    groups: Groups, links: Links, ties: Ties, g: int, slot_of: Ints, count: Ints32, usage: Floats,
    price: Floats, price_share: float,
    row_of_link: Ints, values: Floats, forbidden: float, floats: Floats, cost_buffer: Floats, was_open: Flags,
) -> None:  # fmt: skip
    """Value a group that is out for its forerunners: the least each change costs from a start on.

    Parameters
    ----------
    row_of_link, values
        As in :func:`insert_group`; the rows of the links into this group are written.
    was_open
        Shape ``(S,)``: slots that were open before cost nothing to open, others a share.
    """
    first, base = groups.slot_ptr[g], groups.change_ptr[g]
    n, m = groups.change_ptr[g + 1] - base, groups.slot_ptr[g + 1] - first
    cost = cost_buffer[: n * m].reshape((n, m))
    opening, labour, setup, room, never = floats[0], floats[1], floats[2], floats[3], floats[9]
    _fill_group(groups, ties, g, slot_of, count, usage, price, price_share, cost, never, floats)
    _apply_links(
        links, groups.slot_window, first, base, n, m, slot_of, row_of_link, values, forbidden, cost, never
    )
    start_rank, slot_window, width = links.start_rank, groups.slot_window, len(links.start_rank)
    for i in range(n):
        for q in range(links.in_ptr[base + i], links.in_ptr[base + i + 1]):
            row = row_of_link[links.links_in[q]]
            if row < 0:
                continue
            values[row, :] = np.inf
            values[row, width] = never[i]
            for s in range(m):
                if room[s] < setup[s] + labour[i]:
                    continue
                c = cost[i, s] if was_open[first + s] else cost[i, s] + opening[s] / min(n, 4)
                at = start_rank[slot_window[first + s]]
                values[row, at] = min(values[row, at], c)
            for at in range(width - 1, -1, -1):
                values[row, at] = min(values[row, at], values[row, at + 1])


@kernel
def insert_group(
    groups: Groups, links: Links, ties: Ties, g: int, slot_of: Ints, count: Ints32, usage: Floats,
    price: Floats, price_share: float,
    row_of_link: Ints, values: Floats, forbidden: float, floats: Floats, ints: Ints, cost_buffer: Floats,
) -> bool:  # fmt: skip
    """Put a group that was taken out back into the plan.

    Parameters
    ----------
    price, price_share
        Shape ``(P, W)`` [money/min]; the share of it that is charged while choosing.
    row_of_link, values
        For links whose after change is still out: their row in ``values`` or -1, and by place of
        the start the least that the after change costs from there on, shape ``(rows, W + 1)`` [money].
    floats, ints, cost_buffer
        Scratch: ``(10, max(n, m))``, ``(4, max(n, m))``, ``(n * m,)``.

    Returns
    -------
    bool
        False where a change had to be left out that may not be.
    """
    first, base = groups.slot_ptr[g], groups.change_ptr[g]
    n, m = groups.change_ptr[g + 1] - base, groups.slot_ptr[g + 1] - first
    cost = cost_buffer[: n * m].reshape((n, m))
    opening, labour, setup, room, never = floats[0], floats[1], floats[2], floats[3], floats[9]
    _fill_group(groups, ties, g, slot_of, count, usage, price, price_share, cost, never, floats)
    _apply_links(
        links, groups.slot_window, first, base, n, m, slot_of, row_of_link, values, forbidden, cost, never
    )
    slot_at, order = ints[0], ints[3]
    for q in range(n):
        order[q] = ties.urgency[base + q] - base
    place(cost, never, opening, labour, setup, room, order, n, m, slot_at, ints[1], floats[4], ints[2])
    if not _mend_inner_breaks(
        links, groups.slot_window, first, base, n, m, cost, never, opening, labour, setup, room,
        slot_at, ints[1], forbidden,
    ):  # fmt: skip
        return False
    for i in range(n):
        if slot_at[i] < 0 and never[i] >= forbidden:
            return False
    for i in range(n):
        slot_of[base + i] = NEVER_DONE
        if slot_at[i] >= 0:
            slot_of[base + i] = first + slot_at[i]
    book(groups, g, slot_of, 1.0, count, usage)
    return True
