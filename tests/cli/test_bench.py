"""``poise bench plan`` measures what it says, on an instance that anyone can make again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from poise.cli import main
from poise.planning.generate import generate
from poise.planning.measure import irreducible_exposure


def test_bench_reports_a_confirmed_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """The figures that the performance page prints come from here."""
    assert main(["bench", "plan", "--size", "S", "--links", "--seconds", "1.5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["violations"] == 0
    assert 0 < result["bound"] <= result["value"]
    assert result["gap"] == pytest.approx(1 - result["bound"] / result["value"])
    assert result["gap"] < result["gap_reducible"] < 1
    assert result["seconds"] < 5 * result["seconds_allowed"]


def test_bench_refuses_a_negative_limit(capsys: pytest.CaptureFixture[str]) -> None:
    """A negative time is a slip of the hand, not a plan in no time."""
    assert main(["bench", "plan", "--seconds", "-1"]) == 2
    assert "--seconds" in capsys.readouterr().err


def test_bench_goes_on_from_its_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A measurement of hours may be killed; its plan, its bound and its count of steps stay."""
    command = ["bench", "plan", "--seconds", "1.5", "--checkpoint", str(tmp_path / "run"), "--json"]
    results = []
    for _ in range(2):
        assert main(command) == 0
        results.append(json.loads(capsys.readouterr().out))
    first, second = results
    assert second["value"] <= first["value"]
    assert second["bound"] >= first["bound"]
    assert second["work"] > first["work"]
    assert main([*command, "--seed", "2"]) == 2
    assert "E320" in capsys.readouterr().err


def test_irreducible_exposure_is_that_of_every_first_window() -> None:
    """It is taken off the gap; too much of it would make a gap look worse than it is, too little better."""
    problem = generate("S", 3)
    total = 0.0
    for j, g in enumerate(problem.change_group):
        windows = problem.slot_window[problem.slot_ptr[g] : problem.slot_ptr[g + 1]]
        fits = windows[problem.window_start_days[windows] >= problem.release_days[j]]
        end = problem.window_end_days[fits].min() if len(fits) else problem.horizon_days
        total += problem.exposure_per_day[j] * (end - problem.release_days[j])
    assert irreducible_exposure(problem) == pytest.approx(float(np.asarray(total)))
