"""Simulating the plans of the table."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Final

import msgspec
import numpy as np

from poise.desk import convert
from poise.desk.actions.evidence import SIMULATE_JOB
from poise.desk.convert import DeskSession
from poise.desk.jobs import Run, handler
from poise.desk.trusted import plan_hash
from poise.patching.assemble import simulated
from poise.planning.problem import Plan
from poise.risk.simulation.simulate import Simulation
from poise.table.agreement import agreed_plan
from poise.table.ground import as_plan
from poise.table.trust import SIDES, cost_ranges, differences, simulate_table

#: Plans of the frontier that stand on the page beside the default, the agreement, proposals and fair points.
FRONTIER_PLANS: Final = 5


@handler(SIMULATE_JOB)
def simulate(run: Run) -> None:
    """Simulate, and keep ranges, dots and the paired difference of any two plans as the job's result."""
    at = convert.session(run.by.now)
    plans = plans_of(at)
    found = simulate_table(at.ground, plans, progress=run.progress)
    keys = found.model.plans.keys
    known = {"default": at.ground.default_plan} | {key: plan for key, _, plan in plans}
    result: dict[str, Any] = {
        "ground": at.negotiation.ground,
        "currency": at.ground.currency,
        "horizon_days": found.model.horizon_days,
        "labels": dict(zip(keys, found.model.plans.labels, strict=True)),
        "shown": _shown(at, keys),
        "hashes": {plan_hash(known[key]): key for key in reversed(keys)},
        "costs": cost_ranges(found),
        "pairs": _pairs(found),
        "simulated": msgspec.to_builtins(simulated(found)),
    }
    with run.finishing(**result):
        pass


def plans_of(at: DeskSession) -> list[tuple[str, str, Plan]]:
    """Return every plan that has a name at the table but the default: each once, the signed one first."""
    ground, state = at.ground, at.negotiation
    named = []
    if state.in_force is not None:
        named.append(("agreed", "The agreement in force", agreed_plan(ground, state.in_force[1])))
    for one in state.proposals:
        label = f"Proposal {one.number}: {one.label}"
        named.append((f"proposal-{one.number}", label, as_plan(one.windows)))
    named += [
        ("standing" if key == "default" else key, label, as_plan(windows))
        for key, (label, windows) in at.known_plans().items()
    ]
    seen = {plan_hash(ground.default_plan)}
    found = []
    for key, label, plan in named:
        # What people signed or proposed keeps its own row, also where it is a plan of another name.
        if (mark := plan_hash(plan)) not in seen or key.startswith(("agreed", "proposal-")):
            found.append((key, label, plan))
        seen.add(mark)
    return found


def _shown(at: DeskSession, keys: tuple[str, ...]) -> list[str]:
    """Return the plans that a page lists: some of the frontier stand for all of it."""
    frontier = [stored.key for stored in at.ground.plans if stored.key in keys]
    places = (
        np.unique(np.linspace(0, len(frontier) - 1, FRONTIER_PLANS).round().astype(int)) if frontier else ()
    )
    some = {frontier[int(place)] for place in places}
    return [key for key in keys if key not in frontier or key in some]


def _pairs(found: Simulation) -> dict[str, list[list[float]]]:
    """Return the paired difference of any two plans, by side: 5 %, mean, 95 %, how often less and more."""
    rows = {}
    for a, b in combinations(found.model.plans.keys, 2):
        more = {one.side: one.chance for one in differences(found, b, a)}
        by_side = {one.side: one for one in differences(found, a, b)}
        rows[f"{a}|{b}"] = [
            [
                *(float(f"{value:.5g}") for value in (own.low, own.mean, own.high)),
                own.chance,
                more[side],
            ]
            for side in SIDES
            if (own := by_side[side])
        ]
    return rows
