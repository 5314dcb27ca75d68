"""Problems with less in them mean what they meant, but for what is gone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.cases import all_plans, random_caps, random_problem
from poise.planning.check import check
from poise.planning.edit import without_slots


@given(st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_plans_that_use_no_lost_slot_stay_as_they_were(seed: int) -> None:
    """Costs and feasibility, caps included, of every plan that is left are those in the whole problem."""
    problem = random_problem(seed)
    problem = replace(problem, caps=random_caps(problem, seed))
    gone = np.random.default_rng(seed).random(problem.num_slots) < 0.4
    less = without_slots(problem, gone)
    check(less)
    whole, rest = all_plans(problem), all_plans(less)
    known = {tuple(row): place for place, row in enumerate(whole.window.tolist())}
    places = np.array([known[tuple(row)] for row in rest.window.tolist()])
    assert np.allclose(whole.exposure[places], rest.exposure)
    assert np.allclose(whole.disruption[places], rest.disruption)
    assert (whole.is_feasible[places] == rest.is_feasible).all()
