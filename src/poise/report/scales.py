"""Scales and ticks of charts: numbers to pixels, nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

#: Steps between ticks that people read easily.
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A linear scale from values to pixels.

    Parameters
    ----------
    low, high
        Values at the two ends of the axis; ``low < high``.
    start, end
        Pixels of ``low`` and ``high``; ``start > end`` for an axis that rises.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value, also of one beyond the ends."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Tell whether a value lies on the axis."""
        return self.low <= value <= self.high

    def clip(self, value: float) -> float:
        """Return the nearest value on the axis."""
        return min(max(value, self.low), self.high)


def ticks(low: float, high: float, wanted: int) -> list[float]:
    """Return round values inside [low, high], about as many as wanted; at least one step apart."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low or wanted < 1:
        return []
    raw = (high - low) / wanted
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = magnitude * next(factor for factor in _STEPS if factor * magnitude >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def padded(values: list[float], fraction: float = 0.06) -> tuple[float, float]:
    """Return a range for an axis around values: wider by a fraction on each side, never empty.

    It does not reach below 0 when no value does.
    """
    low, high = min(values), max(values)
    extra = (high - low) * fraction or abs(high) * 0.1 or 1.0
    return (max(0.0, low - extra) if low >= 0 else low - extra), high + extra


def clipped(line: Sequence[tuple[float, float]], x: Scale, y: Scale) -> list[tuple[float, float]]:
    """Return the part of a falling line that lies inside both axes, cut exactly where it crosses them."""
    inside: list[tuple[float, float]] = []
    for (x1, y1), (x2, y2) in pairwise(line):
        if x2 <= x1:
            continue
        slope = (y2 - y1) / (x2 - x1)
        start, end = max(x1, x.low), min(x2, x.high)
        if slope:
            # Where the segment enters and leaves the height of the picture.
            crossings = sorted(x1 + (limit - y1) / slope for limit in (y.low, y.high))
            start, end = max(start, crossings[0]), min(end, crossings[1])
        elif not y.holds(y1):
            continue
        if start < end:
            piece = [(at, y.clip(y1 + slope * (at - x1))) for at in (start, end)]
            inside += piece if not inside or inside[-1] != piece[0] else piece[1:]
    return inside


def level_at(line: Sequence[tuple[float, float]], x: float) -> float:
    """Return how high a line of at least one point, sorted by x, is at a place; level beyond its ends."""
    return float(np.interp(x, [one for one, _ in line], [two for _, two in line]))
