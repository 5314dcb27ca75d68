"""Outcomes counted so that any number of draws fits in memory and pieces can be added up in any place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poise.risk.simulation.model import Floats, Ints
from poise.risk.simulation.outcomes import Outcomes

#: Bins are one percent wide, from a thousandth to 1e15; the first holds zero and all below.
_STEP = float(np.log(1.01))
_LOWEST = 1e-3
NUM_BINS = int(np.ceil(np.log(1e15 / _LOWEST) / _STEP)) + 2


@dataclass
class Tally:
    """Counts of outcomes of every plan; shapes ``(A,)`` and ``(A, NUM_BINS)``.

    Counts are whole numbers, so the order of adding does not matter for quantiles; sums are added in the
    order of the knowledge draws, so that a run gives the same bytes wherever its pieces were computed.
    """

    draws: int
    loss_sum: Floats
    loss_squares: Floats
    hours_sum: Floats
    hours_squares: Floats
    hit: Ints
    loss_counts: Ints
    hours_counts: Ints

    @classmethod
    def empty(cls, plans: int) -> Tally:
        """Return a tally of nothing."""
        nothing = np.zeros((plans, 0))
        return cls.of(Outcomes(nothing, nothing.astype(np.int64), nothing))

    @classmethod
    def of(cls, outcomes: Outcomes) -> Tally:
        """Return the tally of some outcomes."""
        loss, hours = outcomes.loss, outcomes.unplanned_hours
        return cls(
            loss.shape[1],
            loss.sum(axis=1),
            (loss**2).sum(axis=1),
            hours.sum(axis=1),
            (hours**2).sum(axis=1),
            (outcomes.incidents > 0).sum(axis=1),
            _counts(loss),
            _counts(hours),
        )

    def add(self, other: Tally) -> None:
        """Take in the outcomes of another piece."""
        self.draws += other.draws
        for name in (
            "loss_sum",
            "loss_squares",
            "hours_sum",
            "hours_squares",
            "hit",
            "loss_counts",
            "hours_counts",
        ):
            getattr(self, name)[...] += getattr(other, name)

    def loss_quantiles(self, levels: Floats) -> Floats:
        """Return quantiles of the loss [money], shape ``(A, levels)``, to within one percent."""
        return _quantiles(self.loss_counts, levels)

    def hours_quantiles(self, levels: Floats) -> Floats:
        """Return quantiles of unplanned hours [h], shape ``(A, levels)``, to within one percent."""
        return _quantiles(self.hours_counts, levels)

    def mean_error(self) -> tuple[Floats, Floats]:
        """Return the standard errors of mean loss and mean hours, shape ``(A,)`` each."""
        return (
            _error(self.loss_sum, self.loss_squares, self.draws),
            _error(self.hours_sum, self.hours_squares, self.draws),
        )


def _error(total: Floats, squares: Floats, draws: int) -> Floats:
    mean = total / draws
    error: Floats = np.sqrt(np.maximum(squares / draws - mean**2, 0.0) / draws)
    return error


def _counts(values: Floats) -> Ints:
    bins = np.zeros(values.shape, dtype=np.int64)
    some = values > _LOWEST
    bins[some] = np.minimum(1 + np.log(values[some] / _LOWEST) / _STEP, NUM_BINS - 1).astype(np.int64)
    return np.stack([np.bincount(row, minlength=NUM_BINS) for row in bins])


def _quantiles(counts: Ints, levels: Floats) -> Floats:
    below = np.cumsum(counts, axis=1)
    # The middle of a bin; nothing at all is nothing, not a thousandth.
    middle = np.r_[0.0, _LOWEST * np.exp((np.arange(NUM_BINS - 1) + 0.5) * _STEP)]
    return np.stack([middle[np.searchsorted(row, np.ceil(levels * row[-1]).clip(1))] for row in below])
