"""One group alone: an uncapacitated facility location with prices.

Slots are the facilities, changes the clients; "never" is a facility that costs nothing to open.
The primal is a local search; the bound is the dual ascent with dual adjustment of D. Erlenkotter,
"A dual-based procedure for uncapacitated facility location", Operations Research 26 (1978).
Any ``v`` with ``sum_i max(0, v_i - cost_is) <= opening_s`` and ``v_i <= never_i`` proves the
bound ``sum_i v_i``, whatever way it was found.
"""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition.columns import Flags
from poise.planning.decomposition.jit import kernel
from poise.planning.problem import Floats, Ints

_TOLERANCE = 1e-9


@kernel
def _rank_choices(
    cost: Floats, never: Floats, open_list: Ints, n: int, best: Floats, second: Floats, where: Ints
) -> float:
    """Find the cheapest and second cheapest open choice of each change; return the sum of the cheapest."""
    total = 0.0
    for i in range(n):
        low, place, next_low = never[i], -1, np.inf
        for q in range(len(open_list)):
            s = open_list[q]
            c = cost[i, s]
            if c < low:
                next_low, low, place = low, c, s
            elif c < next_low:
                next_low = c
        best[i], second[i], where[i] = low, next_low, place
        total += low
    return total


@kernel
def _best_swap(
    cost: Floats, opening: Floats, is_open: Flags, open_list: Ints, n: int, m: int,
    best: Floats, second: Floats, where: Ints, loss: Floats,
) -> tuple[float, int, int]:  # fmt: skip
    """Return the gain of the best exchange of one closed slot for one open slot, and both."""
    gain, add, drop = 0.0, -1, -1
    for s in range(m):
        if is_open[s] or opening[s] == np.inf:
            continue
        base = -opening[s]
        for q in range(len(open_list)):
            loss[open_list[q]] = -opening[open_list[q]]
        for i in range(n):
            c, low, t = cost[i, s], best[i], where[i]
            if c < low:
                base += low - c
            elif t >= 0:
                loss[t] += min(second[i], c) - low
        for q in range(len(open_list)):
            t = open_list[q]
            if base - loss[t] > gain:
                gain, add, drop = base - loss[t], s, t
    return gain, add, drop


@kernel
def _list_open(is_open: Flags, m: int, open_slots: Ints) -> int:
    """List the open slots; return how many."""
    size = 0
    for s in range(m):
        if is_open[s]:
            open_slots[size] = s
            size += 1
    return size


@kernel
def open_slots(
    cost: Floats, never: Floats, opening: Floats, is_open: Flags, n: int, m: int, swaps: bool,
    where: Ints, listed: Ints, work: Floats,
) -> float:  # fmt: skip
    """Improve a set of open slots by the best addition, removal or exchange until none helps.

    Parameters
    ----------
    cost, never, opening
        Shapes ``(n, m)``, ``(n,)``, ``(m,)`` [money]; infinite where not allowed.
    is_open, where
        Open slots, changed in place; the slot of each change, -1 for never, written.
    swaps
        Whether to look for exchanges too.
    listed, work
        Scratch, shapes ``(m,)`` and ``(4, max(n, m))``.

    Returns
    -------
    float
        Cost of the choice [money].
    """
    best, second, loss, gains = work[0], work[1], work[2], work[3]
    total = 0.0
    for _ in range(4 * m + 4):
        open_list = listed[: _list_open(is_open, m, listed)]
        total = _rank_choices(cost, never, open_list, n, best, second, where)
        for s in range(m):
            gains[s] = -opening[s]
        for t in open_list:
            total += opening[t]
            loss[t] = 0.0
        for i in range(n):
            low = best[i]
            if where[i] >= 0:
                loss[where[i]] += second[i] - low
            for s in range(m):
                gains[s] += max(0.0, low - cost[i, s])
        gain, add, drop = 0.0, -1, -1
        for s in range(m):
            if gains[s] > gain and not is_open[s]:
                gain, add = gains[s], s
        for t in open_list:
            if opening[t] - loss[t] > gain:
                gain, add, drop = opening[t] - loss[t], -1, t
        if swaps and gain <= _TOLERANCE * (1.0 + abs(total)):
            gain, add, drop = _best_swap(cost, opening, is_open, open_list, n, m, best, second, where, loss)
        if gain <= _TOLERANCE * (1.0 + abs(total)):
            break
        if add >= 0:
            is_open[add] = 1
        if drop >= 0:
            is_open[drop] = 0
    return total


@kernel
def _ascend(
    cost: Floats, never: Floats, order: Ints, useful: Ints, n: int, v: Floats, slack: Floats, reach: Ints,
    skip: int, only: int,
) -> None:  # fmt: skip
    """Raise each v by a breakpoint per round until all are blocked; ``skip`` and ``only`` are n for none."""
    first, last = (only, only + 1) if only < n else (0, n)
    moved = True
    while moved:
        moved = False
        for i in range(first, last):
            if i == skip or reach[i] < 0 or v[i] >= never[i]:
                continue
            while reach[i] < useful[i] and cost[i, order[i, reach[i]]] <= v[i]:
                reach[i] += 1
            rise = never[i] - v[i]
            if reach[i] < useful[i]:
                rise = min(rise, cost[i, order[i, reach[i]]] - v[i])
            for q in range(reach[i]):
                rise = min(rise, slack[order[i, q]])
            if rise <= 0.0:
                reach[i] = -1 - reach[i]  # blocked: slack only falls while all ascend
                continue
            for q in range(reach[i]):
                slack[order[i, q]] -= rise
            v[i] += rise
            moved = True
    for i in range(first, last):
        if reach[i] < 0:
            reach[i] = -1 - reach[i]


@kernel
def _adjust(
    cost: Floats, never: Floats, order: Ints, useful: Ints, is_open: Flags, n: int, m: int,
    v: Floats, slack: Floats, reach: Ints,
    trials: int, kept_v: Floats, kept_slack: Floats, kept_reach: Ints,
) -> None:  # fmt: skip
    """Lower one v where two open slots are paid for, let others use the slack; keep what gains."""
    for i in range(n):
        paid, level = 0, -np.inf
        for s in range(m):
            if cost[i, s] < v[i]:
                paid += is_open[s]
                level = max(level, cost[i, s])
        if paid < 2 or trials <= 0:
            continue
        trials -= 1
        former = 0.0
        for k in range(n):
            kept_v[k], kept_reach[k] = v[k], reach[k]
            former += v[k]
        for s in range(m):
            kept_slack[s] = slack[s]
            if cost[i, s] < v[i]:
                slack[s] += v[i] - level
        v[i] = level
        reach[i] = 0
        _ascend(cost, never, order, useful, n, v, slack, reach, i, n)
        _ascend(cost, never, order, useful, n, v, slack, reach, n, i)
        total = 0.0
        for k in range(n):
            total += v[k]
        if total <= former + _TOLERANCE * abs(former):
            for k in range(n):
                v[k], reach[k] = kept_v[k], kept_reach[k]
            for s in range(m):
                slack[s] = kept_slack[s]


@kernel
def lower_bound(
    cost: Floats, never: Floats, opening: Floats, is_open: Flags, target: float, n: int, m: int,
    order: Ints, reach: Ints, work: Floats,
) -> float:  # fmt: skip
    """Prove a lower bound on the cost of one group by dual ascent.

    Parameters
    ----------
    cost, never, opening, is_open
        As in :func:`open_slots`; the open slots only steer the adjustment.
    target
        Cost of the choice at hand; no further effort is spent once it is proven [money].
    order, reach, work
        Scratch, shapes ``(n, m)``, ``(3, n)`` and ``(4, max(n, m))``.

    Returns
    -------
    float
        Bound [money]; what rounding overspent of an opening is taken off it.
    """
    v, slack, useful = work[0], work[1], reach[2]
    for i in range(n):
        low = never[i]
        size = 0
        for s in range(m):
            c = cost[i, s]
            if c >= never[i]:
                continue
            place = size
            low = min(low, c)
            while place > 0 and cost[i, order[i, place - 1]] > c:
                order[i, place] = order[i, place - 1]
                place -= 1
            order[i, place] = s
            size += 1
        useful[i] = size
        v[i] = low
        reach[0, i] = 0
    for s in range(m):
        slack[s] = opening[s]
    _ascend(cost, never, order, useful, n, v, slack, reach[0], n, n)
    margin = 1e-6 * (1.0 + abs(target))
    for _ in range(3):
        total = 0.0
        for i in range(n):
            total += v[i]
        if total >= target - margin:
            break
        _adjust(cost, never, order, useful, is_open, n, m, v, slack, reach[0], 60, work[2], work[3], reach[1])
    total = 0.0
    for i in range(n):
        total += v[i]
    for s in range(m):
        spent = 0.0
        for i in range(n):
            if v[i] > cost[i, s]:
                spent += v[i] - cost[i, s]
        if spent > opening[s]:
            total -= spent - opening[s]
    return total
