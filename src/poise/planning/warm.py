"""Compile every kernel of the planning room: ``python -m poise.planning.warm``, part of installing."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition.warm_up import warm_up
from poise.planning.frontier import sweep
from poise.planning.generate import generate
from poise.planning.schedule import schedule_by_priority
from poise.planning.solvers import price_solver


def main() -> None:
    """Run each kernel once, on problems so small that only the compiler takes time."""
    warm_up()
    problem = generate("tiny", seed=0, links=0.5, exclusions=0.2)
    schedule_by_priority(problem, np.ones(problem.num_changes))
    sweep(problem, points=4, seconds=600.0, solver=price_solver)


if __name__ == "__main__":
    main()
