"""The ``poise estate`` commands, run as people run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estate.samples import ESTATE, WEEKLY, place_of, write_estate
from poise.cli import main
from poise.estate import load_estate

REPORT = "host,cve,component\n" + "".join(f"web-{n}.example.com,CVE-2024-000{n},openssl\n" for n in (1, 2, 3))
Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """Run a command; return exit code, output and messages."""
    code = main(["estate", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_check_shows_dates_freezes_and_assumptions(tmp_path: Path, capsys: Capture) -> None:
    """The change manager sees at a glance what the file leads to."""
    text = ESTATE + "freezes:\n  year-end: {from: 2026-12-15, to: 2027-01-04, for: [shop]}\n"
    code, out, _ = run(capsys, "check", str(write_estate(tmp_path, text)), "--now", "2026-12-01")
    assert code == 0
    assert "Tue 2026-12-08 22:00 to Wed 02:00  Weekly window" in out
    assert "Tue 2026-12-15 22:00 to Wed 02:00  frozen by year-end for 3 of 4 groups" in out
    assert "linux: 2026-12: 30 h in 5" in out
    assert "downtime_cost_per_hour of services (tier 3): 1" in out


def test_check_lists_groups_without_a_window(tmp_path: Path, capsys: Capture) -> None:
    """A group that can never be opened is told with the reason."""
    text = ESTATE.replace("reboot: 20 min", "reboot: 9 h")
    path = str(
        write_estate(tmp_path, text + "freezes:\n  all: {from: 2026-12-01, to: 2028-01-01, for: [shop]}\n")
    )
    code, out, _ = run(capsys, "check", path, "--now", "2026-12-01", "--json")
    found = {row["group"]: row["why"] for row in json.loads(out)["groups_without_window"]}
    assert code == 0
    assert set(found) == {"stage", "a", "b", "wiki"}
    assert "frozen (all)" in found["a"]
    assert "shorter than its 540 min" in found["wiki"]


def test_check_lists_ten_dates_of_a_rare_calendar(tmp_path: Path, capsys: Capture) -> None:
    """A yearly window is searched for as far ahead as it takes, and says its local weekday."""
    path = write_estate(tmp_path, ESTATE, weekly=WEEKLY.replace("WEEKLY", "YEARLY"))
    _, out, _ = run(capsys, "check", str(path), "--now", "2026-12-01", "--json")
    dates = json.loads(out)["calendars"][0]["windows"]
    assert len(dates) == 10
    assert (dates[0]["start"], dates[0]["weekday"]) == ("2027-01-06T22:00:00+01:00", "Wednesday")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_check_ends_with_2_and_all_faults(tmp_path: Path, capsys: Capture, form: tuple[str, ...]) -> None:
    """Faults are for people on the error stream, and for programs in the JSON."""
    text = ESTATE.replace("tier: 1", "tier: x").replace("3 d", "soon")
    path = write_estate(tmp_path, text)
    code, out, err = run(capsys, "check", str(path), *form)
    assert code == 2
    told = out if form else err
    assert place_of(text, "tier: x") in told
    assert "E111" in told
    assert "E112" in told
    if form:
        assert len(json.loads(out)["faults"]) == 2
    else:
        assert "2 faults" in err


def test_windows_lists_occurrences(tmp_path: Path, capsys: Capture) -> None:
    """The range is half open, floating times are read in the asked zone, offsets are printed."""
    write_estate(tmp_path)
    file = str(tmp_path / "weekly.ics")
    days = ("--from", "2026-03-24", "--to", "2026-04-01")
    code, out, _ = run(capsys, "windows", file, *days, "--timezone", "Europe/Berlin", "--json")
    content = json.loads(out)
    assert code == 0
    assert content["count"] == 2
    assert content["windows"][1] == {
        "start": "2026-03-31T22:00:00+02:00",
        "end": "2026-04-01T02:00:00+02:00",
        "summary": "Weekly window",
        "uid": "weekly@example.com",
    }
    assert (content["file"], content["faults"]) == (file, [])
    _, out, _ = run(capsys, "windows", file, *days)
    assert out.splitlines()[0].startswith("Tue 2026-03-24 22:00 +0000")


@pytest.mark.parametrize(
    ("arguments", "id"),
    [
        (("--from", "2026-02-01", "--to", "2026-01-01"), "E142"),
        (("--from", "2026-02-01", "--to", "2026-03-01", "--timezone", "Mars/Base"), "E142"),
    ],
)
def test_windows_refuses_an_absurd_question(
    tmp_path: Path, capsys: Capture, arguments: tuple[str, ...], id: str
) -> None:
    """A range that ends before it starts, or a zone that nobody knows, is a fault of the question."""
    write_estate(tmp_path)
    code, out, _ = run(capsys, "windows", str(tmp_path / "weekly.ics"), *arguments, "--json")
    assert code == 2
    assert [fault["id"] for fault in json.loads(out)["faults"]] == [id]


@pytest.mark.parametrize("day", ["tomorrow", "0001-01-01", "9999-12-31"])
def test_bad_date_is_a_usage_error(tmp_path: Path, day: str) -> None:
    """A date that cannot be read ends with 2 before anything is opened."""
    with pytest.raises(SystemExit, match="2"):
        main(["estate", "windows", "x.ics", "--from", day, "--to", "2026-01-01"])


def test_init_drafts_an_estate_that_checks(tmp_path: Path, capsys: Capture) -> None:
    """From a report to an estate without faults, in one command; a second run overwrites nothing."""
    report = tmp_path / "report.csv"
    report.write_text(REPORT, encoding="utf-8")
    out = tmp_path / "new" / "estate.yaml"
    arguments = ("init", "--from-scans", str(report), "--out", str(out), "--now", "2026-01-05")
    code, told, _ = run(capsys, *arguments, "--timezone", "Europe/Berlin")
    assert code == 0
    assert "3 assets in 1 patch group" in told
    assert load_estate(out).groups["web.example.com"].match.hosts == ("web-[0-9]*.example.com",)
    assert run(capsys, "check", str(out), "--now", "2026-01-05")[0] == 0
    with_care, _, err = run(capsys, *arguments)
    assert with_care == 2
    assert "E141" in err
    assert run(capsys, *arguments, "--force", "--json")[0] == 0


def test_init_refuses_what_no_scanner_wrote(tmp_path: Path, capsys: Capture) -> None:
    """Half of the reports would draft half of the company, so a refused one refuses all."""
    good, bad = tmp_path / "good.csv", tmp_path / "bad.json"
    good.write_text(REPORT, encoding="utf-8")
    bad.write_text("not a report", encoding="utf-8")
    code, _, err = run(
        capsys, "init", "--from-scans", str(good), str(bad), "--out", str(tmp_path / "estate.yaml")
    )
    assert code == 2
    assert "bad.json" in err
    assert not (tmp_path / "estate.yaml").exists()
