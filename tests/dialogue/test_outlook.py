"""What a goal's services cost ahead adds up to the plan as the independent evaluator sees it."""

from __future__ import annotations

import numpy as np
import pytest

from poise.dialogue.outlook import Outlook, prospect
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan
from table.cases import AllKept, small_ground


@pytest.mark.parametrize("seed", range(20))
def test_services_add_up_to_the_whole_plan(seed: int) -> None:
    """Every group's share stands with one service, so no sum counts anything twice or not at all."""
    ground = small_ground(seed)
    every = AllKept(ground, ())
    for place in np.linspace(0, len(every.window) - 1, 5).astype(int):
        plan = Plan(every.window[place])
        outlook, truth = Outlook(ground, plan), evaluate(ground.problem, plan)
        whole = outlook.cost()
        assert whole.exposure == pytest.approx(truth.exposure)
        assert whole.disruption == pytest.approx(truth.disruption)
        parts = [outlook.cost([service.id]) for service in ground.services]
        assert sum(part.exposure for part in parts) == pytest.approx(truth.exposure)
        assert sum(part.disruption for part in parts) == pytest.approx(truth.disruption)
        assert sum(part.changes for part in parts) == ground.problem.num_changes


@pytest.mark.parametrize("seed", range(5))
def test_weeks_fall_as_changes_are_done(seed: int) -> None:
    """The default does nothing: its exposure a day stays, and nothing is spent on visits."""
    ground = small_ground(seed)
    weeks = Outlook(ground, ground.default_plan).weeks()
    total = float(ground.problem.exposure_per_day.sum())
    assert [week.exposure_per_day for week in weeks] == pytest.approx([total] * len(weeks))
    assert {week.disruption for week in weeks} == {0.0}
    best = Outlook(ground, Plan(AllKept(ground, ()).window[-1])).weeks()
    assert [w.exposure_per_day for w in best] == sorted((w.exposure_per_day for w in best), reverse=True)


def test_a_service_that_the_table_does_not_know_has_no_price() -> None:
    """Not known is not zero."""
    ahead = prospect(small_ground(1), None)
    assert ahead.price_of(["nowhere"], ahead.ground.now) is None
    assert ahead.price_of(["shop", "erp", "wiki"], ahead.ground.now) == pytest.approx(
        float(ahead.ground.problem.exposure_per_day.sum())
    )
