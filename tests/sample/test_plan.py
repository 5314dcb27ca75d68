"""The main job on the sample company is worth showing: proven, feasible, and with gains for both."""

from __future__ import annotations

import numpy as np
import pytest

from poise.estate import load_estate
from poise.patching.planner import Planned, Settings, plan_patches
from poise.risk.simulation.expectation import linear_exposure
from poise.risk.simulation.knowledge import as_planned, event_rates
from poise.sample import NOW, write_sample
from poise.sample.feeds import fill_store
from poise.scans import read_scan


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    """Return the plan of the whole sample company."""
    folder = tmp_path_factory.mktemp("company")
    sample = write_sample(folder)
    reports = [report for path in sample.reports for report in read_scan(path)]
    store = fill_store(folder / "threats")
    return plan_patches(load_estate(sample.estate), reports, store, Settings(now=NOW, points=16))


def test_every_plan_is_close_to_the_best_there_is(planned: Planned) -> None:
    """Each point's proven gap is small; a start from far-off prices once left most bounds at zero."""
    for dot in planned.document.frontier:
        assert dot.exposure_bound >= 0.88 * (dot.exposure + dot.late_cost)


def test_both_sides_gain_from_the_default(planned: Planned) -> None:
    """The landmarks are better than the standing policy for both, and near what any plan could add."""
    for key in ("nash", "kalai-smorodinsky"):
        plan = planned.document.plan(key)
        assert plan.share_security is not None
        assert plan.share_operations is not None
        assert min(plan.share_security, plan.share_operations) > 0.5
        assert plan.left_on_table is not None
        assert plan.left_on_table < 0.1


def test_no_rule_of_today_beats_the_frontier(planned: Planned) -> None:
    """At equal disruption a rule costs at least as much; where it did not, the report would say so."""
    rules = [plan for plan in planned.document.plans if plan.kind == "rule"]
    assert len(rules) == 6
    assert all(plan.excess_exposure is not None and plan.excess_exposure > -0.02 for plan in rules)


def test_the_calendar_keeps_to_the_freezes(planned: Planned) -> None:
    """No visit of the shown calendar lies in a freeze that touches its services."""
    document = planned.document
    groups = {group.id: group for group in document.groups}
    visits = document.schedule(document.shown).visits
    assert visits
    for visit in visits:
        window, group = document.windows[visit.window], groups[visit.group]
        touching = {group.id, group.team, *group.services}
        for freeze in document.freezes:
            if touching & set(freeze.scope):
                assert window.end <= freeze.start or window.start >= freeze.end


def test_the_simulation_stands_on_the_same_figures(planned: Planned) -> None:
    """Events and entries are the backlog's own: their linear sum is each plan's exposure, to rounding."""
    linear = linear_exposure(planned.risk)
    for place, candidate in enumerate(planned.comparison.named):
        assert linear[place] == pytest.approx(candidate.evaluation.exposure, rel=1e-9)
    hazard = {change.id: change.hazard_per_day for change in planned.case.changes}
    rates = event_rates(planned.risk, as_planned(planned.risk))
    events = planned.risk.events
    per_change = np.bincount(events.entry_change, rates[events.entry_event] * events.entry_share)
    assert per_change == pytest.approx([hazard[change.id] for change in planned.case.changes], rel=1e-9)


def test_what_is_fixed_is_openings_and_labour(planned: Planned) -> None:
    """What failures and emergency visits leave of disruption is what the calendar and the work cost."""
    case = planned.case
    for place, candidate in enumerate(planned.comparison.named):
        labour = 0.0
        for change in np.flatnonzero(candidate.plan.window >= 0):
            team = case.teams[case.problem.group_team[case.problem.change_group[change]]]
            minutes = case.problem.labour_minutes[change]
            labour += minutes / 60 * team.hourly_rate
        rest = planned.risk.plans.fixed_cost[place] - candidate.evaluation.opening_cost
        assert labour * 0.999 <= rest <= labour * 2.0 + 1e-6


def test_the_document_tells_what_was_simulated(planned: Planned) -> None:
    """Every named plan has its ranges and a hundred dots, and the same seed as the plan."""
    found = planned.document.simulated
    assert found is not None
    assert found.seed == planned.document.seed
    assert [plan.key for plan in found.plans] == [plan.key for plan in planned.document.plans]
    for plan in found.plans:
        assert 0 < plan.expected_loss_low < plan.expected_loss < plan.expected_loss_high
        assert len(plan.loss_dots) == len(plan.unplanned_hours_dots) == 100
    assert found.linear_error < 0.01
