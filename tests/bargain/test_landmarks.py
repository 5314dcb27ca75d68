"""Landmarks against brute force, and the laws that fair points must keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.bargain import Stakes, bargain, left_on_table

DEFAULT = Stakes(100.0, 100.0)

stakes = st.builds(
    Stakes,
    st.integers(0, 120).map(float),
    st.integers(0, 120).map(float),
)


def brute_force_nash(candidates: list[Stakes]) -> float:
    """Return the largest product of gains by trying every plan."""
    rational = [s for s in candidates if s.security <= 100 and s.operations <= 100]
    return max((100 - s.security) * (100 - s.operations) for s in rational)


@given(st.lists(stakes, max_size=12))
def test_nash_has_the_largest_product_of_gains(plans: list[Stakes]) -> None:
    """The Nash point is its definition, whatever the plans."""
    candidates = [*plans, DEFAULT]
    found = bargain(candidates, DEFAULT)
    chosen = candidates[found.nash[0]]
    product = (100 - chosen.security) * (100 - chosen.operations)
    assert product == pytest.approx(brute_force_nash(candidates))


@given(st.lists(stakes, max_size=12))
def test_kalai_smorodinsky_is_leximin_of_shares(plans: list[Stakes]) -> None:
    """No rational plan gives the worse-served side more, nor as much with more for the other."""
    candidates = [*plans, DEFAULT]
    found = bargain(candidates, DEFAULT)
    shares = np.nan_to_num(np.column_stack([found.share_security, found.share_operations]))
    chosen = sorted(shares[found.kalai_smorodinsky[0]])
    best = max(tuple(sorted(shares[i])) for i in found.rational)
    assert chosen == pytest.approx(best, abs=1e-6)


@given(st.lists(stakes, min_size=1, max_size=12), st.floats(0.001, 1000), st.floats(0.001, 1000))
def test_rescaling_an_axis_moves_no_landmark(plans: list[Stakes], a: float, b: float) -> None:
    """Fair points need no exchange rate between the sides' money."""
    candidates = [*plans, DEFAULT]
    scaled = [Stakes(s.security * a, s.operations * b) for s in candidates]
    found = bargain(candidates, DEFAULT)
    other = bargain(scaled, Stakes(100 * a, 100 * b))
    assert set(other.nash) == set(found.nash)
    assert set(other.kalai_smorodinsky) == set(found.kalai_smorodinsky)


def test_leximin_prefers_more_for_both_to_an_equal_split_of_less() -> None:
    """0.45/0.55 is the more equal split, 0.90/0.50 the better one for both but one."""
    ends = [Stakes(0.0, 100.0), Stakes(100.0, 0.0)]
    found = bargain([*ends, Stakes(55.0, 45.0), Stakes(10.0, 50.0), DEFAULT], DEFAULT)
    assert found.kalai_smorodinsky == (3,)


def test_a_plan_worse_than_the_default_for_one_side_is_never_a_landmark() -> None:
    """A side that does better without signing would not sign."""
    found = bargain([Stakes(0.0, 101.0), Stakes(90.0, 90.0), DEFAULT], DEFAULT)
    assert found.nash == found.kalai_smorodinsky == (1,)
    assert found.least_total == 0


def test_nobody_gains_from_the_default_alone() -> None:
    """Where the default is the best there is, it is the landmark and shares are not numbers."""
    found = bargain([DEFAULT], DEFAULT)
    assert found.nash == (0,)
    assert not found.has_gains
    assert np.isnan(found.share_security).all()
    assert left_on_table(found, DEFAULT, lambda _: 0.0) is None


def test_ties_are_kept_as_a_set() -> None:
    """Two plans of equal product are both Nash points; neither is hidden."""
    candidates = [Stakes(0.0, 50.0), Stakes(50.0, 0.0), DEFAULT]
    assert bargain(candidates, DEFAULT).nash == (0, 1)


@given(st.lists(stakes, max_size=10))
def test_left_on_the_table_is_never_less_than_what_a_found_plan_adds(plans: list[Stakes]) -> None:
    """The bound speaks of all plans, so also of those that were found."""
    candidates = [*plans, DEFAULT]

    def bound(operations: float) -> float:
        fits = [s.security for s in candidates if s.operations <= operations + 1e-9]
        return min(fits, default=float("inf"))

    found = bargain(candidates, DEFAULT)
    index = found.kalai_smorodinsky[0]
    left = left_on_table(found, candidates[index], bound)
    if left is None:
        return
    adds = [
        min(
            found.share_security[i] - found.share_security[index],
            found.share_operations[i] - found.share_operations[index],
        )
        for i in range(len(candidates))
    ]
    assert left >= max(adds) - 1e-6


def test_bargaining_over_nothing_is_an_error() -> None:
    """An empty list of plans is a caller's mistake, not a bargain."""
    with pytest.raises(ValueError, match="at least one"):
        bargain([], DEFAULT)
