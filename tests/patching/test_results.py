"""Figures, lateness, emergency options and outcomes of small plans, against sums done by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from patching.build import case, change, estate, group
from poise.errors import EstateError
from poise.patching.comparison import excess
from poise.patching.emergency import emergency_options
from poise.patching.figures import figures, loss_ranges, visits
from poise.patching.late import earliest_end_days, late_changes
from poise.patching.outcomes import (
    Outcome,
    TeamRecord,
    learn,
    read_outcomes,
    review,
    team_records,
)
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan
from report.build import build_document


def plan(*windows: int) -> Plan:
    """Return a plan by the window of each change."""
    return Plan(np.array(windows, dtype=np.int64))


def test_figures_are_the_sums_of_what_is_opened(tmp_path: Path) -> None:
    """Two changes in one visit reboot once; two visits on one weekend are one weekend for the team."""
    built = case(
        estate(tmp_path, group("a"), group("b")), change("1", "a"), change("2", "a"), change("3", "b")
    )
    together = figures(built, plan(0, 0, 0))
    assert together.downtime_hours == pytest.approx(1.0)
    assert together.labour_hours == pytest.approx((2 * 30 + 3 * 10) / 60)
    assert (together.weekends_worked, together.num_done) == (1, 3)
    apart = figures(built, plan(0, 1, -1))
    assert (apart.weekends_worked, apart.num_done) == (2, 2)


def test_the_chance_of_an_incident_follows_the_days_open(tmp_path: Path) -> None:
    """1 - exp(-hazard x days), and the expected number of incidents prices to the exposure."""
    built = case(estate(tmp_path), change(hazard_per_day=1e-3, exposure_per_day=10.0))
    never = figures(built, plan(-1))
    assert never.incident_probability == pytest.approx(1 - math.exp(-1e-3 * 60))
    assert never.hazard_mass.sum() * built.losses[0].mean == pytest.approx(10.0 * 60)


def test_the_range_brackets_the_expected_loss(tmp_path: Path) -> None:
    """The exposure that is planned with lies inside the range that is printed beside it."""
    built = case(estate(tmp_path))
    low, high = loss_ranges(built, [figures(built, plan(-1))], seed=0)
    assert low[0] < evaluate(built.problem, plan(-1)).exposure < high[0]


def test_a_visit_lists_its_changes_and_its_minutes(tmp_path: Path) -> None:
    """The calendar entry is what the team does: one opening, its changes, its labour."""
    built = case(estate(tmp_path), change("1"), change("2"))
    (visit,) = visits(built, plan(2, 2))
    assert (visit.window, visit.group, visit.changes) == (2, "web", ("1", "2"))
    assert (visit.downtime_minutes, visit.labour_minutes) == (30.0, 50.0)


@pytest.mark.parametrize(
    ("deadline", "window", "why"),
    [
        (date(2026, 1, 1), 6, "overdue before"),
        (date(2026, 1, 8), 0, "No window of its calendar"),
        (date(2026, 1, 12), 3, "A window before the deadline exists"),
    ],
)
def test_a_late_change_says_why(tmp_path: Path, deadline: date, window: int, why: str) -> None:
    """Overdue, impossible and not worth it are three different answers to "why late?"."""
    built = case(estate(tmp_path), change(deadline=deadline))
    chosen = plan(window)
    (late,) = late_changes(built, chosen, evaluate(built.problem, chosen))
    assert why in late.why
    assert late.earliest == built.windows[0].end


def test_the_earliest_date_counts_the_soak_time(tmp_path: Path) -> None:
    """Production cannot be earlier than staging's first window, its soak and then a window."""
    staging = group("a", ring="web", ring_stage=0)
    production = group("b", ring="web", ring_stage=1, soak_days=10.0)
    built = case(estate(tmp_path, staging, production), change("1", "a"), change("2", "b"))
    ends = built.problem.window_end_days
    assert earliest_end_days(built).tolist() == [ends[0], ends[2]]


def test_an_emergency_visit_has_its_price(tmp_path: Path) -> None:
    """Saved: the days until the planned window; paid: downtime and overtime labour tonight."""
    built = case(estate(tmp_path, overtime_factor=2.0), change(exposure_per_day=100.0))
    chosen = plan(3)
    (option,) = emergency_options(built, chosen, evaluate(built.problem, chosen))
    minutes = 40.0
    tonight = built.days(option.end)
    assert option.end - option.start == timedelta(minutes=minutes)
    assert option.exposure_saved == pytest.approx(100.0 * (built.problem.window_end_days[3] - tonight))
    assert option.extra_cost == pytest.approx(500.0 + minutes / 60 * 60.0 * 2.0)


def test_no_emergency_is_offered_where_nothing_is_left_open(tmp_path: Path) -> None:
    """A change without exposure is no reason to stay up."""
    built = case(estate(tmp_path), change(exposure_per_day=0.0))
    chosen = plan(-1)
    assert emergency_options(built, chosen, evaluate(built.problem, chosen)) == ()


def write(folder: Path, text: str, name: str = "done.csv") -> Path:
    """Write an outcomes file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_outcomes_are_read_from_csv_and_json_alike(tmp_path: Path) -> None:
    """A change manager exports CSV, a script JSON; both mean the same."""
    csv = write(tmp_path, "change,status,downtime_minutes,rebooted\nCH-1,done,25,yes\nCH-2,rolled back,,\n")
    json = write(
        tmp_path,
        '[{"change":"CH-1","status":"done","downtime_minutes":25,"rebooted":true},'
        '{"change":"CH-2","status":"rolled_back"}]',
        "done.json",
    )
    expected = (Outcome("CH-1", "done", None, 25.0, None, True), Outcome("CH-2", "rolled_back"))
    assert read_outcomes(csv) == read_outcomes(json) == expected


def test_every_fault_of_an_outcomes_file_is_told_at_once(tmp_path: Path) -> None:
    """Line, id, value and what was expected; a bad file teaches nobody anything."""
    path = write(
        tmp_path,
        "change,status,finished,downtime_minutes\n"
        "CH-1,finished,,\n"
        ",done,,\n"
        "CH-2,done,2026-01-10T22:00,\n"
        "CH-3,done,,-5\n"
        "CH-4,done,,\n"
        "CH-4,done,,\n",
    )
    with pytest.raises(EstateError) as caught:
        read_outcomes(path)
    assert [fault.where for fault in caught.value.faults] == [f"done.csv:{line}" for line in (2, 3, 4, 5, 7)]


@pytest.mark.parametrize("text", ["", "[", '{"a":1}', "a,b\n1,2\n", "[1]", "\x00"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    """Whatever is named by mistake gives a fault and no traceback."""
    with pytest.raises(EstateError):
        read_outcomes(write(tmp_path, text))


def test_a_team_learns_from_its_record(tmp_path: Path) -> None:
    """Failures add to the history, and slow nights make the next estimate longer."""
    company = estate(tmp_path, changes_done=10, changes_failed=1)
    record = TeamRecord(done=5, failed=2, duration_factor=1.5, downtime_factor=2.0)
    taught = learn(company, {"ops": record})
    assert (taught.teams["ops"].changes_done, taught.teams["ops"].changes_failed) == (15, 3)
    assert taught.groups["web"].change_labour_minutes == 15.0
    assert taught.groups["web"].reboot_minutes == 60.0
    assert replace(taught, teams=company.teams, groups=company.groups) == company


def test_excess_compares_with_the_best_of_equal_cost(tmp_path: Path) -> None:
    """Twice the exposure at the same disruption is 100 % more."""
    from poise.bargain import Stakes
    from poise.planning.problem import Frontier, FrontierPoint

    built = case(estate(tmp_path))
    points = tuple(FrontierPoint(plan(w), evaluate(built.problem, plan(w)), math.inf, 0.0) for w in (-1, 0))
    frontier = Frontier(points, np.array([0.0]), np.array([0.0]))
    best = points[1].evaluation
    more, same = excess(Stakes(2 * best.exposure, best.disruption), frontier)
    assert more == pytest.approx(1.0)
    assert same == pytest.approx(0.0)
    assert excess(Stakes(best.exposure / 2, best.disruption), frontier)[1] is None


def test_a_record_counts_failures_and_minutes_per_team() -> None:
    """Two changes of one visit share its downtime; the prior draws one bad night towards the plan."""
    document = build_document()
    group = document.groups[0]
    first, second = [change for change in document.changes if change.group == group.id][:2]
    outcomes = (
        Outcome(
            first.id, "done", downtime_minutes=group.reboot_minutes * 3, labour_minutes=first.labour_minutes
        ),
        Outcome(second.id, "rolled_back", downtime_minutes=group.reboot_minutes),
        Outcome("CH-unknown", "done"),
    )
    (record,) = team_records(outcomes, document).values()
    assert (record.done, record.failed, record.duration_factor) == (2, 1, 1.0)
    down = group.reboot_minutes
    assert record.downtime_factor == pytest.approx((3 * down + 120) / (down + 120))


def test_what_waits_for_its_reboot_is_still_exposed() -> None:
    """Installed is not done until the machine came back with it."""
    document = build_document()
    change = next(change for change in document.changes if change.needs_reboot)
    result = review([Outcome(change.id, "done", rebooted=False)], document, None)
    assert result.confirmed == ()
    assert [item.kind for item in result.disagreements] == ["not rebooted"]
