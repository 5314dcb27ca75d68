"""Lines from the relaxation: true for whatever prices, and as good as the relaxation itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from planning.cases import all_plans, random_problem
from poise.planning.choices import list_choices
from poise.planning.generate import generate
from poise.planning.highs import relax_program
from poise.planning.milp import build_model
from poise.planning.tightening import line_of, lines_under


def test_a_line_holds_for_whatever_prices() -> None:
    """Prices of any sign and size, also on bounds that rows lack, prove nothing that a plan contradicts."""
    held = 0
    for seed in range(3_000, 3_080):
        problem = random_problem(seed, most_plans=1_500)
        plans, model = all_plans(problem), build_model(problem, list_choices(problem))
        if not plans.is_feasible.any() or not model.num_columns:
            continue
        exposure, disruption = plans.exposure[plans.is_feasible], plans.disruption[plans.is_feasible]
        rng = np.random.default_rng(seed)
        for scale in (0.0, 1.0, 1e3, 1e6):
            weight = float(rng.exponential(2.0))
            price = scale * rng.normal(size=len(model.row_upper))
            told, bound = line_of(model, weight, price)
            assert told == weight
            assert bound <= (exposure + weight * disruption).min() + 1e-9
            held += 1
    assert held > 200


def test_lines_prove_what_the_relaxation_proves() -> None:
    """At each cap the lines are as good as a relaxation solved from nothing, and all plans are above them."""
    for seed in range(4_000, 4_030):
        problem = random_problem(seed, hard=False, most_plans=1_500)
        plans = all_plans(problem)
        exposure, disruption = plans.exposure[plans.is_feasible], plans.disruption[plans.is_feasible]
        caps = np.quantile(disruption, [0.0, 0.3, 0.6, 1.0]).tolist()
        choices = list_choices(problem)
        points = [(exposure[disruption <= cap].min(), cap) for cap in caps]
        found = lines_under(problem, choices, points, lambda: math.inf)
        assert not found.is_cut
        for weight, bound in found.lines:
            assert (exposure + weight * disruption).min() >= bound - 1e-9
        for cap in caps:
            proven = max((bound - weight * cap for weight, bound in found.lines), default=0.0)
            alone = relax_program(build_model(problem, choices), (1.0, 0.0), (math.inf, cap), 60.0)
            assert proven >= alone.bound - 1e-5 * max(1.0, alone.bound)


@pytest.mark.parametrize("solves", [0, 1, 3])
def test_out_of_time_the_lines_so_far_are_told(solves: int) -> None:
    """The clock ends it between two caps."""
    problem = generate("tiny", 1, links=0.3, exclusions=0.2)
    calls = iter(range(100))
    found = lines_under(
        problem,
        list_choices(problem),
        [(0.0, 1e3), (0.0, 2e3), (0.0, 3e3), (0.0, 4e3)],
        lambda: 60.0 if next(calls) <= solves else 0.0,
    )
    assert found.is_cut
    assert len(found.lines) == solves
