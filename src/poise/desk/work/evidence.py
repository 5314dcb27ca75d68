"""Simulating the plans of the table."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np

from poise.desk import convert
from poise.desk.actions.evidence import SIMULATE_JOB
from poise.desk.convert import DeskSession
from poise.desk.jobs import Run, handler
from poise.patching.assemble import simulated
from poise.planning.problem import Plan
from poise.table.agreement import agreed_plan
from poise.table.ground import as_plan
from poise.table.trust import differences, simulate_table

#: Plans of the frontier that are simulated beside the default, the agreement and proposals.
FRONTIER_PLANS: Final = 5


@handler(SIMULATE_JOB)
def simulate(run: Run) -> None:
    """Simulate, and keep ranges, dots and paired differences as the job's result."""
    at = convert.session(run.by.now)
    found = simulate_table(at.ground, plans_of(at), progress=run.progress)
    keys = found.model.plans.keys
    result: dict[str, Any] = {
        "ground": at.negotiation.ground,
        "currency": at.ground.currency,
        "horizon_days": found.model.horizon_days,
        "labels": dict(zip(keys, found.model.plans.labels, strict=True)),
        "simulated": msgspec.to_builtins(simulated(found)),
        "differences": {
            key: [msgspec.to_builtins(one) for one in differences(found, key, "default")]
            for key in keys
            if key != "default"
        },
    }
    with run.finishing(**result):
        pass


def plans_of(at: DeskSession) -> list[tuple[str, str, Plan]]:
    """Return the plans that people at the table speak of: the signed one, proposals, some of the frontier."""
    ground, state = at.ground, at.negotiation
    found = []
    if state.in_force is not None:
        found.append(("agreed", "The agreement in force", agreed_plan(ground, state.in_force[1])))
    for one in state.proposals[-3:]:
        label = f"Proposal {one.number}: {one.label}"
        found.append((f"proposal-{one.number}", label, as_plan(one.windows)))
    places = (
        np.unique(np.linspace(0, len(ground.plans) - 1, FRONTIER_PLANS).round().astype(int))
        if ground.plans
        else ()
    )
    for place in places:
        stored = ground.plans[int(place)]
        found.append((stored.key, f"Frontier, {stored.label}", as_plan(stored.windows)))
    return found
