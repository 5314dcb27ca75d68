"""Wrong dates, odd folders and foreign files: a fault with its id, the right exit code, nothing lost."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from poise.cli import main
from poise.patching.document import decode
from poise.sample import NOW, SampleFiles, write_sample
from poise.sample.feeds import fill_store


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    """Return the sample company with its threat evidence beside it."""
    folder = tmp_path_factory.mktemp("company")
    sample = write_sample(folder)
    fill_store(folder / "threats")
    return sample


def command(company: SampleFiles, out: Path | str, *more: str) -> list[str]:
    """Return a quick plan of one report."""
    report = next(path for path in company.reports if path.name == "greenbone-network.xml")
    fixed = ["plan", "--scans", str(report), "--estate", str(company.estate), "--out", str(out)]
    threats = ["--threats", str(company.estate.parent / "threats")]
    return [*fixed, *threats, "--now", NOW.isoformat(), "--points", "3", *more]


@pytest.mark.parametrize(
    "options",
    [
        ("--horizon", "1e9"),
        ("--horizon", "nan"),
        ("--horizon", "-5"),
        ("--now", "9999-12-31"),
        ("--now", "0001-01-01T00:00+14:00"),
        ("--now", "yesterday"),
        ("--seed", "-1"),
        ("--points", "0"),
        ("--points", "²"),
        ("--seconds", "0"),
        ("--choose", "cheapest"),
    ],
)
def test_an_impossible_option_is_a_usage_error(
    company: SampleFiles, tmp_path: Path, options: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Dates beyond the calendar and seeds below zero must not reach the arithmetic."""
    with pytest.raises(SystemExit) as stopped:
        main(command(company, tmp_path / "out", *options))
    assert stopped.value.code == 2
    assert options[0] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [("--points", "1"), ("--seconds", "0.001"), ("--horizon", "1")])
def test_a_tiny_plan_is_a_plan(company: SampleFiles, tmp_path: Path, options: tuple[str, str]) -> None:
    """One point, no time, or a horizon without any window: still outputs, and no fault of ours."""
    assert main(command(company, tmp_path, *options)) == 0
    assert (tmp_path / "report.html").stat().st_size > 0


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_an_output_folder_that_cannot_be_is_told_before_the_work(
    company: SampleFiles, tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file stands where the folder should be; it stays as it was."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    assert main(command(company, tmp_path / out)) == 2
    assert "E901" in capsys.readouterr().err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_every_command_tells_a_place_that_cannot_be_written(
    company: SampleFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """POISE_HOME may point anywhere."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    monkeypatch.setenv("POISE_HOME", str(tmp_path / "file"))
    for arguments in (
        ["scan", "add", str(company.reports[0])],
        ["demo", "--out", str(tmp_path / "file")],
        ["threats", "status"],
    ):
        assert main(arguments) == 2, arguments
        err = capsys.readouterr().err
        assert ": E" in err
        assert "E900" not in err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_plan_of_another_version_is_refused(
    company: SampleFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fields may mean something else there; reading on would be a guess."""
    assert main(command(company, tmp_path)) == 0
    path = tmp_path / "plan.json"
    path.write_bytes(path.read_bytes().replace(b"poise-plan/1", b"poise-plan/99", 1))
    done = tmp_path / "done.csv"
    done.write_text("change,status\nCH-1,done\n", encoding="utf-8")
    assert main(["outcomes", "check", str(done), "--plan", str(path)]) == 2
    err = capsys.readouterr().err
    assert "E521" in err
    assert "poise-plan/99" in err
    done.write_bytes("change,status,note\nCH-1,done,grüße\n".encode("cp1252"))
    assert main(["outcomes", "check", str(done), "--plan", str(path)]) == 2
    assert "E180" in capsys.readouterr().err


@pytest.mark.parametrize("factor", ["-1", "0", "1e999"])
def test_a_calibration_that_is_no_factor_is_refused(
    company: SampleFiles, tmp_path: Path, factor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A negative or infinite factor would turn every exposure."""
    path = tmp_path / "calibration.json"
    rest = '"reference_date": "2026-01-01", "base_rate_per_year": 0.03, "raw_hazard_per_day": 1.0'
    path.write_text(f'{{"factor": {factor}, {rest}}}', encoding="utf-8")
    assert main(command(company, tmp_path)) == 2
    assert "E522" in capsys.readouterr().err
    assert not (tmp_path / "plan.json").exists()


class Terminal:
    """A ``poise plan`` of the whole company on a terminal of its own, to press Ctrl-C in."""

    def __init__(self, company: SampleFiles, out: Path) -> None:
        arguments = command(company, out, "--points", "31")
        arguments[2:3] = [str(path) for path in company.reports]
        self.screen, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "poise.cli", *arguments], stderr=theirs, stdout=subprocess.DEVNULL
        )
        os.close(theirs)
        self.seen = b""

    def wait_for(self, text: bytes) -> None:
        """Read the screen until it shows a text."""
        while text not in self.seen:
            self.seen += os.read(self.screen, 65_536)

    def press(self) -> None:
        """Press Ctrl-C."""
        os.kill(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """Read the screen to its end, and return the exit code."""
        with suppress(OSError):  # how a terminal says that its last writer is gone
            while more := os.read(self.screen, 65_536):
                self.seen += more
        os.close(self.screen)
        return self.process.wait()


def test_an_interrupt_keeps_the_best_plans_so_far(company: SampleFiles, tmp_path: Path) -> None:
    """Ctrl-C in a long run: what is known by then is written, with its gaps, and how it ended."""
    run = Terminal(company, tmp_path)
    run.wait_for(b"disruption")
    run.press()
    assert run.end() == 0, run.seen
    assert b"Ending with the best plans so far" in run.seen
    found = decode((tmp_path / "plan.json").read_bytes())
    assert found.stopped_by == "interrupt"
    assert found.frontier
    assert found.hull
    assert (tmp_path / "report.html").exists()


def test_a_second_interrupt_leaves_the_earlier_plan_whole(company: SampleFiles, tmp_path: Path) -> None:
    """Who presses twice wants out: exit 130, no traceback, and the files of before as they were."""
    (tmp_path / "plan.json").write_text("earlier", encoding="utf-8")
    run = Terminal(company, tmp_path)
    run.wait_for(b"disruption")
    run.press()
    run.wait_for(b"Ending with")
    run.press()
    assert run.end() == 130, run.seen
    assert b"Traceback" not in run.seen
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    assert (tmp_path / "plan.json").read_text(encoding="utf-8") == "earlier"
