"""How long a plan takes after one team's change, as a ratio to planning anew in the same run.

    python bench/replan.py [--size M] [--seed 1] [--seconds 15] [--steps 40]

Half of one team's time in ten windows is lost and all of one more. Parts whose facts are the same keep
their plan and what is proven of them; the team's own is planned again from its mended plan and prices.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from poise.planning.decomposition import PricedSolution, solve
from poise.planning.generate import generate
from poise.planning.problem import Problem
from poise.planning.warm import main as warm


def shortened(problem: Problem, team: int) -> Problem:
    """Return the problem with less time for one team."""
    capacity = problem.capacity_minutes.copy()
    capacity[team, 5:15] *= 0.5
    capacity[team, 20] = 0.0
    return replace(problem, capacity_minutes=capacity)


def timed(
    problem: Problem, steps: int, seed: int, former: PricedSolution | None
) -> tuple[PricedSolution, float]:
    """Solve and return the solution with the seconds it took."""
    begin = time.perf_counter()
    parts = () if former is None else former.parts
    solution = solve(problem, 1.0, steps=steps, seed=seed, threads=2, resume=parts)
    return solution, time.perf_counter() - begin


def main() -> None:
    """Print one line per team, and the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="M", choices=["S", "M", "L"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=15.0, help="for the first plan [s]")
    parser.add_argument("--steps", type=int, default=40, help="of the part that changed, and of the new plan")
    arguments = parser.parse_args()
    warm()
    problem = generate(arguments.size, arguments.seed)
    first = solve(problem, 1.0, seconds=arguments.seconds, seed=arguments.seed, threads=2)
    print(
        f"{arguments.size}, seed {arguments.seed}: first plan {first.gap:.2%} after {arguments.seconds:.0f} s"
    )
    print("| team | re-plan | gap | parts kept | windows moved | anew | gap anew | ratio of times |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for team in range(min(3, problem.num_teams)):
        changed = shortened(problem, team)
        again, took = timed(changed, arguments.steps, arguments.seed, first)
        anew, took_anew = timed(changed, arguments.steps, arguments.seed, None)
        kept = sum(new is old for new, old in zip(again.parts, first.parts, strict=True))
        moved = int(np.count_nonzero(again.plan.window != first.plan.window))
        print(
            f"| {team} | {took:.2f} s | {again.gap:.2%} | {kept} of {len(first.parts)} | {moved:,} "
            f"| {took_anew:.2f} s | {anew.gap:.2%} | {took / took_anew:.2f} |"
        )


if __name__ == "__main__":
    main()
