"""The slopes of the bound in the prices of links and of filled slots, and steps along them.

There is one multiplier per link and window and one fill price per slot: far more numbers than the
rest of the prices. They are held in single precision and stepped in pieces, one pass over memory each.
Any prices >= 0 prove a bound, so their rounding costs sharpness alone.
"""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Flags, Floats32, Groups, Links, Windows
from poise.planning.decomposition.jit import kernel
from poise.planning.problem import CAPACITY_TOLERANCE_MINUTES, Floats

#: A slot without room is treated as if it had this little, so that nothing is divided by nothing [min].
_LEAST_ROOM_MINUTES = 1e-3


@kernel
def link_slopes(
    groups: Groups, links: Links, first: int, last: int, choice: Windows, multiplier: Floats32, share: float,
    scale: Floats, slope: Floats32, norm: Floats, piece: int,
) -> None:  # fmt: skip
    """Turn the slopes of links ``first`` to ``last`` towards those of the present answer.

    Multiplier i of a link belongs to "after has started by place i only if before was ready by place i";
    only places of windows that the after group may use carry one. Its slope is +1 where the answer
    breaks that, -1 where it leaves room.

    Parameters
    ----------
    choice
        Shape ``(J,)``: window of each change in the answer, -1 for never.
    multiplier, slope
        Shape ``(K, W)`` [money]; the slope becomes ``share`` of the answer's and the rest of its own.
    scale
        Shape ``(K,)``: step per unit of slope [money].
    norm
        ``norm[piece]`` is set to the sum of ``scale * slope**2`` over multipliers that may move.
    """
    width, total = multiplier.shape[1], 0.0
    fresh = np.zeros(width)
    for k in range(first, last):
        before, after = choice[links.link[k, col.BEFORE]], choice[links.link[k, col.AFTER]]
        started = links.start_rank[after] if after >= 0 else width
        ready = links.ready[links.link[k, col.SOAK], before] if before >= 0 else width
        g = links.change_group[links.link[k, col.AFTER]]
        fresh[:] = 0.0
        for s in range(groups.slot_ptr[g], groups.slot_ptr[g + 1]):
            i = links.start_rank[groups.slot_window[s]]
            if started <= i < ready:
                fresh[i] = 1.0
            elif ready <= i < started:
                fresh[i] = -1.0
        of_link = 0.0
        for i in range(width):
            mixed = share * fresh[i] + (1.0 - share) * slope[k, i]
            slope[k, i] = mixed
            if mixed > 0.0 or multiplier[k, i] > 0.0:
                of_link += mixed * mixed
        total += scale[k] * of_link
    norm[piece] = total


@kernel
def step_links(
    first: int,
    last: int,
    length: float,
    scale: Floats,
    slope: Floats32,
    multiplier: Floats32,
    price: Floats32,
) -> None:
    """Step the multipliers of links ``first`` to ``last``, and set what they charge.

    ``price``, of shape ``(K, W + 1)``, is what the start of an after change costs, and the readiness of a
    before change gives back, at each place: the sum of the multipliers from there on.
    """
    width = multiplier.shape[1]
    for k in range(first, last):
        step, charged = length * scale[k], 0.0
        price[k, width] = 0.0
        for i in range(width - 1, -1, -1):
            value = max(0.0, multiplier[k, i] + step * slope[k, i])
            multiplier[k, i] = value
            charged += value
            price[k, i] = charged


@kernel
def _room(groups: Groups, team: int, s: int) -> float:
    """Return the most that a team can do in a slot, beside opening it [min]."""
    time: float = groups.capacity[team, groups.slot_window[s]] - groups.slot[s, col.OPEN_LABOUR]
    return max(time + CAPACITY_TOLERANCE_MINUTES, _LEAST_ROOM_MINUTES)


@kernel
def fill_slopes(
    groups: Groups, first: int, last: int, load: Floats32, is_open: Flags, fill: Floats32, share: float,
    slope: Floats32, norm: Floats, piece: int,
) -> None:  # fmt: skip
    """Turn the slopes of the fill prices of groups ``first`` to ``last`` towards those of the answer [min].

    Parameters
    ----------
    load, is_open
        Shape ``(S,)``: labour of the changes that the answer puts into each slot [min]; whether it opens it.
    fill, slope
        Shape ``(S,)`` [money/min], [min]; as ``multiplier`` and ``slope`` of :func:`link_slopes`.
    """
    total = 0.0
    for g in range(first, last):
        team = groups.team[g]
        for s in range(groups.slot_ptr[g], groups.slot_ptr[g + 1]):
            room = _room(groups, team, s)
            fresh = load[s] - room if is_open[s] else load[s]
            mixed = share * fresh + (1.0 - share) * slope[s]
            slope[s] = mixed
            if mixed > 0.0 or fill[s] > 0.0:
                total += groups.slot[s, col.OPEN_COST] * (mixed / room) ** 2
    norm[piece] = total


@kernel
def step_fill(
    groups: Groups, first: int, last: int, length: float, most_rooms: float, slope: Floats32, fill: Floats32
) -> None:
    """Step the fill prices of groups ``first`` to ``last``, up to where an opening is given back whole.

    No slope counts for more than ``most_rooms`` times the slot's room.
    """
    for g in range(first, last):
        team = groups.team[g]
        for s in range(groups.slot_ptr[g], groups.slot_ptr[g + 1]):
            room = _room(groups, team, s)
            most = groups.slot[s, col.OPEN_COST] / room
            by = min(max(slope[s], -most_rooms * room), most_rooms * room)
            fill[s] = min(max(fill[s] + length * most / room * by, 0.0), most)
