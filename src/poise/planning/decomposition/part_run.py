"""The work on one part: prices, options, composed plans, and rounds of ruin and recreate."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.composing import Composer
from poise.planning.decomposition.layout import lay_out
from poise.planning.decomposition.menu import cluster
from poise.planning.decomposition.plans import WorkingPlan
from poise.planning.decomposition.prices import Dual, Prices
from poise.planning.decomposition.workers import Workers
from poise.planning.problem import CAPACITY_TOLERANCE_MINUTES, Ints, Problem

#: Price steps by factors, in tens, before the first climb; half of it when started from known prices.
_FIRST_TENS = 4
#: Passes of a climb, and how many of them prove a bound.
_CLIMB = 10
#: Ruins per group in one round.
_EFFORT = 2.0
#: First temperature of ruin and recreate, as a share of the bound per group.
_TEMPERATURE = 0.01
#: Spread of the prices that options are asked for at, as the logarithm's standard deviation, step by step.
_FIRST_NOISES, _LATER_NOISES = (0.12, 0.12, 0.12), (0.12,)
#: What rounding may add to a bound, relative.
_ROUNDING = 1e-9
#: A gap that counts as closed.
_CLOSED = 1e-6


class PartRun:
    """One part's run; nothing in it depends on any other part, nor on the number of threads."""

    def __init__(
        self, problem: Problem, weight: float, workers: Workers, seed: int, warm: Ints | None,
        prices: Prices | None,
    ) -> None:  # fmt: skip
        self.layout = lay_out(problem, weight)
        groups = self.layout.groups
        clusters = cluster(self.layout.ties, len(groups.team))
        self.dual = Dual(self.layout, workers, prices)
        self.composer = Composer(self.layout, clusters, workers, seed)
        self.plan = WorkingPlan(self.layout, clusters, workers, seed)
        self.work = 0
        self._random = np.random.default_rng([seed, 2])
        self.is_filled = False
        self._is_mended = False
        if warm is not None:
            self._start_from(warm)
        self._program = self._steps()

    def _start_from(self, window: Ints) -> None:
        """Start from a plan that keeps all rules but, it may be, the teams' time and hard due dates."""
        hurt = self.plan.load_overdrawn(window, CAPACITY_TOLERANCE_MINUTES)
        must = (self.plan.window() < 0) & (self.layout.groups.change[:, col.NEVER] >= self.layout.hard_cost)
        again = np.unique(np.concatenate([hurt, self.layout.links.change_group[must]]))
        self._is_mended = len(again) > 0
        if self._is_mended:
            self._fill(again[np.argsort(-self.plan.group_cost[again], kind="stable")])
        self.is_filled = True

    @property
    def is_closed(self) -> bool:
        """Return whether nothing is left to gain."""
        return self.is_filled and self.value - self.bound <= _CLOSED * abs(self.value)

    @property
    def value(self) -> float:
        """Cost of the best plan so far, by the solver's own count [money]."""
        return self.plan.best_cost

    @property
    def bound(self) -> float:
        """Return what is proven so far [money]."""
        bound = self.dual.bound
        return max(0.0, bound - _ROUNDING * abs(bound)) if math.isfinite(bound) else 0.0

    def step(self) -> None:
        """Take the next step."""
        next(self._program)
        self.work += 1

    def rest(self) -> None:
        """Count a step without taking it, because nothing is left to gain."""
        self.work += 1

    def finish(self) -> None:
        """Make sure that there are a plan and a bound, however early the run ended; no step can follow."""
        self._program.close()  # it holds on to this run, and all memory of it
        if not np.isfinite(self.dual.bound):
            self.dual.answer(with_bound=True)
        if not self.is_filled:
            self._fill(np.argsort(self.dual.value - self.plan.group_cost, kind="stable"))

    def _steps(self) -> Generator[None]:
        """Do the work, step by step."""
        tens = _FIRST_TENS // 2 if self.dual.is_warm else _FIRST_TENS
        for ten in range(tens):
            self._first_prices(is_last=ten == tens - 1)
            yield
        for _ in range(2):
            self._climb()
            yield
        cycle = 0
        while True:
            for noise in _FIRST_NOISES if cycle == 0 else _LATER_NOISES:
                self._offer(noise)
                yield
            yield from self._compose(8 if cycle == 0 else 4, 1.0 if cycle == 0 else 0.3)
            yield from self._improve(8 * 2 ** min(cycle, 4))
            self._climb()
            yield
            cycle += 1

    def _first_prices(self, *, is_last: bool) -> None:
        offset = 10 if self.dual.is_warm else 0
        for _ in range(10):
            if self.dual.steps == 0:
                self.dual.answer(with_bound=self.dual.is_warm)
            self.dual.multiply(self.dual.steps + offset)
            self.dual.answer(with_bound=False)
        if is_last:
            self.dual.settle()
            self.dual.answer(with_bound=True)
            self._take()

    def _take(self) -> None:
        self.composer.take(self.dual.choice, self.dual.team, self.dual.is_open)

    def _climb(self) -> None:
        dual = self.dual
        proven = dual.bound
        target = proven + 0.02 * abs(proven)
        if self.is_filled:
            target = min(self.value, max(target, 0.9 * proven + 0.1 * self.value))
        peak, at = -np.inf, None
        for _ in range(_CLIMB):
            dual.climb(target)
            dual.answer(with_bound=False)
            self._take()
            if dual.now > peak:
                peak, at = dual.now, dual.prices()
        if at is not None:
            dual.take(at)
            dual.answer(with_bound=True)

    def _offer(self, most_noise: float) -> None:
        """Ask every group what it would do at prices near the best ones."""
        dual = self.dual
        for k in range(10):
            noise = self._random.normal(0.0, most_noise * (k + 1) / 10, dual.team.shape)
            dual.take(dual.best)
            dual.team *= np.exp(noise)
            dual.answer(with_bound=False)
            self._take()
        dual.take(dual.best)
        dual.answer(with_bound=False)

    def _compose(self, rounds: int, heat: float) -> Iterator[None]:
        """Compose a plan of options, and put what does not fit into the time that is left."""
        composer = self.composer
        # A plan that had to be mended is a poor place to start from.
        is_good = self.is_filled and not self._is_mended
        composer.start(self.dual.best, self.plan.best_window() if is_good else None)
        self._is_mended = False
        for k in range(rounds):
            composer.round(k / rounds, 1.0 / rounds, heat)
            yield
        hurt = self.plan.load_overdrawn(composer.windows())
        self._fill(hurt[np.argsort((self.dual.low - self.plan.group_cost)[hurt], kind="stable")])
        yield

    def _fill(self, order: Ints) -> None:
        self.plan.fill(self.dual.best.team, order)
        self.is_filled = True

    def _improve(self, rounds: int) -> Iterator[None]:
        per_group = abs(self.bound) / max(len(self.layout.groups.team), 1)
        for k in range(rounds):
            heat = _TEMPERATURE * max(0.0, 1.0 - (k + 1) / (0.8 * rounds)) ** 2 * per_group
            self.plan.improve(self.dual.best.team, heat, effort=_EFFORT, low=self.dual.low)
            self.composer.take_plan(self.plan.window())
            yield
