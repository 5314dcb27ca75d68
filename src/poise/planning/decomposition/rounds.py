"""Rounds of steps over parts, wherever the parts are worked on: here, or by several machines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from poise.planning.decomposition.part_run import PartRun
from poise.planning.decomposition.prices import Prices
from poise.planning.decomposition.workers import Workers
from poise.planning.problem import Ints, Problem


@dataclass(frozen=True)
class Progress:
    """How far a run has come: steps done, value and bound [money], seconds since its start."""

    work: int
    value: float
    bound: float
    seconds: float


@dataclass(frozen=True)
class PartResult:
    """What is known of one part: enough to go on from there.

    Parameters
    ----------
    window
        Of each change of the part, -1 for never.
    bound
        What is proven of all plans of the part [money].
    prices
        That proved it.
    work
        Steps taken.
    """

    window: Ints
    bound: float
    prices: Prices
    work: int


@dataclass(frozen=True)
class PartTask:
    """One part to plan.

    Parameters
    ----------
    problem
        The part alone.
    seed
        Of :func:`part_seed`.
    steps
        Most steps to take; None for as many as there is time for.
    window, prices
        A feasible plan and prices to start from, where there are any.
    bound, work
        What an earlier run of this part proved [money], and the steps it took.
    """

    problem: Problem
    seed: int
    steps: int | None
    window: Ints | None = None
    prices: Prices | None = None
    bound: float = 0.0
    work: int = 0


class Clock:
    """When a run ends, but for its steps."""

    def __init__(self, seconds: float | None, stop: Callable[[], bool] | None = None) -> None:
        self._start = time.perf_counter()
        self._seconds, self._stop = seconds, stop

    def is_time_up(self, step_seconds: float) -> bool:
        """Return whether the run ends now, before a step that takes about so long."""
        if self._seconds is not None and self.elapsed() + step_seconds > self._seconds:
            return True
        return self._stop is not None and self._stop()

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.perf_counter() - self._start


class Rounds:
    """Parts that are worked on in turn, a step each."""

    def __init__(self, tasks: Iterable[PartTask], weight: float, workers: Workers, inner: Workers) -> None:
        self.workers = workers
        self.runs: list[PartRun] = []
        self._limits: list[int | None] = []
        self._former: list[tuple[float, int]] = []
        self._step_seconds = 0.0
        for task in tasks:  # one at a time: a part's arrays are needed no more once they are laid out
            self.runs.append(PartRun(task.problem, weight, inner, task.seed, task.window, task.prices))
            self._limits.append(task.steps)
            self._former.append((task.bound, task.work))

    @property
    def work(self) -> int:
        """Steps of all parts, those of earlier runs included."""
        return sum(run.work + work for run, (_, work) in zip(self.runs, self._former, strict=True))

    def go(
        self,
        clock: Clock,
        progress: Callable[[Progress], None] | None = None,
        keep: Callable[[Callable[[], tuple[PartResult, ...]]], None] | None = None,
    ) -> Literal["work", "time"]:
        """Take steps in rounds over all parts until a limit, closed gaps or the keyboard end it."""
        try:
            rounds = 0
            while not all(run.is_closed for run in self.runs):
                runs = [
                    run
                    for run, limit in zip(self.runs, self._limits, strict=True)
                    if limit is None or rounds < limit
                ]
                if not runs:
                    return "work"
                started = self.workers.run(
                    [lambda run=run: self._step(run, clock) for run in runs],  # type: ignore[misc]
                    lambda: not clock.is_time_up(self._step_seconds),
                )
                if progress is not None and started:
                    value, bound = self.value_and_bound()
                    progress(Progress(self.work, value, bound, clock.elapsed()))
                if keep is not None:
                    keep(self.results)
                if started < len(runs):
                    return "time"
                rounds += 1
        except KeyboardInterrupt:
            return "time"
        return "work"

    def _step(self, run: PartRun, clock: Clock) -> None:
        if run.is_closed:
            run.rest()
            return
        before = clock.elapsed()
        run.step()
        self._step_seconds = max(0.5 * self._step_seconds, clock.elapsed() - before)

    def value_and_bound(self) -> tuple[float, float]:
        """Return the cost of the best plan so far, by the solver's own count, and what is proven [money]."""
        return sum(run.value for run in self.runs), sum(self._bounds())

    def _bounds(self) -> list[float]:
        return [max(run.bound, bound) for run, (bound, _) in zip(self.runs, self._former, strict=True)]

    def finish(self) -> None:
        """Make sure that every part has a plan and a bound, however early the run ended."""
        self.workers.run([run.finish for run in self.runs])

    def results(self) -> tuple[PartResult, ...]:
        """Return the best plan of every part and what is proven."""
        return tuple(
            PartResult(run.plan.best_window(), bound, run.dual.best, run.work + work)
            for run, bound, (_, work) in zip(self.runs, self._bounds(), self._former, strict=True)
        )


def part_seed(seed: int, part: int, work: int = 0) -> int:
    """Return a seed for each part, the same wherever it is worked on, and another when it goes on."""
    key = [seed, part, work] if work else [seed, part]
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(2))


def share_work(work: int, parts: int) -> Sequence[int]:
    """Return the steps of each part that make up so many steps of all, taken in rounds."""
    return [work // parts + (part < work % parts) for part in range(parts)]
