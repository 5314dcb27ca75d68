"""``poise bench plan``: how close to the best a plan comes, on made-up companies of any size."""

from __future__ import annotations

import argparse
import json
import os
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from poise.cli.bench_evidence import add_verbs
from poise.cli.plan import CLUSTER_HELP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from poise.planning.decomposition import PricedSolution
    from poise.planning.measure import Measurement


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise bench`` to the command line."""
    parser = subparsers.add_parser(
        "bench", help="measure Poise: how good its plans are, and what its figures are worth"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    plan = verbs.add_parser(
        "plan",
        help="plan one instance and say how good the plan is proven to be",
        description="Makes up an instance (S 300, M 5,000, L 30,000, XL 100,000 patch groups with about ten "
        "changes each), plans it at weight 1, and prints the gap between the plan and the proven bound.",
    )
    plan.add_argument("--size", choices=["S", "M", "L", "XL"], default="S", help="of the instance")
    plan.add_argument(
        "--links", action="store_true", help="30 %% of the groups in rings, 5 %% in redundant halves"
    )
    plan.add_argument("--seed", type=int, default=1, help="of the instance and the solver (default 1)")
    plan.add_argument("--seconds", type=float, default=30.0, help="time limit [s] (default 30)")
    plan.add_argument("--gap", type=float, default=0.0, help="stop once the gap is no more than this share")
    plan.add_argument("--threads", type=int, default=0, help="computing at a time (default: all, 2 at most)")
    plan.add_argument("--checkpoint", metavar="FILE", help="keep the run in a file, and go on from it")
    plan.add_argument("--cluster", action="store_true", help=CLUSTER_HELP)
    plan.add_argument("--json", action="store_true", help="print the result as JSON")
    plan.set_defaults(run=run_plan)
    add_verbs(verbs)


def run_plan(arguments: argparse.Namespace) -> int:
    """Run ``poise bench plan``."""
    from poise.errors import Fault, InputError
    from poise.planning.measure import measure

    for name, low in (("seed", 0), ("seconds", 0), ("gap", 0), ("threads", 0)):
        given = getattr(arguments, name)
        if given < low:
            raise InputError(Fault("E901", f"--{name}", f"is {given}; expected at least {low}."))
    if arguments.cluster and arguments.checkpoint:
        text = "cannot be kept of a solve on a cluster: its parts are worked on elsewhere."
        raise InputError(Fault("E901", "--checkpoint", text, "leave out one of the two."))
    threads = arguments.threads or min(2, os.cpu_count() or 1)
    with _solve_of_cluster(arguments.cluster, threads) as solve:
        result = measure(
            arguments.size,
            links=0.3 if arguments.links else 0.0,
            seed=arguments.seed,
            seconds=arguments.seconds,
            threads=threads,
            gap=arguments.gap,
            checkpoint=Path(arguments.checkpoint) if arguments.checkpoint else None,
            solve_elsewhere=solve,
        )
    if arguments.json:
        print(json.dumps(asdict(result), indent=1))
    else:
        _show(result)
    return 0


@contextmanager
def _solve_of_cluster(is_wanted: bool, processes: int) -> Iterator[Callable[..., PricedSolution] | None]:
    if not is_wanted:
        yield None
        return
    from poise.cluster import connect

    with connect(processes=processes) as cluster:
        yield cluster.solve


def _show(result: Measurement) -> None:
    links = f", {result.links:.0%} of groups in rings" if result.links else ""
    print(f"{result.size}: {result.num_groups:,} groups, {result.num_changes:,} changes{links}")
    print(f"planned in {result.seconds:.1f} s on {result.threads} threads, {result.peak_rss_mb:,.0f} MB")
    print(f"cost {result.value:,.0f}; no plan costs less than {result.bound:,.0f}")
    print(f"gap {result.gap:.2%}; of what planning can change, {result.gap_reducible:.2%}")
