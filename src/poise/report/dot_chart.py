"""Equally likely outcomes as stacked dots: what may happen, one dot in a hundred each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from poise.report.markup import Markup, element, number
from poise.report.scales import Scale, ticks

_WIDTH, _LABEL, _HEAD, _TALL, _RADIUS = 920.0, 210.0, 28.0, 96.0, 3.4


@dataclass(frozen=True)
class DotRow:
    """A row of equally likely values >= 0, one dot each."""

    label: str
    values: tuple[float, ...]


def dot_chart(
    rows: Sequence[DotRow], words: Callable[[float], str], summary: str, top: float = 0.0
) -> Markup:
    """Return rows of stacked dots on one axis that begins at zero.

    Parameters
    ----------
    words
        How a value of the axis is written.
    top
        Room left above for a title [px].
    """
    highest = max((max(row.values, default=0.0) for row in rows), default=0.0) or 1.0
    x = Scale(0.0, highest * 1.03, _LABEL, _WIDTH - 60.0)
    head = _HEAD + top
    bottom = head + _TALL * len(rows)
    grid = [
        element(
            "g",
            element("line", x1=x(tick), x2=x(tick), y1=head - 4, y2=bottom, class_="grid"),
            element("text", words(tick), x=x(tick), y=head - 10, class_="tick", text_anchor="middle"),
        )
        for tick in ticks(x.low, x.high, 6)
    ]
    drawn = [_row(row, head + _TALL * (index + 1) - 6, x) for index, row in enumerate(rows)]
    return element(
        "svg",
        grid,
        drawn,
        viewBox=f"0 0 {number(_WIDTH)} {number(bottom + 4)}",
        class_="chart dots",
        role="img",
        aria_label=summary,
    )


def _row(row: DotRow, base: float, x: Scale) -> Markup:
    columns = [round((x(value) - _LABEL) / (2 * _RADIUS)) for value in sorted(row.values)]
    # Dots of a tall stack overlap, so that it stays in its row; how many they are stands beside it.
    tallest = max(Counter(columns).values(), default=1)
    step = min(2 * _RADIUS, (_TALL - 22) / tallest)
    height: Counter[int] = Counter()
    circles = []
    for column in columns:
        y = base - _RADIUS - step * height[column]
        circles.append(element("circle", cx=_LABEL + 2 * _RADIUS * column, cy=y, r=_RADIUS, class_="dot"))
        height[column] += 1
    nothing = sum(value <= 0 for value in row.values)
    note = f"{nothing} of {len(row.values)} with none" if nothing else ""
    return element(
        "g",
        element("text", row.label, x=_LABEL - 14, y=base - 14, class_="row-label", text_anchor="end"),
        element("text", note, x=_LABEL - 14, y=base + 1, class_="tick", text_anchor="end") if note else None,
        element("line", x1=_LABEL, x2=_WIDTH - 16, y1=base, y2=base, class_="axis"),
        circles,
    )
