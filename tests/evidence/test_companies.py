"""Made-up companies: the shapes that docs/replay.md states, and dials that do what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poise.evidence.companies import KINDS, PERIOD_WEEKS, SHAPES, make_company
from poise.evidence.deciding import RULE_KEYS
from poise.evidence.made_up import CORRELATIONS, ERRORS, run_trial, settings

PAGE = (Path(__file__).resolve().parents[2] / "docs/replay.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_company_has_the_shape_of_its_kind(kind: str) -> None:
    """Over many seeds, shares and medians are those of the table."""
    shape = SHAPES[kind]  # type: ignore[index]
    many = [make_company(kind, seed) for seed in range(60)]  # type: ignore[arg-type]
    zone = np.concatenate([one.zone for one in many])
    assert np.bincount(zone, minlength=4) / len(zone) == pytest.approx(shape.zones, abs=0.03)
    period = np.concatenate([one.period_weeks for one in many])
    assert [np.mean(period == weeks) for weeks in PERIOD_WEEKS] == pytest.approx(shape.calendars, abs=0.03)
    assert np.median(np.concatenate([one.hosts for one in many])) == pytest.approx(shape.hosts, rel=0.1)
    assert np.median(np.concatenate([one.downtime_per_hour for one in many])) == pytest.approx(
        shape.downtime_per_hour, rel=0.1
    )
    for one in many:
        share = np.bincount(one.zone[one.pair_group] * shape.products + one.pair_product, one.pair_share)
        assert share[share > 0] == pytest.approx(1.0)
        assert (one.offset_weeks < one.period_weeks).all()


def test_the_page_states_the_shapes() -> None:
    """Whoever reads the results must be able to read what the companies were."""
    for shape in SHAPES.values():
        assert shape.label in PAGE
        assert f"{shape.groups}, {shape.teams}, {shape.products}" in PAGE
        assert ", ".join(f"{100 * share:.0f}" for share in shape.zones) in PAGE
        assert f"{shape.downtime_per_hour:,.0f}" in PAGE


def test_a_seed_is_a_company() -> None:
    """The same seed gives the same company, another seed and another kind another."""
    one, two = make_company("bank", 1), make_company("bank", 1)
    assert np.array_equal(one.hosts, two.hosts)
    assert np.array_equal(one.pair_product, two.pair_product)
    assert not np.array_equal(one.hosts, make_company("bank", 2).hosts)


def test_dials_move_one_at_a_time() -> None:
    """Two dials turned together would explain nothing."""
    found = settings()
    assert len(found) == len(CORRELATIONS) + len(ERRORS) - 1
    assert all(correlation == 0.3 or error == 0.5 for correlation, error in found)


def test_cvss_that_follows_the_hazard_makes_the_rule_better() -> None:
    """The dial that matters most: with a high correlation, sorting by CVSS is less foolish."""
    low, high = (
        np.mean(
            [run_trial("office", seed, correlation, 0.5).saved_exposure["cvss-first"] for seed in (1, 2, 3)]
        )
        for correlation in (0.0, 0.9)
    )
    assert high < low - 0.05


def test_a_trial_can_be_repeated_and_compares_every_rule() -> None:
    """Same kind, seed and dials, same figures."""
    one, two = (run_trial("software", 2, 0.3, 0.5) for _ in range(2))
    assert one == two
    assert set(one.saved_exposure) == set(RULE_KEYS)
    assert any(value is not None for value in one.saved_hours.values())
