"""What a frontier proves about all plans, as a picture draws it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from poise.planning.problem import Frontier

_Point = tuple[float, float]


def hull_corners(frontier: Frontier, span: float) -> list[_Point]:
    """Return the corners of the proven lower bound from no disruption to a span: (disruption, cost) [money].

    The bound is the upper envelope of the supporting lines and of zero. It is convex, so a straight line
    between two of its points that are not neighbouring corners would claim more than is proven.
    """
    weight, bound = np.append(frontier.hull_weight, 0.0), np.append(frontier.hull_bound, 0.0)
    first, second = np.triu_indices(len(weight), 1)
    apart = weight[first] != weight[second]
    first, second = first[apart], second[apart]
    with np.errstate(over="ignore"):  # lines that are all but parallel cross out of sight
        crossings = (bound[first] - bound[second]) / (weight[first] - weight[second])
    places = np.unique([0.0, span, *crossings[(crossings > 0.0) & (crossings < span)]])
    found = [(float(x), frontier.exposure_bound_at(float(x))) for x in places]
    kept = found[:1]
    # Beside the last one kept: of two corners in almost one place, one has to stay.
    for corner, following in pairwise(found[1:]):
        if not _is_between(kept[-1], corner, following):
            kept.append(corner)
    return [*kept, *found[1:][-1:]]


def _is_between(left: _Point, middle: _Point, right: _Point) -> bool:
    """Return whether three points lie on one line, up to rounding."""
    run = right[0] - left[0]
    share = (middle[0] - left[0]) / run if run else 0.0
    straight = left[1] + share * (right[1] - left[1])
    return abs(straight - middle[1]) <= 1e-9 * max(1.0, abs(middle[1]))
