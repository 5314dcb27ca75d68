"""Sets of plans: which are worth keeping, and what exact steps prove about all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from poise.planning.epsilon import Sweep
from poise.planning.exact import objective
from poise.planning.problem import Evaluation, Floats, Plan

#: Two plans closer than this in disruption, relative to the frontier's width, are one.
_SAME = 1e-3


@dataclass(frozen=True)
class Candidate:
    """A feasible plan with its confirmed costs."""

    plan: Plan
    evaluation: Evaluation

    @property
    def exposure(self) -> float:
        """Return exposure plus late cost [money]."""
        return objective(self.evaluation, 0.0)

    @property
    def disruption(self) -> float:
        """Return disruption [money]."""
        return self.evaluation.disruption


def non_dominated(pool: Sequence[Candidate]) -> list[Candidate]:
    """Return by growing disruption those with less exposure than everything cheaper."""
    front: list[Candidate] = []
    for candidate in sorted(pool, key=lambda item: (item.disruption, item.exposure)):
        if not front or candidate.exposure < front[-1].exposure:
            front.append(candidate)
    return front


def spread(front: list[Candidate], points: int) -> list[Candidate]:
    """Return at most so many of a front: both ends, then always one inside the largest gap.

    A gap's size is its share of the front's width plus its share of the height.
    """
    arc = arc_of(front)
    chosen = {0, len(front) - 1}
    while len(chosen) < min(points, len(front)):
        places = sorted(chosen)
        gaps = [(arc[dear] - arc[low], low, dear) for low, dear in pairwise(places) if dear - low > 1]
        _, low, dear = max(gaps, key=lambda gap: (gap[0], -gap[1]))
        middle = 0.5 * (arc[low] + arc[dear])
        chosen.add(low + 1 + int(np.argmin(np.abs(arc[low + 1 : dear] - middle))))
    return [front[place] for place in sorted(chosen)]


def arc_of(front: Sequence[Candidate]) -> Floats:
    """Return how far along a front each candidate lies: width and height walked so far, each in [0, 1]."""
    disruption = np.array([item.disruption for item in front])
    exposure = np.array([item.exposure for item in front])
    wide = max(disruption[-1] - disruption[0], 1e-12)
    high = max(exposure[0] - exposure[-1], 1e-12)
    arc: Floats = (disruption - disruption[0]) / wide + (exposure[0] - exposure) / high
    return arc


def widest_gaps(
    front: Sequence[Candidate], closed: set[tuple[float, float]]
) -> list[tuple[Candidate, Candidate]]:
    """Return neighbours with the widest gaps first, without those whose pair of disruptions is closed."""
    if len(front) < 2:
        return []
    arc = arc_of(front)
    wide = front[-1].disruption - front[0].disruption
    scored = [
        (arc[place + 1] - arc[place], low, dear)
        for place, (low, dear) in enumerate(pairwise(front))
        if dear.disruption - low.disruption > _SAME * wide and (low.disruption, dear.disruption) not in closed
    ]
    scored.sort(key=lambda item: -item[0])
    return [(low, dear) for _, low, dear in scored]


def without_steep_start(front: list[Candidate]) -> list[Candidate]:
    """Leave out first plans that the next one betters, at as good as the same disruption.

    The solver's plan of least disruption has whatever exposure it has; no one would sign it.
    """
    wide = front[-1].disruption - front[0].disruption
    first = 0
    while first + 2 < len(front) and front[first + 1].disruption - front[0].disruption <= _SAME * wide:
        first += 1
    return front[first:]


def lines_of_steps(exact: Sweep, front: list[Candidate]) -> list[tuple[float, float]]:
    """Return the lines that the steps of an exact sweep prove, for the slopes of a front.

    A plan has at least ``least_disruption``, or more than a cap that it is over, and at least the
    exposure bound of the first cap that it is under. So for any weight the least sum over these
    steps is a proven bound.
    """
    floors = np.array([exact.least_disruption, *(cap for cap, _ in exact.steps[:-1])])
    bounds = np.array([bound for _, bound in exact.steps])
    weights = {0.0}
    for low, dear in pairwise(front):
        weights.add((low.exposure - dear.exposure) / (dear.disruption - low.disruption))
    return [(weight, float((bounds + weight * floors).min())) for weight in sorted(weights)]
