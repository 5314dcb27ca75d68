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
    knowledge_draws: int = 200,
    inner_draws: int = 500,
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


def differences(simulation: Simulation, a: str, b: str) -> tuple[Difference, ...]:
    """Return what plan a costs more than plan b: each side, and both together."""
    first, second = simulation.model.index(a), simulation.model.index(b)
    found = []
    for side in ("security", "operations", "total"):
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
