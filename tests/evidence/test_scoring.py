"""Savings at equal hours and equal exposure: laws of the reading, and honest intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.evidence.scoring import BLOCK_WEEKS, Saving, blocks, interval, read_off, saved, saving

LADDER = np.array([[10.0, 100.0], [20.0, 60.0], [40.0, 50.0]])


def test_a_ladder_is_read_by_straight_lines() -> None:
    """Between two steps a mix of both would do; beyond the last that stands; before the first, nothing."""
    assert read_off(LADDER, 15.0) == pytest.approx(80.0)
    assert read_off(LADDER, 400.0) == 50.0
    assert read_off(LADDER, 9.9) is None
    beaten = np.vstack([LADDER, [30.0, 70.0]])
    assert read_off(beaten, 30.0) == pytest.approx(55.0)


@settings(deadline=None)
@given(st.floats(10.0, 100.0), st.floats(1.0, 500.0))
def test_both_readings_tell_the_same_story(hours: float, exposure: float) -> None:
    """A rule above the ladder loses in both readings, one below it wins in both: never one of each."""
    rule = np.array([hours, exposure])
    at_hours, at_exposure = saved(LADDER, rule, along=0), saved(LADDER, rule, along=1)
    if at_hours is not None and at_exposure is not None:
        assert (at_hours >= -1e-12) == (at_exposure >= -1e-12)


def test_a_step_of_the_ladder_saves_nothing_against_itself() -> None:
    """Compared with its own steps the ladder is a tie, whatever the weeks."""
    rng = np.random.default_rng(0)
    steps = [rng.uniform(1, 2, (40, 2)) * [scale, 10 / scale] for scale in (1.0, 2.0, 4.0)]
    for step in steps:
        found = saving(steps, step, along=0)
        assert found.value == pytest.approx(0.0, abs=1e-12)
        assert found.verdict == "open"


def test_a_clear_saving_is_a_win_and_a_clear_loss_a_loss() -> None:
    """Half the exposure in every week is a win with a narrow interval; twice is a loss."""
    rng = np.random.default_rng(1)
    week = rng.uniform(5, 15, 60)
    steps = [np.column_stack([np.full(60, 10.0), week]), np.column_stack([np.full(60, 20.0), 0.5 * week])]
    found = saving(steps, np.column_stack([np.full(60, 10.0), 2 * week]), along=0)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert found.verdict == "win"
    assert saving(steps, np.column_stack([np.full(60, 10.0), 0.8 * week]), along=0).verdict == "loss"


def test_blocks_keep_weeks_together() -> None:
    """Exposure of one week is much that of the next; single weeks would make intervals too narrow."""
    drawn = blocks(50, 200)
    assert drawn.shape == (200, 50)
    assert drawn.min() >= 0
    assert drawn.max() <= 49
    inside = np.arange(49) % BLOCK_WEEKS != BLOCK_WEEKS - 1
    assert (np.diff(drawn, axis=1)[:, inside] == 1).all()
    assert blocks(3, 5).shape == (5, 3)
    assert blocks(1, 5).tolist() == [[0]] * 5


def test_the_bootstrap_covers_about_nine_times_in_ten() -> None:
    """For independent weeks, the interval of a sum holds the truth about as often as it says."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(150):
        low, high = interval(rng.normal(10.0, 3.0, 80))
        hits += low <= 800.0 <= high
    assert 0.8 <= hits / 150 <= 0.97


def test_what_cannot_be_compared_has_no_figure() -> None:
    """A rule with fewer hours than every step of the ladder is not judged, rather than judged well."""
    weeks = np.full((20, 2), [1.0, 5.0])
    steps = [np.full((20, 2), [2.0, 4.0])]
    assert saving(steps, weeks, along=0) == Saving(None, None, None)
    assert saving(steps, weeks[:0], along=0) == Saving(None, None, None)
    assert saved(np.array([[1.0, 1.0]]), np.array([1.0, 0.0]), along=0) is None


def test_the_bootstrap_has_the_variance_that_theory_gives_it() -> None:
    """A resampled sum is that of independent blocks: mean and variance follow from the block sums alone."""
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(61)
    series = np.array([noise[week] + 0.8 * noise[max(week - 1, 0)] for week in range(60)])
    block_sums = np.convolve(series, np.ones(BLOCK_WEEKS), "valid")
    number = 60 // BLOCK_WEEKS
    sums = series[blocks(60, 40_000)].sum(axis=1)
    assert sums.mean() == pytest.approx(number * block_sums.mean(), abs=4 * sums.std() / 200)
    assert sums.var() == pytest.approx(number * block_sums.var(), rel=0.03)
    # Weeks resampled one by one would lose what neighbours share: here most of the variance.
    assert sums.var() > 1.2 * 60 * series.var()
