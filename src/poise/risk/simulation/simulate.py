"""Running both loops, in pieces that may be computed anywhere, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from poise.risk.simulation.expectation import Expectation, expect, linear_exposure
from poise.risk.simulation.knowledge import Ranges, as_planned, draw
from poise.risk.simulation.model import Floats, RiskModel
from poise.risk.simulation.outcomes import play
from poise.risk.simulation.tally import Tally

#: Knowledge draws per piece of work. Fixed, so that the number of workers does not change the result.
PIECE = 8
#: Levels of the outcome dots: the middles of a hundred equal shares.
DOT_LEVELS = (np.arange(100) + 0.5) / 100


@dataclass(frozen=True)
class Task:
    """One piece of a simulation: some knowledge draws with their chance draws.

    It holds all that :func:`run_piece` needs, so that it can be sent to another process or machine.
    """

    model: RiskModel
    ranges: Ranges
    numbers: tuple[int, ...]
    inner_draws: int


@dataclass(frozen=True)
class Piece:
    """What a piece of work gives: one expectation per knowledge draw, and its outcomes counted."""

    expectations: tuple[Expectation, ...]
    tally: Tally


#: Runs pieces and gives their results in the order of the tasks: ``map`` in one process, an executor's or a
#: cluster's map elsewhere.
Mapper = Callable[[Callable[[Task], Piece], Sequence[Task]], Iterable[Piece]]


@dataclass(frozen=True)
class Simulation:
    """Everything that a simulation says of the plans of a model.

    ``as_planned`` is the closed form at the plan's own inputs; arrays of ``knowledge`` have shape ``(K,
    A)``, one row
    per knowledge draw; ``tally`` counts outcomes over both loops.
    """

    model: RiskModel
    ranges: Ranges
    as_planned: Expectation
    linear: Floats
    loss: Floats
    incident: Floats
    unplanned_hours: Floats
    security: Floats
    operations: Floats
    tally: Tally

    @property
    def total(self) -> Floats:
        """Return both sides' cost by knowledge draw [money], shape ``(K, A)``."""
        return self.security + self.operations

    @property
    def linear_error(self) -> Floats:
        """Return by how much the linear sum overstates expected loss at the same inputs [1], ``(A,)``."""
        expected = self.as_planned.loss
        return np.divide(self.linear, expected, out=np.ones_like(expected), where=expected > 0) - 1.0

    def rank_changes(self) -> list[tuple[int, int]]:
        """Return pairs (a, b): a has less linear exposure, but b has less simulated expected loss."""
        mean = self.loss.mean(axis=0)
        pairs = combinations(range(len(self.linear)), 2)
        ordered = [(a, b) if self.linear[a] <= self.linear[b] else (b, a) for a, b in pairs]
        return [
            (a, b) for a, b in ordered if self.linear[a] < self.linear[b] and mean[a] > mean[b] * (1 + 1e-9)
        ]

    def chance_better(self, cost: Floats) -> Floats:
        """Return in what share of knowledge draws a costs less than b, ``(A, A)``, of costs ``(K, A)``."""
        wins: Floats = np.mean(cost[:, :, None] < cost[:, None, :], axis=0)
        return wins

    def near_best(self, within: float = 0.05) -> Floats:
        """Return how often each plan's total is within a fraction of the best's, of all knowledge draws."""
        best = self.total.min(axis=1, keepdims=True)
        share: Floats = np.mean(self.total <= best * (1 + within), axis=0)
        return share


def simulate(
    model: RiskModel,
    *,
    ranges: Ranges | None = None,
    knowledge_draws: int = 400,
    inner_draws: int = 2_500,
    mapper: Mapper | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    threads: int = 2,
) -> Simulation:
    """Simulate all plans of a model on the same draws.

    Parameters
    ----------
    knowledge_draws, inner_draws
        Sets of unknown values, and possible horizons played for each, both >= 1.
    mapper
        Where the pieces are computed; threads of this process by default. The result is the same to the
        byte wherever they are.
    progress
        Told (pieces done, pieces in all, what).
    """
    ranges = ranges or Ranges()
    numbers = range(knowledge_draws)
    tasks = [
        Task(model, ranges, tuple(numbers[start : start + PIECE]), inner_draws)
        for start in range(0, knowledge_draws, PIECE)
    ]
    tally = Tally.empty(len(model.plans))
    expectations: list[Expectation] = []
    with ThreadPoolExecutor(max(1, threads)) as executor:
        pieces = mapper(run_piece, tasks) if mapper else executor.map(run_piece, tasks)
        for done, piece in enumerate(pieces, start=1):
            expectations += piece.expectations
            tally.add(piece.tally)
            if progress is not None:
                progress(done, len(tasks), f"{tally.draws:,} draws")
    planned = as_planned(model, ranges)
    return Simulation(
        model=model,
        ranges=ranges,
        as_planned=expect(model, planned),
        linear=linear_exposure(model, planned),
        loss=np.array([one.loss for one in expectations]),
        incident=np.array([one.incident for one in expectations]),
        unplanned_hours=np.array([one.unplanned_hours for one in expectations]),
        security=np.array([one.security for one in expectations]),
        operations=np.array([one.operations for one in expectations]),
        tally=tally,
    )


def run_piece(task: Task) -> Piece:
    """Run one piece of a simulation."""
    expectations = []
    tally = Tally.empty(len(task.model.plans))
    for number in task.numbers:
        knowledge = draw(task.model, task.ranges, number)
        expectations.append(expect(task.model, knowledge))
        tally.add(Tally.of(play(task.model, knowledge, number, task.inner_draws)))
    return Piece(tuple(expectations), tally)
