"""The planning problem says in arrays what the estate says in words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from patching.build import case, change, estate, group
from poise.estate.model import Freeze
from poise.planning.check import check


def test_an_opening_costs_downtime_and_labour(tmp_path: Path) -> None:
    """Half an hour at 1,000 an hour, and half an hour of one person at overtime."""
    built = case(estate(tmp_path, overtime_factor=1.5))
    check(built.problem)
    assert built.problem.slot_cost == pytest.approx(500.0 + 0.5 * 60 * 1.5)


def test_a_redundant_half_costs_its_capacity_loss_only(tmp_path: Path) -> None:
    """While one half reboots the other carries the service, and both are never open together."""
    a = group("a", redundant_with=("b",), capacity_loss_fraction=0.1)
    b = group("b", redundant_with=("a",), capacity_loss_fraction=0.1)
    built = case(estate(tmp_path, a, b), change("1", "a"), change("2", "b"))
    assert built.problem.slot_cost == pytest.approx(50.0 + 30.0)
    assert list(zip(built.problem.exclusion_a, built.problem.exclusion_b, strict=True)) == [(0, 1)]


def test_a_freeze_takes_its_windows_away(tmp_path: Path) -> None:
    """The window of 17 January lies in the freeze; the others stay."""
    freeze = Freeze("sale", datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 1, 20, tzinfo=UTC))
    free, frozen = case(estate(tmp_path)), case(estate(tmp_path, freezes=(freeze,)))
    assert free.problem.num_slots - frozen.problem.num_slots == 1
    assert all(window.start.date() != date(2026, 1, 17) for window in frozen.windows)


def test_a_ring_links_the_same_remedy_stage_by_stage(tmp_path: Path) -> None:
    """Production waits for staging's change of the same software, and only of that."""
    staging = group("a-staging", ring="web", ring_stage=0)
    production = group("b-production", ring="web", ring_stage=1, soak_days=7.0)
    built = case(
        estate(tmp_path, staging, production),
        change("1", "a-staging"),
        change("2", "b-production"),
        change("3", "b-production", remedy_key="software::curl"),
    )
    links = built.problem
    assert [
        (built.changes[i].id, built.changes[j].id)
        for i, j in zip(links.link_before, links.link_after, strict=True)
    ] == [("1", "2")]
    assert links.link_soak_days.tolist() == [7.0]


def test_an_empty_stage_holds_nothing_up(tmp_path: Path) -> None:
    """Where the middle stage does not need the remedy, the last one waits for the first."""
    stages = [group(f"s{i}", ring="web", ring_stage=i, soak_days=7.0) for i in range(3)]
    built = case(estate(tmp_path, *stages), change("1", "s0"), change("2", "s2"))
    assert (built.problem.link_before.tolist(), built.problem.link_after.tolist()) == ([0], [1])


def test_a_deadline_lasts_until_the_end_of_its_day(tmp_path: Path) -> None:
    """Due on the day of a window is met by that window; an overdue one gets a second clock."""
    built = case(
        estate(tmp_path),
        change("1", deadline=date(2026, 1, 11)),
        change("2", deadline=date(2026, 1, 1)),
        change("3"),
    )
    ends = built.problem.window_end_days
    assert ends[0] <= built.problem.due_days[0] < ends[1]
    assert built.problem.due_days[1] == built.parameters.overdue_grace_days
    assert built.is_overdue.tolist() == [False, True, False]
    assert built.problem.late_cost.tolist() == [1000.0, 1000.0, 0.0]
    assert np.isinf(built.problem.due_days[2])


def test_a_fresh_patch_costs_more_at_first(tmp_path: Path) -> None:
    """The surplus of a fresh patch's failures stands apart, because it decays with its age."""
    built = case(estate(tmp_path), change(failure_probability=0.1, recovery_cost=100.0))
    labour = 10 / 60 * 60.0
    assert built.problem.change_cost[0] == pytest.approx(labour + 10.0)
    assert built.problem.early_cost[0] == pytest.approx(10.0)
