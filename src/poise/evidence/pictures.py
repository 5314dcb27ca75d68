"""Pictures of evidence as SVG files: rows of ranges, rows of dots, a curve with points, reliability."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from poise.report.dot_chart import DotRow, dot_chart
from poise.report.glyphs import points_of
from poise.report.labels import Box, place
from poise.report.markup import Markup, element, number
from poise.report.picture import standalone
from poise.report.scales import Scale, ticks
from poise.risk.simulation.model import RiskModel
from poise.risk.simulation.sensitivity import Bar

_WIDTH, _LABEL, _ROW, _TOP = 920.0, 300.0, 26.0, 58.0


@dataclass(frozen=True)
class RangeRow:
    """A row of a chart of ranges: two ends, a middle (None for none), and words at the right."""

    label: str
    low: float
    high: float
    middle: float | None = None
    words: str = ""


@dataclass(frozen=True)
class Place:
    """A named point of a chart."""

    label: str
    x: float
    y: float


def tornado_svg(model: RiskModel, bars: Sequence[Bar], plan: int, rival: int, rows: int = 12) -> str:
    """Return the tornado of a plan's advantage over a rival, widest bar first."""
    labels = model.plans.labels
    chosen = [
        RangeRow(bar.input.label, min(bar.advantage), max(bar.advantage), None, _ends(bar))
        for bar in bars[:rows]
    ]
    title = f"How much less {labels[plan]} costs than {labels[rival]} [{model.currency}], one input at a time"
    return ranges_svg(title, chosen, money)


def _ends(bar: Bar) -> str:
    return " to ".join(f"{value:.3g}" if abs(value) < 1e4 else money(value) for value in bar.value)


def money(value: float) -> str:
    """Return a number in thousands or millions."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def percent(value: float) -> str:
    """Return a fraction as a percentage."""
    return f"{value:.0%}"


def ranges_svg(title: str, rows: Sequence[RangeRow], words: Callable[[float], str] = percent) -> str:
    """Return rows of ranges on one axis that shows zero.

    Parameters
    ----------
    words
        How a tick is written: a function of its value.
    """
    values = [0.0, *(row.low for row in rows), *(row.high for row in rows)]
    low, high = min(values), max(values)
    spare = 0.04 * ((high - low) or 1.0)
    x = Scale(low - spare, high + spare, _LABEL, _WIDTH - 110.0)
    bottom = _TOP + _ROW * len(rows)
    grid = [_grid_line(x(tick), words(tick), bottom) for tick in ticks(x.low, x.high, 7)]
    zero = element("line", x1=x(0), x2=x(0), y1=_TOP - 8, y2=bottom, class_="axis")
    drawn = [_range_row(row, _TOP + _ROW * index, x) for index, row in enumerate(rows)]
    return _chart(title, bottom + 12, [*grid, zero, *drawn])


def _range_row(row: RangeRow, y: float, x: Scale) -> Markup:
    left, right = x(row.low), x(row.high)
    middle = None
    if row.middle is not None:
        middle = element("circle", cx=x(row.middle), cy=y + 12, r=4.5, class_="dot")
    return element(
        "g",
        element("title", f"{row.label}: {row.low:.4g} to {row.high:.4g}"),
        element("text", row.label, x=_LABEL - 10, y=y + 16, class_="row-label", text_anchor="end"),
        element(
            "rect",
            x=left,
            y=y + (9 if middle else 5),
            width=max(right - left, 1.5),
            height=6 if middle else 14,
            class_="level" if middle else "left",
        ),
        middle,
        element("text", row.words, x=_WIDTH - 104, y=y + 16, class_="tick") if row.words else None,
    )


def dots_svg(title: str, rows: Sequence[DotRow], words: Callable[[float], str]) -> str:
    """Return rows of equally likely values as stacked dots, with a title."""
    chart = dot_chart(rows, words, title, top=26.0)
    opening, _, rest = chart.partition(">")
    heading = element("text", title, x=8, y=22, class_="label")
    return standalone(Markup(f"{opening}>{heading}{rest}"))


def curve_svg(
    title: str,
    axes: tuple[str, str],
    curve: Sequence[tuple[float, float]],
    points: Sequence[Place],
    name: str,
) -> str:
    """Return a curve with named points around it; both axes begin at zero."""
    high_x = max(at for at, _ in [*curve, *((point.x, 0.0) for point in points)]) * 1.08 or 1.0
    high_y = max(at for _, at in [*curve, *((0.0, point.y) for point in points)]) * 1.08 or 1.0
    x, y = Scale(0.0, high_x, 90.0, _WIDTH - 20.0), Scale(0.0, high_y, 500.0, 60.0)
    parts: list[Markup] = []
    for tick in ticks(0.0, high_x, 7):
        parts.append(element("line", x1=x(tick), x2=x(tick), y1=60, y2=500, class_="grid"))
        parts.append(element("text", money(tick), x=x(tick), y=518, class_="tick", text_anchor="middle"))
    for tick in ticks(0.0, high_y, 6):
        parts.append(element("line", x1=90, x2=_WIDTH - 20, y1=y(tick), y2=y(tick), class_="grid"))
        parts.append(element("text", money(tick), x=82, y=y(tick) + 4, class_="tick", text_anchor="end"))
    parts.append(element("text", axes[0], x=_WIDTH - 20, y=540, class_="axis-title", text_anchor="end"))
    parts.append(element("text", axes[1], x=90, y=50, class_="axis-title"))
    parts.append(element("polyline", points=points_of([(x(a), y(b)) for a, b in curve]), class_="bound"))
    parts += [element("circle", cx=x(a), cy=y(b), r=4.5, class_="dot") for a, b in curve]
    parts += [_mark(x(point.x), y(point.y)) for point in points]
    named = [*points, Place(name, *curve[len(curve) // 3])]
    anchors = [(x(point.x), y(point.y)) for point in named]
    sizes = [(6.9 * len(point.label) + 4, 15.0) for point in named]
    marks = [Box(a - 6, b - 6, a + 6, b + 6) for a, b in [*anchors, *((x(p), y(q)) for p, q in curve)]]
    for point, placed in zip(named, place(anchors, sizes, marks, Box(90, 56, _WIDTH - 10, 498)), strict=True):
        parts.append(element("text", point.label, x=placed.box.left, y=placed.box.bottom - 3, class_="label"))
    return _chart(title, 552.0, parts)


def _mark(x: float, y: float) -> Markup:
    return element("rect", x=x - 5, y=y - 5, width=10, height=10, class_="mark")


def reliability_svg(
    title: str,
    curve: Sequence[tuple[float, float]],
    histogram: Sequence[tuple[float, float]],
    *,
    is_rare: bool,
) -> str:
    """Return :func:`reliability_chart` as a file of its own."""
    return standalone(reliability_chart(title, curve, histogram, is_rare=is_rare))


def reliability_chart(
    title: str,
    curve: Sequence[tuple[float, float]],
    histogram: Sequence[tuple[float, float]],
    *,
    is_rare: bool,
) -> Markup:
    """Return a reliability diagram: forecast against what came true, with how often each was forecast.

    Parameters
    ----------
    curve
        (forecast, recalibrated) in [0, 1], by growing forecast.
    histogram
        (forecast, share of all forecasts), drawn along the bottom.
    is_rare
        Whether the axes count decades, down to 1 in 100,000, because events are rare.
    """
    low, high = (-5.0, 0.0) if is_rare else (0.0, 1.0)
    x, y = Scale(low, high, 110.0, 560.0), Scale(low, high, 530.0, 60.0)

    def at(value: float) -> float:
        return max(low, math.log10(max(value, 1e-9))) if is_rare else value

    parts = []
    for tick in ticks(low, high, 5):
        words = f"{100 * 10.0**tick:g} %" if is_rare else percent(tick)
        parts.append(element("line", x1=x(tick), x2=x(tick), y1=60, y2=530, class_="grid"))
        parts.append(element("line", x1=110, x2=560, y1=y(tick), y2=y(tick), class_="grid"))
        parts.append(element("text", words, x=x(tick), y=548, class_="tick", text_anchor="middle"))
        parts.append(element("text", words, x=102, y=y(tick) + 4, class_="tick", text_anchor="end"))
    parts += [_stem(x(at(value)), share) for value, share in _binned(histogram, at)]
    parts.append(element("line", x1=x(low), y1=y(low), x2=x(high), y2=y(high), class_="corner"))
    line = [(x(at(a)), y(at(b))) for a, b in _corners(curve)]
    parts.append(element("polyline", points=points_of(line), class_="bound"))
    parts.append(element("text", "forecast", x=560, y=570, class_="axis-title", text_anchor="end"))
    parts.append(element("text", "came true (isotonic)", x=110, y=50, class_="axis-title"))
    return _drawing(title, 582.0, parts, 620.0)


def _corners(curve: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the ends of each step of a curve of steps: what lies between them draws nothing."""
    last = len(curve) - 1
    return [
        point
        for place, point in enumerate(curve)
        if place in (0, last) or not curve[place - 1][1] == point[1] == curve[place + 1][1]
    ]


def _binned(
    histogram: Sequence[tuple[float, float]], at: Callable[[float], float]
) -> list[tuple[float, float]]:
    """Return a histogram in hundredths of the axis, each a share of the tallest."""
    shares: dict[int, tuple[float, float]] = {}
    for value, share in histogram:
        place = round(at(value) * 20)
        shares[place] = (value, shares.get(place, (value, 0.0))[1] + share)
    most = max((share for _, share in shares.values()), default=1.0) or 1.0
    return [(value, share / most) for value, share in shares.values()]


def _stem(x: float, share: float) -> Markup:
    return element("rect", x=x - 2, y=530 - 60 * share, width=4, height=60 * share, class_="level")


def _grid_line(x: float, words: str, bottom: float) -> Markup:
    return element(
        "g",
        element("line", x1=x, x2=x, y1=_TOP - 8, y2=bottom, class_="grid"),
        element("text", words, x=x, y=_TOP - 14, class_="tick", text_anchor="middle"),
    )


def _chart(title: str, height: float, parts: Sequence[Markup], width: float = _WIDTH) -> str:
    return standalone(_drawing(title, height, parts, width))


def _drawing(title: str, height: float, parts: Sequence[Markup], width: float) -> Markup:
    heading = element("text", title, x=8, y=22, class_="label")
    box = f"0 0 {number(width)} {number(height)}"
    return element("svg", heading, parts, viewBox=box, class_="chart", role="img", aria_label=title)
