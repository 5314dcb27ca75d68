"""The price decomposition: a plan of any size with a proven bound.

A problem falls into parts that nothing couples (:mod:`.parts`); each is worked on by itself
(:mod:`.part_run`), in steps whose order depends on nothing but their number. So the same problem, seed
and number of steps give the same plan on any machine and any number of threads; the clock only decides
how many steps there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from poise.errors import Fault, ModelError, NoFeasiblePlanError
from poise.planning.decomposition.mending import keep_rules
from poise.planning.decomposition.parts import Part, extract, fingerprint, split
from poise.planning.decomposition.prices import Prices
from poise.planning.decomposition.rounds import (
    Clock,
    PartResult,
    PartTask,
    Progress,
    Rounds,
    part_seed,
    share_work,
)
from poise.planning.decomposition.workers import Workers
from poise.planning.evaluate import checked_windows, evaluate
from poise.planning.memory import give_back
from poise.planning.problem import Evaluation, Ints, Plan, Problem, Solution

#: Steps of each part when neither time nor work is given: enough for a gap below 1 % on most problems.
DEFAULT_STEPS = 40
#: Called after every round with what returns the state of each part.
Keeper = Callable[[Callable[[], tuple[PartResult, ...]]], None]


@dataclass(frozen=True)
class PricedSolution(Solution):
    """A solution with what is known of each part, to start a like problem from or to go on."""

    parts: tuple[PartResult, ...] = field(default=(), repr=False)

    @property
    def prices(self) -> tuple[Prices, ...]:
        """Prices of each part that prove its bound."""
        return tuple(part.prices for part in self.parts)

    @property
    def part_work(self) -> tuple[int, ...]:
        """Steps of each part."""
        return tuple(part.work for part in self.parts)


def solve(
    problem: Problem,
    weight: float,
    *,
    seconds: float | None = None,
    steps: int | Sequence[int] | None = None,
    work: int | None = None,
    gap: float = 0.0,
    seed: int = 0,
    warm: Plan | None = None,
    prices: tuple[Prices, ...] = (),
    resume: Sequence[PartResult] = (),
    threads: int = 1,
    progress: Callable[[Progress], None] | None = None,
    keep: Keeper | None = None,
    stop: Callable[[], bool] | None = None,
) -> PricedSolution:
    """Return a plan with little ``exposure + late cost + weight * disruption``, and a bound on the least.

    Parameters
    ----------
    problem
        A checked problem.
    weight
        Money of exposure that one money of disruption is worth, >= 0; ``inf`` minimises disruption alone.
    seconds, steps, work
        Limits on time [s], on the steps of each part (one number for all, or one for each), and on the
        steps of all parts together; without any of them, :data:`DEFAULT_STEPS` of each part. A run that the
        clock ended took ``Solution.work`` steps and is repeated bit by bit by asking for as many ``work``.
    gap
        The run ends after the round in which ``(value - bound) / value`` is no more than this, >= 0.
    seed
        Of the random choices, >= 0.
    warm
        A plan to start from; the result is never dearer, unless it breaks rules of this problem and has to be
        mended first.
    prices
        Of a former solution of a like problem; those of a part whose shapes do not fit are ignored.
    resume
        What an earlier run knew of each part, of this problem or of one with other facts. A part whose facts
        are the same goes on from there: limits on steps count its former ones as well, and neither plan
        nor bound gets worse. So with ``steps`` alone, only what changed is planned again. Other parts start
        from ``warm``, or from the plan of old where it has as many changes, and from the prices of old.
    threads
        Computing at a time, >= 1; has no influence on the result.
    progress
        Called after every round of steps.
    keep
        Called after every round of steps too, with what returns the state to resume from.
    stop
        Asked before every step; true ends the run like an interrupt from the keyboard, with the best
        plan and bound so far.

    Raises
    ------
    ModelError
        E300, E301 or E307 when ``warm`` is no plan of this problem; E312 when the problem caps amounts of the
        whole plan, which no part sees alone.
    NoFeasiblePlanError
        E504 when hard due dates were not met within the limits; whether they can be is not decided here.
    """
    is_free = seconds is None and steps is None and work is None and stop is None
    clock = Clock(seconds, stop)
    parts = split_uncapped(problem)
    known = unchanged(problem, weight, parts, resume)
    each = limit_steps(known, DEFAULT_STEPS if is_free else steps, work)
    workers = Workers(threads)
    # Threads work on parts when there are several, and inside the only one when there is not.
    inner = workers if sum(limit != 0 for limit in each) == 1 else Workers(1)
    try:
        former = resume if len(resume) == len(parts) else ()
        tasks = tasks_of(
            problem, weight, parts, each, known, seed=seed, warm=warm, prices=prices, former=former
        )
        run = Rounds(tasks, weight, workers, inner)
        stopped_by = run.go(clock, progress, keep, gap)
        run.finish()
    finally:
        workers.close()
    found, done = run.results(), run.work
    del run
    give_back()  # the evaluator needs room of its own
    return confirm(problem, weight, parts, found, work=done, stopped_by=stopped_by)


def split_uncapped(problem: Problem) -> list[Part]:
    """Return the parts of a problem, E312 when caps couple them."""
    if problem.caps.num_rows:
        text = f"has {problem.caps.num_rows} caps on the whole plan; expected none."
        hint = "use poise.planning.capped, which keeps caps exactly."
        raise ModelError(Fault("E312", "problem.caps", text, hint))
    return split(problem)


def unchanged(
    problem: Problem, weight: float, parts: Sequence[Part], resume: Sequence[PartResult]
) -> list[PartResult | None]:
    """Return for each part what an earlier run knew of it, None where its facts are others now."""
    if not resume:
        return [None] * len(parts)
    by_facts = {result.facts: result for result in resume}
    return [by_facts.get(fingerprint(extract(problem, part), weight)) for part in parts]


def limit_steps(
    known: Sequence[PartResult | None], steps: int | Sequence[int] | None, work: int | None
) -> list[int | None]:
    """Return the most steps that each part still has to take, None for no limit."""
    done = [0 if part is None else part.work for part in known]
    limits: list[int | None] = [None] * len(known)
    if steps is not None:
        most = [steps] * len(known) if isinstance(steps, int) else list(steps)
        limits = [max(0, limit - before) for limit, before in zip(most, done, strict=True)]
    if work is not None and known:
        shares = share_work(max(0, work - sum(done)), len(known))
        limits = [
            share if limit is None else min(share, limit) for share, limit in zip(shares, limits, strict=True)
        ]
    return limits


def tasks_of(
    problem: Problem,
    weight: float,
    parts: Sequence[Part],
    steps: Sequence[int | None],
    known: Sequence[PartResult | None],
    *,
    seed: int,
    warm: Plan | None = None,
    prices: tuple[Prices, ...] = (),
    former: Sequence[PartResult] = (),
) -> Iterator[PartTask]:
    """Yield the task of each part, cut out of the problem when it is asked for.

    ``known`` is what holds of each part still, ``former`` what an earlier run left of as many parts,
    whether it holds or not; the rest is as in :func:`solve`.
    """
    windows = None if warm is None else checked_windows(problem, warm)
    for k, part in enumerate(parts):
        own, result, charged = extract(problem, part), known[k], prices[k : k + 1]
        start: Ints | None
        if result is not None:
            start, charged = result.window, (result.prices,)
        else:
            start = _start(part, windows, former[k] if former else None)
            charged = charged if len(prices) == len(parts) else ()
            charged = charged or tuple(old.prices for old in former[k : k + 1])
        yield PartTask(
            problem=own,
            facts=result.facts if result is not None else fingerprint(own, weight),
            seed=part_seed(seed, k, 0 if result is None else result.work),
            steps=steps[k],
            window=None if start is None else keep_rules(own, start),
            prices=charged[0] if charged else None,
            known=result,
        )


def _start(part: Part, windows: Ints | None, former: PartResult | None) -> Ints | None:
    """Return windows to start a part from, which may break rules; None where there are none that fit."""
    if windows is not None:
        return windows[part.changes]
    if former is not None and len(former.window) == len(part.changes):
        return former.window
    return None


def join_parts(problem: Problem, parts: Sequence[Part], found: Sequence[PartResult]) -> Ints:
    """Return the windows of the whole plan."""
    window = np.full(problem.num_changes, -1, dtype=np.int64)
    for part, result in zip(parts, found, strict=True):
        window[part.changes] = result.window
    return window


def confirm(
    problem: Problem,
    weight: float,
    parts: Sequence[Part],
    found: tuple[PartResult, ...],
    *,
    work: int,
    stopped_by: Literal["work", "time"],
) -> PricedSolution:
    """Return the plan of all parts with the evaluator's numbers, E504 when it breaks a rule."""
    plan = Plan(join_parts(problem, parts, found))
    evaluation = evaluate(problem, plan)
    if not evaluation.is_feasible:
        broken = evaluation.violations[0]
        text = f"the best plan breaks {len(evaluation.violations)} rules, first {broken}; expected none."
        hint = "give it more time, or check the hard due dates with the exact solver."
        raise NoFeasiblePlanError(Fault("E504", "plan", text, hint))
    value = weighted_value(evaluation, weight)
    bound = min(sum(part.bound for part in found), value) if found else value
    return PricedSolution(plan, evaluation, weight, value, bound, work, stopped_by, found)


def weighted_value(evaluation: Evaluation, weight: float) -> float:
    """Return ``exposure + late cost + weight * disruption`` [money]; disruption alone for weight ``inf``."""
    if math.isinf(weight):
        return evaluation.disruption
    return evaluation.exposure + evaluation.late_cost + weight * evaluation.disruption
