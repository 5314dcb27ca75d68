"""Reliability and people's ranges: against brute force, and what too little data must not say."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.tables import FIRST, LAST, made_up
from poise.evidence.calibration import ENOUGH, isotonic, range_record, reliability, upper_rate
from poise.evidence.labels import LABEL_DAYS, kev_reliability

PAIRS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40
)


@settings(deadline=None)
@given(PAIRS)
def test_the_brier_score_is_split_without_a_rest(pairs: list[tuple[float, bool]]) -> None:
    """Miscalibration, discrimination and uncertainty are at least zero and give the score."""
    found = reliability("label", [p for p, _ in pairs], [came for _, came in pairs])
    assert found.brier == pytest.approx(
        found.miscalibration - found.discrimination + found.uncertainty, abs=1e-12
    )
    for part in (found.miscalibration, found.discrimination, found.uncertainty):
        assert part >= -1e-12
    assert (np.diff(found.recalibrated) >= -1e-12).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.data())
def test_isotonic_is_the_nearest_growing_sequence(values: list[int], data: st.DataObject) -> None:
    """No growing sequence on a fine grid comes closer."""
    weights = np.array(
        data.draw(st.lists(st.integers(1, 3), min_size=len(values), max_size=len(values))), float
    )
    target = np.array(values, float)
    fitted = isotonic(target, weights)
    assert (np.diff(fitted) >= 0).all()
    best = min(
        float(weights @ (np.array(other) - target) ** 2)
        for other in itertools.product(np.linspace(0, 3, 7), repeat=len(values))
        if all(a <= b for a, b in itertools.pairwise(other))
    )
    assert float(weights @ (fitted - target) ** 2) <= best + 1e-9


def test_honest_forecasts_have_no_miscalibration_and_shifted_ones_do() -> None:
    """The figure rises when forecasts are wrong, not when events are rare."""
    rng = np.random.default_rng(0)
    chance = rng.choice([0.02, 0.1, 0.4, 0.8], 40_000)
    came = rng.random(40_000) < chance
    honest, shifted = reliability("honest", chance, came), reliability("shifted", chance / 2, came)
    assert honest.miscalibration < 2e-4
    assert shifted.miscalibration > 0.02
    assert shifted.discrimination == pytest.approx(honest.discrimination)


@pytest.mark.parametrize(
    ("chance", "came"), [([], []), ([0.5], []), ([1.1], [True]), ([float("nan")], [True])]
)
def test_what_is_no_forecast_is_refused(chance: list[float], came: list[bool]) -> None:
    """No figure out of nothing."""
    with pytest.raises(ValueError, match="Expected"):
        reliability("label", chance, came)


def test_too_few_ranges_say_nothing() -> None:
    """A person with nineteen resolved ranges has no record, however bad they look."""
    few = range_record([(1.0, 2.0, 9.0)] * (ENOUGH - 1))
    assert few.coverage is None
    assert "too few" in few.advice
    many = range_record([(1.0, 2.0, 1.5)] * 15 + [(1.0, 2.0, 9.0)] * 5)
    assert many.coverage == 0.75
    assert many.advice.endswith("Widen them.")
    fine = range_record([(1.0, 2.0, 1.0)] * 96 + [(1.0, 2.0, 9.0)] * 4)
    assert fine.coverage == 0.96
    assert fine.advice.endswith("move them up.")


def test_nothing_happened_is_worth_three_over_n() -> None:
    """The rule of three, and its continuation for some events (exact Poisson bounds)."""
    assert upper_rate(0, 1.0) == pytest.approx(-math.log(0.05), rel=1e-9)
    assert upper_rate(0, 12.0) == pytest.approx(0.2496, rel=1e-3)
    assert upper_rate(1, 1.0) == pytest.approx(4.7439, rel=1e-4)
    assert upper_rate(5, 1.0) == pytest.approx(10.5130, rel=1e-4)
    with pytest.raises(ValueError, match="Expected"):
        upper_rate(0, 0.0)


def test_public_labels_are_named_and_versions_kept_apart(tmp_path: Path) -> None:
    """The title says what the label is, and no forecast whose month crosses into another model counts."""
    world = made_up(1).world(tmp_path)
    (found,) = kev_reliability(world, FIRST, LAST + timedelta(days=20))
    assert "listed in KEV within 30 days" in found.title
    months = ((LAST + timedelta(days=20)) - FIRST).days // LABEL_DAYS
    assert found.count.sum() <= months * len(world.cves)
    listed = sum(
        1
        for spans in world.kev.spans.values()
        if FIRST < spans[0].since <= FIRST + timedelta(days=months * LABEL_DAYS)
    )
    assert 0 < round(found.base_rate * found.count.sum()) <= listed
