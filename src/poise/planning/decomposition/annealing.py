"""One option per cluster within the teams' time: simulated annealing over a menu.

S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi, "Optimization by simulated annealing", Science 220
(1983). A move exchanges the option of one cluster, which costs a few sums; time overdrawn is fined a
multiple of its price, so that the walk can pass through plans that do not fit.
"""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition.jit import kernel
from poise.planning.decomposition.menu import Menu
from poise.planning.decomposition.randoms import draw
from poise.planning.problem import Floats, Ints


@kernel
def book_options(menu: Menu, chosen: Ints, usage: Floats) -> None:
    """Write the time that the chosen options use, shape ``(P * W,)`` [min]."""
    usage[:] = 0.0
    for o in chosen:
        if o >= 0:
            for q in range(menu.use_ptr[o], menu.use_ptr[o + 1]):
                usage[menu.use_row[q]] += menu.use_minutes[q]


@kernel
def anneal(
    menu: Menu, clusters: Ints, chosen: Ints, usage: Floats, capacity: Floats, fine: Floats, moves: int,
    hot: float, cold: float, seed: int,
) -> None:  # fmt: skip
    """Exchange options of these clusters.

    Parameters
    ----------
    clusters
        Those that may change, and no others.
    chosen, usage
        The option of each cluster and the time used, ``(P * W,)`` [min]; changed in place.
    capacity, fine
        Shape ``(P * W,)``: the teams' time [min] and what a minute over it costs [money/min].
    moves
        How many exchanges are tried.
    hot, cold
        Temperature at the start and the end [money], falling geometrically.
    seed
        Of the random numbers.
    """
    random = np.empty(1, dtype=np.int64)
    random[0] = seed | 1
    use_ptr, use_row, use_minutes = menu.use_ptr, menu.use_row, menu.use_minutes
    stretch = 64
    cooling = (cold / hot) ** (stretch / max(moves, stretch))
    temperature = hot
    for move in range(moves):
        if move % stretch == 0 and move > 0:
            temperature *= cooling
        c = clusters[int(draw(random) * len(clusters))]
        first, size = menu.ptr[c], menu.ptr[c + 1] - menu.ptr[c]
        if size < 2:
            continue
        old, new = chosen[c], first + int(draw(random) * (size - 1))
        if new >= old:
            new += 1
        delta = menu.cost[new] - menu.cost[old]
        for q in range(use_ptr[old], use_ptr[old + 1]):
            row, before = use_row[q], usage[use_row[q]]
            after = before - use_minutes[q]
            delta -= fine[row] * (max(before, capacity[row]) - max(after, capacity[row]))
            usage[row] = after
        for q in range(use_ptr[new], use_ptr[new + 1]):
            row, before = use_row[q], usage[use_row[q]]
            after = before + use_minutes[q]
            delta += fine[row] * (max(after, capacity[row]) - max(before, capacity[row]))
            usage[row] = after
        if delta <= 0.0 or draw(random) < np.exp(-delta / temperature):
            chosen[c] = new
        else:
            for q in range(use_ptr[new], use_ptr[new + 1]):
                usage[use_row[q]] -= use_minutes[q]
            for q in range(use_ptr[old], use_ptr[old + 1]):
                usage[use_row[q]] += use_minutes[q]
