"""How good a plan a size of problem gets in a given time: what ``poise bench plan`` reports."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poise.planning.checkpoint import Checkpoint
from poise.planning.decomposition import PricedSolution, Progress, solve, warm_up
from poise.planning.generate import Size, generate
from poise.planning.problem import Problem

#: Share of groups in clusters when rings are asked for.
CLUSTERED_SHARE = 0.05


@dataclass(frozen=True)
class Measurement:
    """One run of the planning core.

    Parameters
    ----------
    size, links, seed, threads
        What was planned, and on how many threads.
    seconds_allowed, seconds
        The limit and the time taken, from arrays in memory to a confirmed plan [s].
    num_groups, num_changes
        Size of the instance.
    value, bound, gap
        Cost of the plan, what is proven of all plans [money], and (value - bound) / value.
    gap_reducible
        (value - bound) / (value - irreducible exposure): exposure that no plan can avoid flatters every gap.
    seconds_to_1_percent
        When the gap, by the solver's own count, was first below 1 % [s]; None when it never was, or was not
        watched.
    violations
        Rules broken, by the independent evaluator; always 0.
    work
        Steps of all parts, those of the run that was resumed included.
    peak_rss_mb
        Most memory that the process held, the instance and its making included [MB of 10^6 bytes].
    """

    size: str
    links: float
    seed: int
    threads: int
    seconds_allowed: float
    seconds: float
    num_groups: int
    num_changes: int
    value: float
    bound: float
    gap: float
    gap_reducible: float
    seconds_to_1_percent: float | None
    violations: int
    work: int
    peak_rss_mb: float


def measure(
    size: Size,
    *,
    links: float = 0.0,
    seed: int,
    seconds: float,
    threads: int,
    gap: float = 0.0,
    checkpoint: Path | None = None,
    solve_elsewhere: Callable[..., PricedSolution] | None = None,
) -> Measurement:
    """Plan one made-up instance at weight 1.

    Parameters
    ----------
    size, seed
        Of :func:`~poise.planning.generate.generate`.
    links
        Share of groups in rings, in [0, 1]; with rings, :data:`CLUSTERED_SHARE` of the groups are halves of
        clusters.
    seconds
        Time limit [s].
    threads
        Computing at a time, >= 1.
    gap
        Gap that is good enough to stop at, >= 0.
    checkpoint
        File to go on from, and to keep the run in.
    solve_elsewhere
        Solves in place of this process, as many processes as threads: a cluster.

    Raises
    ------
    ModelError
        E320 to E322 when the checkpoint is of no use.
    """
    problem = generate(size, seed, links=links, exclusions=CLUSTERED_SHARE if links else 0.0)
    warm_up()  # compiling, once per machine, is no part of planning
    begin, reached = time.perf_counter(), [math.inf]

    def watch(progress: Progress) -> None:
        if progress.value - progress.bound <= 0.01 * progress.value:
            reached[0] = min(reached[0], progress.seconds)

    if solve_elsewhere is None:
        solution = _solve(problem, seconds, gap, seed, threads, checkpoint, watch)
    else:
        solution = solve_elsewhere(problem, 1.0, seconds=seconds, seed=seed)
    took = time.perf_counter() - begin
    over = solution.value - solution.bound
    return Measurement(
        size=size,
        links=links,
        seed=seed,
        threads=threads,
        seconds_allowed=seconds,
        seconds=took,
        num_groups=problem.num_groups,
        num_changes=problem.num_changes,
        value=solution.value,
        bound=solution.bound,
        gap=solution.gap,
        gap_reducible=over / max(solution.value - irreducible_exposure(problem), 1e-9),
        seconds_to_1_percent=reached[0] if math.isfinite(reached[0]) else None,
        violations=len(solution.evaluation.violations),
        work=solution.work,
        peak_rss_mb=peak_rss_mb(),
    )


def _solve(
    problem: Problem,
    seconds: float,
    gap: float,
    seed: int,
    threads: int,
    checkpoint: Path | None,
    watch: Callable[[Progress], None],
) -> PricedSolution:
    if checkpoint is None:
        return solve(problem, 1.0, seconds=seconds, gap=gap, seed=seed, threads=threads, progress=watch)
    file = Checkpoint(checkpoint, problem)
    solution = solve(
        problem,
        1.0,
        seconds=seconds,
        gap=gap,
        seed=seed,
        threads=threads,
        resume=file.resume(1.0, seed),
        keep=file.keeper(1.0, seed),
        progress=watch,
    )
    file.keep(1.0, seed, solution.parts)
    return solution


def irreducible_exposure(problem: Problem) -> float:
    """Return the exposure of every change done in its group's first window after its release [money]."""
    counts = np.diff(problem.slot_ptr)
    slot_group = np.repeat(np.arange(problem.num_groups), counts)
    # Slots by group and start: one number each, so that one search serves all changes at once.
    span = float(problem.horizon_days + 1.0)
    start = problem.window_start_days[problem.slot_window]
    order = np.lexsort((start, slot_group))
    keys = slot_group[order] * span + start[order]
    place = np.searchsorted(keys, problem.change_group * span + problem.release_days - 1e-9)
    has_one = place < problem.slot_ptr[problem.change_group + 1]
    end = np.full(problem.num_changes, problem.horizon_days)
    end[has_one] = problem.window_end_days[problem.slot_window[order[place[has_one]]]]
    return float((problem.exposure_per_day * (end - problem.release_days)).sum())


def peak_rss_mb() -> float:
    """Return the most memory that this process held [MB of 10^6 bytes]."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
