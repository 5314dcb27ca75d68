"""Equally likely outcomes as stacked dots: what may happen, one dot in a hundred each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from poise.report.markup import Markup, element, number
from poise.report.scales import Scale, ticks

_HEAD, _RADIUS = 28.0, 3.4


@dataclass(frozen=True)
class DotRow:
    """A row of equally likely values >= 0, one dot each."""

    label: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class _Layout:
    """Where things stand [px]: labels beside their row, or above it where the page is narrow."""

    width: float
    left: float
    tall: float
    name: str
    is_beside: bool


_WIDE = _Layout(920.0, 210.0, 96.0, "wide", is_beside=True)
_NARROW = _Layout(400.0, 8.0, 118.0, "narrow", is_beside=False)


def dot_chart(
    rows: Sequence[DotRow],
    words: Callable[[float], str],
    summary: str,
    top: float = 0.0,
    *,
    is_narrow: bool = False,
) -> Markup:
    """Return rows of stacked dots on one axis that begins at zero.

    Parameters
    ----------
    words
        How a value of the axis is written.
    top
        Room left above for a title [px].
    is_narrow
        Whether it is for a phone: 400 px wide, with labels above the rows.
    """
    layout = _NARROW if is_narrow else _WIDE
    highest = max((max(row.values, default=0.0) for row in rows), default=0.0) or 1.0
    x = Scale(0.0, highest * 1.03, layout.left, layout.width - (60.0 if layout.is_beside else 24.0))
    head = _HEAD + top
    bottom = head + layout.tall * len(rows)
    grid = [
        element(
            "g",
            element("line", x1=x(tick), x2=x(tick), y1=head - 4, y2=bottom, class_="grid"),
            element(
                "text",
                words(tick),
                x=x(tick),
                y=head - 10,
                class_="tick",
                text_anchor="middle" if layout.is_beside or tick > 0 else "start",
            ),
        )
        for tick in ticks(x.low, x.high, 6 if layout.is_beside else 3)
    ]
    drawn = [_row(row, head + layout.tall * (index + 1) - 6, x, layout) for index, row in enumerate(rows)]
    return element(
        "svg",
        grid,
        drawn,
        viewBox=f"0 0 {number(layout.width)} {number(bottom + 4)}",
        class_=f"chart dots {layout.name}",
        role="img",
        aria_label=summary,
    )


def _row(row: DotRow, base: float, x: Scale, layout: _Layout) -> Markup:
    left = layout.left
    columns = [round((x(value) - left) / (2 * _RADIUS)) for value in sorted(row.values)]
    # Dots of a tall stack overlap, so that it stays in its row; how many they are stands beside it.
    tallest = max(Counter(columns).values(), default=1)
    step = min(2 * _RADIUS, (layout.tall - (22 if layout.is_beside else 46)) / tallest)
    height: Counter[int] = Counter()
    circles = []
    for column in columns:
        y = base - _RADIUS - step * height[column]
        circles.append(element("circle", cx=left + 2 * _RADIUS * column, cy=y, r=_RADIUS, class_="dot"))
        height[column] += 1
    nothing = sum(value <= 0 for value in row.values)
    note = f"{nothing} of {len(row.values)} with none" if nothing else ""
    return element(
        "g",
        _beside(row.label, note, left - 14, base)
        if layout.is_beside
        else _above(row.label, note, base, layout),
        element("line", x1=left, x2=layout.width - 16, y1=base, y2=base, class_="axis"),
        circles,
    )


def _beside(label: str, note: str, x: float, base: float) -> list[Markup]:
    words = [element("text", label, x=x, y=base - 14, class_="row-label", text_anchor="end")]
    if note:
        words.append(element("text", note, x=x, y=base + 1, class_="tick", text_anchor="end"))
    return words


def _above(label: str, note: str, base: float, layout: _Layout) -> list[Markup]:
    y = base - layout.tall + 24
    words = [element("text", label, x=layout.left, y=y, class_="row-label")]
    if note:
        right = layout.width - 16
        words.append(element("text", note, x=right, y=y, class_="tick", text_anchor="end"))
    return words
