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
    value
        Cost of that, by the solver's own count [money].
    bound
        What is proven of all plans of the part [money].
    prices
        That proved it.
    work
        Steps taken.
    facts
        Fingerprint of the part and the weight: whether this is still true of it.
    """

    window: Ints
    value: float
    bound: float
    prices: Prices
    work: int
    facts: str


@dataclass(frozen=True)
class PartTask:
    """One part to plan.

    Parameters
    ----------
    problem, facts
        The part alone, and the fingerprint of it and the weight.
    seed
        Of :func:`part_seed`.
    steps
        Most steps to take; None for as many as there is time for.
    window, prices
        A plan that keeps all rules but the teams' time, and prices to start from, where there are any.
    known
        What an earlier run of this very part left; with no steps to take, it stays as it is.
    """

    problem: Problem
    facts: str
    seed: int
    steps: int | None
    window: Ints | None = None
    prices: Prices | None = None
    known: PartResult | None = None


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


class _Turn:
    """One part in the rounds: its run, or what is known of it when there is nothing to do."""

    def __init__(self, task: PartTask, weight: float, inner: Workers) -> None:
        self.limit, self._facts, self._known = task.steps, task.facts, task.known
        self.run: PartRun | None = None
        if self._known is None or task.steps != 0:
            self.run = PartRun(task.problem, weight, inner, task.seed, task.window, task.prices)

    def has_steps_left(self, rounds: int) -> bool:
        """Return whether the part takes a step after so many rounds."""
        return self.run is not None and (self.limit is None or rounds < self.limit)

    @property
    def is_closed(self) -> bool:
        """Return whether nothing is left to gain or to do."""
        return self.run is None or self.run.is_closed

    @property
    def work(self) -> int:
        """Steps taken, those of an earlier run included."""
        before = 0 if self._known is None else self._known.work
        return before if self.run is None else before + self.run.work

    @property
    def value(self) -> float:
        """Cost of the best plan so far, by the solver's own count [money]."""
        if self.run is None:
            assert self._known is not None
            return self._known.value
        return self.run.value

    @property
    def bound(self) -> float:
        """What is proven so far, here or in an earlier run [money]."""
        before = 0.0 if self._known is None else self._known.bound
        return before if self.run is None else max(before, self.run.bound)

    def result(self) -> PartResult:
        """Return what is known of the part."""
        if self.run is None:
            assert self._known is not None
            return self._known
        window, prices = self.run.plan.best_window(), self.run.dual.best
        return PartResult(window, self.value, self.bound, prices, self.work, self._facts)


class Rounds:
    """Parts that are worked on in turn, a step each."""

    def __init__(self, tasks: Iterable[PartTask], weight: float, workers: Workers, inner: Workers) -> None:
        self.workers = workers
        # One at a time: a part's arrays are needed no more once they are laid out.
        self._turns = [_Turn(task, weight, inner) for task in tasks]
        self._step_seconds = 0.0

    @property
    def work(self) -> int:
        """Steps of all parts, those of earlier runs included."""
        return sum(turn.work for turn in self._turns)

    def go(
        self,
        clock: Clock,
        progress: Callable[[Progress], None] | None = None,
        keep: Callable[[Callable[[], tuple[PartResult, ...]]], None] | None = None,
        gap: float = 0.0,
    ) -> Literal["work", "time"]:
        """Take steps in rounds over all parts until a limit, closed gaps or the keyboard end it.

        ``gap`` is what of the value may stay unproven when the rounds end.
        """
        try:
            rounds = 0
            while not all(turn.is_closed for turn in self._turns):
                runs = [turn.run for turn in self._turns if turn.run and turn.has_steps_left(rounds)]
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
                if gap and self._is_within(gap):
                    return "work"
        except KeyboardInterrupt:
            return "time"
        return "work"

    def _is_within(self, gap: float) -> bool:
        value, bound = self.value_and_bound()
        return all(turn.run is None or turn.run.is_filled for turn in self._turns) and (
            value - bound <= gap * abs(value)
        )

    def _step(self, run: PartRun, clock: Clock) -> None:
        if run.is_closed:
            run.rest()
            return
        before = clock.elapsed()
        run.step()
        self._step_seconds = max(0.5 * self._step_seconds, clock.elapsed() - before)

    def value_and_bound(self) -> tuple[float, float]:
        """Return the cost of the best plan so far, by the solver's own count, and what is proven [money]."""
        return sum(turn.value for turn in self._turns), sum(turn.bound for turn in self._turns)

    def finish(self) -> None:
        """Make sure that every part has a plan and a bound, however early the run ended."""
        self.workers.run([turn.run.finish for turn in self._turns if turn.run])

    def results(self) -> tuple[PartResult, ...]:
        """Return the best plan of every part and what is proven."""
        return tuple(turn.result() for turn in self._turns)


def part_seed(seed: int, part: int, work: int = 0) -> int:
    """Return a seed for each part, the same wherever it is worked on, and another when it goes on."""
    key = [seed, part, work] if work else [seed, part]
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(2))


def share_work(work: int, parts: int) -> Sequence[int]:
    """Return the steps of each part that make up so many steps of all, taken in rounds."""
    return [work // parts + (part < work % parts) for part in range(parts)]
