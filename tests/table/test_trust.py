"""Simulating what is said at a table: paired, on the ground's own seed, and refused where it cannot be."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from poise.errors import TableError
from poise.table.ground import Ground, as_plan, encode
from poise.table.trust import differences, simulate_table
from table.cases import small_ground, with_risk


@pytest.fixture
def ground() -> Ground:
    """Return a ground with some plans that can be simulated."""
    return with_risk(small_ground(8))


def test_every_plan_of_a_table_can_be_simulated(ground: Ground) -> None:
    """The default comes first by itself, whatever else is asked for, and none is counted twice."""
    plans = [(one.key, one.label, as_plan(one.windows)) for one in ground.plans]
    found = simulate_table(ground, [*plans, ("default", "again", ground.default_plan)], knowledge_draws=20)
    assert found.model.plans.keys == ("default", *(one.key for one in ground.plans))
    assert found.model.seed == ground.seed
    assert np.isfinite(found.total).all()


def test_the_ground_alone_is_enough(ground: Ground) -> None:
    """Another machine that has the ground's file gets the same figures to the byte."""
    copy = msgspec.json.decode(encode(ground), type=Ground)
    plans = [("p", "last", as_plan(ground.plans[-1].windows))]
    one, two = (simulate_table(each, plans, knowledge_draws=16) for each in (ground, copy))
    assert one.total.tobytes() == two.total.tobytes()
    assert np.array_equal(one.tally.loss_counts, two.tally.loss_counts)


def test_differences_are_paired(ground: Ground) -> None:
    """What a costs more than b is what b costs less than a; sides add up; a plan ties with itself."""
    plans = [
        ("p", "last", as_plan(ground.plans[-1].windows)),
        ("q", "same", as_plan(ground.plans[-1].windows)),
    ]
    found = simulate_table(ground, plans, knowledge_draws=40)
    forth, back = differences(found, "p", "default"), differences(found, "default", "p")
    for one, other in zip(forth, back, strict=True):
        assert one.mean == pytest.approx(-other.mean)
        assert one.low == pytest.approx(-other.high)
        assert one.chance + other.chance <= 1 + 1e-12
    security, operations, total = forth
    assert total.mean == pytest.approx(security.mean + operations.mean)
    for same in differences(found, "p", "q"):
        assert (same.low, same.mean, same.high, same.chance) == (0.0, 0.0, 0.0, 0.0)


def test_a_ground_without_a_model_is_refused() -> None:
    """A table opened by an earlier version says so, instead of inventing ranges."""
    with pytest.raises(TableError, match="E556"):
        simulate_table(small_ground(8), [])
