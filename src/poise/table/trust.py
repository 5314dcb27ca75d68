"""How far figures said at a table can be trusted: any of its plans, simulated on its ground."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from poise.errors import Fault, TableError
from poise.patching.risk_model import with_plans
from poise.planning.problem import Plan
from poise.risk.simulation.simulate import Simulation, simulate
from poise.risk.simulation.storage import parse
from poise.table.ground import Ground

#: Sets of unknown values that a table's plans are played with, and possible horizons for each.
KNOWLEDGE_DRAWS, INNER_DRAWS = 200, 500
SIDES = ("security", "operations", "total")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What plan a costs more than plan b, by the same draws: paired, so that what both share cancels out.

    ``low`` and ``high`` are the 5th and 95th percentile of what nobody knows, ``chance`` is in how much of
    it a costs
    less [0, 1]. Money of one side, or of both together.
    """

    side: str
    low: float
    mean: float
    high: float
    chance: float


def simulate_table(
    ground: Ground,
    plans: Sequence[tuple[str, str, Plan]],
    *,
    knowledge_draws: int = KNOWLEDGE_DRAWS,
    inner_draws: int = INNER_DRAWS,
    progress: Callable[[int, int, str], None] | None = None,
) -> Simulation:
    """Simulate plans of a table, the default first, all on the same draws and on the ground's seed.

    Parameters
    ----------
    plans
        (key, label, plan); the default is added by itself.

    Raises
    ------
    TableError
        E556 when the ground was made by a Poise that did not simulate.
    """
    if ground.risk is None:
        message = "holds nothing to simulate: it was made by an earlier version."
        raise TableError(Fault("E556", "ground", message, "Open the table anew."))
    model = parse(msgspec.json.encode(ground.risk), "ground")
    default = ("default", ground.default.label, ground.default_plan)
    return simulate(
        with_plans(model, ground.problem, [default, *(one for one in plans if one[0] != "default")]),
        knowledge_draws=knowledge_draws,
        inner_draws=inner_draws,
        progress=progress,
    )


def draws_of(ground: Ground) -> dict[str, int] | None:
    """Return what repeats a simulation of this ground to the byte; None where it holds nothing to simulate.

    Draws follow from (seed, purpose, number) alone: docs/simulation.md.
    """
    if ground.risk is None:
        return None
    seed = int(ground.risk["seed"])
    return {"seed": seed, "knowledge_draws": KNOWLEDGE_DRAWS, "inner_draws": INNER_DRAWS}


def cost_ranges(simulation: Simulation) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Return 5th percentile, mean and 95th percentile of each plan's cost, by plan and side [money]."""
    found: dict[str, dict[str, tuple[float, float, float]]] = {key: {} for key in simulation.model.plans.keys}
    for side in SIDES:
        cost = getattr(simulation, side)
        low, high = np.quantile(cost, (0.05, 0.95), axis=0)
        for place, key in enumerate(simulation.model.plans.keys):
            found[key][side] = (float(low[place]), float(cost[:, place].mean()), float(high[place]))
    return found


def differences(simulation: Simulation, a: str, b: str) -> tuple[Difference, ...]:
    """Return what plan a costs more than plan b: each side, and both together."""
    first, second = simulation.model.index(a), simulation.model.index(b)
    found = []
    for side in SIDES:
        cost = getattr(simulation, side)
        more = cost[:, first] - cost[:, second]
        low, high = np.quantile(more, (0.05, 0.95))
        found.append(
            Difference(
                side=side,
                low=float(low),
                mean=float(more.mean()),
                high=float(high),
                chance=float(np.mean(more < 0)),
            )
        )
    return tuple(found)
