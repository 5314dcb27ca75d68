"""From weekly scores to what is saved at equal hours and at equal exposure, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from poise.planning.problem import Floats, Ints

BLOCK_WEEKS, RESAMPLES, BOOTSTRAP_SEED = 4, 1_000, 0

Verdict = Literal["win", "loss", "open"]


@dataclass(frozen=True)
class Saving:
    """What the ladder saves against a rule, as a fraction; None where the two cannot be compared.

    ``low`` and ``high`` are the 5th and 95th percentile of the moving-block bootstrap over weeks, None when
    fewer
    than half of the resamples could be compared.
    """

    value: float | None
    low: float | None
    high: float | None

    @property
    def verdict(self) -> Verdict:
        """Tell a win (all of the interval above zero) from a loss and from what is open."""
        if self.low is None or self.high is None:
            return "open"
        return "win" if self.low > 0 else "loss" if self.high < 0 else "open"


def read_off(ladder: Floats, at: float) -> float | None:
    """Return the second coordinate of a ladder of points where the first is ``at``.

    Straight lines between neighbours; above the largest first coordinate the last point stands; below the
    smallest
    there is nothing to read.

    Parameters
    ----------
    ladder
        Points, shape ``(L, 2)``, in any order. Points that another point beats in both are left out.
    """
    order = np.lexsort((ladder[:, 1], ladder[:, 0]))
    points = ladder[order]
    lowest = np.minimum.accumulate(points[:, 1])
    front = points[np.r_[True, points[1:, 1] < lowest[:-1]]]
    if at < front[0, 0]:
        return None
    return float(np.interp(at, front[:, 0], front[:, 1]))


def saved(ladder: Floats, rule: Floats, *, along: int) -> float | None:
    """Return what a ladder saves against a rule: 1 - ladder / rule, where the other coordinate is equal.

    Parameters
    ----------
    ladder, rule
        (hours, exposure), shapes ``(L, 2)`` and ``(2,)``.
    along
        0: at equal hours, what exposure is saved; 1: at equal exposure, what hours.
    """
    if rule[1 - along] <= 0:
        return None
    found = read_off(ladder[:, [along, 1 - along]], float(rule[along]))
    return None if found is None else 1.0 - found / float(rule[1 - along])


def blocks(weeks: int, resamples: int = RESAMPLES, *, seed: int = BOOTSTRAP_SEED) -> Ints:
    """Return weeks of moving-block resamples, shape ``(resamples, weeks)``."""
    length = min(BLOCK_WEEKS, weeks)
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, weeks - length + 1, (resamples, -(-weeks // length)))
    drawn = (starts[:, :, None] + np.arange(length)).reshape(resamples, -1)
    return drawn[:, :weeks]


def saving(ladder: Sequence[Floats], rule: Floats, *, along: int) -> Saving:
    """Return what a ladder saves over weeks, with its interval.

    Parameters
    ----------
    ladder, rule
        Weekly (hours, exposure), shape ``(weeks, 2)`` each; all resampled by the same weeks.
    along
        As in :func:`saved`.
    """
    if not len(rule):
        return Saving(None, None, None)
    steps = np.stack(ladder)
    value = saved(steps.sum(axis=1), rule.sum(axis=0), along=along)
    drawn = [
        saved(steps[:, weeks].sum(axis=1), rule[weeks].sum(axis=0), along=along)
        for weeks in blocks(len(rule))
    ]
    compared = np.array([one for one in drawn if one is not None])
    if value is None or len(compared) < RESAMPLES / 2:
        return Saving(value, None, None)
    low, high = np.quantile(compared, (0.05, 0.95))
    return Saving(value, float(low), float(high))


def interval(series: Floats) -> tuple[float, float]:
    """Return the 5th and 95th percentile of a sum over resampled weeks."""
    if not len(series):
        return 0.0, 0.0
    sums = series[blocks(len(series))].sum(axis=1)
    low, high = np.quantile(sums, (0.05, 0.95))
    return float(low), float(high)
