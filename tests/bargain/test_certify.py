"""Certificates against all plans of a world: nothing may beat what is proven."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.bargain import Stakes, bargain
from poise.bargain.certify import BoundLines, certify

DEFAULT = Stakes(100.0, 100.0)
costs = st.tuples(st.integers(0, 120), st.integers(0, 120))


def lines_below(plans: list[tuple[int, int]], slack: float) -> BoundLines:
    """Return lines and steps that hold for all these plans, lower by a slack."""
    weight = np.array([0.0, 0.3, 1.0, 3.0])
    bound = np.array([min(s + w * d for s, d in plans) - slack for w in weight])
    caps = np.array([20.0, 60.0, 100.0])
    steps = np.array([min((s for s, d in plans if d <= cap), default=1e9) - slack for cap in caps])
    return BoundLines(weight, bound, caps, steps, min(d for _, d in plans))


@given(st.lists(costs, min_size=1, max_size=12), st.integers(1, 12), st.sampled_from([0.0, 5.0]))
@settings(max_examples=300, deadline=None)
def test_no_plan_is_fairer_than_certified(plans: list[tuple[int, int]], known: int, slack: float) -> None:
    """Only some plans were found; the certificate speaks of all of them."""
    everything = [*plans, (100, 100)]
    candidates = [*everything[:known], (100, 100)]
    found = bargain([Stakes(float(s), float(d)) for s, d in candidates], DEFAULT)
    certificate = certify(
        found, [(float(s), float(d)) for s, d in candidates], lines_below(everything, slack)
    )
    if certificate is None:
        assert not found.has_gains
        return
    span = (100 - found.security_ideal, 100 - found.operations_ideal)
    for s, d in everything:
        assert min((100 - s) / span[0], (100 - d) / span[1]) <= certificate.largest_smaller_share + 1e-6
        if s <= 100 and d <= 100:
            assert (100 - s) * (100 - d) <= certificate.largest_product * (1 + 1e-6)
    fair = found.kalai_smorodinsky[0]
    own = min(found.share_security[fair], found.share_operations[fair])
    assert certificate.largest_smaller_share == pytest.approx(own + certificate.kalai_smorodinsky_gap)


def test_a_whole_frontier_under_steps_of_its_own_is_proven() -> None:
    """When the bound passes through every plan of a convex frontier, the fair points are proven best."""
    plans = [(100, 0), (60, 20), (30, 50), (10, 100)]
    candidates = [*plans, (100, 100)]
    found = bargain([Stakes(float(s), float(d)) for s, d in candidates], DEFAULT)
    caps = np.array([19.999, 49.999, 99.999, 1e9])
    bound = BoundLines(np.array([0.0]), np.array([10.0]), caps, np.array([100.0, 60.0, 30.0, 10.0]))
    certificate = certify(found, [(float(s), float(d)) for s, d in candidates], bound)
    assert certificate is not None
    assert certificate.kalai_smorodinsky_gap < 1e-3
    assert certificate.nash_gap < 1e-3
