"""Remake every figure of docs/evidence.md: run the commands, write its tables and draw its pictures.

python bench/evidence.py DATA            runs all; DATA is the folder with the tables of EPSS and KEV
python bench/evidence.py --from FOLDER   writes tables and pictures of a run that was kept
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from poise.evidence.deciding import LADDER_KEYS, RULE_KEYS
from poise.evidence.pictures import Place, RangeRow, curve_svg, dots_svg, money, percent, ranges_svg
from poise.report.dot_chart import DotRow

ROOT = Path(__file__).resolve().parents[1]
IMAGES, PAGE = ROOT / "docs/images", ROOT / "docs/evidence.md"
COMPARED = (*RULE_KEYS, "poise-fair", "poise-nash")
#: What is replayed; the last days of 2025 have no whole week of history in the tables any more.
SPAN = ("2024-04-01", "2025-12-28")
#: Layout of the tables' names, so that a later crawl of them needs no other command.
EPSS, KEV, HISTORY, SSVC = ("epss_*.parquet", "kev_catalog*", "kev_history*", "vulnrichment*")


def run(data: Path, out: Path) -> None:
    """Run every command that a figure comes from, into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    tables = ["--epss", *sorted(map(str, data.glob(EPSS)))]
    for option, pattern in (("--kev", KEV), ("--history", HISTORY)):
        tables += [option, str(next(data.glob(pattern)))]
    days = ["--from", SPAN[0], "--to", SPAN[1], "--json"]
    ssvc = ["--ssvc", str(next(data.glob(SSVC)))]
    poise(out / "replay.json", "replay", "--cluster", *tables, *ssvc, *days)
    poise(out / "companies.json", "bench", "companies", "--json")
    poise(out / "calibration.json", "bench", "calibration", *tables, *days, "--svg", str(out / "reliability"))
    poise(None, "demo", "--report", "--points", "7", "--out", str(out / "demo"))
    poise(out / "simulate.json", "simulate", str(out / "demo"), "--json")
    tornado = str(IMAGES / "evidence-tornado.svg")
    poise(out / "sensitivity.json", "sensitivity", str(out / "demo"), "--svg", tornado, "--json")
    for number, version in enumerate(("v3", "v4"), start=1):
        picture = (out / f"reliability/reliability-{number}.svg").read_bytes()
        (IMAGES / f"evidence-reliability-{version}.svg").write_bytes(picture)


def poise(to: Path | None, *command: str) -> None:
    """Run a command of Poise, keep what it prints, and say how long it took."""
    begin = time.monotonic()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("poise")), *command], check=True, stdout=subprocess.PIPE
    )
    if to is not None:
        to.write_bytes(done.stdout)
    print(f"poise {' '.join(command[:2])}: {time.monotonic() - begin:.0f} s", file=sys.stderr)


def show(cell: dict[str, Any]) -> str:
    """Return a saving as a cell of a table."""
    if cell["value"] is None:
        return "none"
    if cell["low"] is None:
        return f"{cell['value']:.0%}"
    text = f"{cell['value']:.0%} ({cell['low']:.0%} to {cell['high']:.0%})"
    return f"**{text}**" if cell["verdict"] == "loss" else text


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [headings, ["---" for _ in headings], *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def put(name: str, text: str) -> None:
    """Write a table into its place on the page, which is marked by its name."""
    page = PAGE.read_text()
    place = re.compile(rf"(<!-- table {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not place.search(page):
        raise SystemExit(f"{PAGE}: there is no place for the table {name}.")
    PAGE.write_text(place.sub(lambda match: f"{match[1]}\n{text}\n{match[2]}", page))


def replay(document: dict[str, Any]) -> None:
    """Write tables of a replay and draw its pictures."""
    companies = document["companies"]
    spans = list(dict.fromkeys(name for one in companies.values() for name in one["spans"]))
    for exposure in ("kev_asset_days", "activity_asset_days"):
        for kind in ("at_equal_hours", "hours_at_equal_exposure"):
            put(f"{exposure} {kind}", savings(companies, "all", exposure, kind))
    for number, span in enumerate(spans[1:], start=3):
        put(f"v{number}", savings(companies, span, "kev_asset_days", "at_equal_hours"))
    for name, one in companies.items():
        put(name, totals(one["spans"]["all"]["ways"]))
        chart(name, one)
    forest(companies)


def savings(companies: dict[str, Any], span: str, exposure: str, kind: str) -> str:
    """Return what the ladder saves against each way of deciding, by company."""
    rows = [
        [rule, *(show(one["spans"][span]["savings"][rule][exposure][kind]) for one in companies.values())]
        for rule in COMPARED
    ]
    return table(["against", *(one["label"] for one in companies.values())], rows)


def totals(ways: dict[str, Any]) -> str:
    """Return what each way of deciding led to."""
    columns = {
        "kev_asset_days": "KEV asset-days",
        "open_when_listed": "open when listed",
        "activity_asset_days": "activity asset-days",
        "late": "late",
        "hours": "hours",
        "failures": "failed",
        "unplanned_hours": "hours mending",
        "emergencies": "emergencies",
        "moves": "moves",
    }
    rows = [[key, *(f"{way[column]:,.0f}" for column in columns)] for key, way in ways.items()]
    return table(["decides by", *columns.values()], rows)


def chart(name: str, one: dict[str, Any]) -> None:
    """Draw hours against exposure of one company."""
    ways = one["spans"]["all"]["ways"]
    curve = sorted((ways[key]["hours"], ways[key]["kev_asset_days"]) for key in LADDER_KEYS if key in ways)
    points = [Place(key, ways[key]["hours"], ways[key]["kev_asset_days"]) for key in COMPARED]
    weeks = one["spans"]["all"]["weeks"]
    title = f"{one['label']}: hours against KEV-exposed asset-days, {weeks} weeks of history"
    svg = curve_svg(
        title, ("hours of downtime and labour", "KEV-exposed asset-days"), curve, points, "Poise's ladder"
    )
    (IMAGES / f"evidence-replay-{name}.svg").write_text(svg)


def forest(companies: dict[str, Any]) -> None:
    """Draw what is saved at equal hours, every company and rule."""
    rows = []
    for rule in COMPARED:
        for one in companies.values():
            cell = one["spans"]["all"]["savings"][rule]["kev_asset_days"]["at_equal_hours"]
            if cell["low"] is not None:
                words = f"{cell['value']:.0%} {cell['verdict']}"
                rows.append(
                    RangeRow(f"{rule}, {one['label']}", cell["low"], cell["high"], cell["value"], words)
                )
    title = "KEV-exposed asset-days that Poise saves at equal hours (5-95 % of resampled weeks)"
    (IMAGES / "evidence-replay.svg").write_text(ranges_svg(title, rows))


def companies(trials: list[dict[str, Any]]) -> None:
    """Write and draw what the dials do."""
    for field in ("saved_exposure", "saved_hours"):
        settings = list(dict.fromkeys((trial["correlation"], trial["error"]) for trial in trials))
        rows = []
        for dials in settings:
            own = [trial for trial in trials if (trial["correlation"], trial["error"]) == dials]
            rows.append(
                [
                    f"{dials[0]:g}",
                    f"{dials[1]:g}",
                    *(spread([t[field][rule] for t in own]) for rule in RULE_KEYS),
                ]
            )
        put(field, table(["correlation", "error", *RULE_KEYS], rows))
    for dial, other, label in (
        ("correlation", "error", "rank correlation of CVSS"),
        ("error", "correlation", "error of hazards"),
    ):
        values = [t for t in trials if t[other] == {"error": 0.5, "correlation": 0.3}[other]]
        rows = []
        for rule in RULE_KEYS:
            for value in sorted({t[dial] for t in values}):
                known = [
                    t["saved_exposure"][rule]
                    for t in values
                    if t[dial] == value and t["saved_exposure"][rule] is not None
                ]
                if known:
                    mean = sum(known) / len(known)
                    rows.append(RangeRow(f"{rule}, {value:g}", min(known), max(known), mean, f"{mean:.0%}"))
        size = len({(t["kind"], t["seed"]) for t in trials})
        title = f"Exposure saved at equal hours, by {label}: mean, least and most of {size} companies"
        (IMAGES / f"evidence-{dial}.svg").write_text(ranges_svg(title, rows, percent))
    middle = [t for t in trials if (t["correlation"], t["error"]) == (0.3, 0.5)]
    kinds = list(dict.fromkeys(t["kind"] for t in middle))
    rows_by_kind = [
        [rule, *(spread([t["saved_exposure"][rule] for t in middle if t["kind"] == kind]) for kind in kinds)]
        for rule in RULE_KEYS
    ]
    put("kinds", table(["against", *kinds], rows_by_kind))


def spread(values: list[float | None]) -> str:
    """Return the mean of what is known, and its ends."""
    known = [value for value in values if value is not None]
    if not known:
        return "none"
    text = f"{sum(known) / len(known):.0%} ({min(known):.0%} to {max(known):.0%})"
    return text if len(known) == len(values) else f"{text}, {len(known)} of {len(values)}"


def simulation(document: dict[str, Any]) -> None:
    """Draw outcome dots of the sample company."""
    keys = ("default", "kalai-smorodinsky", "least-exposure", "hazard-per-minute")
    plans = [plan for key in keys for plan in document["plans"] if plan["key"] == key]
    rows = [DotRow(plan["label"], tuple(plan["unplanned_hours_dots"])) for plan in plans]
    title = "Hours of failed changes: a hundred equally likely half-years of the sample company"
    (IMAGES / "evidence-dots.svg").write_text(dots_svg(title, rows, lambda value: f"{value:g} h"))
    losses = [DotRow(plan["label"], tuple(plan["loss_dots"])) for plan in plans]
    title = f"Loss in {document['currency']}: a hundred equally likely half-years of the sample company"
    (IMAGES / "evidence-loss-dots.svg").write_text(dots_svg(title, losses, money))


def calibration(found: list[dict[str, Any]]) -> None:
    """Write what EPSS scores are worth against the public label."""
    rows = []
    for version, one in zip(("v3", "v4"), found, strict=True):
        count = sum(one["count"])
        mean = sum(f * n for f, n in zip(one["forecast"], one["count"], strict=True)) / count
        rows.append(
            [
                f"{version} ({one['title'].split()[1]})",
                f"{count:,.0f}",
                f"{mean:.3%}".replace("%", " %"),
                f"{one['base_rate']:.3%}".replace("%", " %"),
                *(f"{one[name]:.5f}" for name in ("brier", "miscalibration", "uncertainty")),
            ]
        )
    headings = [
        "EPSS",
        "forecasts",
        "mean forecast",
        "came true",
        "Brier score",
        "miscalibration",
        "uncertainty",
    ]
    put("calibration", table(headings, rows))


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, help="folder with the tables")
    parser.add_argument("--from", dest="kept", type=Path, help="folder of an earlier run, not run again")
    arguments = parser.parse_args()
    out = arguments.kept or ROOT / "bench-out/evidence"
    if arguments.kept is None:
        if arguments.data is None:
            parser.error("name the folder with the tables, or --from an earlier run")
        run(arguments.data, out)
    for name, write in (
        ("replay", replay),
        ("companies", companies),
        ("simulate", simulation),
        ("calibration", calibration),
    ):
        write(json.loads((out / f"{name}.json").read_text()))


if __name__ == "__main__":
    main()
