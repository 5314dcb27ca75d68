"""Where the labels of a chart go, so that none covers another, a mark or the curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

#: Directions tried around a mark, and distances [px]; near and level is best.
_DIRECTIONS = ((1, 0), (1, -1), (1, 1), (-1, 0), (-1, -1), (-1, 1), (0, -1), (0, 1))
_DISTANCES = (9.0, 16.0, 28.0, 44.0, 62.0, 84.0, 110.0)
#: How often all labels are placed again, each knowing where the others went.
_ROUNDS = 4


@dataclass(frozen=True)
class Box:
    """A rectangle [px]."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Return the shared area [px^2]."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0.0

    def inside(self, other: Box) -> bool:
        """Tell whether this box lies within another."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )

    def grown(self, by: float) -> Box:
        """Return the box with a margin."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)


@dataclass(frozen=True)
class Placement:
    """A placed label: its box, and whether a line must lead to its mark."""

    box: Box
    needs_leader: bool


def place(
    anchors: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    obstacles: Sequence[Box],
    frame: Box,
) -> list[Placement]:
    """Place one label per anchor inside a frame.

    Greedy with a few rounds of second thoughts: each label takes the candidate with the least
    overlap of other labels and obstacles, the nearest of equals. Anchors first in the list choose
    first.
    """
    placed: list[Placement | None] = [None] * len(anchors)
    for _ in range(_ROUNDS):
        before = list(placed)
        for index, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
            others = [entry.box for at, entry in enumerate(placed) if entry is not None and at != index]
            placed[index] = _best(anchor, size, others, obstacles, frame)
        if placed == before:
            break
    return [entry for entry in placed if entry is not None]


def _best(
    anchor: tuple[float, float],
    size: tuple[float, float],
    labels: Sequence[Box],
    obstacles: Sequence[Box],
    frame: Box,
) -> Placement:
    least, best, best_rank = math.inf, frame, 0
    for rank, (distance, direction) in enumerate(product(_DISTANCES, _DIRECTIONS)):
        cost = 6.0 * rank
        if cost >= least:
            break  # a later candidate is farther and cannot be better
        box = _candidate(anchor, size, direction, distance)
        cost += 0.0 if box.inside(frame) else 1e6
        cost += 40 * _covered(box.grown(2), labels)
        cost += 12 * _covered(box.grown(1), obstacles) if cost < least else 0.0
        if cost < least:
            least, best, best_rank = cost, box, rank
    return Placement(box=best, needs_leader=best_rank >= 2 * len(_DIRECTIONS))


def _covered(box: Box, others: Sequence[Box]) -> float:
    """Return the area of others that a box covers [px^2]."""
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return sum(
        box.overlap(other)
        for other in others
        if other.left < right and other.right > left and other.top < bottom and other.bottom > top
    )


def _candidate(
    anchor: tuple[float, float], size: tuple[float, float], direction: tuple[int, int], distance: float
) -> Box:
    (x, y), (width, height), (dx, dy) = anchor, size, direction
    reach = distance if 0 in direction else distance * 0.8
    left = x - width / 2 if dx == 0 else x + reach if dx > 0 else x - reach - width
    top = y - height / 2 if dy == 0 else y + reach * 0.7 if dy > 0 else y - reach * 0.7 - height
    return Box(left, top, left + width, top + height)
