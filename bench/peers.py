"""Plans beside those of HiGHS and CP-SAT: the same instance, the same time, each alone, in one run.

    python bench/peers.py [--sizes S M] [--seeds 1] [--seconds 30] [--links] [--memory-gb 8]
        [--grace-seconds 300] [--json FILE]

Every solver runs in a process of its own under the same cap on memory, one after another, with the same
threads where it takes them (HiGHS' search uses one). HiGHS and CP-SAT start from the plan of the
best simple rule (exposure per minute of work). Every plan is judged by ``poise.planning.evaluate``; a
solver that ends without a plan, or without ending, is reported as such. Time is that of the solve, the
building of the model stands beside it. CP-SAT wants whole numbers: its costs are rounded to cents, so its
bound is that of the rounded instance. It runs in the environment that ``make bench`` makes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from poise.errors import PoiseError
from poise.planning.choices import list_choices
from poise.planning.decomposition import solve, warm_up
from poise.planning.evaluate import evaluate
from poise.planning.exact import solve_exact
from poise.planning.generate import generate
from poise.planning.measure import CLUSTERED_SHARE, irreducible_exposure, peak_rss_mb
from poise.planning.milp import build_model
from poise.planning.problem import Plan, Problem
from poise.planning.schedule import hazard_per_minute, schedule_by_priority

ROOT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
SOLVERS = ("poise", "HiGHS", "CP-SAT")


def instance(size: str, seed: int, links: float) -> Problem:
    """Return the instance that ``poise bench plan`` measures."""
    return generate(size, seed, links=links, exclusions=CLUSTERED_SHARE if links else 0.0)  # type: ignore[arg-type]


def rule_plan(problem: Problem) -> Plan:
    """Return the plan of the best simple rule."""
    return schedule_by_priority(problem, hazard_per_minute(problem))


def ours(problem: Problem, seed: int, seconds: float, threads: int) -> dict[str, object]:
    """Solve by prices."""
    begin = time.perf_counter()
    found = solve(problem, 1.0, seconds=seconds, seed=seed, threads=threads)
    took = time.perf_counter() - begin
    return {"window": found.plan.window.tolist(), "bound": found.bound, "seconds": took}


def highs(problem: Problem, seconds: float) -> dict[str, object]:
    """Solve by HiGHS' mixed-integer search, from the plan of the best simple rule."""
    begin = time.perf_counter()
    build_model(problem, list_choices(problem))
    built = time.perf_counter() - begin
    begin = time.perf_counter()
    try:
        found = solve_exact(problem, 1.0, seconds=seconds, warm=rule_plan(problem))
    except PoiseError as error:
        return {"status": str(error.faults[0]), "build_seconds": built}
    took = time.perf_counter() - begin - built
    return {
        "window": found.plan.window.tolist(),
        "bound": found.bound,
        "seconds": took,
        "build_seconds": built,
    }


def cp_sat(problem: Problem, seconds: float, threads: int, answer: Path) -> None:
    """Become the process of CP-SAT, which writes its answer itself."""
    path = answer.with_suffix(".npz")
    np.savez(path, **whole_numbers(problem))
    command = [str(PEERS_PYTHON), str(ROOT / "bench" / "cpsat.py"), str(path), str(answer)]
    os.execv(command[0], [*command, str(seconds), str(threads)])


def whole_numbers(problem: Problem) -> dict[str, np.ndarray]:
    """Return the instance as CP-SAT takes it: cents and thousandths of a minute."""
    choices, start = list_choices(problem), rule_plan(problem).window
    group = problem.change_group[choices.change]
    slot_group = np.repeat(np.arange(problem.num_groups), np.diff(problem.slot_ptr))
    overlap = np.minimum.outer(problem.window_end_days, problem.window_end_days) > np.maximum.outer(
        problem.window_start_days, problem.window_start_days
    )
    clashes = [
        (p, q)
        for a, b in zip(problem.exclusion_a, problem.exclusion_b, strict=True)
        for p in range(problem.slot_ptr[a], problem.slot_ptr[a + 1])
        for q in range(problem.slot_ptr[b], problem.slot_ptr[b + 1])
        if overlap[problem.slot_window[p], problem.slot_window[q]]
    ]
    clash = np.array(clashes, dtype=np.int64).reshape(-1, 2)
    chosen = choices.window == start[choices.change]
    opened = np.zeros(problem.num_slots, dtype=np.int64)
    opened[choices.slot[chosen]] = 1

    def cents(cost: np.ndarray) -> np.ndarray:
        return np.rint(100.0 * cost).astype(np.int64)

    return {
        "ptr": choices.ptr,
        "slot": choices.slot,
        "window": choices.window,
        "cost": cents(choices.exposure + choices.disruption),
        "never_cost": cents(choices.never_exposure + choices.never_disruption),
        "slot_cost": cents(problem.slot_cost),
        "choice_row": problem.group_team[group] * problem.num_windows + choices.window,
        "choice_labour": np.ceil(1000.0 * problem.labour_minutes[choices.change]).astype(np.int64),
        "slot_row": problem.group_team[slot_group] * problem.num_windows + problem.slot_window,
        "slot_labour": np.ceil(1000.0 * problem.slot_labour_minutes).astype(np.int64),
        "capacity": np.floor(1000.0 * problem.capacity_minutes).astype(np.int64).reshape(-1),
        "start": problem.window_start_days,
        "end": problem.window_end_days,
        "link_before": problem.link_before,
        "link_after": problem.link_after,
        "link_soak": problem.link_soak_days,
        "clash_a": clash[:, 0],
        "clash_b": clash[:, 1],
        "hint": np.concatenate([chosen, start < 0, opened]).astype(np.int64),
    }


def child(
    solver: str, size: str, seed: int, links: float, seconds: float, threads: int, answer: Path
) -> None:
    """Run one solver in this process and write its answer."""
    problem = instance(size, seed, links)
    if solver == "CP-SAT":
        cp_sat(problem, seconds, threads, answer)
    if solver == "poise":
        warm_up()
    found = ours(problem, seed, seconds, threads) if solver == "poise" else highs(problem, seconds)
    answer.write_text(json.dumps({**found, "peak_rss_mb": peak_rss_mb()}), encoding="utf-8")


def run(
    solver: str, size: str, seed: int, links: float, seconds: float, threads: int, cap: float, grace: float
) -> dict[str, object]:
    """Run one solver in a process of its own; return what became of it."""
    row: dict[str, object] = {"solver": solver, "size": size, "seed": seed, "links": links}
    row |= {"seconds_allowed": seconds, "threads": 1 if solver == "HiGHS" else threads, "memory_cap_gb": cap}
    if solver == "CP-SAT" and not PEERS_PYTHON.exists():
        return {**row, "failure": "not installed: make .venv/peers/ready"}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, __file__, "--child", solver, "--sizes", size, "--seeds", str(seed)]
        command += ["--seconds", str(seconds), "--threads", str(threads), "--json", str(answer)]
        limit = int(cap * 2**30)
        try:
            process = subprocess.Popen(
                [*command, "--links"] if links else command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
            )
        except OSError as error:
            return {**row, "failure": f"does not start: {error.strerror}"}
        try:
            _, errors = process.communicate(timeout=seconds + grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return {**row, "failure": f"not done {grace:g} s after its time was over"}
        if process.returncode or not answer.exists():
            last = (errors.strip().splitlines() or ["no word"])[-1]
            return {**row, "failure": f"ended with {process.returncode}: {last[:160]}"}
        return {**row, **judged(json.loads(answer.read_text(encoding="utf-8")), instance(size, seed, links))}


def judged(answer: dict[str, object], problem: Problem) -> dict[str, object]:
    """Return an answer with the evaluator's figures in place of the plan."""
    window = answer.pop("window", None)
    if window is None:
        return {**answer, "failure": f"no plan: {answer.get('status')}"}
    evaluation = evaluate(problem, Plan(np.asarray(window, dtype=np.int64)))
    value = evaluation.exposure + evaluation.late_cost + evaluation.disruption
    bound = float(answer["bound"]) if math.isfinite(float(answer["bound"])) else -math.inf  # type: ignore[arg-type]
    rest = max(value - irreducible_exposure(problem), 1e-9)
    return {
        **answer,
        "value": value,
        "bound": bound if math.isfinite(bound) else None,
        "gap": (value - bound) / value if math.isfinite(bound) else None,
        "gap_reducible": (value - bound) / rest if math.isfinite(bound) else None,
        "violations": len(evaluation.violations),
    }


def table(rows: list[dict[str, object]]) -> str:
    """Return the results as a table in Markdown; ratios are to our value on the same instance."""
    lines = [
        "| size | seed | solver | build | solve | value / ours | own gap | violations | memory |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    values = {(r["size"], r["seed"], r["links"]): r.get("value") for r in rows if r["solver"] == "poise"}
    for r in rows:
        name = f"{r['size']} with rings" if r["links"] else r["size"]
        if "failure" in r:
            lines.append(f"| {name} | {r['seed']} | {r['solver']} | {r['failure']} | | | | | |")
            continue
        base = values.get((r["size"], r["seed"], r["links"]))
        ratio = f"{float(r['value']) / float(base):.4f}" if base else ""  # type: ignore[arg-type]
        gap = "none" if r["gap"] is None else f"{r['gap']:.2%}"
        build = f"{r.get('build_seconds') or 0.0:.1f} s"
        lines.append(
            f"| {name} | {r['seed']} | {r['solver']} | {build} | {r['seconds']:.1f} s | {ratio} | {gap} "
            f"| {r['violations']} | {r['peak_rss_mb']:,.0f} MB |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run every solver on every instance; print the table and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["S"], choices=["tiny", "S", "M", "L", "XL"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1], help="instances of each size")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each solver [s]")
    parser.add_argument("--threads", type=int, default=2, help="of each solver that takes several")
    parser.add_argument("--links", action="store_true", help="30 %% of the groups in rings, 5 %% in halves")
    parser.add_argument("--memory-gb", type=float, default=8, help="cap on each solver's address space")
    parser.add_argument(
        "--grace-seconds",
        type=float,
        default=300.0,
        help="how much longer than its limit a solver may take to build, to end and to write",
    )
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--json", type=Path, default=ROOT / "bench-out" / "peers.json")
    parser.add_argument("--child", choices=SOLVERS, help=argparse.SUPPRESS)
    a = parser.parse_args()
    links = 0.3 if a.links else 0.0
    if a.child:
        child(a.child, a.sizes[0], a.seeds[0], links, a.seconds, a.threads, a.json)
        return
    rows = []
    for size in a.sizes:
        for seed in a.seeds:
            for solver in a.solvers:
                rows.append(
                    run(solver, size, seed, links, a.seconds, a.threads, a.memory_gb, a.grace_seconds)
                )
                print(rows[-1], file=sys.stderr, flush=True)
    a.json.parent.mkdir(parents=True, exist_ok=True)
    a.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
