"""One group into the room that is left: a facility location with capacities, by local search."""

from __future__ import annotations

from poise.planning.decomposition.jit import kernel
from poise.planning.problem import Floats, Ints

_TOLERANCE = 1e-9


@kernel
def _add_slot(
    cost: Floats, opening: Floats, labour: Floats, setup: Floats, room: Floats, order: Ints, n: int, m: int,
    slot_at: Ints, count: Ints, current: Floats,
) -> bool:  # fmt: skip
    """Open the slot whose savings most exceed its cost, with the changes that fit; return whether any did.

    Where not all changes that would gain fit, they go in by urgency.
    """
    best, best_gain, best_all = -1, 0.0, True
    total = 0.0
    for i in range(n):
        total += current[i]
    for s in range(m):
        left = room[s] - setup[s]
        if count[s] > 0 or left < 0.0:
            continue
        gain, need = -opening[s], 0.0
        for i in range(n):
            saving = current[i] - cost[i, s]
            if saving > 0.0:
                gain += saving
                need += labour[i]
        fits = need <= left
        if not fits and gain > best_gain:
            gain = -opening[s]
            for q in range(n):
                i = order[q]
                saving = current[i] - cost[i, s]
                if saving > 0.0 and labour[i] <= left:
                    gain += saving
                    left -= labour[i]
        if gain > best_gain:
            best, best_gain, best_all = s, gain, fits
    if best < 0 or best_gain <= _TOLERANCE * (1.0 + abs(total)):
        return False
    room[best] -= setup[best]
    for q in range(n):
        i = order[q]
        if cost[i, best] < current[i] and (best_all or labour[i] <= room[best]):
            former = slot_at[i]
            if former >= 0:
                room[former] += labour[i]
                count[former] -= 1
                if count[former] == 0:
                    room[former] += setup[former]
            slot_at[i], current[i] = best, cost[i, best]
            count[best] += 1
            room[best] -= labour[i]
    return True


@kernel
def _relocate(
    cost: Floats,
    labour: Floats,
    setup: Floats,
    room: Floats,
    order: Ints,
    n: int,
    m: int,
    slot_at: Ints,
    count: Ints,
    current: Floats,
) -> bool:
    """Move each change, by urgency, to a cheaper open slot that has room; return whether any moved."""
    moved = False
    for q in range(n):
        i = order[q]
        best, low = -1, current[i] - _TOLERANCE * (1.0 + abs(current[i]))
        for s in range(m):
            if count[s] > 0 and cost[i, s] < low and labour[i] <= room[s]:
                best, low = s, cost[i, s]
        if best >= 0:
            former = slot_at[i]
            if former >= 0:
                room[former] += labour[i]
                count[former] -= 1
                if count[former] == 0:
                    room[former] += setup[former]
            slot_at[i], current[i] = best, cost[i, best]
            count[best] += 1
            room[best] -= labour[i]
            moved = True
    return moved


@kernel
def _drop_slots(
    cost: Floats, never: Floats, opening: Floats, labour: Floats, setup: Floats, room: Floats, order: Ints,
    n: int, m: int,
    slot_at: Ints, count: Ints, current: Floats, target: Ints,
) -> bool:  # fmt: skip
    """Close each slot whose changes cost less elsewhere than it costs to open; return whether any closed."""
    dropped = False
    for s in range(m):
        if count[s] == 0:
            continue
        extra = 0.0
        for q in range(n):
            i = order[q]
            if slot_at[i] != s:
                continue
            best, low = -1, never[i]
            for t in range(m):
                if t != s and count[t] > 0 and cost[i, t] < low and labour[i] <= room[t]:
                    best, low = t, cost[i, t]
            target[i] = best
            extra += low - current[i]
            if best >= 0:
                room[best] -= labour[i]
            if extra >= opening[s]:
                for p in range(q + 1):
                    if slot_at[order[p]] == s and target[order[p]] >= 0:
                        room[target[order[p]]] += labour[order[p]]
                break
        if extra >= opening[s]:
            continue
        for i in range(n):
            if slot_at[i] == s:
                room[s] += labour[i]
                slot_at[i] = target[i]
                current[i] = never[i]
                if target[i] >= 0:
                    current[i] = cost[i, target[i]]
                    count[target[i]] += 1
        room[s] += setup[s]
        count[s] = 0
        dropped = True
    return dropped


@kernel
def place(
    cost: Floats, never: Floats, opening: Floats, labour: Floats, setup: Floats, room: Floats, order: Ints,
    n: int, m: int,
    slot_at: Ints, count: Ints, current: Floats, target: Ints,
) -> None:  # fmt: skip
    """Choose slots for all changes of a group within the room that is left.

    Parameters
    ----------
    cost, never, opening
        Shapes ``(n, m)``, ``(n,)`` and ``(m,)`` [money]; infinite where not allowed.
    labour, setup, room
        Shapes ``(n,)``, ``(m,)`` and ``(m,)`` [min]; ``room`` is negative where a slot may not be opened,
        and is reduced by what the group takes.
    order
        Changes, most urgent first.
    slot_at, count, current, target
        Written: the slot of each change, -1 for never; changes in each slot; each change's cost;
        scratch of shape ``(n,)``.
    """
    for i in range(n):
        slot_at[i] = -1
        current[i] = never[i]
    for s in range(m):
        count[s] = 0
    for _ in range(3):
        changed = False
        for _ in range(2 * m):
            if not _add_slot(cost, opening, labour, setup, room, order, n, m, slot_at, count, current):
                break
            changed = True
        if _relocate(cost, labour, setup, room, order, n, m, slot_at, count, current):
            changed = True
        if _drop_slots(
            cost, never, opening, labour, setup, room, order, n, m, slot_at, count, current, target
        ):
            changed = True
        if not changed:
            break
