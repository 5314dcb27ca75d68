"""CP-SAT on one instance, in a process and an environment of its own; started by ``bench/peers.py``.

    python bench/cpsat.py INSTANCE.npz ANSWER.json SECONDS THREADS

It imports nothing of Poise: the instance holds every choice of every change with its cost in whole cents,
and times in thousandths of a minute, labour rounded up and capacity down, so that its plans are plans.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import defaultdict

import numpy as np
from ortools.sat.python import cp_model


def build(data: dict[str, np.ndarray]) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
    """Return the model and its variables: choices, then nevers, then openings."""
    model = cp_model.CpModel()
    num_choices, num_changes, num_slots = len(data["slot"]), len(data["never_cost"]), len(data["slot_cost"])
    choice = [model.new_bool_var("") for _ in range(num_choices)]
    never = [model.new_bool_var("") for _ in range(num_changes)]
    opening = [model.new_bool_var("") for _ in range(num_slots)]
    ptr = data["ptr"]
    for j in range(num_changes):
        model.add_exactly_one([*choice[ptr[j] : ptr[j + 1]], never[j]])
    rows: dict[int, tuple[list[cp_model.IntVar], list[int]]] = defaultdict(lambda: ([], []))
    for c in range(num_choices):
        model.add_implication(choice[c], opening[data["slot"][c]])
        rows[int(data["choice_row"][c])][0].append(choice[c])
        rows[int(data["choice_row"][c])][1].append(int(data["choice_labour"][c]))
    for s in range(num_slots):
        rows[int(data["slot_row"][s])][0].append(opening[s])
        rows[int(data["slot_row"][s])][1].append(int(data["slot_labour"][s]))
    for row, (variables, labour) in rows.items():
        model.add(cp_model.LinearExpr.weighted_sum(variables, labour) <= int(data["capacity"][row]))
    start, end = data["start"], data["end"]
    window = data["window"]
    for before, after, soak in zip(data["link_before"], data["link_after"], data["link_soak"], strict=True):
        early = range(ptr[before], ptr[before + 1])
        for c in range(ptr[after], ptr[after + 1]):
            ready = [choice[b] for b in early if end[window[b]] + soak <= start[window[c]] + 1e-6]
            model.add_bool_or([*ready, choice[c].negated()])
    for a, b in zip(data["clash_a"], data["clash_b"], strict=True):
        model.add_at_most_one([opening[a], opening[b]])
    variables = choice + never + opening
    costs = np.concatenate([data["cost"], data["never_cost"], data["slot_cost"]])
    model.minimize(cp_model.LinearExpr.weighted_sum(variables, [int(cost) for cost in costs]))
    if len(data["hint"]):
        for variable, value in zip(variables, data["hint"], strict=True):
            model.add_hint(variable, int(value))
    return model, variables


def main() -> None:
    """Solve one instance and write the answer."""
    source, target, seconds, threads = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    with np.load(source) as file:
        data = dict(file)
    begin = time.perf_counter()
    model, variables = build(data)
    built = time.perf_counter()
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = threads
    status = solver.solve(model)
    window = None
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        chosen = np.array([solver.boolean_value(variable) for variable in variables[: len(data["slot"])]])
        placed = np.full(len(data["never_cost"]), -1)
        change = np.repeat(np.arange(len(placed)), np.diff(data["ptr"]))
        placed[change[chosen]] = data["window"][chosen]
        window = placed.tolist()
    answer = {
        "window": window,
        "bound": solver.best_objective_bound / 100.0,
        "build_seconds": built - begin,
        "seconds": time.perf_counter() - built,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "status": solver.status_name(status),
    }
    with open(target, "w", encoding="utf-8") as out:
        json.dump(answer, out)


if __name__ == "__main__":
    main()
