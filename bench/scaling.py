"""What a plan costs against the size of the problem: time, memory and gap from S to XL, and their picture.

    python bench/scaling.py [--sizes S M L XL] [--seeds 1 2 3] [--share 1] [--json FILE] [--svg FILE]
    python bench/scaling.py --draw FILE [--svg FILE]

Runs ``poise bench plan`` for every size and seed, without and with rings, each in a process of its own and
one after the other; prints the table of docs/performance.md and draws docs/images/scaling.svg. ``--share``
shortens all time limits. Figures that are there already are kept: delete the JSON to measure all anew.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from poise.report.markup import Markup, element
from poise.report.picture import standalone
from poise.report.scales import Scale

ROOT = Path(__file__).resolve().parents[1]
#: Time limits [s] without and with rings.
SECONDS = {"S": (30, 30), "M": (30, 60), "L": (60, 120), "XL": (180, 300)}
Row = dict[str, Any]


def measure(size: str, seed: int, *, rings: bool, seconds: float) -> Row:
    """Measure one instance in a process of its own."""
    command = [sys.executable, "-m", "poise.cli", "bench", "plan", "--size", size, "--seed", str(seed)]
    command += ["--seconds", str(seconds), "--json", *(["--links"] if rings else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def collect(sizes: Sequence[str], seeds: Sequence[int], share: float, path: Path) -> list[Row]:
    """Measure what the file does not hold yet, and keep it there after every run."""
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    known = {(row["size"], row["links"] > 0, row["seed"]) for row in rows}
    for rings in (False, True):
        for size in sizes:
            for seed in seeds:
                if (size, rings, seed) in known:
                    continue
                row = measure(size, seed, rings=rings, seconds=share * SECONDS[size][rings])
                print(json.dumps(row), file=sys.stderr, flush=True)
                rows.append(row)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return rows


def series(rows: Iterable[Row]) -> list[tuple[bool, str, list[Row]]]:
    """Return the rows of each kind and size, by growing size."""
    found: dict[tuple[bool, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["links"] > 0, row["size"]), []).append(row)
    order = sorted(found, key=lambda key: (key[0], list(SECONDS).index(key[1])))
    return [(rings, size, found[rings, size]) for rings, size in order]


def table(rows: Sequence[Row]) -> str:
    """Return medians over the seeds, with the worst gap, as Markdown."""
    lines = [
        "| size | rings, redundancy | seeds | changes | time | to 1 % | gap (worst) | gap* (worst) "
        "| violations | memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for rings, size, group in series(rows):
        reached = [row["seconds_to_1_percent"] for row in group]
        first = "not" if None in reached else f"{statistics.median(reached):.1f} s"
        lines.append(
            f"| {size} | {'30 %, 5 %' if rings else '0'} | {len(group)} "
            f"| {statistics.median(row['num_changes'] for row in group):,.0f} "
            f"| {statistics.median(row['seconds'] for row in group):.0f} s | {first} "
            f"| {_median_and_worst(group, 'gap')} | {_median_and_worst(group, 'gap_reducible')} "
            f"| {max(row['violations'] for row in group)} "
            f"| {max(row['peak_rss_mb'] for row in group):,.0f} MB |"
        )
    return "\n".join(lines)


def _median_and_worst(group: Sequence[Row], name: str) -> str:
    values = [row[name] for row in group]
    return f"{statistics.median(values):.2%} ({max(values):.2%})"


def draw(rows: Sequence[Row]) -> str:
    """Return three panels over the number of changes, on logarithmic scales: time to 1 %, memory, gap."""
    panels: list[tuple[str, Callable[[Row], float | None], Callable[[float], str]]] = [
        ("time to a proven gap of 1 % [s]", lambda row: row["seconds_to_1_percent"], "{:g}".format),
        ("most memory [MB]", lambda row: row["peak_rss_mb"], "{:,.0f}".format),
        ("gap at the end [%]", lambda row: 100.0 * row["gap"], "{:g}".format),
    ]
    wide, high = 300.0, 300.0
    drawn = [_panel(rows, 10.0 + wide * at, wide - 14.0, *panel) for at, panel in enumerate(panels)]
    sizes = ", ".join(
        f"{size}: {group[0]['num_changes']:,}" for rings, size, group in series(rows) if not rings
    )
    key = [
        element("circle", cx=60, cy=high - 12, r=4, class_="dot"),
        element("text", "without rings", x=70, y=high - 8, class_="tick"),
        element("circle", cx=170, cy=high - 12, r=4, class_="dot open"),
        element("text", "30 % of groups in rings, 5 % in redundant halves", x=180, y=high - 8, class_="tick"),
    ]
    return standalone(
        element(
            "svg",
            drawn,
            key,
            viewBox=f"0 0 {3 * wide + 20:g} {high:g}",
            class_="chart scaling",
            role="img",
            aria_label=f"Time, memory and gap against the number of changes ({sizes}). "
            "The table beside the picture has every number.",
        )
    )


def _panel(
    rows: Sequence[Row],
    left: float,
    width: float,
    title: str,
    of: Callable[[Row], float | None],
    write: Callable[[float], str],
) -> Markup:
    points = [
        (row["num_changes"], value, row) for row in rows if (value := of(row)) is not None and value > 0
    ]
    x = _log_scale([row["num_changes"] for row in rows], left + 46.0, left + width - 8.0)
    y = _log_scale([value for _, value, _ in points] or [1.0, 10.0], 232.0, 40.0)
    marks = [
        element("g", element("title", _title(row, write(round(value, 3)))), _dot(x, y, at, value, row))
        for at, value, row in points
    ]
    return element(
        "g",
        element("text", title, x=left + 4, y=22, class_="axis-title"),
        [
            element(
                "g",
                element("line", x1=x.start, x2=x.end, y1=y(at), y2=y(at), class_="grid"),
                element("text", write(10**at), x=x.start - 6, y=y(at) + 4, text_anchor="end", class_="tick"),
            )
            for at in range(math.ceil(y.low - 1e-9), math.floor(y.high + 1e-9) + 1)
        ],
        [
            element("text", _short(at), x=x(at), y=252, text_anchor="middle", class_="tick")
            for at in range(math.ceil(x.low - 1e-9), math.floor(x.high + 1e-9) + 1)
        ],
        element("line", x1=x.start, x2=x.end, y1=y.start, y2=y.start, class_="axis"),
        element("text", "changes", x=x.end, y=268, text_anchor="end", class_="axis-title"),
        [_line(rows, of, x, y, rings=rings) for rings in (False, True)],
        marks,
    )


def _short(power: int) -> str:
    """Return a power of ten in a few letters."""
    thousands, rest = divmod(power, 3)
    return f"{10**rest}{('', ' k', ' M')[thousands]}" if 0 <= thousands <= 2 else f"1e{power}"


def _log_scale(values: Sequence[float], start: float, end: float) -> Scale:
    """Return a scale of decimal logarithms that reaches whole tenfold steps at least at one end."""
    low, high = math.log10(min(values)), math.log10(max(values))
    low = math.floor(low) if high - math.floor(low) < 4 else low - 0.1
    return Scale(low, max(high + 0.15, low + 1.0), start, end)


def _line(
    rows: Sequence[Row], of: Callable[[Row], float | None], x: Scale, y: Scale, *, rings: bool
) -> Markup | None:
    """Return the line through the medians of each size."""
    points = []
    for kind, _, group in series(rows):
        values = [value for row in group if (value := of(row)) is not None and value > 0]
        if kind == rings and values:
            at = statistics.median(row["num_changes"] for row in group)
            points.append(f"{x(math.log10(at)):.1f},{y(math.log10(statistics.median(values))):.1f}")
    style = "5 4" if rings else None
    return (
        element("polyline", points=" ".join(points), class_="bound", stroke_dasharray=style)
        if points
        else None
    )


def _dot(x: Scale, y: Scale, changes: float, value: float, row: Row) -> Markup:
    name = "dot open" if row["links"] else "dot"
    return element("circle", cx=x(math.log10(changes)), cy=y(math.log10(value)), r=3.5, class_=name)


def _title(row: Row, value: str) -> str:
    rings = " with rings" if row["links"] else ""
    return f"{row['size']}{rings}, seed {row['seed']}: {row['num_changes']:,} changes, {value}"


def main() -> None:
    """Measure, print the table, draw the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=list(SECONDS), choices=list(SECONDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--share", type=float, default=1.0, help="of the time limits")
    parser.add_argument("--json", type=Path, default=ROOT / "bench-out" / "scaling.json")
    parser.add_argument("--draw", type=Path, help="draw these figures and measure nothing")
    parser.add_argument("--svg", type=Path, default=ROOT / "docs" / "images" / "scaling.svg")
    a = parser.parse_args()
    if a.draw:
        rows = json.loads(a.draw.read_text(encoding="utf-8"))
    else:
        rows = collect(a.sizes, a.seeds, a.share, a.json)
    print(table(rows))
    a.svg.write_text(draw(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
