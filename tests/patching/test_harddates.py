"""Hard deadlines: met by every plan, or told with the date that the calendar allows."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path

import pytest

from patching.build import NOW, case, change, estate
from poise.errors import Fault, MissedDate, NoFeasiblePlanError
from poise.patching.case import build_case
from poise.patching.harddates import named_dates
from poise.planning.frontier import sweep
from poise.risk.parameters import RiskParameters


def test_a_deadline_before_the_first_window_is_told_with_the_first_date(tmp_path: Path) -> None:
    """The calendar opens on Saturdays; a deadline on Wednesday names the Sunday that is possible."""
    company = estate(tmp_path)
    early = change("CH-7", deadline=date(2026, 1, 7), is_kev=True)
    hard = build_case(
        company,
        [early],
        now=NOW,
        horizon_end=case(company).horizon_end,
        parameters=RiskParameters(),
        hard_deadlines=True,
    )
    with (
        pytest.raises(NoFeasiblePlanError) as caught,
        named_dates(lambda number: hard.changes[number].id, NOW, "UTC"),
    ):
        sweep(hard.problem, points=3, seconds=30.0)
    (fault,) = caught.value.faults
    assert fault.id == "E500"
    assert fault.where == "CH-7"
    assert "2026-01-11 02:00" in fault.message
    soft = sweep(case(company, early).problem, points=3, seconds=30.0)
    assert soft.points


@pytest.mark.parametrize(
    ("id", "possible", "words"),
    [
        ("E500", 3.5, "first window in which it can be done ends 2026-01-08 21:00"),
        ("E500", None, "no window of the horizon"),
        ("E501", 3.5, "beside the other hard dates it can be done by 2026-01-08 21:00"),
        ("E501", None, "the other hard dates leave none"),
    ],
)
def test_every_missed_date_has_a_sentence(id: str, possible: float | None, words: str) -> None:
    """People plan by dates and names; indices and days since now are the solver's."""
    error = NoFeasiblePlanError(Fault(id, "change 0", "x"), [MissedDate(0, 2.0, possible)])
    with (
        pytest.raises(NoFeasiblePlanError) as caught,
        named_dates(lambda number: "CH-1", NOW, "Europe/Berlin"),
    ):
        raise error
    assert "CH-1: " + id in str(caught.value)
    assert "must be done by 2026-01-07 09:00" in str(caught.value)
    assert words in str(caught.value)


def test_errors_without_dates_pass_as_they_are() -> None:
    """E504 is about time, not about a date."""
    with pytest.raises(NoFeasiblePlanError, match="plan: E504"), named_dates(str, NOW, "UTC"):
        raise NoFeasiblePlanError(Fault("E504", "plan", "no time."))


def test_an_error_passes_between_processes_whole() -> None:
    """A cluster and a job queue hand errors on."""
    error = NoFeasiblePlanError(Fault("E500", "change 0", "x"), [MissedDate(0, 2.0, None)])
    back = pickle.loads(pickle.dumps(error))
    assert (back.faults, back.dates, str(back)) == (error.faults, error.dates, str(error))
