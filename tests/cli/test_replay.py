"""poise replay on whatever tables somebody has: names, orders, layouts, gaps; and what is refused."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from evidence.tables import FIRST, LAST, Tables, made_up
from poise.cli import main

WAYS = ("poise-w0.03", "cvss-first")
#: Files of this test hold the days of one small history in every layout.
HISTORY = made_up(11, known=200, later=80)


def options(epss: list[Path], kev: Path, history: Path | None, last: date = LAST) -> list[str]:
    """Return the command line of a small replay."""
    command = ["replay", "--epss", *map(str, epss), "--kev", str(kev)]
    command += ["--history", str(history)] if history else []
    command += ["--from", FIRST.isoformat(), "--to", last.isoformat()]
    return [*command, "--company", "office", "--ways", *WAYS, "--json"]


def replayed(capsys: pytest.CaptureFixture[str], command: list[str]) -> dict[str, Any]:
    """Run a replay and return what it printed."""
    assert main(command) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def decisions(found: dict[str, Any]) -> dict[str, list[str]]:
    """Return every decision of a replay, by way."""
    return {
        key: [one["decision"] for one in weeks]
        for key, weeks in found["companies"]["office"]["weekly"].items()
    }


def daily(
    tables: Tables,
    folder: Path,
    model: Callable[[date], str] = lambda _: "v2025.03.14",
    *,
    is_zipped: bool = True,
) -> list[Path]:
    """Write FIRST's daily files, their rows in no order, under names that say nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (day, scores) in enumerate(tables.scores.items()):
        rows = [f"{cve},{one:.5f},{one:.5f}" for cve, one in scores.items() if one is not None]
        random.Random(number).shuffle(rows)
        stated = model(day)
        head = f"#model_version:{stated},score_date:{day}T12:55:00Z\n" if stated else ""
        text = f"{head}cve,epss,percentile\n" + "\n".join(rows) + "\n"
        paths.append(folder / (f"file-{number}.bin" if stated else f"scores of {day}"))
        paths[-1].write_bytes(gzip.compress(text.encode()) if is_zipped else text.encode())
    return paths


def test_names_orders_zips_and_columns_change_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same days under other names, unsorted, zipped, with columns nobody asked for: the same replay."""
    epss, kev, history = HISTORY.write(tmp_path)
    straight = replayed(capsys, options([epss], kev, history))
    table = parquet.read_table(epss)
    order = np.random.default_rng(0).permutation(table.num_rows)
    names = ["vendor", *reversed(table.column_names)]
    odd = table.append_column("vendor", pa.array(["x"] * table.num_rows)).select(names).take(order)
    halves = [odd.slice(0, 150), odd.slice(150)]
    paths = []
    for number, half in enumerate(reversed(halves)):
        paths.append(tmp_path / f"table {number}")
        parquet.write_table(half, paths[-1])
    paths[0].write_bytes(gzip.compress(paths[0].read_bytes()))
    (tmp_path / "catalogue.dat").write_bytes(gzip.compress(kev.read_bytes()))
    with history.open(newline="") as file:
        rows = list(csv.DictReader(file))
    random.Random(1).shuffle(rows)
    text = "note,new_or_dateAdded,old,field,cve,event,catalog_date\n" + "".join(
        f'"a, b",{row["new_or_dateAdded"]},{row["old"]},{row["field"]},{row["cve"]},{row["event"]},'
        f"{row['catalog_date']}\n"
        for row in rows
    )
    (tmp_path / "changes").write_bytes(gzip.compress(text.encode()))
    crooked = replayed(capsys, options(paths, tmp_path / "catalogue.dat", tmp_path / "changes"))
    assert crooked == straight


def test_daily_files_in_any_order_tell_what_a_table_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The feed's own files, zipped or not, named after their day or saying it, newest first."""
    epss, kev, history = HISTORY.write(tmp_path)
    wanted = decisions(replayed(capsys, options([epss], kev, history)))
    said = daily(HISTORY, tmp_path / "said")
    named = daily(HISTORY, tmp_path / "named", lambda _: "", is_zipped=False)
    assert decisions(replayed(capsys, options(said[::-1], kev, history))) == wanted
    assert decisions(replayed(capsys, options(named[::-1], kev, history))) == wanted


def test_the_catalogue_may_be_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CISA's CSV stands for its JSON; it names no day, so history ends with its newest entry or change."""
    epss, kev, history = HISTORY.write(tmp_path)
    entries = json.loads(kev.read_text())["vulnerabilities"]
    with (tmp_path / "kev.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*entries[0], "vendorProject", "product", "cwes"])
        writer.writeheader()
        writer.writerows(entries)
    wanted = decisions(replayed(capsys, options([epss], kev, history)))
    found = decisions(replayed(capsys, options([epss], tmp_path / "kev.csv", history)))
    assert found == {key: own[: len(found[key])] for key, own in wanted.items()}
    assert len(found["cvss-first"]) >= 8


def test_a_history_that_begins_late_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Changes of the last weeks alone, or none: the replay runs, and says from when on it knows them."""
    epss, kev, history = HISTORY.write(tmp_path)
    head, *rows = history.read_text().splitlines()
    cut = (FIRST + timedelta(weeks=6)).isoformat()
    late = [row for row in rows if row >= cut]
    for kept, told in ((late, f"begins on {late[0][:10]}"), ([], "No KEV change history")):
        history.write_text("\ufeff" + "\r\n".join([head, *kept, ""]))
        (notice,) = replayed(capsys, options([epss], kev, history))["notices"]
        assert told in notice


def test_missing_weeks_are_bridged_and_long_gaps_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A score stands for 45 days; beyond that the plan reckons with the last mean, and the result says so."""
    _, kev, history = HISTORY.write(tmp_path)
    days = sorted(HISTORY.scores)
    thin = Tables({day: HISTORY.scores[day] for day in days if days.index(day) % 3 == 0})
    found = replayed(capsys, options(daily(thin, tmp_path / "thin"), kev, history))
    assert found["notices"] == []
    assert found["weeks"] == 12
    ends = Tables({day: HISTORY.scores[day] for day in (*days[:2], *days[-3:])})
    found = replayed(capsys, options(daily(ends, tmp_path / "ends"), kev, history))
    (notice,) = found["notices"]
    assert f"No EPSS score from {days[1]} to {days[-3]}" in notice
    assert found["weeks"] == 12


def test_a_model_that_changes_midway_splits_the_weeks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the version that the files state; a table without it that breaks there takes the stated name."""
    cut = FIRST + timedelta(weeks=7)
    epss, kev, history = HISTORY.write(tmp_path)

    def model(day: date) -> str:
        return "v2026.05.01" if day >= cut else "v2025.03.14"

    found = replayed(capsys, options(daily(HISTORY, tmp_path / "daily", model), kev, history))
    assert [one["name"] for one in found["epss_versions"]] == ["v2025.03.14", "v2026.05.01"]
    spans = found["companies"]["office"]["spans"]
    assert (spans["v2025.03.14"]["weeks"], spans["v2026.05.01"]["weeks"]) == (7, 5)
    rng = np.random.default_rng(0)
    moved = {cve: float(rng.uniform(0.2, 0.7)) for cve in HISTORY.scores[LAST - timedelta(days=6)]}
    shifted = Tables(
        {
            day: {
                cve: None if one is None else one * moved[cve] if day >= cut else one
                for cve, one in own.items()
            }
            for day, own in HISTORY.scores.items()
        },
        HISTORY.events,
    )
    epss, kev, history = shifted.write(tmp_path / "shifted")
    later = Tables({day: own for day, own in shifted.scores.items() if day >= cut + timedelta(weeks=1)})
    found = replayed(capsys, options([*daily(later, tmp_path / "later", model), epss], kev, history))
    assert [(one["from"], one["name"]) for one in found["epss_versions"]][1:] == [
        (cut.isoformat(), "v2026.05.01")
    ]


def test_other_future_files_leave_past_plans_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever swaps every file of a later day, and lists others, finds the same plans before."""
    cut = FIRST + timedelta(weeks=6)
    other = made_up(12, known=200, later=80)
    changed = Tables(
        {day: (HISTORY if day <= cut else other).scores[day] for day in HISTORY.scores},
        [event for event in HISTORY.events if event[0] <= cut],
    )
    listed = {event[2] for event in changed.events}
    changed.events += [
        event for event in other.events if event[0] > cut and event[1] == "added" and event[2] not in listed
    ]
    results = []
    for name, tables in (("true", HISTORY), ("changed", changed)):
        _, kev, history = tables.write(tmp_path / name)
        results.append(
            decisions(replayed(capsys, options(daily(tables, tmp_path / name / "d"), kev, history)))
        )
    for key in WAYS:
        assert results[0][key][:7] == results[1][key][:7]
    assert results[0] != results[1]


def _broken(folder: Path, what: str) -> list[str]:
    epss, kev, history = HISTORY.write(folder)
    (folder / "text").write_text("neither this nor that\n")
    (folder / "cut.gz").write_bytes(gzip.compress(kev.read_bytes())[:-40])
    (folder / "undated.csv").write_text("cve,epss,percentile\nCVE-2025-0001,0.1,0.2\n")
    (folder / "wild.csv").write_text(
        "#score_date:2025-04-07\ncve,epss,percentile\n" + "CVE-2025-0001,1.7,0.2\n" * 9
    )
    parquet.write_table(pa.table({"cve": ["CVE-2025-0001"], "score": [1]}), folder / "no days.parquet")
    return {
        "epss is text": options([folder / "text"], kev, history),
        "epss has no day": options([folder / "undated.csv"], kev, history),
        "epss has no days": options([folder / "no days.parquet"], kev, history),
        "epss is above one": options([folder / "wild.csv"], kev, history),
        "epss is missing": options([folder / "nothing"], kev, history),
        "epss is a folder": options([folder], kev, history),
        "epss is elsewhen": [*options([epss], kev, history), "--from", "2030-01-07", "--to", "2030-03-03"],
        "kev is half": options([epss], folder / "cut.gz", history),
        "kev is text": options([epss], folder / "text", history),
        "kev is epss": options([epss], epss, history),
        "history is kev": options([epss], kev, kev),
        "history is text": options([epss], kev, folder / "text"),
        "days are swapped": options([epss], kev, history, FIRST - timedelta(days=1)),
    }[what]


@pytest.mark.parametrize(
    ("what", "fault", "code"),
    [
        ("epss is text", "E201", 2),
        ("epss has no day", "E203", 2),
        ("epss has no days", "E201", 2),
        ("epss is above one", "E212", 2),
        ("epss is missing", "E200", 2),
        ("epss is a folder", "E200", 2),
        ("epss is elsewhen", "E584", 3),
        ("kev is half", "E202", 2),
        ("kev is text", "E201", 2),
        ("kev is epss", "E201", 2),
        ("history is kev", "E583", 2),
        ("history is text", "E583", 2),
        ("days are swapped", "E584", 2),
    ],
)
def test_what_is_no_table_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, fault: str, code: int
) -> None:
    """Each bad input has its fault with the file's name, and an exit code of the agreed ones."""
    assert main(_broken(tmp_path, what)) == code
    told = capsys.readouterr().err
    assert fault in told
    assert "Traceback" not in told


@pytest.mark.long
def test_a_cluster_replays_to_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tasks hold all that they need, so other processes change nothing but the time."""
    epss, kev, history = HISTORY.write(tmp_path)
    command = options([epss], kev, history, FIRST + timedelta(days=27))
    here = replayed(capsys, command)
    assert replayed(capsys, [*command, "--cluster"]) == here
