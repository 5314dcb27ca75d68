"""The whole way through the command line, on the sample company and on a tiny one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from estate.samples import ESTATE, write_estate
from poise.cli import main
from poise.patching.document import decode
from poise.sample import NOW, SampleFiles, write_sample
from poise.sample.feeds import fill_store

Run = Callable[..., int]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    """Return the sample company with its threat evidence beside it."""
    folder = tmp_path_factory.mktemp("company")
    sample = write_sample(folder)
    fill_store(folder / "threats")
    return sample


def arguments(company: SampleFiles, out: Path, *more: str) -> list[str]:
    """Return a quick plan of two teams' reports."""
    reports = [
        str(path) for path in company.reports if path.name in ("greenbone-network.xml", "trivy-images.zip")
    ]
    threats = str(company.estate.parent / "threats")
    command = ["plan", "--scans", *reports, "--estate", str(company.estate), "--threats", threats]
    return [*command, "--now", NOW.isoformat(), "--out", str(out), "--points", "5", *more]


@pytest.fixture(scope="module")
def planned(company: SampleFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one finished plan."""
    folder = tmp_path_factory.mktemp("planned")
    assert main(arguments(company, folder)) == 0
    return folder


def test_a_plan_writes_every_output_and_confirms_it(planned: Path) -> None:
    """One run: table, report, calendar, change requests, inventories, and the frozen calibration."""
    names = {path.name for path in planned.iterdir()}
    assert {"plan.json", "report.html", "plan.ics", "plan.csv", "calibration.json", "inventories"} <= names
    document = decode((planned / "plan.json").read_bytes())
    assert document.changes
    assert any("overdue before this plan begins" in notice for notice in document.notices)
    assert {"default", "nash", "kalai-smorodinsky", "least-total"} <= {plan.key for plan in document.plans}
    for dot in document.frontier:
        assert dot.exposure_bound <= (dot.exposure + dot.late_cost) * (1 + 1e-9)


def test_the_same_input_gives_the_same_bytes(
    company: SampleFiles, planned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two people get the same plan, whatever folder they stand in and however they print it."""
    assert main(arguments(company, tmp_path, "--json", "--threads", "1")) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "poise-plan/1"
    for name in ("plan.json", "report.html", "plan.ics", "plan.csv"):
        assert (planned / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_calibration_is_kept(company: SampleFiles, planned: Path, tmp_path: Path) -> None:
    """A plan of fewer reports keeps the factor; refitting would make patching unable to lower risk."""
    kept = tmp_path / "calibration.json"
    kept.write_bytes((planned / "calibration.json").read_bytes())
    reports = tuple(path for path in company.reports if path.name == "trivy-images.zip")
    assert main(arguments(SampleFiles(company.estate, reports), tmp_path)) == 0
    assert kept.read_bytes() == (planned / "calibration.json").read_bytes()
    before = {c.id: c.hazard_per_day for c in decode((planned / "plan.json").read_bytes()).changes}
    after = {c.id: c.hazard_per_day for c in decode((tmp_path / "plan.json").read_bytes()).changes}
    assert after
    assert all(before[id] == hazard for id, hazard in after.items())


@pytest.mark.parametrize(
    ("change", "id"),
    [
        ({"--scans": "no.nessus"}, "E400"),
        ({"--estate": "no.yaml"}, "E100"),
        ({"--calibration": "bad.json"}, "E522"),
    ],
)
def test_a_bad_input_is_exit_2_and_a_fault(
    company: SampleFiles,
    tmp_path: Path,
    change: dict[str, str],
    id: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is wrong, where, and nothing half written."""
    (tmp_path / "bad.json").write_text("{}")
    command = arguments(company, tmp_path / "out")
    for option, value in change.items():
        path = str(tmp_path / value)
        if option in command:
            command[command.index(option) + 1] = path
        else:
            command += [option, path]
    assert main(command) == 2
    assert id in capsys.readouterr().err
    assert not (tmp_path / "out" / "plan.json").exists()


def test_nothing_to_plan_is_a_negative_verdict(
    company: SampleFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A report of hosts that nobody claims leaves no change; exit 1 says so."""
    report = tmp_path / "other.csv"
    report.write_text(
        "host,cve,component,fixed_version\nelsewhere,CVE-2024-3094,xz,5.6.2\n", encoding="utf-8"
    )
    command = ["plan", "--scans", str(report), "--estate", str(company.estate), "--out", str(tmp_path)]
    assert main([*command, "--now", NOW.isoformat()]) == 1
    assert "E520" in capsys.readouterr().err


def test_outcomes_are_checked_against_the_next_scan(
    company: SampleFiles, planned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reported done and still found is a disagreement: exit 1, with the change named."""
    document = decode((planned / "plan.json").read_bytes())
    visit = document.schedule(document.shown).visits[0]
    done = tmp_path / "done.csv"
    done.write_text("change,status\n" + "".join(f"{c},done\n" for c in visit.changes), encoding="utf-8")
    command = ["outcomes", "check", str(done), "--plan", str(planned / "plan.json"), "--json"]
    capsys.readouterr()
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["confirmed"] == list(visit.changes)
    next_scan = ["--scans", *map(str, company.reports), "--estate", str(company.estate)]
    assert main([*command, *next_scan]) == 1
    found = json.loads(capsys.readouterr().out)["disagreements"]
    assert {item["change"] for item in found} == set(visit.changes)
    taught = ("--outcomes", str(done), str(planned / "plan.json"))
    assert main(arguments(company, tmp_path / "next", *taught)) == 0
    sources = {t.failure_source for t in decode((tmp_path / "next" / "plan.json").read_bytes()).teams}
    assert sources != {team.failure_source for team in document.teams}


def test_a_killed_plan_is_gone_on_with(company: SampleFiles, planned: Path, tmp_path: Path) -> None:
    """After a kill -9 the same command, even without its time, comes to the plan of a run left alone."""
    kept, out = tmp_path / "kept", tmp_path / "out"
    command = arguments(company, out, "--checkpoint", str(kept))
    child = subprocess.Popen([sys.executable, "-m", "poise.cli", *command], stdout=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not kept.exists() and child.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert kept.exists()
    assert not (out / "plan.json").exists()
    place = command.index("--now")
    assert main(command[:place] + command[place + 2 :]) == 0
    assert (out / "plan.json").read_bytes() == (planned / "plan.json").read_bytes()
    assert not kept.exists()


def test_hard_deadlines_that_clash_are_told_with_dates(
    company: SampleFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan that cannot be is a verdict about dates, not a failure of the solver."""
    assert main(arguments(company, tmp_path / "out", "--hard-deadlines")) == 1
    told = capsys.readouterr().err
    assert "E501 must be done by 2026-" in told
    assert "it can be done by 2026-" in told


def test_hosts_that_no_report_shows_are_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One scanned host of four stands for itself only; the plan says that three are unknown."""
    estate = write_estate(tmp_path, ESTATE.replace('["stage-*"],', '["stage-*"], num_hosts: 4,'))
    report = tmp_path / "scan.csv"
    report.write_text(
        "host,cve,component,fixed_version\nstage-1,CVE-2025-29927,next,15.2\n", encoding="utf-8"
    )
    command = ["plan", "--scans", str(report), "--estate", str(estate), "--out", str(tmp_path / "out")]
    assert main([*command, "--now", NOW.isoformat(), "--points", "3", "--json"]) == 0
    notices = json.loads(capsys.readouterr().out)["notices"]
    (told,) = [notice for notice in notices if "fewer hosts" in notice]
    assert "stage (1 of 4)" in told
