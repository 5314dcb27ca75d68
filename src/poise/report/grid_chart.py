"""A grid of rows by weeks as SVG: how much falls on whom, and when nothing may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from poise.report.figures import month
from poise.report.markup import Markup, element, number, text

_ROW = 26.0
_HEAD = 40.0
_LABEL = 196.0
_LABEL_LETTERS = 26


@dataclass(frozen=True)
class Cell:
    """One row in one week; ``level`` is how full the cell is drawn [0, 1]."""

    words: str
    level: float
    title: str
    is_frozen: bool = False


@dataclass(frozen=True)
class GridRow:
    """A row with one cell per week."""

    label: str
    cells: tuple[Cell, ...]


def grid_chart(weeks: Sequence[date], rows: Sequence[GridRow], summary: str, name: str) -> Markup:
    """Return the grid. ``weeks`` are Mondays; ``name`` keeps the pattern's id unique on the page."""
    column = min(34.0, max(22.0, 730.0 / max(len(weeks), 1)))
    width = _LABEL + column * len(weeks) + 2
    height = _HEAD + _ROW * len(rows) + 2
    hatch = f"freeze-{name}"
    line = element("line", x1=0, y1=0, x2=0, y2=6, class_="hatch-line strong")
    pattern = element(
        "pattern",
        line,
        id=hatch,
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    return element(
        "svg",
        element("defs", pattern),
        _head(weeks, column),
        [_row(row, index, column, hatch) for index, row in enumerate(rows)],
        viewBox=f"0 0 {number(width)} {number(height)}",
        class_="chart grid-chart",
        role="img",
        aria_label=summary,
    )


def _head(weeks: Sequence[date], column: float) -> Markup:
    parts: list[Markup] = []
    previous: int | None = None
    for index, week in enumerate(weeks):
        x = _LABEL + column * index
        if week.month != previous:
            label = f"{month(week)} {week.year}" if previous is None or week.month == 1 else month(week)
            parts.append(element("text", label, x=x + 1, y=13, class_="axis-title"))
            previous = week.month
        parts.append(
            element("text", str(week.day), x=x + column / 2, y=31, class_="tick", text_anchor="middle")
        )
    return element("g", parts)


def _row(row: GridRow, index: int, column: float, hatch: str) -> Markup:
    y = _HEAD + _ROW * index
    label = row.label if len(row.label) <= _LABEL_LETTERS else row.label[: _LABEL_LETTERS - 1].rstrip() + "…"
    return element(
        "g",
        element("title", row.label),
        element("text", label, x=_LABEL - 8, y=y + 17, class_="row-label", text_anchor="end"),
        [_cell(cell, _LABEL + column * at, y, column, hatch) for at, cell in enumerate(row.cells)],
    )


def _cell(cell: Cell, x: float, y: float, column: float, hatch: str) -> Markup:
    # A page has thousands of cells, so they are written at once and not element by element.
    inner, tall = column - 2, _ROW - 2
    level = min(max(cell.level, 0.0), 1.0) * tall
    left, wide = number(x + 1), number(inner)
    box = f'x="{left}" y="{number(y + 1)}" width="{wide}" height="{number(tall)}"'
    parts = [f'<g><title>{text(cell.title)}</title><rect {box} class="cell"></rect>']
    if cell.is_frozen:
        parts.append(f'<rect {box} fill="url(#{text(hatch)})"></rect>')
    if level > 0:
        top = number(y + 1 + tall - level)
        size = f'width="{wide}" height="{number(level)}"'
        parts.append(f'<rect x="{left}" y="{top}" {size} class="level"></rect>')
    if cell.words:
        place = f'x="{number(x + column / 2)}" y="{number(y + 17)}" class="cell-words" text-anchor="middle"'
        parts.append(f"<text {place}>{text(cell.words)}</text>")
    return Markup("".join([*parts, "</g>"]))
