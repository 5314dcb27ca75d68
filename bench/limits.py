"""What it takes to price ten limits on a company too large for a linear program.

    python bench/limits.py [--size M] [--seed 1]

Ten limits of all kinds on an instance of ``poise.planning.generate``: each dropped with the others kept,
each alone, all together, at the disruption of a plan of weight 1. Ratios are to one solve without limits.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from poise.bargain.prices import Price, price_limits
from poise.bargain.value import Limits, Value, ValueTable
from poise.errors import NoFeasiblePlanError
from poise.planning.capped import solve_within
from poise.planning.caps import CapRow, join_caps
from poise.planning.decomposition import solve
from poise.planning.edit import without_slots
from poise.planning.evaluate import evaluate
from poise.planning.generate import generate
from poise.planning.priced import CappedByPrices
from poise.planning.problem import Floats, Ints, Plan, Problem
from poise.planning.warm import main as warm


class Company:
    """A made-up company and ten limits on it."""

    def __init__(self, problem: Problem, draft: Plan, seed: int) -> None:
        self.problem, self.draft = problem, draft
        self.cap = evaluate(problem, draft).disruption
        rng = np.random.default_rng(seed)
        self.owner = np.repeat(np.arange(problem.num_groups), np.diff(problem.slot_ptr))
        self.groups = np.array_split(rng.permutation(problem.num_groups)[: problem.num_groups // 2], 10)
        self.rows: dict[str, CapRow] = {}
        self.frozen: dict[str, Ints] = {}
        self.latest: dict[str, Floats] = {}
        for number in range(3):
            self.frozen[f"freeze-{number}"] = self._freeze(number)
            self.rows[f"hours-{number}"] = self._hours(3 + number, 0.85)
        for number in range(2):
            self.latest[f"deadline-{number}"] = self._deadline(6 + number)
            self.rows[f"exposure-{number}"] = self._exposure(8 + number, 0.995)
        self.names = (*self.frozen, *self.rows, *self.latest)
        self.near: list[tuple[tuple[str, ...], CappedByPrices]] = []

    def _slots(self, number: int) -> Ints:
        return np.flatnonzero(np.isin(self.owner, self.groups[number]))

    def _freeze(self, number: int) -> Ints:
        """Return the slots of some groups in six weeks."""
        slots = self._slots(number)
        window = self.problem.slot_window[slots]
        return slots[(window >= 8 * number + 4) & (window < 8 * number + 10)]

    def _hours(self, number: int, share: float) -> CapRow:
        row = CapRow(0.0, units=tuple((np.array([slot]), 2.0) for slot in self._slots(number)))
        return replace(row, limit=share * self._amount(row))

    def _exposure(self, number: int, share: float) -> CapRow:
        changes = np.flatnonzero(np.isin(self.problem.change_group, self.groups[number]))
        row = CapRow(0.0, shares=(changes, np.ones(len(changes))))
        return replace(row, limit=share * self._amount(row))

    def _deadline(self, number: int) -> Floats:
        """Return latest days that pull a third of the late changes of some groups a fortnight forward."""
        problem, latest = self.problem, np.full(self.problem.num_changes, np.inf)
        members = np.flatnonzero(
            np.isin(problem.change_group, self.groups[number]) & (self.draft.window >= 0)
        )
        end = problem.window_end_days[self.draft.window[members]]
        pulled = members[np.argsort(-end, kind="stable")[: len(members) // 3]]
        first = _first_end_days(problem)
        latest[pulled] = np.maximum(problem.window_end_days[self.draft.window[pulled]] - 14.0, first[pulled])
        return latest

    def _amount(self, row: CapRow) -> float:
        capped = replace(self.problem, caps=join_caps([row], self.problem.num_changes))
        return float(evaluate(capped, self.draft).cap_amounts[0])

    def under(self, kept: Limits) -> tuple[Problem, tuple[str, ...]]:
        """Return the problem under some limits, and the names behind its rows."""
        names = tuple(name for name in self.rows if name in kept)
        latest = np.full(self.problem.num_changes, np.inf)
        for name in self.latest:
            latest = np.minimum(latest, self.latest[name]) if name in kept else latest
        caps = join_caps([self.rows[name] for name in names], self.problem.num_changes)
        gone = np.zeros(self.problem.num_slots, dtype=np.bool_)
        for name in self.frozen:
            gone[self.frozen[name]] |= name in kept
        return without_slots(replace(self.problem, caps=caps, latest_days=latest), gone), names

    def __call__(self, kept: Limits, start: Plan | None) -> Value:
        """Return the least exposure at the draft's disruption under some limits."""
        problem, names = self.under(kept)
        near = None
        if self.near:
            known, solution = self.near[0]
            near = solution.with_rows(np.isin(known, names))
        try:
            found = solve_within(
                problem, 0.0, seconds=120, disruption_cap=self.cap, warm=start or self.draft, near=near
            )
        except NoFeasiblePlanError as error:
            return Value(0.0 if error.faults[0].id == "E504" else np.inf, np.inf)
        if isinstance(found, CappedByPrices) and not self.near:
            self.near.append((names, found))
        return Value(found.bound, found.value, found.plan)


def _first_end_days(problem: Problem) -> Floats:
    """Return for each change the end of its group's first window after its release [d]."""
    first = np.full(problem.num_changes, np.inf)
    for group in range(problem.num_groups):
        window = problem.slot_window[problem.slot_ptr[group] : problem.slot_ptr[group + 1]]
        start, end = problem.window_start_days[window], problem.window_end_days[window]
        for change in range(problem.change_ptr[group], problem.change_ptr[group + 1]):
            late_enough = start >= problem.release_days[change]
            first[change] = end[late_enough].min(initial=np.inf)
    return first


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of the clock and of the processor that some work took."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    """Print the prices and what they took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="M", choices=["S", "M", "L"])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warm()
    problem = generate(arguments.size, arguments.seed)
    drafts: list[Plan] = []
    once, _ = _timed(lambda: drafts.append(solve(problem, 1.0, steps=20, seed=1, threads=2).plan))
    company = Company(problem, drafts[0], arguments.seed)
    table = ValueTable(company, threads=2)
    took, processor = _timed(lambda: price_limits(company.names, table, shares=False))
    sheet = price_limits(company.names, table, shares=False)
    print("| limit | alone | proven between | alone of all |")
    print("| --- | ---: | ---: | ---: |")
    for price in sheet.limits:
        print(f"| {price.limit} | {_in_words(price.alone)} | {price.last.best:,.0f} |")
    print(f"| all together | {_in_words(sheet.together)} | |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(
        f"{len(table.found)} solves in {took:.0f} s ({processor:.0f} s of processor), "
        f"{took / once:.0f} times one plan without limits ({once:.1f} s); {peak:.0f} MB."
    )


def _in_words(price: Price) -> str:
    return f"{price.best:,.0f} | {price.low:,.0f} and {price.high:,.0f}"


if __name__ == "__main__":
    main()
