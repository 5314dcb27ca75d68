"""The main job on the sample company is worth showing: proven, feasible, and with gains for both."""

from __future__ import annotations

import pytest

from poise.estate import load_estate
from poise.patching.planner import Planned, Settings, plan_patches
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
