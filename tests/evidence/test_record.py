"""How good a plan's figures were: predictions from what was known, counts from what was reported."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import comb

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.evidence.record import Predicted, count_law, latest, record_of
from poise.patching.outcomes import Outcome
from poise.table.ground import Ground, as_plan
from table.cases import NOW, small_ground


@settings(deadline=None)
@given(st.integers(0, 12), st.floats(0.0, 1.0))
def test_the_law_of_equal_chances_is_binomial(n: int, chance: float) -> None:
    """Against the textbook."""
    law = count_law([chance] * n)
    wanted = [comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(n + 1)]
    assert law == pytest.approx(wanted[: len(law)], abs=1e-11)
    assert sum(wanted[len(law) :]) < 1e-10


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 1.0), max_size=8))
def test_the_law_keeps_its_mean(chances: list[float]) -> None:
    """However different the chances, expected counts add up."""
    law = count_law(chances)
    assert float(np.arange(len(law)) @ law) == pytest.approx(sum(chances), abs=1e-8)


@pytest.fixture
def ground() -> Ground:
    """Return a ground whose changes have chances to fail and scores."""
    plain = small_ground(8)
    changes = tuple(
        msgspec.structs.replace(
            change,
            failure_probability=0.1,
            epss_max=0.5,
            is_kev=False,
            vulnerabilities=(f"CVE-2026-{number:04d}",),
        )
        for number, change in enumerate(plain.changes)
    )
    return msgspec.structs.replace(plain, changes=changes)


def rows(
    ground: Ground, outcomes: list[Outcome], listed: dict[str, date], days: float
) -> tuple[Predicted, ...]:
    """Return the record of the busiest plan after some days."""
    plan = as_plan(ground.plans[-1].windows)
    return record_of(ground, plan, latest(outcomes), listed.get, NOW + timedelta(days=days))


def test_nothing_reported_is_not_nothing_happened(ground: Ground) -> None:
    """Without outcomes downtime and failures have no actual figure; KEV's is known without anybody's word."""
    downtime, failures, hits = rows(ground, [], {}, 10.0)
    assert downtime.actual is None
    assert failures.actual is None
    assert failures.is_inside is None
    assert hits.actual == 0.0


def test_downtime_and_failures_are_compared_like_with_like(ground: Ground) -> None:
    """Planned minutes of noted visits only; expected failures of tried changes only; the last word counts."""
    plan = as_plan(ground.plans[-1].windows)
    done = [change.id for change, window in zip(ground.changes, plan.window, strict=True) if window >= 0]
    assert done
    outcomes = [
        Outcome(done[0], "done", downtime_minutes=30.0),
        Outcome(done[0], "failed", downtime_minutes=90.0),
    ]
    outcomes += [Outcome(one, "not_done") for one in done[1:]]
    downtime, failures, _ = rows(ground, outcomes, {}, 10.0)
    assert (downtime.predicted, downtime.actual) == (1.0, 1.5)
    assert failures.predicted == pytest.approx(0.1)
    assert failures.actual == 1.0
    assert failures.is_inside


def test_a_listing_counts_while_the_change_is_open(ground: Ground) -> None:
    """Listed before the plan or after the change was done is no hit; more days predict more hits."""
    plan = as_plan(ground.plans[-1].windows)
    never = [n for n, window in enumerate(plan.window) if window < 0]
    names = {n: ground.changes[n].vulnerabilities[0] for n in range(len(ground.changes))}
    today = NOW.date()
    assert rows(ground, [], {names[0]: today - timedelta(days=1)}, 9.0)[2].actual == 0.0
    target = never[0] if never else 0
    soon = {names[target]: today + timedelta(days=1)}
    undone = [Outcome(ground.changes[target].id, "not_done")]
    assert rows(ground, undone, soon, 9.0)[2].actual == 1.0
    finished = datetime.combine(today, datetime.min.time(), UTC)
    over = [Outcome(ground.changes[target].id, "done", finished=finished)]
    assert rows(ground, over, soon, 9.0)[2].actual == 0.0
    assert rows(ground, undone, soon, 0.5)[2].actual == 0.0
    assert rows(ground, [], {}, 9.0)[2].predicted > rows(ground, [], {}, 3.0)[2].predicted > 0
