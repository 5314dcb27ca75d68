"""Make the tables and pictures of docs/evidence.md from what the commands printed as JSON.

poise replay ... --json > replay.json; poise bench companies --json > companies.json
poise simulate out --json > simulate.json
python bench/evidence.py replay.json companies.json simulate.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from poise.evidence.deciding import LADDER_KEYS, RULE_KEYS
from poise.evidence.pictures import Place, RangeRow, curve_svg, dots_svg, money, percent, ranges_svg
from poise.report.dot_chart import DotRow

IMAGES = Path(__file__).resolve().parents[1] / "docs/images"
COMPARED = (*RULE_KEYS, "poise-fair", "poise-nash")


def show(cell: dict[str, Any]) -> str:
    """Return a saving as a cell of a table."""
    if cell["value"] is None:
        return "none"
    if cell["low"] is None:
        return f"{cell['value']:.0%}"
    text = f"{cell['value']:.0%} ({cell['low']:.0%} to {cell['high']:.0%})"
    return f"**{text}**" if cell["verdict"] == "loss" else text


def table(headings: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table."""
    print(f"| {' | '.join(headings)} |")
    print(f"| {' | '.join('---' for _ in headings)} |")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print()


def replay(document: dict[str, Any]) -> None:
    """Print tables of a replay and draw its pictures."""
    companies = document["companies"]
    spans = list(dict.fromkeys(name for one in companies.values() for name in one["spans"]))
    for exposure in ("kev_asset_days", "activity_asset_days"):
        for kind in ("at_equal_hours", "hours_at_equal_exposure"):
            print(f"### {exposure}, {kind}\n")
            rows = [
                [
                    rule,
                    *(
                        show(one["spans"]["all"]["savings"][rule][exposure][kind])
                        for one in companies.values()
                    ),
                ]
                for rule in COMPARED
            ]
            table(["against", *companies], rows)
    for span in spans[1:]:
        print(f"### {span}: kev_asset_days, at_equal_hours\n")
        rows = [
            [
                rule,
                *(
                    show(one["spans"][span]["savings"][rule]["kev_asset_days"]["at_equal_hours"])
                    for one in companies.values()
                ),
            ]
            for rule in COMPARED
        ]
        table(["against", *companies], rows)
    for name, one in companies.items():
        print(f"### {name}: {one['groups']} groups, {one['hosts']:,} hosts, {one['entries']:,} entries\n")
        totals(one["spans"]["all"]["ways"])
        chart(name, one)
    forest(companies)


def totals(ways: dict[str, Any]) -> None:
    """Print what each way of deciding led to."""
    columns = (
        "kev_asset_days",
        "open_when_listed",
        "activity_asset_days",
        "late",
        "hours",
        "emergencies",
        "moves",
    )
    rows = [[key, *(f"{way[column]:,.0f}" for column in columns)] for key, way in ways.items()]
    table(["decides by", *(column.replace("_", " ") for column in columns)], rows)


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
    """Print and draw what the dials do."""
    for field, what in (
        ("saved_exposure", "exposure at equal hours"),
        ("saved_hours", "hours at equal exposure"),
    ):
        print(f"### made-up companies: {what} saved\n")
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
        table(["correlation", "error", *RULE_KEYS], rows)
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
    print("### made-up companies by kind, middle setting\n")
    middle = [t for t in trials if (t["correlation"], t["error"]) == (0.3, 0.5)]
    kinds = list(dict.fromkeys(t["kind"] for t in middle))
    table(
        ["against", *kinds],
        [
            [
                rule,
                *(spread([t["saved_exposure"][rule] for t in middle if t["kind"] == kind]) for kind in kinds),
            ]
            for rule in RULE_KEYS
        ],
    )


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


if __name__ == "__main__":
    replay_path, companies_path, simulate_path = map(Path, sys.argv[1:4])
    replay(json.loads(replay_path.read_text()))
    companies(json.loads(companies_path.read_text()))
    simulation(json.loads(simulate_path.read_text()))
