"""How good plans are and how long they take, against HiGHS on the same instance in the same run.

    python bench/planning.py [--sizes S] [--seeds 3] [--seconds 30] [--no-peer] [--frontiers S M]

Each row is one instance of ``poise.planning.generate``: our gap is (value - bound) / value with our own
bound; the peer is HiGHS with the same time, alone, on one thread. The ratio is our value over
its value: below 1 our plan is better. ``irreducible`` exposure (every change in its first legal window) is
taken off both value and bound in ``gap*``, because it flatters every gap.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from poise.errors import PoiseError
from poise.planning.decomposition import solve
from poise.planning.exact import solve_exact
from poise.planning.frontier import sweep
from poise.planning.generate import generate
from poise.planning.measure import irreducible_exposure
from poise.planning.warm import main as warm


def row(size: str, seed: int, links: float, exclusions: float, seconds: float, *, peer: bool) -> str:
    """Solve one instance at weight 1 and return its line of the table."""
    problem = generate(size, seed=seed, links=links, exclusions=exclusions)  # type: ignore[arg-type]
    begin = time.monotonic()
    ours = solve(problem, 1.0, seconds=seconds, seed=seed)
    took = time.monotonic() - begin
    base = irreducible_exposure(problem)
    reducible = (ours.value - ours.bound) / max(ours.value - base, 1e-9)
    text = (
        f"| {size} | {seed} | {links:.0%} | {exclusions:.0%} | {problem.num_changes:,} | {took:.1f} s "
        f"| {ours.gap:.2%} | {reducible:.2%} | {len(ours.evaluation.violations)} "
    )
    if not peer:
        return text + "| not run | |"
    try:
        other = solve_exact(problem, 1.0, seconds=seconds)
    except PoiseError as error:
        return text + f"| no plan ({error.faults[0].id}) | |"
    return text + f"| {other.gap:.2%} | {ours.value / other.value:.3f} |"


def frontier_row(size: str, links: float, exclusions: float) -> str:
    """Sweep the frontier of one instance, 21 plans with two solves at a time, and return a sentence on it."""
    problem = generate(size, seed=1, links=links, exclusions=exclusions)  # type: ignore[arg-type]
    begin, worked = time.monotonic(), time.process_time()
    found = sweep(problem, points=21, seconds=600.0)
    took, worked = time.monotonic() - begin, time.process_time() - worked
    costs = [point.evaluation.exposure + point.evaluation.late_cost for point in found.points]
    gaps = [
        (cost - point.exposure_bound) / cost if cost else 0.0
        for cost, point in zip(costs, found.points, strict=True)
    ]
    return (
        f"Frontier of {size} (links {links:.0%}, exclusions {exclusions:.0%}): {len(found.points)} plans in "
        f"{took:.1f} s, {worked:.1f} s of processor; gap median {np.median(gaps):.2%}, worst {max(gaps):.2%}."
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="*", default=["S"], choices=["S", "M", "L", "XL"])
    parser.add_argument("--seeds", type=int, default=3, help="instances of each kind")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each solver [s]")
    parser.add_argument("--frontiers", nargs="+", default=["S"], choices=["S", "M"], help="sizes to sweep")
    parser.add_argument("--no-peer", action="store_true", help="leave HiGHS out")
    arguments = parser.parse_args()
    warm()
    print(
        "| size | seed | links | exclusions | changes | time | gap | gap* | violations | HiGHS gap | ratio |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in arguments.sizes:
        for links, exclusions in ((0.0, 0.0), (0.3, 0.05)):
            for seed in range(1, arguments.seeds + 1):
                peer = not arguments.no_peer
                print(row(size, seed, links, exclusions, arguments.seconds, peer=peer), flush=True)
    print()
    for size in arguments.frontiers:
        print(frontier_row(size, 0.0, 0.0))
        print(frontier_row(size, 0.3, 0.05))


if __name__ == "__main__":
    main()
