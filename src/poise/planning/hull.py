"""What a frontier proves about all plans, as a picture draws it."""

from __future__ import annotations

import numpy as np

from poise.planning.problem import Frontier


def hull_corners(frontier: Frontier, span: float) -> list[tuple[float, float]]:
    """Return the corners of the proven lower bound from no disruption to a span: (disruption, cost) [money].

    The bound is the upper envelope of the supporting lines and of zero. It is convex, so a straight line
    between two of its points that are not neighbouring corners would claim more than is proven. It is
    walked from line to flatter line.
    """
    weight, bound = np.append(frontier.hull_weight, 0.0), np.append(frontier.hull_bound, 0.0)
    # Of lines that begin alike, the flattest stays above.
    line = int(np.lexsort((weight, -bound))[0])
    places = [0.0]
    while (flatter := np.flatnonzero(weight < weight[line])).size:
        with np.errstate(over="ignore"):  # lines that are all but parallel cross out of sight
            crossings = (bound[line] - bound[flatter]) / (weight[line] - weight[flatter])
        if crossings.min() >= span:
            break
        line = int(flatter[np.lexsort((weight[flatter], crossings))[0]])
        places.append(max(places[-1], float(crossings.min())))
    return [(place, frontier.exposure_bound_at(place)) for place in (*places, span)]
