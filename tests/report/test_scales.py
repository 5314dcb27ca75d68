"""Scales and ticks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.report.scales import Scale, clipped, level_at, padded, ticks

FINITE = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-6)


@given(FINITE, FINITE, st.integers(1, 12))
def test_ticks_are_inside_even_and_few(low: float, high: float, wanted: int) -> None:
    """Ticks outside the axis or by the hundred would draw over everything."""
    found = ticks(low, high, wanted)
    if high <= low:
        assert found == []
        return
    slack = (high - low) * 1e-6 + abs(high) * 1e-9 + abs(low) * 1e-9
    assert len(found) <= 2 * wanted + 2
    assert all(low - slack <= value <= high + slack for value in found)


def test_ticks_are_round_numbers() -> None:
    """People read 100, 200, 300, not 97, 194, 291."""
    assert ticks(87_000, 312_000, 5) == [100_000, 150_000, 200_000, 250_000, 300_000]


@pytest.mark.parametrize(("low", "high"), [(math.nan, 1.0), (0.0, math.inf), (1.0, 1.0)])
def test_no_ticks_without_an_axis(low: float, high: float) -> None:
    """An empty or infinite axis has no ticks, and no endless loop."""
    assert ticks(low, high, 5) == []


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_padded_holds_every_value(values: list[float]) -> None:
    """A dot on the frame is cut in half."""
    low, high = padded(values)
    assert low < high
    assert all(low <= value <= high for value in values)
    assert low >= 0 or min(values) < 0


def test_scale_goes_to_pixels_and_clips() -> None:
    """An axis that rises has its pixels the other way round."""
    scale = Scale(0, 10, 100, 0)
    assert [scale(0), scale(5), scale(10)] == [100, 50, 0]
    assert scale.clip(12) == 10
    assert not scale.holds(12)


def test_line_is_cut_where_it_leaves_the_axes() -> None:
    """A bound that starts at zero disruption must not be bent to fit the picture."""
    x, y = Scale(10, 30, 0, 100), Scale(0, 50, 100, 0)
    assert clipped([(0, 100), (20, 40), (40, 20)], x, y) == [(50 / 3, 50), (20, 40), (30, 30)]
    assert clipped([(0, 5), (40, 5)], x, y) == [(10, 5), (30, 5)]
    assert clipped([(0, 90), (40, 80)], x, y) == []


def test_a_line_is_level_beyond_its_ends() -> None:
    """Between its points it is straight; beyond them nothing is known of it."""
    line = [(1.0, 10.0), (3.0, 4.0)]
    assert [level_at(line, x) for x in (0.0, 1.0, 2.0, 3.0, 9.0)] == [10.0, 10.0, 7.0, 4.0, 4.0]
